"""How tests start kernels: as a server does, as root or not."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from kernels import ForkServer, Launch, Sandbox
from kernels.inside.sandbox.plan import Ids


def a_user() -> int:
    """Ours alone: processes are counted by user, and other tests may run on this machine."""
    return 1_400_000_000 + secrets.randbelow(1 << 28)


_UID = a_user()
SOMEBODY = Ids(_UID, _UID)


def sandbox() -> Sandbox:
    """The default one, for a user of their own when this is root."""
    return Sandbox(ids=SOMEBODY if os.getuid() == 0 else None)


def a_launch(base: Path, fork_server: ForkServer) -> Launch:
    """Everything below ``base``, whose path has to be short enough for sockets."""
    return Launch(base / "runtime", base / "s", base / "workspace", fork_server, sandbox())
