"""What admins do with everybody's kernels: see them under names, interrupt, hibernate and kill them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from chatkernel.archive import title_of
from chatkernel.errors import Busy, ChatkernelError, NotFound
from chatkernel.hibernation import BY_ADMIN
from chatkernel.kernel_view import KernelAction, KernelView
from chatkernel.live_kernels import Held, LiveKernels
from chatkernel.overview import Overview
from chatkernel.store import crud
from chatkernel.store.database import Database
from chatkernel.store.rows import Audit
from kernels import Death, Kernel

log = logging.getLogger(__name__)

ENDED_BY_ADMIN = Death(-9, "ended by an admin", "An admin of this server ended Python.")
START_ENDED_BY_ADMIN = "an admin of this server ended its start."


@dataclass(frozen=True, slots=True)
class NamedKernel:
    """A kernel, its user's name and its chat's title."""

    view: KernelView
    user: str
    chat: str


class KernelAdmin:
    """Every action is written down, with who asked, whose kernel it was and what came of it."""

    def __init__(self, database: Database, kernels: LiveKernels, overview: Overview) -> None:
        self._database = database
        self._kernels = kernels
        self._overview = overview

    async def kernels(self) -> tuple[NamedKernel, ...]:
        """All kernels as `Overview.kernels` has them, under names."""
        views = await self._overview.kernels()
        async with self._database.reading() as session:
            names = await crud.naming.of_chats(session, {view.chat_id for view in views})
        return tuple(_named(view, names.get(view.chat_id)) for view in views)

    async def audit(self, *, limit: int) -> Sequence[Audit]:
        """The last actions, the newest first."""
        async with self._database.reading() as session:
            return await crud.audit.latest(session, limit=limit)

    async def act(self, who: str, action: KernelAction, kernel_id: str) -> str:
        """Do it; the sentence says what came of it.

        Raises:
            NotFound: no kernel has this id that lives, starts or waits to start.
            Busy: it works, and only an idle one hibernates; or it isn't ready, and can only be killed.
        """
        held = self._kernels.find(kernel_id)
        row = Audit(who=who, action=action, kernel_id=kernel_id, done=False, result="It broke off.")
        try:
            row.result = await self._act(action, held)
            row.done = True
        except ChatkernelError as error:
            row.result = error.message
            raise
        finally:
            await self._write_down(row, held)
        return row.result

    async def _act(self, action: KernelAction, held: Held | None) -> str:
        if held is None:
            raise NotFound("No kernel with this id lives: it is gone already, or never was.")
        if held.kernel is None:
            return await self._act_on_start(action, held)
        match action:
            case "interrupt":
                return await _interrupt(held.kernel)
            case "hibernate":
                return await self._hibernate(held)
            case "kill":
                await held.kernel.kill(ENDED_BY_ADMIN)
                return "It was killed. A new one starts with the chat's next message."
            case _:
                assert_never(action)

    async def _act_on_start(self, action: KernelAction, held: Held) -> str:
        match action:
            case "interrupt" | "hibernate":
                raise Busy("This kernel isn't ready yet. Kill it to end its start.")
            case "kill":
                await self._kernels.give_up(held, START_ENDED_BY_ADMIN)
                return "Its start was ended. The chat's next message starts another."
            case _:
                assert_never(action)

    async def _hibernate(self, held: Held) -> str:
        if not await self._kernels.hibernate(held, BY_ADMIN):
            raise Busy("This kernel is busy, so it can't hibernate. Interrupt or kill it.")
        return "It was ended. A new one starts with the chat's next message."

    async def _write_down(self, row: Audit, held: Held | None) -> None:
        async with self._database.session() as session:
            if held is not None:
                names = await crud.naming.of_chats(session, {held.owner.chat_id})
                name = names.get(held.owner.chat_id)
                row.chat_id, row.user_id = held.owner.chat_id, held.owner.user_id
                row.user_name = name.user if name else None
            await crud.audit.add(session, row)
        log.info("%s: %s kernel %s: %s", row.who, row.action, row.kernel_id, row.result)
        self._overview.tell()


async def _interrupt(kernel: Kernel) -> str:
    if not kernel.busy:
        return "Nothing ran in it."
    await kernel.interrupt()
    return "Its cell was interrupted."


def _named(view: KernelView, name: crud.naming.ChatName | None) -> NamedKernel:
    if name is None:
        return NamedKernel(view, "", "a deleted chat")
    return NamedKernel(view, name.user, title_of(name.title, name.last_user_text) or "New chat")
