"""Which tier of isolation this machine offers, found by starting kernels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from anyio import to_thread

from kernels.errors import KernelError, MachineUnfit
from kernels.fork_server import ForkServerFailed
from kernels.kernel import Kernel
from kernels.launch import Launch
from kernels.outputs import Stream
from kernels.passage import closed_way
from kernels.sandbox import Tier

_PROBE = """\
import pathlib, subprocess
pathlib.Path("probe").write_text("written")
print(subprocess.run(["cat", "probe"], capture_output=True, text=True).stdout)
"""

_ELSEWHERE = (
    "install it where everybody can pass, as in /opt, or name another Python with "
    "CHATKERNEL_KERNEL_PYTHON"
)


@dataclass(frozen=True)
class FoundTier:
    """The best tier in which a kernel works here, and why the better ones were refused."""

    tier: Tier
    refused: Mapping[Tier, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def said(self) -> str:
        """Why the better tiers were refused, in words."""
        return " ".join(f"Tier {tier}: {why}" for tier, why in self.refused.items())


async def find_tier(launch: Launch, *, data: Path | None = None) -> FoundTier:
    """Try the tiers with real kernels, the best first; each writes into ``launch.workspace``.

    ``data`` is the folder below which later ones will work. Settings of the system say little: AppArmor
    lets namespaces be made and refuses what follows, Docker hides what a new /proc needs.

    Raises:
        KernelStartFailed: no kernel starts at all.
        MachineUnfit: nor would one, as root's kernels can't get to what they need; or they could
            read what is hidden from them.
    """
    refused: dict[Tier, str] = {}
    for tier in (Tier.FULL, Tier.LANDLOCK):
        try:
            await _try(launch.in_tier(tier), data)
        except ForkServerFailed:
            raise
        except KernelError as error:
            refused[tier] = str(error)
        else:
            await _refuse_exposed(launch.in_tier(tier))
            return FoundTier(tier, refused)
    await _try(launch.in_tier(Tier.NONE), data)
    return FoundTier(Tier.NONE, refused)


async def _refuse_exposed(launch: Launch) -> None:
    interpreter = (await launch.fork_server.warmed()).paths
    exposed = await to_thread.run_sync(launch.sandbox.exposed, interpreter)
    if exposed is not None:
        hidden, readable = exposed
        raise MachineUnfit(
            f"{hidden} lies in {readable}, which kernels can read here (tier {launch.sandbox.tier}). "
            "Choose another data folder with --data or CHATKERNEL_DATA."
        )


async def _try(launch: Launch, data: Path | None) -> None:
    if launch.sandbox.ids is not None and launch.sandbox.tier is not Tier.FULL:
        interpreter = (await launch.fork_server.warmed()).paths
        await to_thread.run_sync(_refuse_closed_ways, launch.sockets, data, interpreter)
    printed = ""
    async with Kernel.open(launch) as kernel:
        async for output in kernel.execute(_PROBE):
            printed += output.text if isinstance(output, Stream) else str(output)
    if printed.strip() != "written":
        raise KernelDidNotWork(printed)


def _refuse_closed_ways(sockets: Path, data: Path | None, interpreter: Sequence[str]) -> None:
    """Without a root of its own a kernel of another user gets only where everybody can."""
    needed = [
        *((Path(path), _ELSEWHERE) for path in interpreter),
        (sockets, "set TMPDIR to a folder that can"),
        *([(data, "choose another with --data or CHATKERNEL_DATA")] if data is not None else []),
    ]
    for path, advice in needed:
        if (closed := closed_way(path)) is not None:
            raise MachineUnfit(
                f"{closed} can't be passed by the kernels' user, who needs {path}: {advice}."
            )


class KernelDidNotWork(KernelError):
    """It started, and could not do the least that cells do."""

    def __init__(self, printed: str) -> None:
        super().__init__(f"Python started and could not work: {printed[-300:]}")
