"""The sessions of this process, by user: opened, closed after a while alone, their kernels hibernated."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskGroup, TaskStatus

from chatkernel.ended_kernels import Ended
from chatkernel.hibernation import USER_LEFT
from chatkernel.session import UserSession
from chatkernel.workshop import Workshop

log = logging.getLogger(__name__)


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
            manager = cls(tasks, workshop, grace_seconds=grace_seconds)
            yield manager
            await manager._wind_down()
            tasks.cancel_scope.cancel()

    @property
    def count(self) -> int:
        """How many are open."""
        return sum(not session.over for session in self._sessions.values())

    def of(self, user_id: str) -> UserSession | None:
        """The user's session, if there is one."""
        session = self._sessions.get(user_id)
        return None if session is None or session.over else session

    async def open_for(self, user_id: str) -> UserSession:
        """The user's session, opened when there is none."""
        while True:
            async with self._opening:
                session = self._sessions.get(user_id)
                if session is None:
                    session = UserSession(user_id, self._workshop, grace_seconds=self._grace)
                    await self._tasks.start(self._own, session)
                if not session.over:
                    return session
            await session.gone.wait()

    def kernel_ended(self, ended: Ended) -> None:
        """Pass the news of a kernel's end to its owner's session, unless that is over itself."""
        if session := self.of(ended.owner.user_id):
            session.kernel_ended(ended)

    async def _wind_down(self) -> None:
        async with anyio.create_task_group() as winding:
            for session in self._sessions.values():
                winding.start_soon(session.wind_down)

    async def _own(
        self, session: UserSession, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        self._sessions[session.user_id] = session
        try:
            await session.serve(task_status=task_status)
        except Exception:  # one user's fault must not end the others' sessions
            log.exception("session of user %s", session.user_id)
        finally:
            with anyio.CancelScope(shield=True):
                await self._workshop.kernels.hibernate_all_of(session.user_id, USER_LEFT)
            del self._sessions[session.user_id]
            session.gone.set()
