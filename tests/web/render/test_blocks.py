"""Each kind of block, and a log of them."""

from __future__ import annotations

import re

import pytest

from chatkernel.events import (
    FRAME_MIME,
    PLOTLY_MIME,
    Block,
    CallTools,
    Execution,
    ModelRequest,
    Notice,
    Rewind,
    Shown,
    TextPart,
    ThinkingPart,
    ToolCall,
    ToolStatus,
    TurnEnd,
    UserPrompt,
)
from tests.web.render.harmless import HOSTILE, problems
from tests.web.render.making import URLS, display, failure, ref, returned, stream
from web.elements import to_html
from web.render.blocks import View, block, log

CHAT = View(URLS)
DIRECT = View(URLS, direct=True)


def render(event: Block, view: View = CHAT) -> str:
    return to_html(block(event, view))


def said(text: str, *shown: Shown) -> CallTools:
    return CallTools(seq=2, turn=0, parts=(TextPart(text=text, shown=shown),))


def called(tool: str = "run_python", **args: object) -> CallTools:
    return CallTools(seq=2, turn=0, parts=(ToolCall(tool=tool, args=args, id="a"),))


def one_of_each() -> list[Block]:
    return [
        UserPrompt(seq=1, turn=0, text="hi"),
        called(code="1"),
        ModelRequest(seq=3, turn=0, parts=(returned(stream("1")),)),
        Notice(seq=4, turn=0, level="info", text="n"),
        TurnEnd(seq=5, turn=0, status="ok"),
        Execution(seq=6, turn=0, source="jupyterlab", code="2"),
        Rewind(seq=7, turn=0, from_turn=0),
    ]


@pytest.mark.parametrize("event", one_of_each(), ids=lambda event: event.kind)
def test_every_block_is_one_article_that_says_which_it_is(event: Block) -> None:
    html = render(event)
    assert html.startswith("<article ")
    assert html.count("<article") == html.count("</article>") == 1
    for attribute in (
        f'id="b{event.seq}"',
        f'data-seq="{event.seq}"',
        'data-turn="0"',
        f'data-kind="{event.kind}"',
    ):
        assert attribute in html


def test_a_message_keeps_its_text_and_can_be_edited() -> None:
    html = render(UserPrompt(seq=1, turn=4, text="a <b>\n  c", files=("data 1.csv",)))
    assert '<pre class="source">a &lt;b&gt;\n  c</pre>' in html
    assert 'data-edit-turn="4"' in html
    assert 'aria-label="Edit message 5"' in html
    assert "data 1.csv" in html


def test_in_direct_mode_the_message_is_the_cell() -> None:
    html = render(UserPrompt(seq=1, turn=0, text="import os", mode="direct"))
    assert '<span class="kn">import</span>' in html
    assert 'data-mode="direct"' in html


def test_figures_and_tables_stand_where_their_tags_are() -> None:
    figure = Shown(tag="fig", name="f", artifact=ref(PLOTLY_MIME, "f", sha="1"))
    table = Shown(tag="df", name="d", artifact=ref(FRAME_MIME, "d", sha="2"))
    html = render(said('See <fig name="f"/> and\n\n<df name="d"/>', figure, table))
    assert re.search(r'See <ck-figure [^>]*data-artifact="1"', html)
    assert re.search(r'</p>\s*<ck-table [^>]*data-artifact="2"', html)


def test_a_missing_figure_says_what_there_is() -> None:
    gone = Shown(tag="fig", name="f", problem="There is no figure named f. There is: g.")
    assert "There is no figure named f. There is: g." in render(said('<fig name="f"/>', gone))
    assert "nothing to show for other" in render(said('<fig name="other"/>'))


def test_thinking_is_folded_away() -> None:
    html = render(CallTools(seq=2, turn=0, parts=(ThinkingPart(text="hm <b>"),)))
    assert "<details" in html
    assert " open" not in html
    assert "hm &lt;b&gt;" in html


def test_code_that_runs_is_a_card() -> None:
    html = render(called(code="import os"))
    assert 'class="card"' in html
    assert 'data-call="a"' in html
    assert "data-copy" in html
    assert '<span class="kn">import</span>' in html


def test_other_tools_are_one_line() -> None:
    assert "Looked at <code>x, y</code>" in render(called("show", names=["x", "y"]))
    assert "search <code>{" in render(called("search", query="cats"))


def test_direct_mode_shows_neither_card_nor_empty_article() -> None:
    html = render(called(code="1"), DIRECT)
    assert "card" not in html
    assert " hidden" in html


def test_several_calls_and_their_results_are_numbered() -> None:
    calls = CallTools(
        seq=2,
        turn=0,
        parts=tuple(ToolCall(tool="run_python", args={"code": "1"}, id=i) for i in "ab"),
    )
    results = ModelRequest(
        seq=3, turn=0, parts=(returned(call="a"), returned(stream("x"), call="b"))
    )
    assert "Python 1" in render(calls)
    assert "Python 2" in render(calls)
    assert "Done 1" in render(results)
    assert "Output 2" in render(results)


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("ok", "Done"),
        ("error", "Failed"),
        ("stopped", "Stopped"),
        ("timeout", "Took too long"),
        ("died", "Python ended"),
    ],
)
def test_results_say_how_it_went(status: ToolStatus, word: str) -> None:
    html = render(ModelRequest(seq=3, turn=0, parts=(returned(status=status),)))
    assert word in html
    assert f'data-status="{status}"' in html
    assert "<svg" in html


