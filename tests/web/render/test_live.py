"""What is in the making."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chatkernel.events import PLOTLY_MIME, NotebookOutput
from tests.web.render.harmless import HOSTILE, problems
from tests.web.render.making import URLS, display, ref, stream
from web.elements import to_html
from web.render.live import (
    TAIL_LINES,
    LiveCell,
    LivePart,
    LiveView,
    code_so_far,
    live_area,
    live_partial,
)


def render(view: LiveView) -> str:
    return to_html(live_area(view))


def written(*parts: LivePart, direct: bool = False) -> str:
    return render(LiveView(URLS, parts=parts, direct=direct))


def test_when_no_turn_runs_there_is_something_to_swap_in_and_nothing_to_see() -> None:
    html = to_html(live_area(None))
    assert html.startswith("<div")
    assert " hidden" in html


def test_the_status_is_shown() -> None:
    assert "Starting Python…" in render(LiveView(URLS, status="Starting Python…"))
    assert "Thinking…" in render(LiveView(URLS))


def test_a_silent_cell_shows_for_how_long_it_runs() -> None:
    view = LiveView(URLS, status="Stopping…", cell=LiveCell((), 8.04))
    assert '<span>Stopping…</span><ck-elapsed seconds="8.0">' in render(view)
    assert "<span>Running…</span>" in render(replace(view, status=""))


def test_text_is_rendered_as_far_as_it_goes() -> None:
    html = written(LivePart("text", "**bold** and `co"))
    assert "<strong>bold</strong>" in html
    assert "streaming" in html


@pytest.mark.parametrize("end", ["<", "<f", "<fi", "<fig", '<fig name="x', "<df", "<df name="])
def test_a_tag_that_is_being_written_is_not_seen(end: str) -> None:
    assert "&lt;" not in written(LivePart("text", f"Look: {end}"))


def test_a_finished_tag_keeps_a_place() -> None:
    assert 'class="coming figure">x</span>' in written(LivePart("text", '<fig name="x"/>'))


def test_thinking_and_code_are_shown_as_they_are_written() -> None:
    html = written(
        LivePart("thinking", "hm"),
        LivePart("tool_call", '{"code": "import o', "run_python"),
    )
    assert "hm" in html
    assert '<span class="kn">import</span>' in html


def test_in_direct_mode_the_cell_is_not_repeated() -> None:
    html = written(LivePart("tool_call", '{"code": "1"}', "run_python"), direct=True)
    assert "card" not in html


def test_a_running_cell_shows_its_outputs_and_for_how_long() -> None:
    cell = LiveCell((stream("half way\n"), display(ref(PLOTLY_MIME))), 3.24)
    html = render(LiveView(URLS, cell=cell))
    assert '<ck-elapsed seconds="3.2">' in html
    assert "half way" in html
    assert "<ck-figure" in html


EARLIER = "… earlier output is shown when the cell is done"


def running(*items: NotebookOutput) -> str:
    return render(LiveView(URLS, cell=LiveCell(items, 1.0)))


def test_of_long_text_a_running_cell_shows_the_last_lines() -> None:
    html = running(stream("".join(f"line {n}\n" for n in range(10_000))))
    assert EARLIER in html
    assert "line 9799\n" not in html
    assert "line 9800\n" in html
    assert "line 9999<" in html
    assert len(running(stream("x" * 1_000_000))) < 20_000


def test_many_short_texts_count_together_and_figures_stay() -> None:
    figure = display(ref(PLOTLY_MIME))
    lines = [stream(f"line {n}\n", "stderr" if n % 2 else "stdout") for n in range(900)]
    html = running(figure, *lines)
    assert EARLIER in html
    assert html.count("<pre") == TAIL_LINES
    assert "<ck-figure" in html


def test_short_text_is_shown_from_its_beginning() -> None:
    html = running(stream("a\n" * TAIL_LINES))
    assert EARLIER not in html
    assert html.count("a\n") == TAIL_LINES - 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("", ""),
        ("{", ""),
        ('{"co', ""),
        ('{"code": "a', "a"),
        ('{"code": "a\\n', "a\n"),
        ('{"code": "a\\', "a"),
    ],
)
def test_code_is_read_from_arguments_that_break_off(arguments: str, code: str) -> None:
    assert code_so_far(arguments) == code


@pytest.mark.parametrize("arguments", ["null", "[1]", "nonsense", '{"code": null}', '"x"'])
def test_arguments_that_are_not_an_object_hold_no_code(arguments: str) -> None:
    assert code_so_far(arguments) in ("", "None")


def test_it_can_be_addressed_to_its_place() -> None:
    html = to_html(live_partial(None))
    assert html.startswith("<hx-partial ")
    assert 'hx-target="#live"' in html
    assert 'hx-swap="innerMorph"' in html


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    parts = [LivePart(kind, text, text) for kind in ("text", "thinking", "tool_call")]
    assert problems(render(LiveView(URLS, status=text, parts=parts))) == []
    assert problems(render(LiveView(URLS, cell=LiveCell((stream(text),), 0)))) == []
