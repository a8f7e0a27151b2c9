"""Plans as the server makes them, for the tests: by where they apply."""

from __future__ import annotations

from pathlib import Path

from kernels.inside.sandbox.interpreter import readable_paths
from kernels.inside.sandbox.plan import Identity, Ids, Landlock, Mount, Plan, Rlimits, Root

HOME = "/chat"
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/ptmx", "/dev/pts")
_FACTS = ("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/dev/urandom")
_RLIMITS = Rlimits(processes=64, open_files=256, file_bytes=64 << 20)


def full(workspace: Path, become: Ids | None) -> Plan:
    """With namespaces."""
    return Plan(
        namespaces=True,
        identity=Identity(become=become),
        root=Root(
            paths=readable_paths(network=False),
            mounts=(Mount(HOME, str(workspace), writable=True),),
            home=HOME,
            tmp_bytes=8 << 20,
            tmp_files=1000,
        ),
        landlock=Landlock(read=("/",), write=(HOME, "/tmp", "/dev/shm", *_DEVICES)),
        rlimits=_RLIMITS,
    )


def landlock(workspace: Path, become: Ids | None) -> Plan:
    """Without."""
    return Plan(
        namespaces=False,
        identity=Identity(become=become),
        root=None,
        landlock=Landlock(
            read=(*readable_paths(network=False), *_FACTS),
            write=(str(workspace), *_DEVICES),
            unlisted=("/dev/shm",),
            required=True,
        ),
        seccomp="unconnected",
        # An ordinary user's processes are counted all together: there is no number to give.
        rlimits=Rlimits(open_files=256, file_bytes=64 << 20),
    )
