"""The table of kernels: its order, and what it colours."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from chatkernel.kernel_admin import NamedKernel
from chatkernel.kernel_view import KernelView
from kernels import Tier
from web.elements import to_html
from web.render.kernel_table import COLUMNS, Order, kernel_table

QUIET = KernelView(
    chat_id="c1",
    user_id="u1",
    state="idle",
    since_seconds=3,
    id="k1",
    pid=7,
    tier=Tier.FULL,
    memory_limit_bytes=1 << 30,
)


def named(view: KernelView, user: str = "ann") -> NamedKernel:
    return NamedKernel(view, user, "a chat")


def shown(*views: KernelView) -> str:
    return to_html(kernel_table([named(view) for view in views], Order.of("")))


@pytest.mark.parametrize(
    ("view", "column"),
    [
        (replace(QUIET, pss_bytes=(1 << 29) + 1), "memory"),
        (replace(QUIET, cpu_percent=81), "cpu"),
        (replace(QUIET, state="busy", since_seconds=61), "state"),
    ],
)
def test_the_hot_ones_are_coloured(view: KernelView, column: str) -> None:
    assert re.findall(r'"of-(\w+) hot"', shown(view)) == [column]
    assert " hot" not in shown(QUIET, replace(QUIET, cpu_percent=80, pss_bytes=1 << 29))


def test_memory_is_hot_by_the_kernels_own_limit() -> None:
    ample = replace(QUIET, pss_bytes=(1 << 29) + 1, memory_limit_bytes=16 << 30)
    assert " hot" not in shown(ample)
    assert " hot" in shown(replace(ample, memory_limit_bytes=1 << 29))


def test_it_is_sorted_by_any_column_both_ways() -> None:
    busy = replace(QUIET, state="busy", id="k2", pss_bytes=5, code="x")
    kernels = [named(QUIET, "bob"), named(busy, "Ann")]
    for text, first in (
        ("", "k2"),
        ("memory", "k1"),
        ("-memory", "k2"),
        ("user", "k2"),
        ("-user", "k1"),
        ("-nosuch", "k2"),
    ):
        assert Order.of(text).sorted(kernels)[0].view.id == first, text
    for column in COLUMNS:
        order = Order.of(column.name)
        assert Order.of(str(order)) == order
        assert len(order.sorted(kernels)) == 2
        assert order.then(column).falling is not order.falling


def test_of_those_that_ended_the_last_stands_first() -> None:
    dead = [
        replace(QUIET, state="dead", id=f"k{seconds}", since_seconds=seconds)
        for seconds in (600, 30, 7200)
    ]
    idle = [replace(view, state="idle", id=f"i{view.id}") for view in dead]
    views = [
        kernel.view for kernel in Order.of("").sorted([named(view) for view in [*dead, *idle]])
    ]
    assert [view.id for view in views] == ["ik7200", "ik600", "ik30", "k30", "k600", "k7200"]


def test_a_button_knows_whether_its_kernel_has_started() -> None:
    assert shown(QUIET).count(" data-started") == 3
    assert " data-started" not in shown(replace(QUIET, state="starting", pid=None))


def test_only_what_can_be_done_is_offered() -> None:
    def offered(view: KernelView) -> list[str]:
        buttons = re.findall(r"<button[^>]*>", shown(view))
        return [re.findall(r'data-action="(\w+)"', b)[0] for b in buttons if " disabled" not in b]

    assert offered(QUIET) == ["hibernate", "kill"]
    assert offered(replace(QUIET, state="busy")) == ["interrupt", "kill"]
    assert offered(replace(QUIET, state="dead", cause="ended by force")) == []
    assert offered(replace(QUIET, state="hibernated", cause="idle for 60 minutes")) == []
    assert offered(replace(QUIET, state="waiting", pid=None, before=2)) == ["kill"]
    assert offered(replace(QUIET, state="starting", pid=None)) == ["kill"]


def test_why_one_hibernates_or_died_is_said_below_those_that_live() -> None:
    asleep = replace(QUIET, state="hibernated", id="k2", cause="idle for 60 minutes", pid=None)
    dead = replace(asleep, state="dead", id="k3", cause="exited with status 7")
    html = shown(dead, asleep, QUIET)
    assert re.findall(r'<tr[^>]*id="kernel-(\w+)"', html) == ["k1", "k2", "k3"]
    assert re.findall(r'class="cause"[^>]*>([^<]*)<', html) == [asleep.cause, dead.cause]
    assert 'class="state hibernated">hibernated<' in html


def test_names_and_code_are_only_text() -> None:
    hostile = "<script>alert(1)</script>"
    view = replace(QUIET, state="busy", code=hostile)
    html = to_html(kernel_table([NamedKernel(view, f'"{hostile}', hostile)], Order.of("")))
    assert "<script" not in html


def test_without_kernels_it_says_so() -> None:
    assert "No kernel runs" in shown()
