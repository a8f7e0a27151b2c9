"""``chatkernel kernels``: an admin's view in the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.chatkernel.test_cli import run
from tests.serving import Served, new_chat, say, serving


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server without admins: who may read its folder is one."""
    with serving(tmp_path_factory.mktemp("terminal") / "data") as server:
        yield server


def kernel_of(served: Served, chat: str) -> str:
    """The id of a chat's kernel."""
    operator = {"authorization": f"Bearer {served.secret}"}
    answer = httpx.get(f"{served.url}/api/admin/kernels", headers=operator)
    found = answer.raise_for_status().json()["kernels"]
    return next(str(each["id"]) for each in found if each["chat_id"] == chat)


def test_kernels_are_listed_with_whose_they_are(served: Served) -> None:
    ann = served.client("ann")
    chat = new_chat(ann)
    say(ann, chat, "seen = 1")
    for words in (("kernels",), ("kernels", "list")):
        done = run(*words, "--data", str(served.data))
        assert done.returncode == 0, done.stderr
        (line,) = [each for each in done.stdout.splitlines() if kernel_of(served, chat) in each]
        assert ("ann" in line, "seen = 1" in line, "idle" in line) == (True, True, True)
        assert "1 of 200 kernels" in done.stdout


def test_a_kernel_is_ended_from_the_terminal(served: Served) -> None:
    bob = served.client("bob")
    chat = new_chat(bob)
    data = ("--data", str(served.data))
    for action, words in (
        ("interrupt", "Nothing ran"),
        ("hibernate", "It was ended"),
        ("kill", "was killed"),
    ):
        say(bob, chat, "1")
        done = run("kernels", action, kernel_of(served, chat), *data)
        assert (done.returncode, words in done.stdout) == (0, True), done
        if action == "hibernate":
            assert "an admin hibernated it" in run("kernels", *data).stdout
    again = run("kernels", *data, "kill", "nosuchid")
    assert (again.returncode, again.stderr) == (
        1,
        "chatkernel: No kernel with this id lives: it is gone already, or never was.\n",
    )


def test_without_a_server_it_says_so(tmp_path: Path) -> None:
    done = run("kernels", "--data", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("chatkernel: No server runs on ")
    assert len(done.stderr.splitlines()) == 1


def test_a_server_that_was_killed_is_no_server(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as served:
        served.kill()
        done = run("kernels", "--data", str(tmp_path / "data"))
    assert (done.returncode, "No server runs" in done.stderr) == (1, True)
