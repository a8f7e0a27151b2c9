"""What there is around a kernel to be attacked from a cell; all of it of the tests' own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.kernels.sandbox.machine import Machine


@dataclass(frozen=True)
class Neighbour:
    """Another kernel that runs, of the same fork server. ``memory`` is a shared one it has made."""

    leader: int
    workspace: str
    sockets: str
    connection_file: str
    memory: str
    temporary: str


@dataclass(frozen=True)
class World:
    """Paths, processes and addresses outside of the attacker. ``data`` is laid out as a server's.

    ``address`` is one of the machine's own that isn't loopback, "" if it has none.
    """

    machine: Machine
    data: str
    program: str
    server: int
    fork_server: int
    leader: int
    sockets: str
    address: str
    neighbour: Neighbour

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> World:
        """What `dataclasses.asdict` made."""
        machine, neighbour = Machine(**data["machine"]), Neighbour(**data["neighbour"])
        return cls(**{**data, "machine": machine, "neighbour": neighbour})
