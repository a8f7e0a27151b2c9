"""All kernels as a table; on a narrow screen each is a card."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chatkernel.durations import time_said
from chatkernel.kernel_admin import NamedKernel
from chatkernel.kernel_view import KernelAction
from kernels.sizes import size_in_words
from web.elements import (
    Attribute,
    Child,
    Element,
    a,
    button,
    code,
    p,
    span,
    table,
    tbody,
    td,
    th,
    tr,
)
from web.elements import thead as table_head

HOT_MEMORY = 0.5
"""Of its memory limit."""

HOT_CPU = 80.0
"""Percent of a core."""

HOT_BUSY = 60.0
"""Seconds."""

STATES = ("busy", "waiting", "starting", "idle", "hibernated", "dead")
"""In the order they are shown in."""

WORDS: dict[KernelAction, str] = {
    "interrupt": "Interrupt",
    "hibernate": "Hibernate",
    "kill": "Kill",
}


@dataclass(frozen=True)
class Column:
    """``key`` sorts by it, the ``highest`` first if it is a quantity; ``cell`` shows it."""

    name: str
    title: str
    key: Callable[[NamedKernel], float | str]
    cell: Callable[[NamedKernel], Child]
    hot: Callable[[NamedKernel], bool] = lambda _kernel: False
    highest: bool = True
    hint: str | None = None


def _by_state(kernel: NamedKernel) -> float:
    """Who is in a state for longest stands first in it, but of those that ended who did so last."""
    view = kernel.view
    since = -view.since_seconds if view.ended else view.since_seconds
    return -1e9 * STATES.index(view.state) + since


def _since(kernel: NamedKernel) -> tuple[Element, Element]:
    view = kernel.view
    since = time_said(view.since_seconds)
    words = f"{since}, {view.before} before it" if view.before is not None else since
    return span(view.state, cls=f"state {view.state}"), span(words, cls="since")


def _running(kernel: NamedKernel) -> Element | None:
    view = kernel.view
    if view.cause:
        return span(view.cause, cls="cause", title=view.cause)
    return code(view.code, title=view.code) if view.code else None


def _whole(number: float) -> str:
    return f"{number:.0f}" if number else ""


COLUMNS = (
    Column(
        "state",
        "State",
        _by_state,
        _since,
        hot=lambda k: k.view.state == "busy" and k.view.since_seconds > HOT_BUSY,
    ),
    Column("user", "User", lambda k: k.user.casefold(), lambda k: k.user, highest=False),
    Column(
        "chat",
        "Chat",
        lambda k: k.chat.casefold(),
        lambda k: span(k.chat, title=k.chat),
        highest=False,
    ),
    Column("code", "Runs", lambda k: k.view.code, _running),
    Column(
        "memory",
        "Memory",
        lambda k: k.view.pss_bytes,
        lambda k: size_in_words(k.view.pss_bytes) if k.view.pss_bytes else "",
        hot=lambda k: k.view.pss_bytes > HOT_MEMORY * k.view.memory_limit_bytes,
        hint="Its own, and its share of what kernels have in common (PSS)",
    ),
    Column(
        "cpu",
        "CPU",
        lambda k: k.view.cpu_percent,
        lambda k: f"{k.view.cpu_percent:.0f} %" if k.view.pid else "",
        hot=lambda k: k.view.cpu_percent > HOT_CPU,
        hint="Percent of one core",
    ),
    Column(
        "used",
        "CPU time",
        lambda k: k.view.cpu_seconds,
        lambda k: time_said(k.view.cpu_seconds) if k.view.started else "",
    ),
    Column(
        "processes",
        "Processes",
        lambda k: k.view.processes,
        lambda k: _whole(k.view.processes),
    ),
    Column(
        "age",
        "Age",
        lambda k: k.view.age_seconds,
        lambda k: time_said(k.view.age_seconds) if k.view.started else "",
    ),
    Column("tier", "Sandbox", lambda k: k.view.tier or "", lambda k: k.view.tier, highest=False),
)


@dataclass(frozen=True)
class Order:
    """By which column, and whether the highest comes first. Written "memory" or "-memory" in addresses."""

    column: Column
    falling: bool

    @classmethod
    def of(cls, text: str) -> Order:
        """What an address asks for; one of no known column is by state."""
        name = text.removeprefix("-")
        column = next((each for each in COLUMNS if each.name == name), COLUMNS[0])
        return cls(column, text.startswith("-") if column.name == name else column.highest)

    def __str__(self) -> str:
        return f"-{self.column.name}" if self.falling else self.column.name

    def sorted(self, kernels: Sequence[NamedKernel]) -> list[NamedKernel]:
        """The kernels in this order; the same order for the same kernels, whatever they do."""
        steady = sorted(kernels, key=lambda kernel: kernel.view.id)
        return sorted(steady, key=self.column.key, reverse=self.falling)

    def then(self, column: Column) -> Order:
        """The order after a click on a column's title."""
        again = column is self.column
        return Order(column, not self.falling if again else column.highest)


def kernel_table(kernels: Sequence[NamedKernel], order: Order) -> Element:
    """The table, or a word on why there is none."""
    if not kernels:
        return p("No kernel runs. One starts with somebody’s next message.", cls="faint nothing")
    heads = [_head(column, order) for column in COLUMNS]
    return table(
        table_head(tr(heads, th(span("Actions", cls="unseen"), scope="col"))),
        tbody([_row(kernel) for kernel in order.sorted(kernels)]),
        cls="kernels",
    )


def _head(column: Column, order: Order) -> Element:
    direction = "descending" if order.falling else "ascending"
    sort = direction if column is order.column else None
    link = a(column.title, href=f"?sort={order.then(column)}", title=column.hint)
    return th(link, scope="col", aria_sort=sort, cls=f"of-{column.name}")


def _row(kernel: NamedKernel) -> Element:
    view = kernel.view
    cells = [_cell(column, kernel) for column in COLUMNS]
    return tr(
        cells,
        td(None if view.ended else _actions(kernel), cls="actions"),
        id=f"kernel-{view.id}",
        cls=f"is-{view.state}",
    )


def _cell(column: Column, kernel: NamedKernel) -> Element:
    hot = " hot" if column.hot(kernel) else ""
    shown = column.cell(kernel)
    return td(shown, cls=f"of-{column.name}{hot}", data_label=column.title)


def _actions(kernel: NamedKernel) -> list[Element]:
    state = kernel.view.state
    return [
        _button("interrupt", kernel, disabled=state != "busy"),
        _button("hibernate", kernel, disabled=state != "idle"),
        _button("kill", kernel, disabled=False),
    ]


def _button(action: KernelAction, kernel: NamedKernel, *, disabled: bool) -> Element:
    data: dict[str, Attribute] = {
        "data-action": action,
        "data-kernel": kernel.view.id,
        "data-user": kernel.user,
        "data-chat": kernel.chat,
        "data-started": kernel.view.started,
    }
    return button(
        WORDS[action],
        type="button",
        id=f"{action}-{kernel.view.id}",
        cls=f"quiet {action}",
        disabled=disabled,
        aria_label=f"{WORDS[action]} {kernel.user}’s kernel",
        attrs=data,
    )
