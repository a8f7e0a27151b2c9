"""What admins see and do, and that nobody else does."""

from __future__ import annotations

import html
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.chatkernel.test_cli import run
from tests.serving import Served, new_chat, say, serving

NO_NAMESPACES = """
import chatkernel.isolation
from kernels import FoundTier, Tier
async def find_landlock(launch, **_):
    return FoundTier(Tier.LANDLOCK, {Tier.FULL: "unshare was refused."})
chatkernel.isolation.find_tier = find_landlock
"""
LOOP = "print('begun', flush=True)\nwhile True: pass"


@pytest.fixture
def root(served: Served) -> httpx.Client:
    """An admin."""
    return served.client("root", secret=served.secret)


def kernels(root: httpx.Client, chat: str) -> list[dict[str, Any]]:
    """The kernels of a chat, the living before the dead."""
    found = root.get("/api/admin/kernels").raise_for_status().json()["kernels"]
    return [each for each in found if each["chat_id"] == chat]


def kernel(root: httpx.Client, chat: str, state: str) -> dict[str, Any]:
    """The chat's kernel once it is in this state."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for each in kernels(root, chat):
            if each["state"] == state:
                return each
    raise AssertionError(f"never {state}: {kernels(root, chat)}")


def act(root: httpx.Client, kernel_id: str, action: str) -> httpx.Response:
    return root.post(f"/api/admin/kernels/{kernel_id}/{action}")


def audited(root: httpx.Client) -> str:
    """The page's list of what admins did."""
    return root.get("/admin").text.partition("What admins did")[2]


@contextmanager
def looping(client: httpx.Client, chat: str, code: str = LOOP) -> Iterator[list[dict[str, Any]]]:
    """A cell of the chat loops; on leaving its turn has ended, and its events are there."""
    events: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: events.extend(say(client, chat, code)))
    thread.start()
    try:
        yield events
    except BaseException:
        client.post(f"/api/chats/{chat}/stop")
        raise
    finally:
        thread.join(30)
    assert not thread.is_alive()


def test_a_kernel_is_seen_with_its_users_and_its_chats_name(
    ann: httpx.Client, root: httpx.Client
) -> None:
    chat = new_chat(ann)
    say(ann, chat, "seen = 1")
    seen = kernel(root, chat, "idle")
    assert (seen["user"], seen["chat"], seen["tier"] is None) == ("ann", "seen = 1", False)
    assert seen["pss_bytes"] > 1 << 20
    all_of_it = root.get("/api/admin/kernels").json()
    assert all_of_it["totals"]["alive"] >= 1
    assert all_of_it["sessions"] >= 1


def test_for_others_there_is_nothing(served: Served, ann: httpx.Client, root: httpx.Client) -> None:
    chat = new_chat(ann)
    say(ann, chat, "1")
    hers = kernel(root, chat, "idle")["id"]
    tries = [
        ann.get("/admin"),
        ann.get("/api/admin/kernels"),
        *(act(ann, hers, action) for action in ("interrupt", "hibernate", "kill", "fly")),
        *(
            ann.request(method, "/admin")
            for method in ("PUT", "POST", "DELETE", "OPTIONS", "TRACE")
        ),
        ann.put("/api/admin/kernels"),
        ann.get(f"/api/admin/kernels/{hers}/kill"),
    ]
    assert {answer.status_code for answer in tries} == {404}
    assert not any("allow" in answer.headers for answer in tries)
    assert 'href="/admin"' not in ann.get("/").text
    assert 'href="/admin"' in root.get("/").text
    assert kernel(root, chat, "idle")["id"] == hers
    nobody = served.client(None)
    assert nobody.get("/api/admin/kernels").status_code == 401
    assert nobody.get("/admin", headers={"accept": "text/html"}).headers["location"] == "/login"
    wrong = {"authorization": "Bearer wrong"}
    assert nobody.get("/api/admin/kernels", headers=wrong).status_code == 401
    with pytest.raises(InvalidStatus) as refused:
        watching(served, ann)
    assert refused.value.response.status_code == 404
    assert "handshake" not in served.log.read_text()
    assert nobody.put("/api/admin/kernels").status_code == 401
    other = root.put("/admin")
    assert (other.status_code, other.headers["allow"]) == (405, "GET")


