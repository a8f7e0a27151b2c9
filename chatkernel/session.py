"""One user's live session: the open chat, its messages, its kernel and the running turn."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

import anyio
from anyio.abc import TaskGroup, TaskStatus

from chatkernel.agent.interaction import Interaction
from chatkernel.agent.work import TakesTurns
from chatkernel.archive import Archive
from chatkernel.attention import Attention
from chatkernel.chat_log import ChatLog, TurnRecord
from chatkernel.errors import (
    Busy,
    ChatkernelError,
    EditOutOfRange,
    EmptyMessage,
    MessageTooLong,
    NotFound,
    SessionBusy,
    TurnRunning,
)
from chatkernel.events import (
    ArtifactRef,
    Block,
    LiveEvent,
    Rewind,
    Status,
    TurnEnd,
    TurnStatus,
    UserPrompt,
)
from chatkernel.following import Following
from chatkernel.live import Live
from chatkernel.live_kernels import LiveKernels, Owner
from chatkernel.models.connect import Models
from chatkernel.namespaces import Namespaces
from chatkernel.running_turn import RunningTurn
from chatkernel.store.crud.text import storable
from kernels import Death, Kernel, KernelError, Limits, Variable

log = logging.getLogger(__name__)

SAVE_SECONDS = 30.0
"""How long the end of a turn may take to be written, also when the server is going down."""
WIND_DOWN_SECONDS = 3.0
"""How long a server that ends waits for a cell to heed its interrupt."""

SHUT_DOWN = "The server was shut down during this turn. Try again."
UNEXPECTED = "Something went wrong on the server; its log says what. Try again."


@dataclass(frozen=True)
class Workshop:
    """What every session of a server works with."""

    archive: Archive
    kernels: LiveKernels
    models: Models
    assistant: Callable[[], Awaitable[TakesTurns]]
    limits: Limits
    message_bytes: int


class UserSession:
    """One user's live session. At most one turn runs in it, in the session's own task group."""

    def __init__(self, user_id: str, workshop: Workshop, *, grace_seconds: float) -> None:
        self.user_id = user_id
        self.live = Live(workshop.limits)
        self.following = Following()
        self.attention = Attention(grace_seconds)
        self._workshop = workshop
        self._log: ChatLog | None = None
        self._turn: RunningTurn | None = None
        self._claimed: str | None = None
        self._deleting: set[str] = set()
        self._attached: dict[str, list[str]] = {}
        self._namespaces = Namespaces()
        self._winding_down = False
        self.over = False
        self.gone = anyio.Event()
        self._life = anyio.CancelScope()
        self._tasks: TaskGroup

    async def serve(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Own the session's turns until it is abandoned or told to `close`."""
        with self._life:
            async with anyio.create_task_group() as self._tasks:
                task_status.started()
                try:
                    await self.attention.until_abandoned()
                finally:
                    self.over = True
                self._tasks.cancel_scope.cancel()

    def close(self) -> None:
        """Ask the session to end; a running turn is stored as stopped."""
        self._life.cancel()

    async def wind_down(self) -> None:
        """Stop the running turn because the server ends, and wait a moment for what it had done."""
        self._winding_down = True
        if (turn := self._turn) is not None:
            turn.interaction.stop()
            with anyio.move_on_after(WIND_DOWN_SECONDS):
                await turn.over.wait()

    @property
    def running_chat(self) -> str | None:
        """The chat in which a turn runs, or is about to."""
        return self._claimed

    def log_of(self, chat_id: str) -> ChatLog | None:
        """The chat as it stands, if it is the open one."""
        return self._log if self._log is not None and self._log.id == chat_id else None

    def turn_of(self, chat_id: str) -> RunningTurn | None:
        """The chat's running turn, once it has begun."""
        turn = self._turn
        return turn if turn is not None and turn.log.id == chat_id else None

    def kernel(self, chat_id: str) -> Kernel | None:
        """The chat's kernel, if it lives."""
        return self._workshop.kernels.alive(chat_id)

    async def submit(self, chat_id: str, text: str, *, edit_idx: int | None = None) -> RunningTurn:
        """Begin a turn; returns when its first block is there, not when it is over.

        Raises:
            EmptyMessage, MessageTooLong, EditOutOfRange: the message can't be a turn.
            TurnRunning, SessionBusy: another turn runs, here or in another chat.
            NotFound: no such chat of this user.
        """
        self._check(text)
        self._claim(chat_id)
        with self.attention.needed():
            try:
                # Who asks may leave at any moment; half begun, nobody could go on from it.
                with anyio.CancelScope(shield=True):
                    chat_log = await self.start_chat(chat_id)
                    turn = await self._begin(chat_log, text, edit_idx)
                    self._tasks.start_soon(self._take, turn)
            except BaseException:
                self._release()
                raise
        return turn

    def stop(self, chat_id: str) -> bool:
        """Stop the chat's running turn; False when none runs."""
        turn = self.turn_of(chat_id)
        if turn is None:
            return False
        turn.interaction.stop()
        self._show(Status(turn=turn.idx, text="Stopping…"))
        return True

    async def force_restart(self, chat_id: str) -> bool:
        """Stop the chat's running turn and end its kernel at once; False when none runs."""
        stopped = self.stop(chat_id)
        if stopped and (kernel := self.kernel(chat_id)):
            await kernel.kill()
        return stopped

    async def start_chat(self, chat_id: str) -> ChatLog:
        """Make a chat the open one, read from the archive unless it is already.

        Raises:
            NotFound: no such chat of this user.
        """
        if self._log is None or self._log.id != chat_id:
            self._log = await self._workshop.archive.load(self.user_id, chat_id)
        return self._log

    async def delete_chat(self, chat_id: str) -> None:
        """Remove a chat with its kernel, its turns and its files.

        Raises:
            TurnRunning: it is still answering.
            NotFound: no such chat of this user.
        """
        if self._claimed == chat_id:
            raise TurnRunning("The chat is still answering. Stop it first, then delete it.")
        self._deleting.add(chat_id)
        try:
            with anyio.CancelScope(shield=True):
                await self._delete_chat(chat_id)
        finally:
            self._deleting.discard(chat_id)

    async def _delete_chat(self, chat_id: str) -> None:
        await self._workshop.archive.check_owner(self.user_id, chat_id)
        await self._workshop.kernels.end(chat_id)
        await self._workshop.archive.delete_chat(self.user_id, chat_id)
        self._attached.pop(chat_id, None)
        self._namespaces.forget(chat_id)
        if self._log is not None and self._log.id == chat_id:
            self._log = None

    def attach_file(self, chat_id: str, path: str) -> None:
        """Let a file that was put into a chat's workspace belong to its next message."""
        self._attached.setdefault(chat_id, []).append(path)

    def kernel_died(self, chat_id: str, death: Death) -> None:
        """Tell the page of a kernel that died; a running cell also tells it itself."""
        self._namespaces.died(chat_id, death)
        text = f"Python ended: {death.cause}."
        if (turn := self.turn_of(chat_id)) is not None:
            self._show(Status(turn=turn.idx, text=text))
            return
        text = f"{text} It starts again with your next message."
        self.following.publish(chat_id, Status(text=text))

    def _check(self, text: str) -> None:
        if not text.strip():
            raise EmptyMessage("The message is empty. Write something first.")
        storable(text)
        limit = self._workshop.message_bytes
        if len(text.encode("utf-8", "replace")) > limit:
            raise MessageTooLong(
                f"The message is longer than {limit:,} bytes. Attach it as a file instead."
            )

    def _claim(self, chat_id: str) -> None:
        if self._claimed == chat_id:
            raise TurnRunning("The chat is still answering. Wait for it, or stop it first.")
        if self._claimed is not None:
            raise SessionBusy("Another chat of yours is answering. Stop it first, or wait for it.")
        if chat_id in self._deleting:
            raise NotFound("This chat is being deleted. Start a new one.")
        if self.over:
            raise Busy("Your session is being closed. Send the message again.")
        self._claimed = chat_id

    def _release(self) -> None:
        self._turn = None
        self._claimed = None
        self.live.clear()

    async def _begin(self, chat_log: ChatLog, text: str, edit_idx: int | None) -> RunningTurn:
        turns = len(chat_log.turns)
        if edit_idx is not None and not 0 <= edit_idx < turns:
            raise EditOutOfRange(f"There is no message {edit_idx} to edit: the chat has {turns}.")
        idx = turns if edit_idx is None else edit_idx
        kept = chat_log.files_of(idx)
        if edit_idx is not None:
            await self.delete_from_idx(chat_log, idx)
        await self._workshop.archive.begin_turn(self.user_id, chat_log, idx, text)
        turn = self._turn = self._make_turn(chat_log, idx, text)
        files = (*kept, *self._attached.pop(chat_log.id, ()))
        if files:
            turn.interaction.remarks = (f"Attached to this message: {', '.join(files)}.",)
        if edit_idx is not None:
            self._add(turn, Rewind(seq=chat_log.number(), turn=idx, from_turn=idx))
        seq, mode = chat_log.number(), turn.choice.mode
        self._add(turn, UserPrompt(seq=seq, turn=idx, text=text, mode=mode, files=files))
        return turn

    async def delete_from_idx(self, chat_log: ChatLog, idx: int) -> None:
        """Let turns >= ``idx`` go: rows, files, artifacts, and the kernel if they ran code in it."""
        if any(turn.ran_code for turn in chat_log.turns[idx:]):
            await self._workshop.kernels.end(chat_log.id)
        await self._workshop.archive.delete_from(self.user_id, chat_log, idx)

    def _make_turn(self, chat_log: ChatLog, idx: int, text: str) -> RunningTurn:
        owner = Owner(self.user_id, chat_log.id)

        async def put(data: bytes, media_type: str, name: str | None) -> ArtifactRef:
            return await self._workshop.archive.put(
                owner, idx, data, media_type=media_type, name=name
            )

        async def lend() -> Kernel:
            if self.kernel(owner.chat_id) is None:
                self._show(Status(turn=idx, text="Starting Python…"))
            kernel = await self._workshop.kernels.lend(owner)
            self._note_kernel(kernel)
            return kernel

        choice = self._workshop.models.current
        interaction = Interaction(
            turn=idx,
            user_text=text,
            lend=lend,
            put=put,
            live=self._show,
            number=chat_log.number,
            direct=choice.mode == "direct",
        )
        return RunningTurn(chat_log, text, owner, interaction, choice)

    def _note_kernel(self, kernel: Kernel) -> None:
        """Say it when a turn goes on with another kernel than the one it had."""
        turn = self._turn
        if turn is None or not self._namespaces.move(turn.log.id, kernel):
            return
        line = self._namespaces.loss(turn.log.id)
        if not turn.interaction.loss_said:
            self._tell(turn, line)
        turn.interaction.loss_said = False

    def _tell(self, turn: RunningTurn, line: str) -> None:
        """Tell something to the user and the model."""
        turn.interaction.remarks = (*turn.interaction.remarks, line)
        self._add(turn, turn.notice(line))

    async def _take(self, turn: RunningTurn) -> None:
        status: TurnStatus = "stopped"
        error: str | None = SHUT_DOWN
        with self.attention.needed(), self._workshop.kernels.kept(turn.log.id):
            try:
                error = await self._converse(turn)
                status = "failed" if error else "stopped" if turn.interaction.stopping else "ok"
                if status == "stopped" and self._winding_down:
                    error = SHUT_DOWN
            finally:
                try:
                    await self._end(turn, status, error)
                finally:
                    self._release()
                    turn.over.set()

    async def _converse(self, turn: RunningTurn) -> str | None:
        """Take the turn to its end; the error to tell the user, if there was one."""
        try:
            await self._prepare(turn)
            assistant = await self._workshop.assistant()
            blocks = assistant.take_turn(
                turn.interaction,
                choice=turn.choice,
                history=turn.log.history(),
                work=turn.work,
            )
            async with aclosing(blocks):
                async for block in blocks:
                    self._add(turn, block)
        except ChatkernelError as error:
            return error.message
        except Exception:  # whatever happened, the session must be free for the next message
            log.exception("turn %d of chat %s", turn.idx, turn.log.id)
            return UNEXPECTED
        return None

    async def _prepare(self, turn: RunningTurn) -> None:
        """Start the kernel while the model thinks, and find out what the model should know."""
        interaction = turn.interaction
        kernel = self.kernel(turn.log.id)
        if not self._namespaces.held_by(turn.log.id, kernel):
            # It ended, or one was started between turns, to help with typing.
            known = self._namespaces.is_lost(turn.log.id)
            line = self._namespaces.forget(turn.log.id)
            if turn.log.ran_code and not known:
                self._tell(turn, line)
        if kernel is None:
            self._workshop.kernels.start(turn.owner)
        if interaction.direct:
            return
        if kernel is not None:
            interaction.variables = None
            with interaction.unless_stopped():
                interaction.variables = await _inventory(kernel)
        interaction.files = await self._workshop.archive.file_names(turn.owner)

    async def _end(self, turn: RunningTurn, status: TurnStatus, error: str | None) -> None:
        messages: list[object] = []
        end = turn.end(status, error)
        problem: str | None = None
        try:
            with anyio.fail_after(SAVE_SECONDS, shield=True):
                messages = await self._messages(turn)
                await self.save_turn(turn, end, messages)
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
        self._add(turn, end)

    async def _messages(self, turn: RunningTurn) -> list[object]:
        if not turn.work.messages:
            return []
        return (await self._workshop.assistant()).pack(turn.work)

    async def save_turn(self, turn: RunningTurn, end: TurnEnd, messages: list[object]) -> None:
        """Write the turn's file, then its row.

        Raises:
            StorageFailed: the disk or the database refused.
        """
        record = TurnRecord(turn.idx, turn.text, end.status, (*turn.blocks, end), messages)
        await self._workshop.archive.finish_turn(self.user_id, turn.log, record)

    def _add(self, turn: RunningTurn, block: Block) -> None:
        turn.blocks.append(block)
        self.live.clear()
        self.following.publish(turn.log.id, block)

    def _show(self, event: LiveEvent) -> None:
        if self._turn is not None:
            self.live.apply(event)
            self.following.publish(self._turn.log.id, event)


async def _inventory(kernel: Kernel) -> tuple[Variable, ...] | None:
    try:
        return await kernel.variables()
    except KernelError as error:
        log.warning("no inventory of kernel %s: %s", kernel.id, error)
        return None
