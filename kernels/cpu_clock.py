"""The CPU time of processes that come and go, told by looks at them."""

from __future__ import annotations

from collections.abc import Mapping

from kernels.usage import ProcessUsage


class CpuClock:
    """``seconds`` since the first look. What is lost are processes that began and ended between two looks
    and that nobody has waited for, and the last moments of others; a control group misses none."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._last: Mapping[int, ProcessUsage] = {}

    def note(self, each: Mapping[int, ProcessUsage]) -> None:
        """Take in the next look."""
        last, self._last = self._last, each
        gone = sum(_all_of(last[pid]) for pid in last.keys() - each.keys())
        waited = 0.0
        for pid, now in each.items():
            before = last.get(pid)
            if before is None or before.cpu_seconds > now.cpu_seconds:  # another of its number
                self.seconds += _all_of(now)
            else:
                self.seconds += now.cpu_seconds - before.cpu_seconds
                waited += now.waited_seconds - before.waited_seconds
        self.seconds += max(0.0, waited - gone)  # of which the rest was seen while they lived


def _all_of(process: ProcessUsage) -> float:
    return process.cpu_seconds + process.waited_seconds