def test_another_site_cannot_act(ann: httpx.Client, root: httpx.Client) -> None:
    foreign = {"origin": "http://evil.example"}
    assert root.post("/api/admin/kernels/x/kill", headers=foreign).status_code == 403


def test_who_holds_the_start_up_secret_is_an_admin(served: Served) -> None:
    operator = {"authorization": f"Bearer {served.secret}"}
    answer = served.client(None).get("/api/admin/kernels", headers=operator)
    assert answer.status_code == 200


def test_an_interrupt_stops_the_cell_and_keeps_the_variables(
    ann: httpx.Client, root: httpx.Client
) -> None:
    chat = new_chat(ann)
    say(ann, chat, "kept = 6 * 7")
    with looping(ann, chat) as events:
        busy = kernel(root, chat, "busy")
        assert busy["code"] == "print('begun', flush=True)"
        answer = act(root, busy["id"], "interrupt")
    assert (answer.status_code, answer.json()["result"]) == (202, "Its cell was interrupted.")
    assert "KeyboardInterrupt" in str(events)
    assert "42" in str(say(ann, chat, "kept"))
    assert act(root, busy["id"], "interrupt").json()["result"] == "Nothing ran in it."


def test_only_an_idle_kernel_hibernates(ann: httpx.Client, root: httpx.Client) -> None:
    chat = new_chat(ann)
    with looping(ann, chat):
        busy = kernel(root, chat, "busy")
        refused = act(root, busy["id"], "hibernate")
        assert refused.status_code == 409
        assert "is busy" in refused.json()["error"]["message"]
        assert "wanted to hibernate" in audited(root)
        act(root, busy["id"], "interrupt")
    idle = kernel(root, chat, "idle")
    assert act(root, idle["id"], "hibernate").status_code == 202
    (asleep,) = kernels(root, chat)
    assert (asleep["state"], asleep["cause"]) == ("hibernated", "an admin hibernated it")
    assert asleep["started"] is True
    assert "hibernated <strong>ann" in audited(root)
    assert act(root, asleep["id"], "kill").status_code == 404
    assert "2" in str(say(ann, chat, "1 + 1"))
    assert [each["state"] for each in kernels(root, chat)] == ["idle"]


def test_the_tier_is_shown_and_nothing_more_is_said_of_the_best(root: httpx.Client) -> None:
    found = sandbox(root)
    page = root.get("/admin").text
    assert f"<strong>{found['tier']}</strong>" in page
    is_best = found["tier"] == "full"
    assert ("the best tier" in page, "tier-note" in page) == (is_best, not is_best)
    assert (found["refused"] == {}, found["advice"] == []) == (is_best, is_best)


def test_control_groups_that_are_missing_are_shown_with_what_would_give_them(
    root: httpx.Client,
) -> None:
    found = sandbox(root)["cgroups"]
    page = html.unescape(root.get("/admin").text)
    are_all_there = set(found["controllers"]) == {"memory", "pids", "cpu"}
    assert (found["advice"] == [], "Control groups:" in page) == (are_all_there, not are_all_there)
    assert all(sentence in page for sentence in (*found["advice"], found["refused"]))


