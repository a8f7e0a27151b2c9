"""One cell run for a turn: its outputs shown as they come, kept as artifacts, and a status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from anyio import to_thread
from anyio.lowlevel import checkpoint

from chatkernel.agent.interaction import Interaction
from chatkernel.agent.report import FinishedOutput, report
from chatkernel.errors import StorageFailed
from chatkernel.events import (
    ARTIFACT_MIME,
    CellOutput,
    NotebookOutput,
    Status,
    ToolReturn,
    ToolStatus,
)
from chatkernel.keeping import is_rich, keep_output, keep_outputs
from kernels import (
    CellTimedOut,
    DisplayData,
    ErrorOutput,
    ExecuteResult,
    Kernel,
    KernelDied,
    KernelStartFailed,
    Ladder,
    Limits,
    Output,
    Rung,
    Stream,
    Transcript,
    UpdateDisplay,
    excerpt,
    to_nbformat,
)

KEPT_WHILE_RUNNING = 50
"""How many rich outputs are shown while their cell runs; the others come with its block."""

_LONG_TEXT = 64 << 10
"""From then on it isn't folded on the event loop, and a display's is shown shortened while the cell runs."""

RUNGS = {
    Rung.LIMIT: "The cell has reached its time limit. Stopping…",
    Rung.KILL: "It did not stop; ending Python…",
}
"""Of an interrupt it was said why: the user asked, or it was the limit."""

VARIABLES_GONE = "Its variables are gone: run the earlier code again if you need them."


@dataclass(frozen=True)
class CellRun:
    """How a run ended, its outputs, and what to say of the end when it wasn't a normal one."""

    status: ToolStatus
    outputs: tuple[FinishedOutput, ...] = ()
    remark: str | None = None

    async def for_model(self) -> str:
        """The run in words for the model."""
        rich = any(
            not isinstance(o, Stream | ErrorOutput) and is_rich(o.data) for o in self.outputs
        )
        told = await to_thread.run_sync(report, self.outputs) if rich else report(self.outputs)
        return "\n".join([told, *([self.remark] if self.remark else [])])


async def run_cell(interaction: Interaction, code: str, *, call_id: str, limits: Limits) -> CellRun:
    """Run ``code`` on the chat's kernel; the block's outputs are left in ``interaction.returns``.

    Never raises for what a cell or its kernel does: a death, a time-out and a stop are statuses.
    """
    keeper = _Keeper(interaction, limits)
    run = await _run(interaction, code, call_id=call_id, limits=limits, keeper=keeper)
    said = [_said(run.remark)] if run.remark else []
    kept = await keeper.keep_all(run.outputs)
    interaction.returns[call_id] = ToolReturn(
        id=call_id, tool="run_python", status=run.status, outputs=(*kept, *said)
    )
    return run


def _said(remark: str) -> NotebookOutput:
    return {"output_type": "stream", "name": "stderr", "text": f"{remark}\n"}


@dataclass
class _Keeper:
    """Stores rich outputs once each, the first ones already while the cell runs."""

    interaction: Interaction
    limits: Limits
    size: int = 0
    kept: dict[int, tuple[Output, NotebookOutput]] = field(default_factory=dict)

    async def keep(self, output: Output) -> NotebookOutput:
        """The output as a block holds it."""
        if (known := self._known(output)) is not None:
            return known
        try:
            made = await keep_output(to_nbformat(output), self.interaction.put)
        except StorageFailed as failure:
            made = _said(f"An output could not be kept, so it isn't shown. {failure.message}")
        if (key := _key(output)) is not None:
            self.kept[key] = output, made
            sizes = [ref["size"] for ref in made.get("data", {}).get(ARTIFACT_MIME, ())]
            self.size += max(sum(sizes), _weight(output))  # it is held on to, and on disk
        return made

    async def keep_all(self, outputs: Sequence[FinishedOutput]) -> list[NotebookOutput]:
        """All of them as their block holds them, those that aren't stored yet in one go."""
        fresh = [output for output in outputs if self._known(output) is None]
        try:
            made = await keep_outputs([to_nbformat(o) for o in fresh], self.interaction.put)
        except StorageFailed:  # of one, perhaps
            return [await self.keep(output) for output in outputs]
        left = iter(made)
        return [self._known(output) or next(left) for output in outputs]

    def _known(self, output: Output) -> NotebookOutput | None:
        key = _key(output)
        return self.kept[key][1] if key is not None and key in self.kept else None

    async def for_now(self, output: Output) -> NotebookOutput:
        """The output as it is shown while the cell runs: what a later one replaces isn't stored."""
        room = len(self.kept) < KEPT_WHILE_RUNNING and self.size < self.limits.display_bytes
        if isinstance(output, DisplayData | ExecuteResult) and room:
            shown = await self.keep(output)
        else:
            shown = to_nbformat(output)
            if isinstance(output, DisplayData | ExecuteResult | UpdateDisplay):
                plain = output.data.get("text/plain")
                text = excerpt(plain, _LONG_TEXT) if isinstance(plain, str) else ""
                shown["data"] = {"text/plain": text}
                shown["metadata"] = {}
        if isinstance(output, DisplayData) and output.display_id is not None:
            return {**shown, "transient": {"display_id": output.display_id}}
        return shown


