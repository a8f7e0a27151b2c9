"""What is between a kernel's messages and who takes its outputs."""

from __future__ import annotations

import anyio
import pytest

from kernels import ClearOutput, DisplayData, Limits, Output, Stream, UpdateDisplay
from kernels.runs import Outbox, Run

pytestmark = pytest.mark.anyio


def display(text: str) -> DisplayData:
    return DisplayData({"text/plain": text})


def update(text: str) -> UpdateDisplay:
    return UpdateDisplay({"text/plain": text}, {}, "x")


async def taken(*outputs: Output, limits: Limits | None = None) -> list[Output]:
    outbox = Outbox(limits or Limits())
    for output in outputs:
        outbox.put(output, 10)
    return await outbox.take()


async def test_pending_text_of_one_stream_is_joined() -> None:
    first, second, other = Stream("stdout", "a"), Stream("stdout", "b"), Stream("stderr", "c")
    joined = [Stream("stdout", "ab"), other, display("d")]
    assert await taken(first, second, other, display("d")) == joined


async def test_pending_updates_of_one_display_are_the_last() -> None:
    assert await taken(update("1"), update("2"), display("d")) == [update("2"), display("d")]


async def test_what_is_cleared_before_it_is_taken_never_comes() -> None:
    clear = ClearOutput(wait=False)
    assert await taken(display("a"), clear, display("b")) == [clear, display("b")]
    later = ClearOutput(wait=True)
    assert await taken(display("a"), later, display("b"), later, display("c")) == [
        later,
        display("c"),
    ]
    assert await taken(display("a"), later) == [display("a"), later]


async def test_of_too_much_the_latest_stays_and_the_rest_is_told() -> None:
    outputs = await taken(*[display(str(n)) for n in range(50)], limits=Limits(output_messages=3))
    assert outputs[0] == Stream("stderr", "… 47 outputs came too fast …\n")
    assert outputs[1:] == [display("47"), display("48"), display("49")]


async def test_what_weighs_too_much_goes_but_for_the_latest() -> None:
    outbox = Outbox(Limits())
    for n in range(5):
        outbox.put(display(str(n)), 30 << 20)
    assert await outbox.take() == [
        Stream("stderr", "… 3 outputs came too fast …\n"),
        display("3"),
        display("4"),
    ]
    outbox.put(display("alone"), 90 << 20)
    assert await outbox.take() == [display("alone")]


async def test_taking_waits_for_an_output_and_ends_when_closed() -> None:
    outbox = Outbox(Limits())
    with anyio.move_on_after(0.01) as waited:
        await outbox.take()
    assert waited.cancelled_caught
    outbox.put(display("a"), 1)
    outbox.close()
    assert await outbox.take() == [display("a")]
    assert await outbox.take() == []


async def test_a_run_is_over_at_its_second_end() -> None:
    run = Run("id", Limits())
    run.ended("idle")
    run.ended("idle")
    assert not run.done.is_set()
    run.ended("reply")
    assert run.done.is_set()
    assert await run.outbox.take() == []


async def test_a_sentence_is_said_once() -> None:
    run = Run("id", Limits())
    run.say("Careful.")
    run.say("Careful.")
    assert await run.outbox.take() == [Stream("stderr", "Careful.\n")]
