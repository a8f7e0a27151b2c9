"""A session that sends no message larger than the server takes, and no more than it can read."""

from __future__ import annotations

import os
import time
from typing import Any

from jupyter_client.session import Session, new_id
from traitlets import Integer

from .interrupts import Interrupts
from .measure import least_size

_MIB = 1 << 20
_OVERHEAD = 64 << 10  # for small buffers, which are sent after what is measured
_ERROR_TEXT = 20_000

_BURST = 1000
_PER_SECOND = 1000
_BYTES = 40 << 10
"""A message has so many for each message it counts as: the server takes 40 MiB a second."""
_OUTPUTS = frozenset(
    {"stream", "display_data", "update_display_data", "execute_result", "clear_output", "error"}
)


class Pace:
    """A bucket of ``burst`` messages that refills at ``per_second``; who finds it empty waits. A large
    message counts as several.

    Without a lock, as a child that is forked while it is held would wait for ever.
    """

    def __init__(self, *, burst: int, per_second: float) -> None:
        self._burst = burst
        self._per_second = per_second
        self._left = float(burst)
        self._last = time.monotonic()

    def wait(self, size: int = 0) -> None:
        """Take one message of ``size`` bytes out, when there is one."""
        now = time.monotonic()
        refilled = self._left + (now - self._last) * self._per_second
        self._left = min(self._burst, refilled) - 1 - size / _BYTES
        self._last = now
        if self._left < 0:
            time.sleep(-self._left / self._per_second)


class GuardedSession(Session):
    """Stock `Session`, but what is too large is said instead of sent.

    A larger message would make the server's ZMQ drop the connection, and with it others'
    messages. It is measured before it is made, as orjson crashes where there is no memory for it.
    Outputs beyond the pace that the server reads at wait here, in the code that makes them, because a
    full queue loses messages without a word.

    Made before the fork, and a child's own from `begin` on: upstream's sends nothing for a child.
    """

    message_bytes = Integer(16 * _MIB)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.interrupts = Interrupts()
        self._pace = Pace(burst=_BURST, per_second=_PER_SECOND)

    def begin(self, *, message_bytes: int) -> None:
        """Be this process's, under an id of its own; its key comes with the connection."""
        self.message_bytes = message_bytes
        self.pid = os.getpid()
        self.session = new_id()

    def serialize(
        self, msg: dict[str, Any], ident: list[bytes] | bytes | None = None
    ) -> list[bytes]:
        limit = self.message_bytes
        size = least_size((msg["metadata"], msg["content"]), limit)
        if size > limit:
            msg = _instead(msg, size, limit)
        if msg["header"]["msg_type"] in _OUTPUTS:
            self._pace.wait(min(size, limit))
        with self.interrupts.held():  # orjson crashes when a signal handler raises in it
            frames = self._frames(msg, ident)
            size = sum(map(len, frames))
            if size + _OVERHEAD <= limit:
                return frames
            return self._frames(_instead(msg, size, limit), ident)

    def _frames(self, msg: dict[str, Any], ident: list[bytes] | bytes | None) -> list[bytes]:
        try:
            return super().serialize(msg, ident)
        except UnicodeEncodeError:  # half of a surrogate pair, which JSON in UTF-8 can't hold
            return super().serialize({**msg, "content": _encodable(msg["content"])}, ident)


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_encodable(key): _encodable(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encodable(part) for part in value]
    return value


def _instead(message: dict[str, Any], size: int, limit: int) -> dict[str, Any]:
    kind, content = message["header"]["msg_type"], message["content"]
    if kind == "stream":
        said: dict[str, Any] = {**content, "text": _ends(content["text"], limit // 8)}
    elif kind in {"error", "execute_reply"}:
        said = _shortened_error(content)
    elif kind.endswith("_reply"):
        said = {"status": "error", "ename": "TooLarge", "evalue": "", "size": size}
    else:
        text = f"This output takes {size / _MIB:.1f} MiB. {limit / _MIB:g} MiB can be shown.\n"
        return {
            **message,
            "header": {**message["header"], "msg_type": "stream"},
            "metadata": {},
            "content": {"name": "stderr", "text": text},
        }
    return {**message, "metadata": {}, "content": said}


def _shortened_error(content: dict[str, Any]) -> dict[str, Any]:
    traceback = "\n".join(map(str, content.get("traceback", ())))
    return {
        "status": content.get("status", "error"),
        "execution_count": content.get("execution_count"),
        "ename": str(content.get("ename", "")),
        "evalue": _ends(str(content.get("evalue", "")), _ERROR_TEXT),
        "traceback": [_ends(traceback, _ERROR_TEXT)],
    }


def _ends(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n… {len(text) - 2 * half:,} more characters …\n{text[-half:]}"