def test_short_text_is_open_and_long_text_folded() -> None:
    short = render(ModelRequest(seq=3, turn=0, parts=(returned(stream("one\ntwo\n")),)))
    long = render(ModelRequest(seq=3, turn=0, parts=(returned(stream("line\n" * 1234)),)))
    assert "<details open" in short
    assert "2 lines" in short
    assert "<details open" not in long
    assert "1,234 lines" in long


def test_what_a_cell_displays_is_never_folded() -> None:
    html = render(
        ModelRequest(
            seq=3, turn=0, parts=(returned(stream("x\n" * 99), display(ref("image/png"))),)
        )
    )
    assert html.index("</details>") < html.index("<img")


def test_an_exception_is_one_line_with_its_traceback_folded() -> None:
    item = failure("KeyError", "'x'", "Cell In[1], line 1", "KeyError: 'x'")
    html = render(ModelRequest(seq=3, turn=0, parts=(returned(item, status="error"),)))
    assert "<strong>KeyError</strong>: 'x'" in html
    assert "<details open" not in html
    assert "Cell In[1], line 1" in html


def test_stopping_a_cell_leaves_no_traceback() -> None:
    item = failure("KeyboardInterrupt", "", "Cell In[1], line 1", "KeyboardInterrupt:")
    stopped = ModelRequest(seq=3, turn=0, parts=(returned(item, status="stopped"),))
    assert "KeyboardInterrupt" not in render(stopped)
    assert "KeyboardInterrupt" not in render(stopped, DIRECT)
    assert "Stopped" in render(stopped)


def test_in_direct_mode_everything_is_in_full() -> None:
    item = failure("KeyError", "'x'", "Cell In[1], line 1")
    html = render(
        ModelRequest(seq=3, turn=0, parts=(returned(stream("x\n" * 99), item, status="error"),)),
        DIRECT,
    )
    assert "<details" not in html
    assert "Cell In[1]" in html


def test_a_turn_that_went_well_ends_without_a_word() -> None:
    assert " hidden" in render(TurnEnd(seq=5, turn=0, status="ok", usage={"input_tokens": 3}))


def test_a_failed_turn_says_why_and_can_be_tried_again() -> None:
    usage = {"input_tokens": 12_000, "output_tokens": 3}
    html = render(TurnEnd(seq=5, turn=2, status="failed", error="Too many requests.", usage=usage))
    assert "Too many requests." in html
    assert 'data-retry-turn="2"' in html
    assert "12,000 tokens read" in html
    assert 'data-retry-turn="2"' in render(TurnEnd(seq=5, turn=2, status="stopped"))


def test_what_another_client_ran_is_attributed() -> None:
    html = render(Execution(seq=6, turn=0, source="jupyterlab", code="1+1", outputs=(stream("2"),)))
    assert "Ran in JupyterLab" in html
    assert ">2</pre>" in html


def test_a_log_shows_each_turn_in_its_own_mode() -> None:
    blocks: list[Block] = [
        UserPrompt(seq=1, turn=0, text="1", mode="direct"),
        CallTools(seq=2, turn=0, parts=(ToolCall(tool="run_python", args={"code": "1"}, id="a"),)),
        UserPrompt(seq=3, turn=1, text="one?"),
        CallTools(seq=4, turn=1, parts=(ToolCall(tool="run_python", args={"code": "1"}, id="b"),)),
    ]
    cell, question = (to_html(each) for each in log(blocks, URLS)[1::2])
    assert "card" not in cell
    assert "card" in question


def test_a_log_leaves_out_what_a_rewind_took_back() -> None:
    blocks: list[Block] = [
        UserPrompt(seq=1, turn=0, text="zero"),
        UserPrompt(seq=2, turn=1, text="one"),
        UserPrompt(seq=3, turn=2, text="two"),
        Rewind(seq=4, turn=1, from_turn=1),
        UserPrompt(seq=5, turn=1, text="one again"),
    ]
    shown = to_html(*log(blocks, URLS))
    assert re.findall(r'data-seq="(\d+)"', shown) == ["1", "4", "5"]
    assert 'data-from-turn="1"' in shown


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    shown = Shown(tag="fig", name=text, problem=text)
    parts = (
        ThinkingPart(text=text),
        TextPart(
            text=f'{text}\n\n<fig name="x"/>', shown=(shown, shown.model_copy(update={"name": "x"}))
        ),
        ToolCall(tool="run_python", args={"code": text}, id=text),
        ToolCall(tool="show", args={"names": [text]}, id="b"),
        ToolCall(tool=text, args={text: text}, id="c"),
    )
    events: list[Block] = [
        UserPrompt(seq=1, turn=0, text=text, files=(text,)),
        UserPrompt(seq=2, turn=0, text=text, mode="direct", files=(text,)),
        CallTools(seq=3, turn=0, parts=parts),
        ModelRequest(
            seq=4, turn=0, parts=(returned(stream(text), failure(text, text, text), call=text),)
        ),
        Notice(seq=5, turn=0, level="error", text=text),
        TurnEnd(seq=6, turn=0, status="failed", error=text),
        Execution(seq=7, turn=0, source=text, code=text, outputs=(stream(text),)),
    ]
    for event in events:
        assert problems(render(event)) == []
        assert problems(render(event, DIRECT)) == []
