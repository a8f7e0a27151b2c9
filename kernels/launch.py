"""How a kernel is started: its folders, command and environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from kernels.cgroups import NO_CGROUPS, Cgroups
from kernels.environment import allowed
from kernels.fork_server import ForkServer
from kernels.sandbox import Sandbox, Tier

MARK = "CHATKERNEL_KERNEL"
"""The variable that names a kernel to all its children, however far they run."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What one kernel is started with.

    ``runtime`` holds connection files and records of living kernels, ``sockets`` a private folder
    per kernel (its path must be short: a socket's is limited to 107 bytes), ``workspace`` is the
    kernel's working directory and home. Missing folders are made. It is forked off ``fork_server``
    into ``sandbox`` and a control group of ``cgroups``, where there are some; ``extra_env`` goes over
    the environment that `kernel_environment` builds.
    """

    runtime: Path
    sockets: Path
    workspace: Path
    fork_server: ForkServer
    sandbox: Sandbox = field(default_factory=Sandbox)
    cgroups: Cgroups = NO_CGROUPS
    extra_env: Mapping[str, str] = field(default_factory=dict)

    def in_tier(self, tier: Tier) -> Launch:
        """The same in another tier."""
        return replace(self, sandbox=replace(self.sandbox, tier=tier))


def kernel_environment(launch: Launch, inherited: Mapping[str, str]) -> dict[str, str]:
    """The environment of a kernel: what an allow-list takes of ``inherited``, and ours.

    No key, token or proxy of the server is in it.
    """
    passed = allowed(inherited)
    tools = str(Path(launch.fork_server.python).parent)
    return {
        **passed,
        "PATH": f"{tools}:{passed.get('PATH', '/usr/local/bin:/usr/bin:/bin')}",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PLOTLY_RENDERER": "plotly_mimetype",
        **launch.extra_env,
    }
