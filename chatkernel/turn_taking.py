"""Taking a turn: from the kernel that starts while the model thinks to the block that ends it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import anyio

from chatkernel.agent.interaction import Interaction
from chatkernel.chat_log import ChatLog, TurnRecord
from chatkernel.errors import ChatkernelError
from chatkernel.events import ArtifactRef, Block, LiveEvent, Status, TurnEnd, TurnStatus
from chatkernel.following import Following
from chatkernel.keeping import Rich
from chatkernel.live import Live
from chatkernel.namespaces import Namespaces
from chatkernel.owner import Owner
from chatkernel.running_turn import Replaced, RunningTurn
from chatkernel.workshop import Workshop
from kernels import Kernel, KernelError, Variable

log = logging.getLogger(__name__)

SAVE_SECONDS = 30.0
"""How long the end of a turn may take to be written, also when the server is going down."""
WIND_DOWN_SECONDS = 3.0
"""How long a server that ends waits for a cell to heed its interrupt."""

SHUT_DOWN = "The server was shut down during this turn. Try again."
UNEXPECTED = "Something went wrong on the server; its log says what. Try again."

Save = Callable[[RunningTurn, TurnEnd, list[object]], Awaitable[None]]


@dataclass(eq=False)
class TurnTaking:
    """One session's turns, one at a time: ``turn`` is the running one."""

    user_id: str
    workshop: Workshop
    namespaces: Namespaces
    live: Live
    following: Following
    save: Save
    turn: RunningTurn | None = None
    winding_down: bool = False

    def make(
        self, chat_log: ChatLog, idx: int, text: str, replaced: Replaced | None
    ) -> RunningTurn:
        """The turn that runs from now on, with its ways to the kernel, the archive and the page."""
        owner = Owner(self.user_id, chat_log.id)

        async def put(parts: Sequence[Rich], name: str | None) -> Sequence[ArtifactRef]:
            return await self.workshop.archive.put(owner, idx, parts, name=name)

        async def lend() -> Kernel:
            if self.workshop.kernels.alive(owner.chat_id) is None:
                self.show(Status(turn=idx, text="Starting Python…"))
            kernel = await self.workshop.kernels.lend(owner, waiting=wait)
            self._note_kernel(kernel)
            return kernel

        def wait(before: int) -> None:
            place = f"{before} before you" if before else "you are next"
            self.show(Status(turn=idx, text=f"Waiting for a free Python: {place}."))

        choice = self.workshop.models.current
        interaction = Interaction(
            turn=idx,
            user_text=text,
            lend=lend,
            put=put,
            live=self.show,
            number=chat_log.number,
            direct=choice.mode == "direct",
        )
        self.turn = RunningTurn(chat_log, text, owner, interaction, choice, replaced)
        return self.turn

    def add(self, turn: RunningTurn, block: Block) -> None:
        """Let a block be the turn's next, and show it."""
        turn.blocks.append(block)
        self.live.clear()
        self.following.publish(turn.log.id, block)

    def show(self, event: LiveEvent) -> None:
        """Show what happens in the running turn."""
        if self.turn is not None:
            self.live.apply(event)
            self.following.publish(self.turn.log.id, event)

    async def take(self, turn: RunningTurn) -> None:
        """Take a turn from its first block to its last, whatever happens."""
        status: TurnStatus = "stopped"
        error: str | None = SHUT_DOWN
        with self.workshop.kernels.kept(turn.log.id):
            try:
                error = await self._converse(turn)
                status = "failed" if error else "stopped" if turn.interaction.stopping else "ok"
                if status == "stopped" and self.winding_down:
                    error = SHUT_DOWN
            finally:
                await self._end(turn, status, error)

    async def wind_down(self) -> None:
        """Stop the running turn because the server ends, and wait a moment for what it had done."""
        self.winding_down = True
        if (turn := self.turn) is not None:
            turn.interaction.stop()
            with anyio.move_on_after(WIND_DOWN_SECONDS):
                await turn.over.wait()

    async def _converse(self, turn: RunningTurn) -> str | None:
        """Take the turn to its end; the error to tell the user, if there was one."""
        try:
            if turn.replaced is not None:
                await self._clear_away(turn, turn.replaced)
            await self._prepare(turn)
            assistant = await self.workshop.assistant()
            blocks = assistant.take_turn(
                turn.interaction,
                choice=turn.choice,
                history=turn.log.turns,
                work=turn.work,
            )
            async with aclosing(blocks):
                async for block in blocks:
                    self.add(turn, block)
        except ChatkernelError as error:
            return error.message
        except Exception:  # whatever happened, the session must be free for the next message
            log.exception("turn %d of chat %s", turn.idx, turn.log.id)
            return UNEXPECTED
        return None

    async def _clear_away(self, turn: RunningTurn, replaced: Replaced) -> None:
        """End the kernel that turns edited away ran code in, and remove their files."""
        if replaced.ran_code:
            with turn.interaction.unless_stopped():
                await self.workshop.kernels.end(turn.log.id)
        await self.workshop.archive.discard(replaced.deleted)

    async def _prepare(self, turn: RunningTurn) -> None:
        """Start the kernel while the model thinks, and find out what the model should know."""
        interaction, chat_id = turn.interaction, turn.log.id
        kernel = self.workshop.kernels.alive(chat_id)
        if not self.namespaces.held_by(chat_id, kernel):
            # It ended, or one was started between turns, to help with typing.
            known = self.namespaces.is_lost(chat_id)
            line = self.namespaces.forget(chat_id)
            if turn.log.ran_code and not known:
                self._tell(turn, line)
        if kernel is None:
            await self.workshop.kernels.start(turn.owner)
        if interaction.direct:
            return
        if kernel is not None:
            interaction.variables = None
            with interaction.unless_stopped():
                interaction.variables = await _inventory(kernel)
        interaction.files = await self.workshop.archive.file_names(turn.owner)

    def _note_kernel(self, kernel: Kernel) -> None:
        """Say it when a turn goes on with another kernel than the one it had."""
        turn = self.turn
        if turn is None or not self.namespaces.move(turn.log.id, kernel):
            return
        line = self.namespaces.loss(turn.log.id)
        if not turn.interaction.loss_said:
            self._tell(turn, line)
        turn.interaction.loss_said = False

    def _tell(self, turn: RunningTurn, line: str) -> None:
        """Tell something to the user and the model."""
        turn.interaction.remarks = (*turn.interaction.remarks, line)
        self.add(turn, turn.notice(line))

    async def _end(self, turn: RunningTurn, status: TurnStatus, error: str | None) -> None:
        messages: list[object] = []
        end = turn.end(status, error)
        problem: str | None = None
        try:
            with anyio.fail_after(SAVE_SECONDS, shield=True):
                messages = await self._messages(turn)
                await self.save(turn, end, messages)
        except ChatkernelError as failure:
            problem = failure.message
        except Exception:  # as above: the answer is shown, and that it isn't kept is said
            log.exception("saving turn %d of chat %s", turn.idx, turn.log.id)
            problem = UNEXPECTED
        if problem is not None:
            told = f"{error or ''} This turn could not be saved. {problem}".lstrip()
            end = end.model_copy(update={"status": "failed", "error": told})
        turn.log.turns.append(
            TurnRecord(turn.idx, turn.text, end.status, (*turn.blocks, end), messages)
        )
        self.add(turn, end)

    async def _messages(self, turn: RunningTurn) -> list[object]:
        if not turn.work.messages:
            return []
        return (await self.workshop.assistant()).pack(turn.work)


async def _inventory(kernel: Kernel) -> tuple[Variable, ...] | None:
    try:
        return await kernel.variables()
    except KernelError as error:
        log.warning("no inventory of kernel %s: %s", kernel.id, error)
        return None
