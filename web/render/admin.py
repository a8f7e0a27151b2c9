"""The admin page: totals, all kernels, and what admins did last."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from chatkernel.isolation import Isolation
from chatkernel.kernel_admin import NamedKernel
from chatkernel.kernel_view import KernelTotals
from chatkernel.store.rows import Audit
from kernels import Tier
from kernels.sizes import size_in_words
from web.elements import (
    Element,
    a,
    div,
    h1,
    h2,
    header,
    li,
    main,
    p,
    section,
    span,
    strong,
    time,
    ul,
)
from web.render.ask import ask_dialog
from web.render.cgroup_note import cgroup_note
from web.render.icons import icon
from web.render.kernel_table import Order, kernel_table
from web.render.shell import APP, shell
from web.render.sidebar import theme_toggle
from web.render.socket import SOCKET
from web.render.tier_note import tier_note


@dataclass(frozen=True)
class AdminView:
    """What changes while the page is open. ``audit`` has the newest first. ``isolation`` is None until it
    is found."""

    kernels: Sequence[NamedKernel]
    totals: KernelTotals
    sessions: int
    audit: Sequence[Audit]
    order: Order
    isolation: Isolation | None = None


@dataclass(frozen=True)
class AdminPage:
    """The page around it. ``user`` looks at it."""

    root: str
    static: str
    user: str
    content: AdminView


def admin_page(page: AdminPage) -> Element:
    """The whole page."""
    socket = f"{page.root}/admin/ws?" + urlencode({"sort": str(page.content.order)})
    return shell(
        "Kernels",
        _header(page),
        div(id="banner", cls="banner", hidden=True, role="status"),
        main(
            div(overview(page.content), id="overview"),
            attrs={"hx-ws:connect": socket, "hx-config": json.dumps({"ws": SOCKET})},
            hx_target="#overview",
            hx_swap="innerMorph",
        ),
        div(id="notices", aria_live="polite"),
        ask_dialog(),
        root=page.root,
        static=page.static,
        scripts="admin",
        attrs={"class": "admin-page"},
    )


def _header(page: AdminPage) -> Element:
    return header(
        a(icon("logo"), span(APP), href=f"{page.root}/", cls="brand", title="Back to your chats"),
        h1("Kernels"),
        span(page.user, cls="user-name", title=page.user),
        theme_toggle(),
        cls="admin-top",
    )


def overview(view: AdminView) -> Element:
    """The content of ``#overview`` (swap it by innerMorph)."""
    return div(
        _totals(view),
        tier_note(view.isolation) if view.isolation else None,
        section(kernel_table(view.kernels, view.order), cls="kernel-plate"),
        _audit(view.audit),
        cgroup_note(view.isolation) if view.isolation else None,
        cls="overview",
    )


def _totals(view: AdminView) -> Element:
    totals = view.totals
    used = totals.memory_bytes - totals.memory_free_bytes
    waiting = f", {totals.waiting} waiting" if totals.waiting else ""
    fork_server = (
        size_in_words(totals.fork_server_pss_bytes)
        if totals.fork_server_pid is not None
        else "down"
    )
    return ul(
        _total("Kernels", str(totals.alive), f"of {totals.most}, {totals.busy} busy{waiting}"),
        _total("Memory", size_in_words(totals.pss_bytes), "of all kernels"),
        _total("CPU", f"{totals.cpu_percent:.0f} %", "of a core"),
        _total("Sessions", str(view.sessions), "open"),
        _total("Fork server", fork_server, _pid(totals)),
        _total("Machine", size_in_words(used), f"of {size_in_words(totals.memory_bytes)} used"),
        _total("Disk", size_in_words(totals.disk_free_bytes), "free"),
        _sandbox(view.isolation),
        cls="totals",
    )


def _sandbox(isolation: Isolation | None) -> Element:
    if isolation is None:
        return _total("Sandbox", "–", "not found yet")
    found = isolation.found
    more = f"{Tier.FULL} was refused" if found.refused else "the best tier"
    return _total("Sandbox", found.tier, more, cls=found.tier)


def _pid(totals: KernelTotals) -> str:
    return (
        "starts when needed"
        if totals.fork_server_pid is None
        else f"process {totals.fork_server_pid}"
    )


def _total(name: str, value: str, more: str, *, cls: str | None = None) -> Element:
    return li(span(name, cls="name"), strong(value), span(more, cls="more"), cls=cls)


def _audit(rows: Sequence[Audit]) -> Element:
    listed = [_audited(row) for row in rows]
    nothing = p("Nothing yet. What admins do here is written down.", cls="faint nothing")
    return section(
        h2("What admins did"), ul(listed, cls="audit") if listed else nothing, cls="audit-part"
    )


def _audited(row: Audit) -> Element:
    whose = f"{row.user_name}’s kernel {row.kernel_id}" if row.user_name else "a kernel"
    return li(
        time(f"{row.at:%Y-%m-%d %H:%M:%S} UTC", datetime=row.at.isoformat()),
        span(strong(row.who), f" {_PAST.get(row.action, row.action)} ", strong(whose), cls="deed")
        if row.done
        else span(strong(row.who), f" wanted to {row.action} ", strong(whose), cls="deed"),
        span(row.result, cls="result" if row.done else "result refused"),
        id=f"audit-{row.id}",
    )


_PAST = {"interrupt": "interrupted", "hibernate": "hibernated", "kill": "killed"}
