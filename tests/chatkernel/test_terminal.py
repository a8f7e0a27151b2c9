"""A turn printed to a terminal, and its figures written as files."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import orjson
import pytest

from chatkernel.events import (
    ARTIFACT_MIME,
    FRAME_MIME,
    PLOTLY_MIME,
    ArtifactRef,
    CallTools,
    CellOutput,
    Delta,
    ModelRequest,
    Notice,
    Part,
    Shown,
    TextPart,
    ToolCall,
    ToolReturn,
    TurnEnd,
    UserPrompt,
)
from chatkernel.how_to_connect import ANOTHER_ON_THE_PAGE, ON_THE_PAGE
from chatkernel.terminal import Terminal

pytestmark = pytest.mark.anyio

PNG = base64.b64decode(b"iVBORw0KGgo=")
FIGURE = orjson.dumps({"data": [{"type": "bar", "y": [1]}], "layout": {}})
TABLE = orjson.dumps({"columns": [{"name": "\x1b[2Ja"}], "rows": [["\x1b[31mb"]], "total": 1})
CONTENTS = {"png": PNG, "figure": FIGURE, "table": TABLE, "broken": b"[3]"}


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    async def content(ref: ArtifactRef) -> bytes:
        return CONTENTS[ref.id]

    return Terminal(content, tmp_path)


def said(*parts: Part) -> CallTools:
    return CallTools(seq=1, turn=0, parts=parts)


def displayed(kind: str, media_type: str, name: str | None = None) -> ModelRequest:
    ref = ArtifactRef(id=kind, media_type=media_type, size=1, name=name).model_dump()
    output: dict[str, Any] = {"output_type": "display_data", "data": {ARTIFACT_MIME: [ref]}}
    returned = ToolReturn(id="a", tool="run_python", status="ok", outputs=(output,))
    return ModelRequest(seq=2, turn=0, parts=(returned,))


async def test_what_was_streamed_is_not_printed_again(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    for index, text in ((0, "One "), (0, "two."), (2, "Three.")):
        await terminal.show(Delta(turn=0, index=index, type="text", text=text))
    await terminal.show(said(TextPart(text="One two."), TextPart(text="Three.")))
    await terminal.show(said(TextPart(text="Not streamed.")))
    printed = capsys.readouterr().out
    for text in ("One two.", "Three.", "Not streamed."):
        assert printed.count(text) == 1


async def test_tags_are_left_out_however_they_come(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    text = 'Here:\n\n<fig name="sales"/>\n\nif 1 < 2 <figs> <df x <FIG name=a/>then <'
    for character in text:
        await terminal.show(Delta(turn=0, index=0, type="text", text=character))
    await terminal.show(said(TextPart(text=text)))
    await terminal.show(said(TextPart(text=text)))
    assert capsys.readouterr().out == 2 * "Here:\n\nif 1 < 2 <figs> <df x then <\n"


async def test_what_never_becomes_a_tag_is_printed_before_the_end(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    await terminal.show(Delta(turn=0, index=0, type="text", text="<fig " + "and so on " * 50))
    assert "and so on" in capsys.readouterr().out


async def test_code_outputs_notices_and_errors_are_printed(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    await terminal.show(said(ToolCall(tool="run_python", args={"code": "x = 1"}, id="a")))
    outputs: list[dict[str, Any]] = [
        {"output_type": "stream", "name": "stdout", "text": "printed\n"},
        {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["E: v"]},
        {"output_type": "execute_result", "data": {"text/plain": "42"}},
    ]
    returned = ToolReturn(id="a", tool="run_python", status="ok", outputs=tuple(outputs))
    await terminal.show(ModelRequest(seq=2, turn=0, parts=(returned,)))
    await terminal.show(Notice(seq=3, turn=0, level="info", text="Python started afresh."))
    await terminal.show(TurnEnd(seq=4, turn=0, status="failed", error="Try again."))
    printed = capsys.readouterr().out
    for text in ("x = 1", "printed", "E: v", "42", "started afresh", "Try again."):
        assert text in printed


def returned(*outputs: dict[str, Any]) -> ModelRequest:
    return ModelRequest(
        seq=2,
        turn=0,
        parts=(ToolReturn(id="a", tool="run_python", status="ok", outputs=outputs),),
    )


async def test_in_direct_mode_stdout_has_the_outputs_alone(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    await terminal.show(UserPrompt(seq=0, turn=0, text="x = 1", mode="direct"))
    await terminal.show(said(ToolCall(tool="run_python", args={"code": "x = 1"}, id="a")))
    await terminal.show(
        returned(
            {"output_type": "stream", "name": "stdout", "text": "printed\n"},
            {"output_type": "stream", "name": "stderr", "text": "warned\n"},
            {"output_type": "execute_result", "data": {"text/plain": "42"}},
            {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["E: v"]},
        )
    )
    await terminal.show(Notice(seq=3, turn=0, level="info", text="Python started afresh."))
    terminal.farewell("abc")
    printed = capsys.readouterr()
    assert printed.out == "printed\n42\n"
    for text in ("x = 1", "warned", "E: v", "started afresh", "chat abc"):
        assert text in printed.err


def printing(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


async def run_cell(terminal: Terminal, coming: list[dict[str, Any]], *kept: dict[str, Any]) -> None:
    """A cell in direct mode: its outputs as they come, and those of its block."""
    await terminal.show(UserPrompt(seq=0, turn=0, text="x", mode="direct"))
    for output in coming:
        await terminal.show(CellOutput(turn=0, id="a", output=output))
    await terminal.show(returned(*kept))


async def test_outputs_are_printed_as_they_come(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    await terminal.show(UserPrompt(seq=0, turn=0, text="x", mode="direct"))
    await terminal.show(CellOutput(turn=0, id="a", output=printing("1\n2")))
    await terminal.show(CellOutput(turn=0, id="a", output=printing("warned\n", "stderr")))
    seen = capsys.readouterr()
    assert (seen.out, seen.err) == ("1\n2", "warned\n")
    result = {"output_type": "execute_result", "data": {"text/plain": "42"}}
    error = {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["E: v"]}
    for output in (result, error):
        await terminal.show(CellOutput(turn=0, id="a", output=output))
    seen = capsys.readouterr()
    assert (seen.out, seen.err) == ("\n42\n", "E: v\n")
    kept = (printing("1\n2"), printing("warned\n", "stderr"), result, result, error)
    await terminal.show(returned(*kept, printing("Python ended.\n", "stderr")))
    seen = capsys.readouterr()
    assert (seen.out, seen.err) == ("42\n", "Python ended.\n")


@pytest.mark.parametrize(
    ("coming", "kept", "out"),
    [
        (["a", "b\n", "c"], ["ab\nc"], "ab\nc\n"),
        (["\r 0%", "\r50%", "\r99%\n", "x\r\n"], ["99%\nx\n"], "99%\nx\n"),
        (["\r 0%", "\r50%"], ["50%"], "50%\n"),
        (["\x1b[3", "1mred"], ["\x1b[31mred"], "red\n"),
        (["half", "\rwhole\n"], ["whole\n"], "half\nwhole\n"),
        (["1\n", "2\n" * 20, "3\n"], ["1\n… 20 more lines …\n3\n"], "1\n" + "2\n" * 20 + "3\n"),
        (["1\n", "2\n"], ["2\n"], "1\n2\n"),
        (["1\n", "4\n"], ["1\n2\n3\n4\n"], "1\n4\n1\n2\n3\n4\n"),
        (["1\n"], ["1\n", "2\n"], "1\n2\n"),
        ([], ["1\n", "2\n"], "1\n2\n"),
    ],
)
async def test_a_block_adds_only_what_was_not_printed(
    terminal: Terminal,
    capsys: pytest.CaptureFixture[str],
    coming: list[str],
    kept: list[str],
    out: str,
) -> None:
    await run_cell(terminal, [printing(text) for text in coming], *map(printing, kept))
    assert capsys.readouterr().out == out


async def test_a_figure_that_was_shown_is_not_shown_again_and_text_stays_in_its_place(
    terminal: Terminal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figure = displayed("png", "image/png").parts[0].outputs[0]
    outputs = [printing("before\n"), figure, printing("after\n")]
    await run_cell(terminal, outputs, *outputs)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["before", "wrote", "after"]
    assert written(tmp_path) == ["figure-png.png"]


@pytest.mark.parametrize("server", [None, "http://127.0.0.1:5001"])
async def test_what_the_page_has_buttons_for_is_said_in_options(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], server: str | None
) -> None:
    async def content(ref: ArtifactRef) -> bytes:
        raise LookupError

    terminal = Terminal(content, tmp_path, server=server)
    await terminal.show(UserPrompt(seq=0, turn=0, text="hello there", mode="direct"))
    refusal = f"To chat, {ON_THE_PAGE}."
    await terminal.show(Delta(turn=0, index=0, type="text", text=refusal))
    await terminal.show(said(TextPart(text=refusal)))
    error = f"Try again, or {ANOTHER_ON_THE_PAGE}."
    await terminal.show(TurnEnd(seq=4, turn=0, status="failed", error=error))
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("--model or CHATKERNEL_MODEL") == 2
    assert (server or "To chat, name a model") in printed.err
    assert "Connect" not in printed.err
    assert "*" not in printed.err


async def test_nothing_that_is_shown_commands_the_terminal(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = "\x1b]0;title\x07\x1b[2J\x9b31mtext\x1b[\x1b"
    await terminal.show(Delta(turn=0, index=0, type="text", text=evil))
    await terminal.show(said(TextPart(text=f"not streamed {evil}")))
    await terminal.show(said(ToolCall(tool="run_python", args={"code": f"'{evil}'"}, id="a")))
    await terminal.show(Notice(seq=3, turn=0, level="info", text=evil))
    await terminal.show(TurnEnd(seq=4, turn=0, status="failed", error=evil))
    await terminal.show(displayed("table", FRAME_MIME))
    output = {"output_type": "stream", "name": "stdout", "text": evil}
    returned = ToolReturn(id="a", tool="run_python", status="ok", outputs=(output,))
    await terminal.show(ModelRequest(seq=2, turn=0, parts=(returned,)))
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "\x9b" not in printed
    assert printed.count("text") >= 6


def written(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_figures_and_images_are_written_and_it_is_said_where(
    terminal: Terminal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = Shown(
        tag="fig",
        name="sales",
        artifact=ArtifactRef(id="figure", media_type=PLOTLY_MIME, size=1, name="sales"),
    )
    await terminal.show(said(TextPart(text='<fig name="sales"/>', shown=(shown,))))
    await terminal.show(displayed("png", "image/png", "../../evil"))
    assert written(tmp_path) == ["evil.png", "sales.html"]
    assert "plotly" in (tmp_path / "sales.html").read_text()
    assert (tmp_path / "evil.png").read_bytes() == PNG
    assert "sales.html" in capsys.readouterr().out


async def test_a_file_that_is_there_is_left_alone(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "mine.png").write_text("precious")
    (tmp_path / "mine-2.png").symlink_to(tmp_path / "elsewhere")
    await terminal.show(displayed("png", "image/png", "mine"))
    assert (tmp_path / "mine.png").read_text() == "precious"
    assert not (tmp_path / "elsewhere").exists()
    assert (tmp_path / "mine-3.png").read_bytes() == PNG


async def test_one_figure_is_written_once(terminal: Terminal, tmp_path: Path) -> None:
    await terminal.show(displayed("png", "image/png"))
    await terminal.show(displayed("png", "image/png"))
    assert written(tmp_path) == ["figure-png.png"]


@pytest.mark.parametrize("media_type", [FRAME_MIME, PLOTLY_MIME])
async def test_what_was_kept_and_cannot_be_shown_is_said(
    terminal: Terminal, tmp_path: Path, capsys: pytest.CaptureFixture[str], media_type: str
) -> None:
    event = displayed("broken", media_type)
    event.parts[0].outputs[0]["data"]["text/plain"] = "stand-in"
    await terminal.show(event)
    assert capsys.readouterr().out == "stand-in\n"
    shown = Shown(
        tag="df", name="it", artifact=ArtifactRef(id="broken", media_type=media_type, size=1)
    )
    await terminal.show(said(TextPart(text="Look:", shown=(shown,))))
    assert capsys.readouterr().out == "Look:\nit could not be shown.\n"
    assert written(tmp_path) == []
