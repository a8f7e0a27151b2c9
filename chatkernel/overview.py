"""All kernels of this server, for who looks after it."""

from __future__ import annotations

import os
import time
from pathlib import Path

from anyio import to_thread

from chatkernel.ended_kernels import Ended
from chatkernel.kernel_view import KernelTotals, KernelView, first_line
from chatkernel.live_kernels import Held, LiveKernels
from chatkernel.owner import Owner
from kernels import Death, ForkServer, Watch, Watched, read_meminfo, read_pss


class Overview:
    """What the watch has found, under the names of users and chats."""

    def __init__(
        self, kernels: LiveKernels, watch: Watch, fork_server: ForkServer, disk: Path
    ) -> None:
        self._kernels = kernels
        self._watch = watch
        self._fork_server = fork_server
        self._disk = disk

    async def kernels(self) -> tuple[KernelView, ...]:
        """All that live, start or wait, those that hibernate, and those that died last, the newest
        first. Takes a second at most."""
        await self._watch.measure()
        now = time.monotonic()
        living = tuple(self._view(held, now) for held in self._kernels.held)
        waking, ended = {view.chat_id for view in living}, self._kernels.ended
        asleep = (each for each in ended.hibernated if each.owner.chat_id not in waking)
        return (*living, *(_view_of_ended(each, now) for each in (*asleep, *ended.dead)))

    async def totals(self) -> KernelTotals:
        """The sums, with the memory as it was last measured."""
        now = time.monotonic()
        views = [self._view(held, now) for held in self._kernels.held]
        fork_server = self._fork_server.pid
        memory = await to_thread.run_sync(read_meminfo)
        disk = await to_thread.run_sync(os.statvfs, self._disk)
        shared = await to_thread.run_sync(read_pss, fork_server) if fork_server else None
        return KernelTotals(
            alive=sum(view.state in {"idle", "busy"} for view in views),
            busy=sum(view.state == "busy" for view in views),
            waiting=sum(view.state == "waiting" for view in views),
            most=self._kernels.most,
            pss_bytes=sum(view.pss_bytes for view in views) + (shared.bytes if shared else 0),
            cpu_percent=sum(view.cpu_percent for view in views),
            fork_server_pid=fork_server,
            fork_server_pss_bytes=shared.bytes if shared else 0,
            tiers=tuple(sorted({view.tier for view in views if view.tier is not None})),
            memory_bytes=memory.get("MemTotal", 0),
            memory_free_bytes=memory.get("MemAvailable", 0),
            disk_free_bytes=disk.f_bavail * disk.f_frsize,
        )

    @property
    def changes(self) -> int:
        """How often something changed, to wait for the next time with `changed`."""
        return self._watch.news.count

    async def changed(self, since: int) -> int:
        """Wait until `changes` is more than ``since``; what it is then. A busy server's is some times a
        second: who shows it pauses between."""
        return await self._watch.news.after(since)

    def tell(self) -> None:
        """Let those that wait for a change look again."""
        self._watch.news.tell()

    def _view(self, held: Held, now: float) -> KernelView:
        if held.watched is not None:
            return _view_of_living(held.owner, held.watched, held.idle_since, now)
        before = self._kernels.places.before(held)
        return KernelView(
            chat_id=held.owner.chat_id,
            user_id=held.owner.user_id,
            state="starting" if before is None else "waiting",
            since_seconds=now - held.began,
            id=held.id,
            before=before,
        )


def _view_of_living(owner: Owner, watched: Watched, used: float, now: float) -> KernelView:
    activity = watched.kernel.activity
    busy = activity.code is not None
    return KernelView(
        chat_id=owner.chat_id,
        user_id=owner.user_id,
        state="busy" if busy else "idle",
        since_seconds=now - (activity.since if busy else used),
        id=watched.kernel.id,
        pid=watched.kernel.pid,
        tier=watched.launch.sandbox.tier,
        code=first_line(activity.code or ""),
        pss_bytes=watched.memory_bytes,
        memory_limit_bytes=watched.kernel.limits.memory_bytes,
        cpu_percent=100 * watched.cpu,
        cpu_seconds=watched.cpu_seconds,
        processes=watched.usage.processes,
        age_seconds=watched.kernel.age,
    )


def _view_of_ended(ended: Ended, now: float) -> KernelView:
    return KernelView(
        chat_id=ended.owner.chat_id,
        user_id=ended.owner.user_id,
        state="dead" if isinstance(ended.why, Death) else "hibernated",
        since_seconds=now - ended.at,
        id=ended.kernel_id,
        tier=ended.tier,
        cause=ended.why.cause,
        cpu_seconds=ended.cpu_seconds,
        age_seconds=ended.age_seconds,
    )
