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
    ChatkernelError,
    EditOutOfRange,
    EmptyMessage,
    MessageTooLong,
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
from chatkernel.running_turn import RunningTurn
from kernels import Death, Kernel, KernelError, Limits, Variable

log = logging.getLogger(__name__)

SAVE_SECONDS = 30.0
"""How long the end of a turn may take to be written, also when the server is going down."""

FRESH_KERNEL = (
    "Python started afresh, so variables of earlier messages are gone. "
    "Run the code again where you need them."
)
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
        self._attached: dict[str, list[str]] = {}
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
                chat_log = await self.start_chat(chat_id)
                turn = await self._begin(chat_log, text, edit_idx)
            except BaseException:
                self._release()
                raise
            self._tasks.start_soon(self._take, turn)
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
        await self._workshop.archive.check_owner(self.user_id, chat_id)
        await self._workshop.kernels.end(chat_id)
        await self._workshop.archive.delete_chat(self.user_id, chat_id)
        if self._log is not None and self._log.id == chat_id:
            self._log = None

    def attach_file(self, chat_id: str, path: str) -> None:
        """Let a file that was put into a chat's workspace belong to its next message."""
        self._attached.setdefault(chat_id, []).append(path)

    def kernel_died(self, chat_id: str, death: Death) -> None:
        """Tell the page of a kernel that died between turns; a running cell tells it itself."""
        if self.turn_of(chat_id) is None:
            text = f"Python ended: {death.cause}. It starts again with your next message."
            self.following.publish(chat_id, Status(turn=0, text=text))

    def _check(self, text: str) -> None:
        if not text.strip():
            raise EmptyMessage("The message is empty. Write something first.")
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
        files = (*chat_log.files_of(idx), *self._attached.pop(chat_log.id, ()))
        if edit_idx is not None:
            await self.delete_from_idx(chat_log, idx)
        await self._workshop.archive.begin_turn(self.user_id, chat_log, idx, text)
        turn = self._turn = self._make_turn(chat_log, idx, text)
        if files:
            turn.interaction.remarks = (f"Attached to this message: {', '.join(files)}.",)
        if edit_idx is not None:
            self._add(turn, Rewind(seq=chat_log.number(), turn=idx, from_turn=idx))
        mode = self._workshop.models.current.mode
        seq = chat_log.number()
        self._add(turn, UserPrompt(seq=seq, turn=idx, text=text, mode=mode, files=files))
        return turn

    async def delete_from_idx(self, chat_log: ChatLog, idx: int) -> None:
        """Let turns >= ``idx`` go: rows, files, artifacts, and the kernel they ran in."""
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
            return await self._workshop.kernels.lend(owner)

        interaction = Interaction(
            turn=idx, user_text=text, lend=lend, put=put, live=self._show, number=chat_log.number
        )
        return RunningTurn(chat_log, text, owner, interaction)

    async def _take(self, turn: RunningTurn) -> None:
        status: TurnStatus = "stopped"
        error: str | None = SHUT_DOWN
        with self.attention.needed():
            try:
                error = await self._converse(turn)
                status = "failed" if error else "stopped" if turn.interaction.stopping else "ok"
            finally:
                with anyio.move_on_after(SAVE_SECONDS, shield=True):
                    await self._end(turn, status, error)
                self._release()
                turn.over.set()

    async def _converse(self, turn: RunningTurn) -> str | None:
        """Take the turn to its end; the error to tell the user, if there was one."""
        try:
            await self._prepare(turn)
            assistant = await self._workshop.assistant()
            blocks = assistant.take_turn(
                turn.interaction,
                choice=self._workshop.models.current,
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
        if kernel is not None:
            interaction.variables = await _inventory(kernel)
        else:
            self._workshop.kernels.start(turn.owner)
            if turn.log.ran_code:
                interaction.remarks = (*interaction.remarks, FRESH_KERNEL)
                self._add(turn, turn.notice(FRESH_KERNEL))
        interaction.files = await self._workshop.archive.file_names(turn.owner)

    async def _end(self, turn: RunningTurn, status: TurnStatus, error: str | None) -> None:
        messages = (await self._workshop.assistant()).pack(turn.work) if turn.work.messages else []
        end = turn.end(status, error)
        try:
            await self.save_turn(turn, end, messages)
        except ChatkernelError as failure:
            end = turn.end("failed", f"This turn could not be saved. {failure.message}")
        except Exception:  # as above: the answer is shown, and that it isn't kept is said
            log.exception("saving turn %d of chat %s", turn.idx, turn.log.id)
            end = turn.end("failed", f"This turn could not be saved. {UNEXPECTED}")
        turn.log.turns.append(
            TurnRecord(turn.idx, turn.text, end.status, (*turn.blocks, end), messages)
        )
        self._add(turn, end)

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


async def _inventory(kernel: Kernel) -> tuple[Variable, ...]:
    try:
        return await kernel.variables()
    except KernelError as error:
        log.warning("no inventory of kernel %s: %s", kernel.id, error)
        return ()
