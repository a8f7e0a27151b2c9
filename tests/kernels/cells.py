"""Cells that break things: of kernel, memory, disk and output."""

from __future__ import annotations

EXITS = "import os; os._exit(7)"
KILLS_ITSELF = "import os; os.kill(os.getpid(), 9)"
SEGFAULTS = "import ctypes; ctypes.string_at(0)"
REPLACES_STDOUT = "import io, sys; sys.stdout = io.StringIO(); print('lost')"
BECOMES_A_PROGRAM = "import os; os.execv('/bin/sleep', ['sleep', '1000000'])"
IGNORES_SIGINT = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"

DAEMONS = """
import os, time
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(1e6)
        os._exit(0)
    os.wait()
"""
FORKS = """
import os, time
made = 0
try:
    while made < 10_000:
        if os.fork() == 0:
            time.sleep(1e6)
        made += 1
except OSError as error:
    print(error.strerror)
made
"""

CLOSES_ALL = """
import os
for descriptor in range(3, 200):
    try:
        os.close(descriptor)
    except OSError:
        pass
"""
ALL_IS_SENT = """
import os, sys
def zmq_is_busy():
    for task in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{task}/stat") as stat:
            name, state = stat.read().partition("(")[2].rsplit(") ")
        if name.startswith("ZMQbg") and state[0] != "S":
            return True
    return False
sys.stdout.flush()
sys.stdout.flush()  # returns when what the first one sends was given to ZMQ
while zmq_is_busy():
    pass
"""
CLOSES_ITS_SOCKETS = f"""{ALL_IS_SENT}
import time
for descriptor in range(3, 200):
    try:
        if os.readlink(f"/proc/self/fd/{{descriptor}}").startswith("socket:"):
            os.close(descriptor)
    except OSError:
        pass
time.sleep(1e6)  # else it would send, and ZMQ abort
"""

ALONE = """
held = []
while True:
    held.append(bytearray(b"x" * (20 << 20)))
"""
BY_CHILDREN = """
import subprocess, sys
hold = "import sys; held = b'x' * (100 << 20); print('held', flush=True); sys.stdin.read()"
started = []
while True:
    started.append(
        subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    )
    started[-1].stdout.readline()
"""
IN_SHARED_MAPPINGS = """
import mmap
held = []
while True:
    held.append(mmap.mmap(-1, 20 << 20))
    held[-1].write(b"x" * (20 << 20))
    held[-1].madvise(mmap.MADV_DONTNEED)
"""

MANY_FILES = """
from pathlib import Path
for number in range(10**9):
    Path(f"file-{number}").touch()
"""
ONE_BIG_FILE = """
with open("big", "wb") as file:
    while True:
        file.write(b"x" * (1 << 20))
        file.flush()
"""
DELETED_AND_OPEN = """
import os
file = open("big", "wb")
os.unlink("big")
while True:
    file.write(b"x" * (1 << 20))
    file.flush()
"""

PRINTS_1_GB = "for n in range(1000): print('x' * 1_000_000)"
PRINTS_MANY_LINES = "for n in range(10_000_000): print(n)"
DISPLAYS_500_MB = "display({'text/plain': 'x' * 500_000_000}, raw=True)"