def test_a_tier_that_is_not_the_best_is_shown_with_what_would_raise_it(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--admin", "root", before=NO_NAMESPACES) as served:
        root = served.client("root", secret=served.secret)
        found = sandbox(root)
        page = root.get("/admin").text
        operator = root.get("/api/admin/kernels").json()
    assert (found["tier"], found["refused"]) == ("landlock", {"full": "unshare was refused."})
    assert found["advice"]
    assert operator["kernels"] == []
    shown = html.unescape(page)
    assert all(said in shown for said in ("Sandbox: tier landlock", "unshare was refused."))
    assert all(sentence in shown for sentence in found["advice"])


def sandbox(root: httpx.Client) -> dict[str, Any]:
    """What the server found when it started, once it has."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found: dict[str, Any] | None = root.get("/api/admin/kernels").json()["sandbox"]
        if found is not None:
            return found
    raise AssertionError("no tier was found")


def test_a_killed_kernel_is_told_and_the_chat_goes_on(
    ann: httpx.Client, root: httpx.Client
) -> None:
    chat = new_chat(ann)
    with looping(ann, chat) as events:
        busy = kernel(root, chat, "busy")
        assert act(root, busy["id"], "kill").status_code == 202
    assert "An admin of this server ended Python." in str(events)
    assert kernel(root, chat, "dead")["cause"] == "ended by an admin"
    assert "2" in str(say(ann, chat, "1 + 1"))
    assert "killed <strong>ann" in audited(root)
    again = act(root, busy["id"], "kill")
    assert (again.status_code, again.json()["error"]["code"]) == (404, "not_found")
    assert "wanted to kill" in audited(root)
    assert "gone already" in audited(root)


def test_who_waits_for_a_place_can_be_ended_from_the_page_and_the_terminal(tmp_path: Path) -> None:
    one_place = {"CHATKERNEL_KERNELS": "1", "CHATKERNEL_PRELOAD": "json"}
    with serving(tmp_path / "data", "--admin", "root", environ=one_place) as served:
        root, ann = served.client("root", secret=served.secret), served.client("ann")
        anns = new_chat(ann)
        with looping(ann, anns):
            busy = kernel(root, anns, "busy")
            for name, kill in (("bob", by_api), ("cyd", by_terminal)):
                client = served.client(name)
                chat = new_chat(client)
                with looping(client, chat, "1 + 1") as events:
                    waiting = kernel(root, chat, "waiting")
                    assert (waiting["before"], waiting["started"]) == (0, False)
                    assert f'id="kill-{waiting["id"]}"' in root.get("/admin").text
                    assert act(root, waiting["id"], "interrupt").status_code == 409
                    assert "Its start was ended." in kill(served, root, waiting["id"])
                assert "an admin of this server ended its start." in str(events)
                assert kernels(root, chat) == []
                assert f"killed <strong>{name}" in audited(root)
            assert kernel(root, anns, "busy")["id"] == busy["id"]
            act(root, busy["id"], "interrupt")
        assert "2" in str(say(ann, anns, "1 + 1"))


def by_api(_: Served, root: httpx.Client, kernel_id: str) -> str:
    return act(root, kernel_id, "kill").raise_for_status().text


def by_terminal(served: Served, _: httpx.Client, kernel_id: str) -> str:
    data = ("--data", str(served.data))
    assert kernel_id in run("kernels", *data).stdout
    return run("kernels", *data, "kill", kernel_id).stdout


def watching(served: Served, client: httpx.Client, query: str = "") -> ClientConnection:
    """The socket of somebody's admin page."""
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    url = f"{served.url.replace('http', 'ws')}/admin/ws{query}"
    return connect(url, additional_headers={"Cookie": cookie})


def read_on(page: ClientConnection) -> None:
    while True:
        page.recv(timeout=20)


def test_the_page_is_kept_up_to_date_until_the_login_ends(
    served: Served, ann: httpx.Client, root: httpx.Client
) -> None:
    chat = new_chat(ann)
    with watching(served, root, "?sort=-memory") as page:
        swap = orjson.loads(page.recv(timeout=20))
        assert (swap["target"], swap["swap"]) == ("#overview", "innerMorph")
        assert 'aria-sort="descending" class="of-memory"' in swap["content"]
        say(ann, chat, "1")
        wanted = kernel(root, chat, "idle")["id"]
        while wanted not in swap["content"]:
            swap = orjson.loads(page.recv(timeout=20))
        root.post("/logout")
        with pytest.raises(ConnectionClosedError):
            read_on(page)
    assert page.close_code == 4401
