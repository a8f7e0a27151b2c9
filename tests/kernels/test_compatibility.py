"""What people's code uses does its ordinary work in a cell, in every tier."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from kernels import Kernel, Launch, Tier
from tests.kernels.running import error, text

pytestmark = pytest.mark.anyio

DONE = "\nprint('done')"
WORKS = {
    "numpy": """
import numpy as np
x = np.random.default_rng(1).normal(size=(300, 300))
assert np.allclose(x @ np.linalg.inv(x), np.eye(300), atol=1e-6)
np.save("x.npy", x)
assert (np.load("x.npy", mmap_mode="r") == x).all()
""",
    "pandas": """
import pandas as pd
frame = pd.DataFrame({"a": range(1000), "b": list("wxyz") * 250})
frame.to_csv("frame.csv", index=False)
frame.to_excel("frame.xlsx")
assert pd.read_csv("frame.csv").groupby("b").a.sum().sum() == sum(range(1000))
assert len(pd.read_excel("frame.xlsx")) == 1000
""",
    "pyarrow and parquet": """
import pandas as pd, pyarrow as pa, pyarrow.compute as pc, pyarrow.dataset as ds, pyarrow.parquet as pq
table = pa.table({"a": range(100_000), "b": ["x", "y"] * 50_000})
pq.write_table(table, "table.parquet", compression="zstd")
assert pc.sum(pq.read_table("table.parquet")["a"]).as_py() == sum(range(100_000))
assert ds.dataset("table.parquet").to_table(filter=ds.field("a") < 10).num_rows == 10
assert pd.read_parquet("table.parquet").a.sum() == sum(range(100_000))
""",
    "polars": """
import polars as pl
frame = pl.DataFrame({"a": range(100_000), "b": ["x", "y"] * 50_000})
frame.write_parquet("polars.parquet")
lazy = pl.scan_parquet("polars.parquet").group_by("b").agg(pl.col("a").sum()).sort("b")
assert lazy.collect()["a"].to_list() == [2499950000, 2500000000]
assert lazy.collect(engine="streaming").height == 2
""",
    "duckdb": """
import duckdb, pandas as pd
frame = pd.DataFrame({"a": range(100_000)})
with duckdb.connect("data.duckdb") as connection:
    connection.execute("create or replace table t as select * from frame")
    assert connection.execute("select sum(a) from t").fetchone() == (sum(range(100_000)),)
    connection.execute("copy t to 'duck.parquet'")
assert duckdb.sql("select count(*) from 'duck.parquet'").fetchall() == [(100_000,)]
""",
    "scikit-learn": """
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
x, y = make_classification(400, random_state=1)
assert LogisticRegression().fit(x, y).score(x, y) > 0.7
assert cross_val_score(RandomForestClassifier(10, n_jobs=2), x, y, cv=2, n_jobs=2).mean() > 0.7
""",
    "matplotlib": """
import matplotlib.pyplot as plt
plt.plot([1, 2, 4]); plt.title("größer")
plt.savefig("figure.png"); plt.savefig("figure.pdf"); plt.show()
import pathlib
assert pathlib.Path("figure.png").stat().st_size > 1000
""",
    "plotly": """
import plotly.express as px
figure = px.scatter(px.data.iris(), x="sepal_width", y="sepal_length", color="species")
figure.write_html("figure.html"); figure.show()
""",
    "sqlite3": """
import sqlite3
with sqlite3.connect("data.sqlite") as connection:
    connection.execute("pragma journal_mode = wal")
    connection.execute("create table if not exists t (a)")
    connection.executemany("insert into t values (?)", [(n,) for n in range(1000)])
    connection.commit()
    assert connection.execute("select sum(a) from t").fetchone()[0] >= sum(range(1000))
""",
    "a pool of forks": """
import multiprocessing
def square(n):
    return n * n
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map(square, range(10)) == [n * n for n in range(10)]
""",
    "a pool of spawned processes": """
import math, multiprocessing
with multiprocessing.get_context("spawn").Pool(2) as pool:
    assert pool.map(math.sqrt, [4, 9]) == [2, 3]
""",
    "an executor of processes": """
import math
from concurrent.futures import ProcessPoolExecutor
with ProcessPoolExecutor(2) as pool:
    assert list(pool.map(math.sqrt, [4, 9])) == [2, 3]
""",
    "joblib": """
from joblib import Memory, Parallel, delayed
def square(n):
    return n * n
