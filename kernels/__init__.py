"""A kernel's life: launch, execute, outputs, limits, end. Knows nothing of chats or HTTP."""

from kernels.answers import Bundle, Completeness, Completions, Variable
from kernels.cgroups import NO_CGROUPS, Cgroup, Cgroups
from kernels.descriptors import Room, raise_limit
from kernels.errors import (
    BundleFailed,
    BundleTooLarge,
    CellTimedOut,
    KernelDied,
    KernelError,
    KernelStartFailed,
    MachineUnfit,
    NoSuchVariable,
    RequestTimedOut,
)
from kernels.excerpt import excerpt
from kernels.exits import Death, classify
from kernels.fork_server import PRELOAD, ForkServer, ForkServerFailed, Warmed
from kernels.kernel import Kernel
from kernels.ladder import Ladder, Rung
from kernels.launch import Launch, kernel_environment
from kernels.leftovers import record, sweep
from kernels.limits import Limits
from kernels.machine_usage import read_meminfo
from kernels.news import News
from kernels.outputs import (
    FRAME_MIME,
    ClearOutput,
    DisplayData,
    ErrorOutput,
    ExecuteResult,
    Output,
    Shown,
    Stream,
    UpdateDisplay,
    from_message,
    from_nbformat,
    to_nbformat,
)
from kernels.process import new_kernel_id
from kernels.sandbox import Sandbox, Tier
from kernels.system import need_linux
from kernels.tiers import FoundTier, find_tier
from kernels.transcript import Transcript
from kernels.usage import read_pss
from kernels.watch import Rhythm, Watch
from kernels.watched import Watched
from kernels.wire import JSON, Message

__all__ = [
    "FRAME_MIME",
    "JSON",
    "NO_CGROUPS",
    "PRELOAD",
    "Bundle",
    "BundleFailed",
    "BundleTooLarge",
    "CellTimedOut",
    "Cgroup",
    "Cgroups",
    "ClearOutput",
    "Completeness",
    "Completions",
    "Death",
    "DisplayData",
    "ErrorOutput",
    "ExecuteResult",
    "ForkServer",
    "ForkServerFailed",
    "FoundTier",
    "Kernel",
    "KernelDied",
    "KernelError",
    "KernelStartFailed",
    "Ladder",
    "Launch",
    "Limits",
    "MachineUnfit",
    "Message",
    "News",
    "NoSuchVariable",
    "Output",
    "RequestTimedOut",
    "Rhythm",
    "Room",
    "Rung",
    "Sandbox",
    "Shown",
    "Stream",
    "Tier",
    "Transcript",
    "UpdateDisplay",
    "Variable",
    "Warmed",
    "Watch",
    "Watched",
    "classify",
    "excerpt",
    "find_tier",
    "from_message",
    "from_nbformat",
    "kernel_environment",
    "need_linux",
    "new_kernel_id",
    "raise_limit",
    "read_meminfo",
    "read_pss",
    "record",
    "sweep",
    "to_nbformat",
]
