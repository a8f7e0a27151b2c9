"""The live area: the sum of what was shown since the last block."""

from __future__ import annotations

from typing import Any

from chatkernel.events import CellOutput, Delta, Status
from chatkernel.live import LIVE_TEXT, Live
from kernels import Limits


def printed(text: str, call_id: str = "c") -> CellOutput:
    return shown({"output_type": "stream", "name": "stdout", "text": text}, call_id)


def shown(output: dict[str, Any], call_id: str = "c") -> CellOutput:
    return CellOutput(turn=0, id=call_id, output=output)


def test_deltas_of_a_part_are_one_text() -> None:
    live = Live(Limits())
    live.apply(Delta(turn=0, index=0, type="thinking", text="Hm"))
    live.apply(Delta(turn=0, index=1, type="text", text="One "))
    live.apply(Delta(turn=0, index=1, type="text", text="two"))
    live.apply(Delta(turn=0, index=2, type="tool_call", text="", tool="run_python"))
    live.apply(Delta(turn=0, index=2, type="tool_call", text='{"co'))
    assert [(p.type, p.text, p.tool) for p in live.parts.values()] == [
        ("thinking", "Hm", None),
        ("text", "One two", None),
        ("tool_call", '{"co', "run_python"),
    ]


def test_output_is_folded_and_capped() -> None:
    live = Live(Limits(output_bytes=1000))
    live.apply(printed("0 %"))
    live.apply(printed("\r50 %"))
    assert live.cell is not None
    assert live.cell.outputs()[0]["text"] == "50 %"
    for number in range(1000):
        live.apply(printed(f"line {number}\n"))
    assert sum(len(output["text"]) for output in live.cell.outputs()) < 2000


def test_of_a_long_text_little_more_is_kept_than_is_shown() -> None:
    live = Live(Limits())
    live.apply(printed("".join(f"{n}\n" for n in range(200_000))))
    assert live.cell is not None
    (output,) = live.cell.outputs()
    assert output["text"].endswith("\n199998\n199999\n")
    assert LIVE_TEXT / 2 < len(output["text"]) < 2 * LIVE_TEXT


def test_cleared_and_updated_outputs_are_followed() -> None:
    live = Live(Limits())
    data = {"text/plain": "0 %"}
    display = {"output_type": "display_data", "data": data, "metadata": {}}
    live.apply(shown({**display, "transient": {"display_id": "bar"}}))
    update = {**display, "output_type": "update_display_data", "data": {"text/plain": "9 %"}}
    live.apply(shown({**update, "transient": {"display_id": "bar"}}))
    assert live.cell is not None
    assert [output["data"]["text/plain"] for output in live.cell.outputs()] == ["9 %"]
    live.apply(shown({"output_type": "clear_output", "wait": False}))
    assert live.cell.outputs() == ()


def test_a_further_cell_has_outputs_of_its_own() -> None:
    live = Live(Limits())
    live.apply(printed("one", "a"))
    live.apply(printed("two", "b"))
    assert live.cell is not None
    assert live.cell.call_id == "b"
    assert [output["text"] for output in live.cell.outputs()] == ["two"]


def test_a_cell_that_prints_nothing_runs_as_well() -> None:
    live = Live(Limits())
    live.apply(Status(turn=0, text="Running…", cell="a"))
    assert live.cell is not None
    assert (live.cell.call_id, live.cell.outputs()) == ("a", ())
    begun = live.cell.since
    live.apply(printed("at last", "a"))
    assert live.cell.since == begun
    live.apply(Status(turn=0, text="Stopping…"))
    assert live.cell.outputs()


def test_cleared_it_is_empty() -> None:
    live = Live(Limits())
    live.apply(Status(turn=0, text="Running…", cell="c"))
    live.apply(Delta(turn=0, index=0, type="text", text="x"))
    live.apply(printed("y"))
    live.clear()
    assert live == Live(Limits())