assert Parallel(n_jobs=2)(delayed(square)(n) for n in range(10)) == [n * n for n in range(10)]
assert Parallel(n_jobs=2, prefer="threads")(delayed(square)(n) for n in [3]) == [9]
assert Memory("cache", verbose=0).cache(square)(3) == 9
""",
    "joblib with large arrays": """
import numpy as np
from joblib import Parallel, delayed
big = np.ones(2_000_000)
assert Parallel(n_jobs=2)(delayed(np.sum)(big) for _ in range(2)) == [2_000_000] * 2
""",
    "subprocess": """
import subprocess, sys
ran = subprocess.run([sys.executable, "-c", "import json; print(6 * 7)"], capture_output=True, text=True)
assert ran.stdout == "42\\n", ran
assert subprocess.check_output("echo $HOME | cat; exit 0", shell=True)
""",
    "!cmd": """
found = !echo one; echo two | tr a-z A-Z
assert found == ["one", "TWO"], found
!echo shown
""",
    "%%bash": """
get_ipython().run_cell_magic("bash", "", "for n in 1 2; do echo $n; done > bash.txt")
assert open("bash.txt").read() == "1\\n2\\n"
""",
    "threads": """
import threading
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(8) as pool:
    assert sum(pool.map(abs, range(-100, 0))) == 5050
local = threading.local(); local.x = 1
""",
    "asyncio": """
import asyncio
async def double(n):
    await asyncio.sleep(0.01)
    return 2 * n
assert await asyncio.gather(*map(double, range(3))) == [0, 2, 4]
assert await asyncio.to_thread(abs, -1) == 1
program = await asyncio.create_subprocess_exec("echo", "x", stdout=asyncio.subprocess.PIPE)
assert (await program.communicate())[0] == b"x\\n"
""",
    "tempfile": """
import os, tempfile
with tempfile.NamedTemporaryFile() as file, tempfile.TemporaryDirectory() as folder:
    file.write(b"x"); file.flush()
    assert os.path.getsize(file.name) == 1
    assert os.listdir(folder) == []
""",
    "zoneinfo": """
import zoneinfo, datetime
then = datetime.datetime(2026, 7, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))
assert then.utcoffset() == datetime.timedelta(hours=2)
assert len(zoneinfo.available_timezones()) > 100
""",
    "zmq": """
import zmq
with zmq.Context() as context, context.socket(zmq.PAIR) as one, context.socket(zmq.PAIR) as other:
    one.bind("inproc://x"); other.connect("inproc://x"); one.send(b"x")
    assert other.recv() == b"x"
""",
    "shared memory": """
from multiprocessing import shared_memory
memory = shared_memory.SharedMemory(create=True, size=100)
memory.buf[0] = 1
memory.close(); memory.unlink()
""",
}
REFUSED = {
    "a server on loopback": (
        "import socket; socket.create_server(('127.0.0.1', 0))",
        "Permission denied",  # nor to connect: a cell could reach whatever listens on the machine
    ),
    "a queue over a unix socket": (
        "from multiprocessing.managers import BaseManager; BaseManager().start()",
        "EOFError",
    ),
    "a look at a child": (
        """
import psutil, subprocess
with subprocess.Popen(['cat'], stdin=-1) as child:
    psutil.Process(child.pid).memory_info()
""",
        "AccessDenied",  # Landlock's rules are by file, and /proc/self means the kernel's own
    ),
    "processes of joblib": (
        "from joblib import effective_n_jobs; raise Exception(effective_n_jobs(2))",
        "1",  # so it works one after the other
    ),
    "/tmp": ("open('/tmp/x', 'w')", "Permission denied"),  # all kernels' and everybody's
}
"""What can't work where the machine's own processes, files and network are around, and what is said."""


@pytest.fixture(scope="module")
async def kernel(tiered: Launch) -> AsyncIterator[Kernel]:
    async with Kernel.open(tiered) as kernel:
        yield kernel


@pytest.mark.parametrize("code", WORKS.values(), ids=WORKS)
async def test_ordinary_work_is_done(kernel: Kernel, tier: Tier, code: str) -> None:
    said = await text(kernel, code + DONE)
    assert said.endswith("done\n"), await error(kernel, code)


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
async def test_what_cannot_work_without_namespaces_is_refused(
    kernel: Kernel, tier: Tier, case: tuple[str, str]
) -> None:
    code, said = case
    if tier is Tier.FULL:
        pytest.skip("it has namespaces")
    raised = await error(kernel, code)
    assert said in f"{raised.ename}: {raised.evalue}"
