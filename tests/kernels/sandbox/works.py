"""What a cell should be able to do. Each function returns, and raises when it couldn't."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import pwd
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import zoneinfo
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

Work = Callable[[], object]

NEED_SOCKETS = frozenset(
    ("serve_on_loopback", "talk_over_a_unix_socket", "list_network_interfaces")
)
NEED_NAMESPACES = frozenset(
    ("be_a_user_with_a_home", "see_its_own_processes", "use_tmp", "have_names", "measure_itself")
)
"""Landlock's rules are by file: with /proc/self the kernel's own is meant, not its children's."""


def import_numpy() -> None:
    import numpy as np

    assert (np.ones((50, 50)) @ np.ones((50, 50)))[0, 0] == 50


def import_pandas() -> None:
    import pandas as pd

    assert pd.DataFrame({"a": [1, 2]}).a.sum() == 3


def write_parquet() -> None:
    import pandas as pd

    pd.DataFrame({"a": ["x", "y"]}).to_parquet("frame.parquet")
    assert list(pd.read_parquet("frame.parquet").a) == ["x", "y"]


def make_a_plotly_figure() -> None:
    import plotly.graph_objects as go

    assert "scatter" in go.Figure(go.Scatter(y=[1, 2])).to_json()


def save_a_matplotlib_figure() -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.plot([1, 2])
    plt.savefig("figure.png")
    assert Path("figure.png").stat().st_size > 1000


def run_a_program() -> None:
    found = subprocess.run([sys.executable, "-c", "print(6 * 7)"], capture_output=True, check=True)
    assert found.stdout == b"42\n"


def run_a_shell() -> None:
    found = subprocess.run(
        ["sh", "-c", "echo $((6 * 7)) | cat > out; cat out"], capture_output=True, check=True
    )
    assert found.stdout == b"42\n"


def use_descriptors_by_name() -> None:
    command = "cat <(echo one) > /dev/stdout; echo two > /dev/stderr"
    found = subprocess.run(["bash", "-c", command], capture_output=True, check=True)
    assert found.stdout + found.stderr == b"one\ntwo\n"


def use_a_pool() -> None:
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(abs, [-1, -2]) == [1, 2]


def use_threads() -> None:
    seen: list[int] = []
    threads = [threading.Thread(target=seen.append, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(8))


def use_temporary_files() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "x").write_text("x")


def use_tmp() -> None:
    Path("/tmp/mine").write_text("x")
    assert Path("/tmp/mine") in Path("/tmp").iterdir()


def copy_files_with_their_modes() -> None:
    import shutil

    Path("one").write_text("x")
    shutil.copy("one", "two")
    shutil.copy2("one", "three")


def touch_files() -> None:
    for _ in range(2):
        Path("touched").touch()
    assert Path("touched").exists()


def use_a_terminal() -> None:
    import pty

    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp("sh", ["sh", "-c", "test -t 0 && echo yes > /dev/tty"])
    assert os.read(terminal, 100).strip() == b"yes"
    os.waitpid(pid, 0)


def use_sqlite() -> None:
    with sqlite3.connect("data.sqlite") as connection:
        connection.execute("create table t (a)")
        connection.execute("insert into t values (1)")


def know_time_zones() -> None:
    assert datetime(2026, 7, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")).utcoffset()


def import_ssl() -> None:
    ssl.create_default_context()
    assert ssl.OPENSSL_VERSION


def measure_itself() -> None:
    import psutil

    assert psutil.virtual_memory().total > 0
    assert psutil.Process().memory_full_info().rss > 0
    assert psutil.cpu_count()
    assert psutil.Process().open_files() == []


def see_its_own_processes() -> None:
    import psutil

    assert 1 in psutil.pids()
    assert len(psutil.pids()) < 10


def be_a_user_with_a_home() -> None:
    user = pwd.getpwuid(os.getuid())
    assert (user.pw_uid, user.pw_gid) == (1000, 1000)
    assert Path(user.pw_dir).samefile(".")
    assert set(os.getgroups()) <= {65534, 1000}  # an ordinary server's groups, without a name here


def have_names() -> None:
    assert socket.gethostname() == "kernel"
    assert socket.gethostbyname("localhost") == "127.0.0.1"


def serve_on_loopback() -> None:
    for host, family in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)):
        with (
            socket.create_server((host, 0), family=family) as server,
            socket.create_connection(server.getsockname()[:2]) as client,
        ):
            accepted, _ = server.accept()
            with accepted:
                accepted.sendall(b"x")
            assert client.recv(1) == b"x"


def talk_over_a_unix_socket() -> None:
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind("own.sock")
        server.listen()
        client.connect("own.sock")


def list_network_interfaces() -> None:
    assert [name for _, name in socket.if_nameindex()] == ["lo"]
    import psutil

    assert psutil.net_if_addrs()["lo"]


def use_threads_of_zmq() -> None:
    import zmq

    with zmq.Context() as context, context.socket(zmq.PAIR) as one, context.socket(zmq.PAIR) as two:
        one.bind("inproc://here")
        two.connect("inproc://here")
        two.send(b"x")
        assert one.recv() == b"x"


def use_pairs_of_sockets() -> None:
    one, other = socket.socketpair()
    one.sendall(b"x")
    assert other.recv(1) == b"x"


def run_an_event_loop() -> None:
    import asyncio

    asyncio.run(asyncio.sleep(0))


def make_a_pipe_with_a_name() -> None:
    os.mkfifo("pipe")


def make_anonymous_files() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"x")


def ask_for_a_larger_buffer() -> None:
    one, other = socket.socketpair()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8 << 20)
    other.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    one.sendall(b"x")


def share_memory() -> None:
    from multiprocessing import shared_memory

    memory = shared_memory.SharedMemory(create=True, size=100)
    memory.close()
    memory.unlink()


def load_a_library() -> None:
    assert ctypes.CDLL("libm.so.6").abs(-3) == 3


WORKS: dict[str, Work] = {
    name: work
    for name, work in list(globals().items())
    if callable(work)
    and getattr(work, "__module__", "") == __name__
    and not isinstance(work, type)
    and not name.startswith("_")
}
