"""One user's live session: the open chat, its messages, its kernel and the running turn."""

from __future__ import annotations

from dataclasses import dataclass

import anyio
from anyio.abc import TaskGroup, TaskStatus

from chatkernel.attention import Attention
from chatkernel.chat_log import ChatLog, TurnRecord
from chatkernel.ended_kernels import Ended
from chatkernel.errors import (
    Busy,
    EditOutOfRange,
    EmptyMessage,
    MessageTooLong,
    NotFound,
    SessionBusy,
    TurnRunning,
)
from chatkernel.events import Rewind, Status, TurnEnd, UserPrompt
from chatkernel.following import Following
from chatkernel.hibernation import Hibernation
from chatkernel.live import Live
from chatkernel.namespaces import Namespaces
from chatkernel.running_turn import Replaced, RunningTurn
from chatkernel.store.crud.text import storable
from chatkernel.turn_taking import TurnTaking
from chatkernel.workshop import Workshop
from kernels import Death, Kernel

_STARTS_AGAIN = "It starts again with your next message."
GONE_AND_STARTS_AGAIN = f"Its variables are gone. {_STARTS_AGAIN}"


@dataclass(eq=False)
class _Claim:
    """The chat that has the session's one turn, from before it begins, and the wish to stop it."""

    chat_id: str
    stopping: bool = False


