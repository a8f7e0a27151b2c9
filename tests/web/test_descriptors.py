"""A server that may open few files, or could open more."""

from __future__ import annotations

import resource
from pathlib import Path

import psutil

from tests.serving import new_chat, outputs, say, serving

PRELOAD = {"CHATKERNEL_PRELOAD": "json"}


def limited(soft: int, hard: int) -> str:
    """Python that limits the process it runs in."""
    return f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))"


def test_it_raises_what_it_may_open_and_its_kernels_have_their_own(tmp_path: Path) -> None:
    with serving(
        tmp_path / "data", "--model", "direct", environ=PRELOAD, before=limited(256, 8000)
    ) as served:
        client = served.client("ann")
        code = "import resource; resource.getrlimit(resource.RLIMIT_NOFILE)"
        (shown,) = outputs(say(client, new_chat(client), code))
        assert shown["data"]["text/plain"] == "(1024, 1024)"
        server = psutil.Process(served.process.pid)
        assert server.rlimit(resource.RLIMIT_NOFILE) == (8000, 8000)
        (fork_server,) = server.children()
        assert fork_server.rlimit(resource.RLIMIT_NOFILE) == (1024, 8000)
        assert "room for" not in served.log.read_text()


def test_where_it_may_open_few_there_are_fewer_kernels_and_it_says_so(tmp_path: Path) -> None:
    with serving(
        tmp_path / "data", "--model", "direct", environ=PRELOAD, before=limited(256, 256)
    ) as served:
        for n in range(17):
            client = served.client(f"user-{n}")
            (shown,) = outputs(say(client, new_chat(client), "6 * 7"))
            assert shown["data"]["text/plain"] == "42"
        headers = {"authorization": f"Bearer {served.secret}"}
        totals = served.client(None).get("/api/admin/kernels", headers=headers).json()["totals"]
        assert totals["alive"] <= totals["most"] == 14
        assert "There is room for 14 of 200 kernels only" in served.log.read_text()
