"""The order of the layers.

    prepare()         once, before any fork: what is the same for all
    clone(separation) a child in new namespaces, pid 1 in them; it forks the kernel
    step_down(…)      another user, no privileges: in pid 1
    enter(plan, …)    a new root, another user, no privileges: in the kernel, the root also for pid 1
    confine(plan)     limits, Landlock, the allow-list of system calls
    seal(plan)        no new sockets, in every thread; once the kernel's own are bound

Without namespaces `clone` makes an ordinary child. Each raises `LayerFailed` with half of it done, after
which the process has to end. PR_SET_PDEATHSIG is set between `enter`, whose change of user clears
it, and `confine`, which refuses it.
"""

from __future__ import annotations

from dataclasses import replace

from . import descriptors, landlock, namespaces, privileges, rlimits, root, seccomp
from .allowances import allowances
from .failure import LayerFailed, layer
from .plan import Plan, Root, Separation


def prepare(*roots: tuple[str, ...]) -> None:
    """Make ready what every sandbox needs, so that children share it: roots that show these paths,
    too. Changes nothing."""
    with layer("seccomp"):
        seccomp.prepare()
    for paths in roots:
        root.prepare(paths)


def clone(separation: Separation) -> int:
    """As `os.fork`, but the child leaves the namespaces of the machine, and Python isn't told of it."""
    with layer("namespaces"):
        return namespaces.clone(separation)


def step_down(separation: Separation) -> None:
    """Be the kernel's user with no privileges to lose. What is seen changes when the kernel enters
    its root, as both are in one mount namespace (pivot_root(2))."""
    with layer("identity"):
        if separation.become is not None:
            namespaces.become(separation.become)
    with layer("privileges"):
        privileges.drop()


def enter(plan: Plan, outside: tuple[int, int]) -> None:
    """See nothing but the plan's root, be its user, and have no privileges to lose.

    Called in or below a child of `clone`, whose user and group were ``outside`` before it, with no
    folder open (one would lead out of the new root).
    """
    if plan.separation.shown is not None:
        with layer("namespaces"):
            namespaces.arrive(plan.separation.shown, outside)
    if plan.root is None:
        with layer("identity"):
            namespaces.become(plan.identity.become)
    else:
        _enter_root(plan, plan.root)
    with layer("privileges"):
        privileges.drop()


def confine(plan: Plan) -> int:
    """Give up what only the kernel has to; the Landlock ABI that is in force, 0 for none."""
    with layer("rlimits"):
        rlimits.apply(plan.rlimits)
    with layer("landlock"):
        abi = _restrict(plan)
    if plan.seccomp != "none":
        with layer("seccomp"):
            seccomp.allow_known()
    return abi


def seal(plan: Plan) -> None:
    """Nothing, where the sandbox has a network namespace of its own."""
    if plan.seccomp == "unconnected":
        with layer("seccomp"):
            seccomp.refuse_sockets(network=plan.network)


def _enter_root(plan: Plan, new: Root) -> None:
    with layer("descriptors"):
        descriptors.refuse_folders()
    # After pivot_root the only /proc is the new one, which is read-only.
    with namespaces.opened_proc() as proc:
        with layer("namespaces"):
            namespaces.settle(plan.hostname, network=plan.network, proc=proc)
        with layer("root"):
            root.enter(new, plan.identity)
        with layer("identity"):
            namespaces.become(plan.identity.become)
            if plan.identity.become and plan.identity.shown:
                namespaces.remap(plan.identity.shown, proc=proc)


def _restrict(plan: Plan) -> int:
    if plan.landlock is None:
        return 0
    # In a network namespace of one's own TCP reaches nobody, and servers on loopback should work.
    refuse_tcp = plan.network == "none" and not plan.namespaces
    rules = plan.landlock
    if plan.root is None:  # a root of its own has no /sys
        rules = replace(rules, read=(*rules.read, *allowances()))
    abi = landlock.restrict(rules, refuse_tcp=refuse_tcp)
    if plan.landlock.required and not abi:
        raise LayerFailed("landlock", "this kernel has none")
    return abi