class UserSession:
    """One user's live session. At most one turn runs in it, in the session's own task group."""

    def __init__(self, user_id: str, workshop: Workshop, *, grace_seconds: float) -> None:
        self.user_id = user_id
        self.live = Live(workshop.limits)
        self.following = Following()
        self.attention = Attention(grace_seconds)
        self._workshop = workshop
        self._log: ChatLog | None = None
        self._claimed: _Claim | None = None
        self._deleting: set[str] = set()
        self._attached: dict[str, list[str]] = {}
        self._namespaces = Namespaces.after(workshop.kernels.ended.hibernated_of(user_id))
        self._taking = TurnTaking(
            user_id, workshop, self._namespaces, self.live, self.following, self.save_turn
        )
        self.over = False
        self.gone = anyio.Event()
        self._tasks: TaskGroup

    async def serve(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Own the session's turns until it is abandoned; if cancelled, a running one is stored first."""
        async with anyio.create_task_group() as self._tasks:
            task_status.started()
            try:
                await self.attention.until_abandoned()
            finally:
                self.over = True
            self._tasks.cancel_scope.cancel()

    async def wind_down(self) -> None:
        """Stop the running turn because the server ends, and wait a moment for what it had done."""
        await self._taking.wind_down()

    @property
    def running_chat(self) -> str | None:
        """The chat in which a turn runs, or is about to."""
        return self._claimed.chat_id if self._claimed else None

    @property
    def stopping(self) -> bool:
        """The turn that runs was asked to stop."""
        return self._claimed is not None and self._claimed.stopping

    def log_of(self, chat_id: str) -> ChatLog | None:
        """The chat as it stands, if it is the open one."""
        return self._log if self._log is not None and self._log.id == chat_id else None

    def turn_of(self, chat_id: str) -> RunningTurn | None:
        """The chat's running turn, once it has begun."""
        turn = self._taking.turn
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
        claim = self._claim(chat_id)
        with self.attention.needed():
            try:
                # Who asks may leave at any moment; half begun, nobody could go on from it.
                with anyio.CancelScope(shield=True):
                    chat_log = await self.start_chat(chat_id)
                    turn = await self._begin(chat_log, text, edit_idx)
                    if claim.stopping:
                        self._stop(turn)
                    self._tasks.start_soon(self._take, turn)
            except BaseException:
                self._release()
                raise
        return turn

    def stop(self, chat_id: str) -> bool:
        """Stop the chat's running turn, or the one about to begin; False when there is none."""
        if self._claimed is None or self._claimed.chat_id != chat_id:
            return False
        self._claimed.stopping = True
        if (turn := self.turn_of(chat_id)) is not None:
            self._stop(turn)
        return True

    def _stop(self, turn: RunningTurn) -> None:
        turn.interaction.stop()
        self._taking.show(Status(turn=turn.idx, text="Stopping…"))

    async def force_restart(self, chat_id: str) -> bool:
        """Stop the chat's running turn and end its kernel at once; False when none runs."""
        stopped = self.stop(chat_id)
        if stopped and (kernel := self.kernel(chat_id)):
            if (turn := self.turn_of(chat_id)) is not None:
                self._taking.show(Status(turn=turn.idx, text="Ending Python…"))
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
        if self.running_chat == chat_id:
            raise TurnRunning("The chat is still answering. Stop it first, then delete it.")
        self._deleting.add(chat_id)
        try:
            with anyio.CancelScope(shield=True):
                await self._delete_chat(chat_id)
        finally:
            self._deleting.discard(chat_id)

    async def _delete_chat(self, chat_id: str) -> None:
        # First its row, without which no kernel starts and no file is placed; last its folder.
        deleted = await self._workshop.archive.delete_chat(self.user_id, chat_id)
        await self._workshop.kernels.end(chat_id)
        await self._workshop.archive.discard(deleted)
        self._attached.pop(chat_id, None)
        self._namespaces.forget(chat_id)
        if self._log is not None and self._log.id == chat_id:
            self._log = None

    def attach_file(self, chat_id: str, path: str) -> None:
        """Let a file that was put into a chat's workspace belong to its next message.

        Raises:
            NotFound: the chat is being deleted.
        """
        self._check_not_deleting(chat_id)
        self._attached.setdefault(chat_id, []).append(path)

    def kernel_ended(self, ended: Ended) -> None:
        """Tell the page of a kernel that died, or whose variables are gone because it hibernates."""
        chat_id, why = ended.owner.chat_id, ended.why
        lost = self._namespaces.ended(ended)
        match why:
            case Death() if (turn := self.turn_of(chat_id)) is not None:
                # A running cell also tells it itself.
                self._taking.show(Status(turn=turn.idx, text=why.said()))
            case Death():
                self.following.publish(chat_id, Status(text=why.said(_STARTS_AGAIN)))
            case Hibernation() if lost:
                self.following.publish(chat_id, Status(text=why.said(GONE_AND_STARTS_AGAIN)))

    def _check(self, text: str) -> None:
        if not text.strip():
            raise EmptyMessage("The message is empty. Write something first.")
        storable(text)
        limit = self._workshop.message_bytes
        if len(text.encode("utf-8", "replace")) > limit:
            raise MessageTooLong(
                f"The message is longer than {limit:,} bytes. Attach it as a file instead."
            )

    def _claim(self, chat_id: str) -> _Claim:
        if self.running_chat == chat_id:
            raise TurnRunning("The chat is still answering. Wait for it, or stop it first.")
        if self._claimed is not None:
            raise SessionBusy("Another chat of yours is answering. Stop it first, or wait for it.")
        self._check_not_deleting(chat_id)
        if self.over:
            raise Busy("Your session is being closed. Send the message again.")
        self._claimed = _Claim(chat_id)
        return self._claimed

    def _check_not_deleting(self, chat_id: str) -> None:
        if chat_id in self._deleting:
            raise NotFound("This chat is being deleted. Start a new one.")

    def _release(self) -> None:
        self._taking.turn = None
        self._claimed = None
        self.live.clear()

    async def _begin(self, chat_log: ChatLog, text: str, edit_idx: int | None) -> RunningTurn:
        turns = len(chat_log.turns)
        if edit_idx is not None and not 0 <= edit_idx < turns:
            raise EditOutOfRange(f"There is no message {edit_idx} to edit: the chat has {turns}.")
        idx = turns if edit_idx is None else edit_idx
        kept = chat_log.files_of(idx)
        replaced: Replaced | None = None
        if edit_idx is None:
            await self._workshop.archive.begin_turn(self.user_id, chat_log, idx, text)
        else:
            replaced = await self.delete_from_idx(chat_log, idx, text)
        # From here on the turn is written down: nothing may fail until it is shown and taken.
        turn = self._taking.make(chat_log, idx, text, replaced)
        files = (*kept, *self._attached.pop(chat_log.id, ()))
        if files:
            turn.interaction.remarks = (f"Attached to this message: {', '.join(files)}.",)
        if replaced is not None:
            self._taking.add(turn, Rewind(seq=chat_log.number(), turn=idx, from_turn=idx))
        seq, mode = chat_log.number(), turn.choice.mode
        self._taking.add(turn, UserPrompt(seq=seq, turn=idx, text=text, mode=mode, files=files))
        return turn

    async def delete_from_idx(self, chat_log: ChatLog, idx: int, text: str) -> Replaced:
        """Let turns >= ``idx`` go and one of ``text`` begin in their place, or nothing if it raises.

        What they leave, files, artifacts and the kernel they ran code in, goes when the new one is taken.
        """
        ran_code = any(turn.ran_code for turn in chat_log.turns[idx:])
        deleted = await self._workshop.archive.replace_turns(self.user_id, chat_log, idx, text)
        return Replaced(deleted, ran_code)

    async def _take(self, turn: RunningTurn) -> None:
        with self.attention.needed():
            try:
                await self._taking.take(turn)
            finally:
                self._release()
                turn.over.set()

    async def save_turn(self, turn: RunningTurn, end: TurnEnd, messages: list[object]) -> None:
        """Write the turn's file, then its row.

        Raises:
            StorageFailed: the disk or the database refused.
        """
        record = TurnRecord(turn.idx, turn.text, end.status, (*turn.blocks, end), messages)
        await self._workshop.archive.finish_turn(self.user_id, turn.log, record)
