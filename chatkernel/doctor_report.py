"""What the doctor found, as a table."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from chatkernel.console import plain
from chatkernel.doctor import Examined, KernelsFound
from chatkernel.tier_meaning import MEANS
from kernels import Room, Tier
from kernels.sizes import size_in_words

_STYLES = {Tier.FULL: "green", Tier.LANDLOCK: "yellow", Tier.NONE: "red"}


def report(examined: Examined) -> Table:
    """Two columns: what, and how it is."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    if isinstance(examined.kernels, str):
        table.add_row("kernels", plain(examined.kernels, "red"))
        table.add_row("python", plain(examined.interpreter))
    else:
        _add_kernels(table, examined, examined.kernels)
    _add_room(table, examined.room)
    _add_disk(table, examined)
    table.add_row("model", plain(examined.model))
    for finding in examined.looked:
        sign = "found" if finding.found else "not found"
        table.add_row("", plain(f"{finding.what}: {sign}, {finding.reason}", "dim"))
    return table


def _add_kernels(table: Table, examined: Examined, kernels: KernelsFound) -> None:
    found, cgroups = kernels.isolation.found, kernels.isolation.cgroups
    tier = found.tier
    table.add_row("sandbox", Text(f"tier {tier}: {MEANS[tier]}", style=_STYLES[tier]))
    for refused, why in found.refused.items():
        table.add_row("", plain(f"tier {refused} was refused: {why}"))
    table.add_row("control groups", plain(cgroups.said))
    if cgroups.reason:
        table.add_row("", plain(f"refused: {cgroups.reason}"))
    for sentence in (*kernels.isolation.tier_advice, *kernels.isolation.cgroup_advice):
        table.add_row("", plain(sentence))
    for bound in kernels.bounds:
        sign, style = ("binds", "") if bound.binds else ("does not bind", "yellow")
        table.add_row(bound.what, plain(f"{sign}: {bound.how}", style))
    if examined.own_limits:
        names = ", ".join(examined.own_limits)
        table.add_row("users", plain(f"limits of their own (CHATKERNEL_USER_LIMITS): {names}"))
    table.add_row("python", plain(f"{kernels.python}, {examined.interpreter}"))
    missing = kernels.warmed.missing
    there = [name for name in examined.preload if name not in missing]
    table.add_row(
        "preload", plain(f"{', '.join(there) or 'nothing'}, in {kernels.warmed.seconds:.1f} s")
    )
    for name, why in missing.items():
        table.add_row("", plain(f"{name} is missing: {why}", "yellow"))


def _add_room(table: Table, room: Room) -> None:
    short = room.shortage
    said = f"for {room.kernels} kernels at once: the server may open {room.descriptors:,} files"
    table.add_row("room", plain(short or said, "yellow" if short else ""))


def _add_disk(table: Table, examined: Examined) -> None:
    if examined.data_fault is not None:
        table.add_row("data", plain(examined.data_fault, "red"))
        return
    little = examined.free_bytes < examined.wanted_bytes
    said = f"{size_in_words(examined.free_bytes)} free for {examined.data}"
    if little:
        said += f": less than the {size_in_words(examined.wanted_bytes)} that kernels have to leave"
    table.add_row("disk", plain(said, "red" if little else ""))
