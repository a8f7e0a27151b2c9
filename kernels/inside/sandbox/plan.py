"""What a kernel's sandbox is to be: the server decides, the kernel's process applies it.

Pure data, sent as JSON. Paths are absolute, sizes are bytes. "Inside" is what the kernel sees,
"outside" what the machine does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

Network = Literal["none", "open"]
SystemCalls = Literal["isolated", "unconnected", "none"]


@dataclass(frozen=True, slots=True)
class Ids:
    """A user and their group; never root's."""

    uid: int
    gid: int

    def __post_init__(self) -> None:
        if self.uid <= 0 or self.gid <= 0:
            raise ValueError(f"a kernel never runs as root ({self.uid}:{self.gid})")


NOBODY = Ids(65534, 65534)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the kernel is.

    ``become`` is whom a server that is root turns it into; None: it stays who the server is.
    ``shown`` is who it is inside, by a user namespace; None: no user namespace (only with
    ``become``, for machines on which root may make the others and an ordinary user none at all).
    """

    become: Ids | None = None
    shown: Ids | None = Ids(1000, 1000)


@dataclass(frozen=True, slots=True)
class Separation:
    """What the fork server has to know of a plan; siblings can find it in its memory.

    ``shown`` is there if an ordinary user's child starts in a user namespace, ``become`` if a server
    that is root turns it into somebody else.
    """

    namespaces: bool
    network: Network = "none"
    shown: Ids | None = None
    become: Ids | None = None

    def to_json(self) -> dict[str, Any]:
        """What `from_json` takes."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Separation:
        """Raises KeyError or TypeError for what isn't one."""
        return cls(
            bool(data["namespaces"]), data["network"], _ids(data["shown"]), _ids(data["become"])
        )


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder or file of the machine's, ``outside``, that the kernel sees as ``inside``."""

    inside: str
    outside: str
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Root:
    """The file system that the kernel sees.

    ``paths`` are there read-only, where they are outside, together with the links that lead to
    them; one that doesn't exist is left out. ``hidden`` are folders below them that are shown empty,
    by whatever link they are named. ``mounts`` have to exist outside; one that lies in another has to
    exist in it as well.
    ``home`` is the user's in /etc/passwd, and where the kernel starts.
    ``tmp_bytes`` and ``tmp_files`` bound /tmp and, once more, /dev/shm.
    """

    paths: tuple[str, ...]
    mounts: tuple[Mount, ...]
    home: str
    hidden: tuple[str, ...] = ()
    tmp_bytes: int = 256 << 20
    tmp_files: int = 20_000


@dataclass(frozen=True, slots=True)
class Landlock:
    """Paths, as the kernel sees them, and what is below; one it couldn't reach anyway is left out.

    ``read`` may be read, listed and executed; ``write`` may be changed too; ``unlisted`` (a folder
    shared with others, such as /dev/shm) may have files made, used and removed, but not be listed.
    ``required``: the kernel does not start where Landlock isn't available.
    """

    read: tuple[str, ...]
    write: tuple[str, ...]
    unlisted: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True, slots=True)
class Rlimits:
    """Limits of each process (setrlimit(2)); None leaves the server's.

    ``processes`` counts threads, of all processes of the same user in the same user namespace:
    without namespaces that is everything the user runs.
    """

    address_space: int | None = None
    processes: int | None = None
    open_files: int | None = None
    file_bytes: int | None = None
    locked_bytes: int | None = 64 << 10
    queue_bytes: int | None = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """All of it. ``root`` is there exactly when ``namespaces`` is.

    ``seccomp``: "isolated" is the allow-list, for a kernel in a network namespace of its own (or
    whose network is open); "unconnected" is the same and, once sealed, no new sockets, for one
    that would otherwise reach the sockets of the machine.
    """

    namespaces: bool
    identity: Identity
    root: Root | None
    network: Network = "none"
    landlock: Landlock | None = None
    seccomp: SystemCalls = "isolated"
    rlimits: Rlimits = field(default_factory=Rlimits)
    hostname: str = "kernel"

    def __post_init__(self) -> None:
        if self.network not in get_args(Network) or self.seccomp not in get_args(SystemCalls):
            raise ValueError(f"unknown network or seccomp: {self.network}, {self.seccomp}")
        if self.namespaces != (self.root is not None):
            raise ValueError("a root is there with namespaces and only with them")
        if self.namespaces and not (self.identity.become or self.identity.shown):
            raise ValueError("an ordinary user has namespaces only through one of users")

    @property
    def separation(self) -> Separation:
        become = self.identity.become
        shown = self.identity.shown if self.namespaces and become is None else None
        return Separation(self.namespaces, self.network, shown, become)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` takes."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Plan:
        """Raises ValueError, KeyError or TypeError for what isn't a plan."""
        root, landlock = data["root"], data["landlock"]
        return cls(
            namespaces=bool(data["namespaces"]),
            identity=Identity(
                become=_ids(data["identity"]["become"]), shown=_ids(data["identity"]["shown"])
            ),
            root=None if root is None else _root(root),
            network=data["network"],
            landlock=None if landlock is None else _landlock(landlock),
            seccomp=data["seccomp"],
            rlimits=Rlimits(**data["rlimits"]),
            hostname=str(data["hostname"]),
        )


def _ids(data: Mapping[str, Any] | None) -> Ids | None:
    return None if data is None else Ids(**data)


def _root(data: Mapping[str, Any]) -> Root:
    return Root(
        paths=tuple(data["paths"]),
        mounts=tuple(Mount(**mount) for mount in data["mounts"]),
        home=str(data["home"]),
        hidden=tuple(data["hidden"]),
        tmp_bytes=int(data["tmp_bytes"]),
        tmp_files=int(data["tmp_files"]),
    )


def _landlock(data: Mapping[str, Any]) -> Landlock:
    return Landlock(
        read=tuple(data["read"]),
        write=tuple(data["write"]),
        unlisted=tuple(data["unlisted"]),
        required=bool(data["required"]),
    )
