"""What the machine says of itself that explains how kernels can be isolated here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_SYSCTL = Path("/proc/sys")
_CONTAINERS = (Path("/.dockerenv"), Path("/run/.containerenv"))
_MODULES = Path("/sys/kernel/security/lsm")


@dataclass(frozen=True)
class Machine:
    """What a machine says of itself; None where it says nothing. It explains a tier that was found,
    and is never what a tier is found by."""

    in_container: bool = False
    apparmor_restricts: int | None = None
    namespaces_of_users: int | None = None
    most_namespaces: int | None = None
    security_modules: str | None = None

    @classmethod
    def look(cls) -> Machine:
        """This machine."""
        return cls(
            in_container=any(path.exists() for path in _CONTAINERS),
            apparmor_restricts=_number("kernel/apparmor_restrict_unprivileged_userns"),
            namespaces_of_users=_number("kernel/unprivileged_userns_clone"),
            most_namespaces=_number("user/max_user_namespaces"),
            security_modules=_text(_MODULES),
        )


def _number(name: str) -> int | None:
    text = _text(_SYSCTL / name)
    return int(text) if text is not None and text.isdecimal() else None


def _text(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None
