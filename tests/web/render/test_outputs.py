"""What a cell gave back, as elements."""

from __future__ import annotations

import pytest

from chatkernel.events import ARTIFACT_MIME, FRAME_MIME, PLOTLY_MIME, NotebookOutput
from tests.web.render.harmless import HOSTILE, problems
from tests.web.render.making import URLS, display, failure, ref, stream
from web.elements import to_html
from web.render.artifacts import richest
from web.render.outputs import is_text, output, outputs


def render(item: NotebookOutput) -> str:
    return to_html(output(item, URLS))


def test_streams_are_text_and_errors_tinted() -> None:
    assert (
        render(stream("a <b>\n")) == '<pre tabindex="0" class="text ansi stdout">a &lt;b&gt;</pre>'
    )
    assert "stderr" in render(stream("x", "stderr"))


def test_text_may_be_a_list_of_lines() -> None:
    assert ">a\nb</pre>" in render(
        {"output_type": "stream", "name": "stdout", "text": ["a\n", "b"]}
    )


def test_a_figure_is_fetched_by_its_address() -> None:
    html = render(display(ref(PLOTLY_MIME, "fig"), **{"text/plain": "Figure(...)"}))
    assert html.startswith('<ck-figure src="/api/chats/c/artifacts/abc" data-artifact="abc"')
    assert 'aria-label="fig"' in html


def test_a_table_is_fetched_by_its_address() -> None:
    assert '<ck-table src="/api/chats/c/artifacts/abc" data-artifact="abc"' in render(
        display(ref(FRAME_MIME))
    )


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "image/svg+xml", "image/gif"])
def test_pictures_are_images(media_type: str) -> None:
    html = render(display(ref(media_type)))
    assert html.startswith("<img ")
    assert 'src="/api/chats/c/artifacts/abc"' in html
    assert 'alt="Image"' in html


def test_html_is_shown_in_a_frame_without_an_origin() -> None:
    html = render(display(ref("text/html")))
    assert 'sandbox="allow-scripts"' in html
    assert 'loading="lazy"' in html
    assert "srcdoc" not in html


def test_html_that_is_no_artifact_is_not_shown_as_html() -> None:
    assert render(display(**{"text/html": "<b>x</b>", "text/plain": "x"})).endswith(">x</pre>")


def test_the_richest_artifact_is_shown() -> None:
    unknown, figure, image = (
        ref("application/x", sha="1"),
        ref(PLOTLY_MIME, sha="2"),
        ref("image/png", sha="3"),
    )
    assert richest([unknown, figure, image]) == figure
    assert richest([unknown]) == unknown
    assert richest([]) is None


def test_other_artifacts_can_be_downloaded() -> None:
    html = render(display(ref("application/pdf", "report.pdf")))
    assert "download" in html
    assert "report.pdf" in html
    assert "10 bytes" in html


def test_text_stands_in_where_nothing_richer_is() -> None:
    assert ">42</pre>" in render(display(**{"text/plain": "42"}))
    assert "<strong>x</strong>" in render(display(**{"text/markdown": "**x**", "text/plain": "x"}))
    assert "frac" in render(display(**{"text/latex": r"$\frac{1}{2}$"}))
    assert "JSON" in render(display(**{"application/json": {"a": 1}}))


def test_an_output_of_which_nothing_is_left_says_so() -> None:
    assert "can't be shown" in render(display())


def test_unknown_and_damaged_outputs_do_no_harm() -> None:
    damaged: list[NotebookOutput] = [
        {},
        {"output_type": "mystery"},
        {"output_type": "stream"},
        {"output_type": "stream", "text": 3},
        {"output_type": "error"},
        {"output_type": "display_data", "data": None},
        {"output_type": "display_data", "data": {ARTIFACT_MIME: [{"id": 3}]}},
        {"output_type": "display_data", "data": {ARTIFACT_MIME: "x"}},
        {"output_type": "display_data", "data": {"text/plain": {"a": 1}}},
    ]
    assert problems(to_html(outputs(damaged, URLS))) == []


def test_text_is_told_from_rich_data() -> None:
    assert is_text(stream("x"))
    assert is_text(failure("E", "v"))
    assert is_text(display(**{"text/plain": "x"}))
    assert not is_text(display(ref("image/png"), **{"text/plain": "x"}))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    items = [
        stream(text),
        stream(text, text),
        failure(text, text, text),
        display(**{"text/plain": text}),
        display(**{"text/markdown": text}),
        display(**{"text/latex": text}),
        display(**{"application/json": {text: text}}),
        display(ref(PLOTLY_MIME, text)),
        display(ref(FRAME_MIME, text)),
        display(ref("image/png", text)),
        display(ref("text/html", text)),
        display(ref(text, text)),
    ]
    assert problems(to_html(outputs(items, URLS))) == []
