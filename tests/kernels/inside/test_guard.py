"""The session that refuses what is too large."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

import pytest

from kernels.inside.guard import GuardedSession, Pace
from kernels.inside.interrupts import Interrupts
from kernels.inside.patience import TooSlow, patience


def sent(kind: str, content: dict[str, Any], limit: int = 1 << 20) -> dict[str, Any]:
    session = GuardedSession(message_bytes=limit, key=b"")
    frames = session.serialize(session.msg(kind, content))
    assert sum(map(len, frames)) < limit
    message: dict[str, Any] = session.deserialize(frames[1:])
    return message


def test_what_fits_is_sent_as_it_is() -> None:
    assert sent("stream", {"name": "stdout", "text": "x"})["content"]["text"] == "x"


def test_a_display_too_large_becomes_a_word_on_stderr() -> None:
    message = sent("display_data", {"data": {"text/plain": "x" * 3_000_000}, "metadata": {}})
    assert message["header"]["msg_type"] == "stream"
    assert message["content"]["name"] == "stderr"
    assert "2.9 MiB" in message["content"]["text"]


def test_an_error_too_large_keeps_its_ends() -> None:
    content = {"ename": "E", "evalue": "a" + "x" * 3_000_000 + "z", "traceback": ["t"] * 1_000_000}
    message = sent("error", content)
    assert message["content"]["evalue"][0] + message["content"]["evalue"][-1] == "az"
    assert message["content"]["ename"] == "E"


def test_a_reply_too_large_says_its_size() -> None:
    message = sent("bundle_reply", {"data": "x" * 3_000_000})
    assert message["content"]["ename"] == "TooLarge"
    assert message["content"]["size"] > 3_000_000


def test_what_is_too_large_is_never_made(monkeypatch: pytest.MonkeyPatch) -> None:
    session = GuardedSession(message_bytes=1 << 20, key=b"")
    pack, packed = session.pack, list[int]()

    def noted(content: Any) -> bytes:
        made: bytes = pack(content)
        packed.append(len(made))
        return made

    session.pack = noted
    contents: dict[str, dict[str, Any]] = {
        "stream": {"name": "stdout", "text": "x" * 3_000_000},
        "display_data": {"data": {"application/json": [["x" * 1000] * 100] * 100}, "metadata": {}},
        "error": {"ename": "E", "evalue": "x" * 3_000_000, "traceback": []},
    }
    for kind, content in contents.items():
        session.serialize(session.msg(kind, content))
    session.serialize(session.msg("display_data", {"data": {}}, metadata={"x": "y" * 3_000_000}))
    assert max(packed) < 1 << 20


def test_half_a_surrogate_pair_is_replaced() -> None:
    content = {"name": "stdout", "text": "\ud800", "more": [{"\udfff": ("\ud800", 1)}]}
    assert sent("stream", content)["content"] == {
        "name": "stdout",
        "text": "?",
        "more": [{"?": ["?", 1]}],
    }


def test_a_burst_is_free_and_the_rest_is_paced(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    slept: list[float] = []
    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(time, "sleep", slept.append)
    pace = Pace(burst=3, per_second=10)
    for _ in range(5):
        pace.wait()
    assert slept == [pytest.approx(0.1), pytest.approx(0.2)]
    pace.wait(4 * 40 << 10)
    assert slept[2:] == [pytest.approx(0.7)]


def test_an_interrupt_waits_for_the_users_code() -> None:
    interrupts = Interrupts()
    interrupts.begin()
    interrupts.on_signal()
    with interrupts.allowed() as interrupted:
        assert interrupted
    interrupts.begin()
    with interrupts.allowed() as interrupted:
        assert not interrupted


def test_an_interrupt_raises_in_the_users_code_once() -> None:
    interrupts = Interrupts()
    with interrupts.allowed(), pytest.raises(KeyboardInterrupt):
        interrupts.on_signal()
    with interrupts.allowed():
        interrupts.on_signal()  # too soon after the first


def test_an_interrupt_that_is_held_raises_afterwards() -> None:
    interrupts = Interrupts()
    reached: list[bool] = []

    def send() -> None:
        with interrupts.allowed(), interrupts.held():
            interrupts.on_signal()
            reached.append(True)

    with pytest.raises(KeyboardInterrupt):
        send()
    assert reached == [True]


def _hang() -> None:
    with patience(0.01):
        while True:
            pass


def test_patience_ends() -> None:
    with pytest.raises(TooSlow):
        _hang()
    with patience(10):
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL


def test_patience_leaves_an_alarm_of_the_users_alone() -> None:
    previous = signal.signal(signal.SIGALRM, lambda *_: None)
    try:
        with patience(0.001):
            assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    finally:
        signal.signal(signal.SIGALRM, previous)


def test_patience_in_a_thread_is_without_limit() -> None:
    passed: list[bool] = []

    def wait() -> None:
        with patience(0.001):
            passed.append(True)

    thread = threading.Thread(target=wait)
    thread.start()
    thread.join()
    assert passed == [True]
