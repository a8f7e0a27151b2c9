"""In which control groups this process is, as folders (cgroups(7), proc_pid_mountinfo(5))."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

UNIFIED = ""
"""The name that version 2 has among the controllers of version 1."""

_SELF = Path("/proc/self")


def own_folders() -> Mapping[str, Path]:
    """By controller, `UNIFIED` for version 2. Those that aren't mounted are missing, all of them where
    the system has none. Blocks."""
    try:
        return parse((_SELF / "cgroup").read_text(), (_SELF / "mountinfo").read_text())
    except FileNotFoundError:
        return {}


def parse(cgroup: str, mountinfo: str) -> Mapping[str, Path]:
    """The same from the texts of ``/proc/PID/cgroup`` and ``/proc/PID/mountinfo``."""
    places = dict(_places(cgroup))
    found: dict[str, Path] = {}
    for controller, shown, at in _mounts(mountinfo):
        place = places.get(controller)
        if controller not in found and place is not None and _is_below(place, shown):
            found[controller] = Path(at + place.removeprefix(shown.rstrip("/"))).absolute()
    return found


def _places(cgroup: str) -> Iterator[tuple[str, str]]:
    for line in cgroup.splitlines():
        _, controllers, place = line.split(":", 2)
        for controller in controllers.split(","):
            yield controller, place


def _mounts(mountinfo: str) -> Iterator[tuple[str, str, str]]:
    """The controller, which part of its hierarchy is shown, and where."""
    for line in mountinfo.splitlines():
        mount, _, source = line.partition(" - ")
        _, _, _, shown, at, *_ = mount.split()
        kind, _, options = source.split(maxsplit=2)
        if kind == "cgroup2":
            yield UNIFIED, shown, at
        elif kind == "cgroup":
            for option in options.split(","):
                yield option, shown, at


def _is_below(place: str, shown: str) -> bool:
    return f"{place.rstrip('/')}/".startswith(f"{shown.rstrip('/')}/")
