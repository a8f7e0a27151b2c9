"""What a kernel's processes use of a processor while no cell runs, for how long."""

from __future__ import annotations

from dataclasses import dataclass

from kernels.limits import Limits

_PARTS = 10


@dataclass(slots=True)
class Unattended:
    """One kernel's. The time that its limits allow is measured in ten parts, and each must have been used
    above the share: a burst, such as threads that finish what a cell began, is one of them at most.
    """

    _at: float = 0.0
    _cpu_seconds: float = 0.0
    _used: int = 0

    def note(
        self, cpu_seconds: float, *, at: float, idle_since: float | None, limits: Limits
    ) -> None:
        """Take in what its processes have used since their start, seen ``at`` a moment later than the last
        one. ``idle_since`` is when its last cell ended, None while one runs."""
        if idle_since is None or self._at <= idle_since:
            self._used = 0
        elif at - self._at < limits.unattended_seconds / _PARTS:
            return
        elif cpu_seconds - self._cpu_seconds > limits.unattended_cpu * (at - self._at):
            self._used += 1
        else:
            self._used = 0
        self._at, self._cpu_seconds = at, cpu_seconds

    def exceeds(self, limits: Limits) -> bool:
        """Whether it has used more than ``unattended_cpu`` for ``unattended_seconds``."""
        return limits.unattended_cpu > 0 and self._used >= _PARTS