def _key(output: Output) -> int | None:
    """Tells what is rich from others: its transcript makes another output of it, with the same metadata.
    Values don't tell it, as a small one may be the same object in two outputs."""
    if not isinstance(output, DisplayData | ExecuteResult) or not is_rich(output.data):
        return None
    return id(output.metadata)


def _weight(output: Output) -> int:
    return output.weight if isinstance(output, DisplayData | ExecuteResult) else 0


async def _run(
    interaction: Interaction, code: str, *, call_id: str, limits: Limits, keeper: _Keeper
) -> CellRun:
    kernel: Kernel | None = None
    try:
        with interaction.unless_stopped():
            kernel = await interaction.lend()
    except KernelStartFailed as failure:
        return CellRun("died", remark=str(failure))
    if kernel is None or interaction.stopping:
        return CellRun("stopped", remark="Stopped before this cell ran.")
    interaction.live(Status(turn=interaction.turn, text="Running…", cell=call_id))
    return await _collect(
        interaction, kernel, code, call_id=call_id, transcript=Transcript(limits), keeper=keeper
    )


async def _collect(
    interaction: Interaction,
    kernel: Kernel,
    code: str,
    *,
    call_id: str,
    transcript: Transcript,
    keeper: _Keeper,
) -> CellRun:
    def tell(rung: Rung) -> None:
        if rung in RUNGS:
            interaction.live(Status(turn=interaction.turn, text=RUNGS[rung]))

    try:
        async for output in kernel.execute(code, Ladder(interaction.stopped, tell)):
            await _add(transcript, output)
            shown = await keeper.for_now(output)
            interaction.live(CellOutput(turn=interaction.turn, id=call_id, output=shown))
            await checkpoint()  # a thousand may have come at once
    except KernelDied as death:
        interaction.loss_said = True
        return _dead(interaction, transcript, death)
    except CellTimedOut as timeout:
        interaction.loss_said = timeout.killed
        return CellRun("timeout", transcript.outputs(), _timeout_remark(timeout))
    return CellRun(_status(interaction, transcript), transcript.outputs())


async def _add(transcript: Transcript, output: Output) -> None:
    if isinstance(output, Stream) and len(output.text) > _LONG_TEXT:
        await to_thread.run_sync(transcript.add, output)
    else:
        transcript.add(output)


def _status(interaction: Interaction, transcript: Transcript) -> ToolStatus:
    if interaction.stopping:
        return "stopped"
    failed = any(isinstance(output, ErrorOutput) for output in transcript.outputs())
    return "error" if failed else "ok"


def _dead(interaction: Interaction, transcript: Transcript, death: KernelDied) -> CellRun:
    if interaction.stopping:
        remark = f"The cell could not be interrupted, so Python was ended. {VARIABLES_GONE}"
        if death.death.sentence:  # something else ended it before
            remark = death.death.said(VARIABLES_GONE)
        return CellRun("stopped", transcript.outputs(), remark)
    return CellRun("died", transcript.outputs(), death.death.said(VARIABLES_GONE))


def _timeout_remark(timeout: CellTimedOut) -> str:
    reached = f"The cell ran for {timeout.seconds:g} s, its limit, and was stopped."
    if timeout.killed:
        return f"{reached} It ignored the interrupt, so Python was ended. {VARIABLES_GONE}"
    return f"{reached} Variables are kept; split the work into smaller cells."
