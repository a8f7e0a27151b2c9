"""Who needs a session, and when nobody does any more."""

from __future__ import annotations

import anyio
import pytest

from chatkernel.attention import Attention

pytestmark = pytest.mark.anyio


async def test_a_session_that_nobody_needs_is_abandoned() -> None:
    with anyio.fail_after(10):
        await Attention(0.01).until_abandoned()


async def test_it_is_not_abandoned_while_it_is_needed() -> None:
    attention, abandoned = Attention(0), anyio.Event()

    async def wait() -> None:
        await attention.until_abandoned()
        abandoned.set()

    async with anyio.create_task_group() as tasks:
        with attention.needed():
            with attention.needed():
                tasks.start_soon(wait)
                await anyio.wait_all_tasks_blocked()
            await anyio.wait_all_tasks_blocked()
        with attention.needed():  # handed on without a gap
            await anyio.wait_all_tasks_blocked()
            assert not abandoned.is_set()
        with anyio.fail_after(10):
            await abandoned.wait()


async def test_who_needs_it_again_in_time_keeps_it() -> None:
    attention = Attention(3600)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(attention.until_abandoned)
        await anyio.wait_all_tasks_blocked()
        with attention.hold("one"):
            await anyio.wait_all_tasks_blocked()
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert tasks.cancel_scope.cancelled_caught


async def test_a_second_tab_displaces_the_first() -> None:
    attention = Attention(3600)
    with attention.hold("one") as one:
        assert attention.held_by_another("two")
        assert not attention.held_by_another("one")
        with attention.hold("two") as two:
            assert one.displaced.is_set()
            assert not two.displaced.is_set()
            assert attention.held_by_another("one")
        assert not attention.held_by_another("one")


async def test_the_first_that_leaves_late_does_not_take_it_from_the_second() -> None:
    attention = Attention(3600)
    with attention.hold("two"):
        with attention.hold("one"):
            back = attention.hold("two")
            tab = back.__enter__()
        assert attention.held_by_another("one")
        assert not tab.displaced.is_set()
        back.__exit__(None, None, None)
        assert not attention.held_by_another("one")


async def test_the_same_tab_that_reconnects_displaces_its_old_socket() -> None:
    attention = Attention(3600)
    with attention.hold("one") as old, attention.hold("one") as new:
        assert old.displaced.is_set()
        assert not new.displaced.is_set()


async def test_a_tab_that_breaks_off_leaves_nothing_behind() -> None:
    attention = Attention(0)
    with pytest.raises(ConnectionResetError), attention.hold("one"):
        raise ConnectionResetError
    assert not attention.held_by_another("two")
    with anyio.fail_after(10):
        await attention.until_abandoned()
