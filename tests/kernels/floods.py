"""Cells that flood the server with messages that no library of Jupyter sends."""

from __future__ import annotations

UNGUARD = "session = get_ipython().kernel.session; session.message_bytes = 1 << 30\n"

FLOOD = """
import time
kernel = get_ipython().kernel
stream = session.pack(session.msg_header("stream"))
display = session.pack(session.msg_header("display_data"))
parent = session.serialize(session.msg("x", parent=kernel.get_parent()))[3]
def filled(size, unit, start=b'{"data": {"application/json": [', end=b'0]}}'):
    return start + unit * (size // len(unit)) + end
def flood(*parts, more=(), times=None):
    frames = [b"topic", b"<IDS|MSG>", session.sign(list(parts)), *parts, *more]
    for _ in range(times or 4 + 1_000_000 // sum(map(len, frames))):
        kernel.iopub_socket.send_multipart(frames)
    time.sleep(60)
print("go", flush=True)
"""
FLOODS = {
    "small": "flood(stream, parent, b'{}', b'{\"text\": \"x\"}', times=10**9)",
    "NaN as header": "flood(filled(12 << 20, b'NaN,', b'[', b'0]'), parent, b'{}', b'{}')",
    "NaN as parent": "flood(display, filled(12 << 20, b'NaN,', b'[', b'0]'), b'{}', b'{}')",
    "header of 60 kB": "flood(filled(60_000, b'[],', b'[', b'0]'), parent, b'{}', b'{}')",
    "metadata": "flood(display, parent, filled(12 << 20, b'NaN,'), b'{}')",
    "NaN": "flood(display, parent, b'{}', filled(12 << 20, b'NaN,'))",
    "1 MiB of NaN": "flood(display, parent, b'{}', filled((1 << 20) - 100, b'NaN,'))",
    "256 KiB of NaN": "flood(display, parent, b'{}', filled((256 << 10) - 100, b'[NaN],'))",
    "32 KiB of NaN": "flood(display, parent, b'{}', filled((32 << 10) - 100, b'[NaN],'))",
    "lists": "flood(display, parent, b'{}', filled(15 << 20, b'[],'))",
    "fewer lists": "flood(display, parent, b'{}', filled(2_000_000, b'[],'))",
    "deep": "flood(display, parent, b'{}', b'[' * 7_000_000 + b']' * 7_000_000)",
    "less deep": "flood(display, parent, b'{}', filled(1 << 20, b'[' * 240 + b']' * 240 + b','))",
    "huge numbers": "flood(display, parent, b'{}', filled(15 << 20, b'1' * 4300 + b','))",
    "many parts": "flood(display, parent, b'{}', b'{}', more=[b''] * 100_000, times=2)",
}
