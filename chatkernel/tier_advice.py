"""What would raise the tier that a machine offers."""

from __future__ import annotations

from chatkernel.machine import Machine
from kernels import FoundTier, Tier

_NAMESPACES = (
    "For the full tier the server has to be able to make namespaces (unshare --user --mount --pid "
    "--net); what refused it is said above."
)
_LANDLOCK = (
    "For the landlock tier: Linux 5.13 or newer with Landlock, a container's seccomp profile that "
    "allows it, and folders (Python's, TMPDIR, the data folder) that the kernels' user can pass."
)


def tier_advice(found: FoundTier, machine: Machine) -> tuple[str, ...]:
    """Sentences that each name one thing to do; none when there is no better tier."""
    sentences: list[str] = []
    if Tier.FULL in found.refused:
        sentences += _for_namespaces(machine)
    if Tier.LANDLOCK in found.refused:
        sentences += _for_landlock(machine)
    return tuple(sentences)


def _for_namespaces(machine: Machine) -> list[str]:
    sentences = []
    if machine.in_container:
        sentences.append(
            "In a container: start it with --security-opt seccomp=unconfined --security-opt "
            "apparmor=unconfined (better: a seccomp profile that allows unshare, mount and "
            "pivot_root) and, if /proc is the reason, --security-opt systempaths=unconfined."
        )
    if machine.apparmor_restricts:
        sentences.append(
            'AppArmor restricts user namespaces: give the server\'s Python a profile with "userns," '
            "(/etc/apparmor.d), or run sysctl kernel.apparmor_restrict_unprivileged_userns=0."
        )
    if machine.namespaces_of_users == 0:
        sentences.append(
            "User namespaces are switched off: run sysctl kernel.unprivileged_userns_clone=1."
        )
    if machine.most_namespaces == 0:
        sentences.append(
            "There may be no user namespaces: run sysctl user.max_user_namespaces=10000."
        )
    return sentences or [_NAMESPACES]


def _for_landlock(machine: Machine) -> list[str]:
    if machine.security_modules is not None and "landlock" not in machine.security_modules.split(
        ","
    ):
        return [
            "Landlock is switched off: add it to the kernel's lsm= option (Linux 5.13 or newer)."
        ]
    return [_LANDLOCK]
