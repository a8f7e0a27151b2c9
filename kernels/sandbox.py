"""How a kernel is kept to itself: what the machine offers, made a plan for one kernel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from kernels.inside.sandbox.interpreter import NETWORK
from kernels.inside.sandbox.plan import Identity, Ids, Landlock, Mount, Network, Plan, Rlimits, Root
from kernels.limits import Limits

HOME = Path("/chat")
"""Where a kernel sees its workspace, when it has a file system of its own."""

_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/ptmx", "/dev/pts")
_FACTS = (
    "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/dev/random", "/dev/urandom",
    "/sys/devices/system/cpu",
)  # fmt: skip
_UNLISTED = ("/dev/shm",)
_SPARE_ADDRESS_SPACE = 4 << 30


class Tier(StrEnum):
    """How much a kernel is kept from.

    ``full``: its own users, files, processes and network. ``landlock``: the machine's processes and
    devices are there, but Landlock and seccomp let it touch nothing but its own. ``none``: whatever
    the server's user may do.
    """

    FULL = "full"
    LANDLOCK = "landlock"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """``ids`` is whom the kernels of a server that is root become, None if it isn't. ``hidden`` are
    the server's own folders, which no kernel sees: not in tier full wherever they lie, nor in tier
    landlock where none is `exposed`. ``user_processes`` are all that the server's user may have
    (`most_processes`), for kernels that have no user of their own."""

    tier: Tier = Tier.FULL
    network: Network = "none"
    ids: Ids | None = None
    hidden: tuple[Path, ...] = ()
    user_processes: int | None = None

    def home(self, workspace: Path) -> Path:
        """The workspace as the kernel sees it."""
        return HOME if self.tier is Tier.FULL else workspace

    def environment(self, workspace: Path, sockets: Path) -> Mapping[str, str]:
        """What its environment has to say of where it is."""
        home = str(self.home(workspace))
        if self.tier is Tier.FULL:
            return {"HOME": home, "PWD": home, "TMPDIR": "/tmp"}
        here = {"HOME": home, "PWD": home, "TMPDIR": str(sockets)}
        if self.tier is Tier.NONE:
            return here
        # Its processes end when they can't measure themselves, as Landlock's rules are by file. So it
        # works one after the other.
        return {**here, "JOBLIB_MULTIPROCESSING": "0"}

    def exposed(self, interpreter: Iterable[str]) -> tuple[Path, Path] | None:
        """A hidden folder that kernels can read all the same, and what they can read that it lies in.

        Landlock's rules only add: what is below a folder that may be read may be, too.
        """
        if self.tier is not Tier.LANDLOCK:
            return None
        readable = [Path(path) for path in (*interpreter, *_FACTS, *_UNLISTED)]
        lies_in = (
            (folder, path)
            for folder in self.hidden
            for path in readable
            if folder.resolve().is_relative_to(path.resolve())
        )
        return next(lies_in, None)

    def plan(
        self, workspace: Path, sockets: Path, limits: Limits, *, interpreter: Iterable[str]
    ) -> Plan:
        """The plan for a kernel that works in ``workspace`` and binds its sockets in ``sockets``.

        ``interpreter`` are the paths that its Python needs (`Warmed.paths`).
        """
        paths = (*interpreter, *(NETWORK if self.network == "open" else ()))
        own = (str(self.home(workspace)), str(sockets))
        has_user = self.tier is Tier.FULL or self.ids is not None
        rlimits = _rlimits(limits, limits.processes if has_user else self.user_processes)
        identity = Identity(become=self.ids)
        match self.tier:
            case Tier.FULL:
                return Plan(
                    namespaces=True,
                    identity=identity,
                    root=Root(
                        paths=paths,
                        mounts=(
                            Mount(own[0], str(workspace), writable=True),
                            Mount(own[1], str(sockets), writable=True),
                        ),
                        home=own[0],
                        hidden=tuple(str(folder) for folder in self.hidden),
                        tmp_bytes=limits.tmp_bytes,
                    ),
                    network=self.network,
                    landlock=Landlock(read=("/",), write=(*own, "/tmp", "/dev/shm", *_DEVICES)),
                    rlimits=rlimits,
                )
            case Tier.LANDLOCK:
                return Plan(
                    namespaces=False,
                    identity=identity,
                    root=None,
                    network=self.network,
                    landlock=Landlock(
                        read=(*paths, *_FACTS),
                        write=(*own, *_DEVICES),
                        unlisted=_UNLISTED,
                        required=True,
                    ),
                    seccomp="unconnected",
                    rlimits=rlimits,
                )
            case Tier.NONE:
                return Plan(
                    namespaces=False,
                    identity=identity,
                    root=None,
                    network="open",
                    seccomp="none",
                    rlimits=rlimits,
                )


def _rlimits(limits: Limits, processes: int | None) -> Rlimits:
    """Backstops. The address space says little of memory: a job of pyarrow's maps 1.7 GiB. ``processes``
    are counted by user."""
    return Rlimits(
        address_space=2 * limits.memory_bytes + _SPARE_ADDRESS_SPACE,
        processes=processes,
        open_files=limits.open_files,
        file_bytes=limits.file_bytes,
    )
