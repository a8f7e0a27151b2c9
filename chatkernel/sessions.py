"""The sessions of this process, by user: opened, closed after a while alone, their kernels hibernated."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskGroup, TaskStatus

from chatkernel.live_kernels import Owner
from chatkernel.session import UserSession, Workshop
from kernels import Death


class SessionManager:
    """At most one session per user, each owned by one task."""

    def __init__(self, tasks: TaskGroup, workshop: Workshop, *, grace_seconds: float) -> None:
        self._tasks = tasks
        self._workshop = workshop
        self._grace = grace_seconds
        self._sessions: dict[str, UserSession] = {}
        self._opening = anyio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(
        cls, workshop: Workshop, *, grace_seconds: float
    ) -> AsyncIterator[SessionManager]:
        """Sessions that all end with this context, their running turns stored as stopped."""
        async with anyio.create_task_group() as tasks:
            yield cls(tasks, workshop, grace_seconds=grace_seconds)
            tasks.cancel_scope.cancel()

    def of(self, user_id: str) -> UserSession | None:
        """The user's session, if there is one."""
        session = self._sessions.get(user_id)
        return None if session is None or session.over else session

    async def open_for(self, user_id: str) -> UserSession:
        """The user's session, opened when there is none."""
        async with self._opening:
            session = self._sessions.get(user_id)
            if session is not None and not session.over:
                return session
            if session is not None:
                await session.gone.wait()
            session = UserSession(user_id, self._workshop, grace_seconds=self._grace)
            await self._tasks.start(self._own, session)
            return session

    def kernel_died(self, owner: Owner, death: Death) -> None:
        """Pass the news of a kernel's death to its owner's session."""
        if session := self._sessions.get(owner.user_id):
            session.kernel_died(owner.chat_id, death)

    async def _own(
        self, session: UserSession, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        self._sessions[session.user_id] = session
        try:
            await session.serve(task_status=task_status)
        finally:
            with anyio.CancelScope(shield=True):
                await self._workshop.kernels.end_all_of(session.user_id)
            del self._sessions[session.user_id]
            session.gone.set()
