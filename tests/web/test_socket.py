"""The page's websocket: blocks as HTML, notices for what can't be read, taking over, resuming."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from chatkernel.settings import load_settings
from tests.serving import Served, new_chat, say
from web.incoming import longest_text
from web.server import SOCKET_BYTES, socket_bytes


@contextmanager
def page_of(
    served: Served, client: httpx.Client, chat: str, *, page: str = "p", query: str = "after=0"
) -> Iterator[ClientConnection]:
    """A page's socket."""
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    url = f"{served.url.replace('http', 'ws')}/ws?chat={chat}&page={page}&{query}"
    with connect(url, additional_headers={"Cookie": cookie}, max_size=None) as socket:
        yield socket


def until(socket: ClientConnection, words: str) -> str:
    """Everything up to and including the message that holds ``words``."""
    seen = ""
    while words not in seen:
        seen += str(socket.recv(timeout=30))
    return seen


def articles(html: str) -> list[str]:
    """The ids of the blocks in what was sent, in order."""
    return re.findall(r'<article[^>]*\bid="(b\d+)"', html)


def test_a_message_comes_back_as_blocks_then_the_state(served: Served, ann: httpx.Client) -> None:
    chat = new_chat(ann)
    with page_of(served, ann, chat) as socket:
        socket.send(json.dumps({"msg": "print('hello')", "chat_id": chat}))
        seen = until(socket, 'data-kind="turn_end"')
        assert articles(seen) == ["b1", "b2", "b3", "b4"]
        seen += until(socket, '"running":false')
        assert f'"url":"/chat/{chat}"' in seen


def test_a_reconnect_resumes_after_the_last_block(served: Served, ann: httpx.Client) -> None:
    chat = new_chat(ann)
    say(ann, chat, "1")
    say(ann, chat, "2")
    with page_of(served, ann, chat, query="after=5") as socket:
        assert articles(until(socket, '"state"')) == ["b6", "b7", "b8"]


@pytest.mark.parametrize(
    "text", ["null", "[1]", "{", "", '"x"', "{}", '{"msg": 1}', '{"action": "fly"}', b"\xff\x00"]
)
def test_what_cannot_be_read_gets_a_notice_and_the_socket_lives(
    served: Served, ann: httpx.Client, text: str | bytes
) -> None:
    chat = new_chat(ann)
    with page_of(served, ann, chat) as socket:
        socket.send(text)
        until(socket, "#notices")
        socket.send(json.dumps({"msg": "'alive'"}))
        assert "alive" in until(socket, 'data-kind="turn_end"')


def test_an_oversized_text_gets_a_notice_and_the_socket_lives(
    served: Served, ann: httpx.Client
) -> None:
    chat = new_chat(ann)
    with page_of(served, ann, chat) as socket:
        socket.send(json.dumps({"msg": "#" * 3_000_000}))
        assert "longer than" in until(socket, "#notices")
        socket.send(json.dumps({"msg": "'alive'"}))
        until(socket, 'data-kind="turn_end"')


def test_a_text_over_the_sockets_own_limit_ends_the_socket_but_not_the_session(
    served: Served, ann: httpx.Client
) -> None:
    chat = new_chat(ann)
    with page_of(served, ann, chat) as socket:
        until(socket, '"state"')
        socket.send("#" * (SOCKET_BYTES + 1))
        with pytest.raises(ConnectionClosed) as closed:
            until(socket, "never")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
    with page_of(served, ann, chat, query="after=0&reconnect=1") as socket:
        assert "held_elsewhere" not in until(socket, '"running":false')
        socket.send(json.dumps({"msg": "'alive'"}))
        assert "alive" in until(socket, 'data-kind="turn_end"')


@pytest.mark.parametrize("message_bytes", [1, 1_000_000, 5_000_000])
def test_a_socket_takes_every_message_that_the_settings_allow(message_bytes: int) -> None:
    settings = load_settings(message_bytes=message_bytes)
    escaped = json.dumps({"msg": "\x01" * message_bytes, "edit_idx": 1, "chat_id": "c" * 32})
    assert len(escaped) <= longest_text(message_bytes)
    assert socket_bytes(settings) >= max(SOCKET_BYTES, len(escaped))


def test_refusals_are_notices_and_free_the_composer(served: Served, ann: httpx.Client) -> None:
    chat = new_chat(ann)
    with page_of(served, ann, chat) as socket:
        until(socket, '"state"')
        for message in ({"msg": " "}, {"msg": "1", "edit_idx": 5}, {"action": "approve"}):
            socket.send(json.dumps(message))
            until(socket, "#notices")
            until(socket, '"running":false')


def test_a_strangers_chat_in_a_message_changes_nothing(
    served: Served, ann: httpx.Client, bob: httpx.Client
) -> None:
    hers = new_chat(ann)
    say(ann, hers, "1")
    with page_of(served, bob, new_chat(bob)) as socket:
        socket.send(json.dumps({"msg": "2", "chat_id": hers, "edit_idx": 0}))
        assert "no such chat" in until(socket, "#notices")
    assert len(ann.get(f"/api/chats/{hers}").json()["turns"]) == 1


def test_stop_is_heard_while_a_turn_runs(served: Served, ann: httpx.Client) -> None:
    chat = new_chat(ann)
    with page_of(served, ann, chat) as socket:
        socket.send(json.dumps({"msg": "print('on', flush=True)\nimport time\ntime.sleep(60)"}))
        until(socket, '"target":"#live"')
        socket.send(json.dumps({"action": "stop"}))
        until(socket, 'data-kind="turn_end"')
        until(socket, '"running":false')


def test_the_turn_goes_on_when_the_page_is_closed(served: Served, ann: httpx.Client) -> None:
    chat = new_chat(ann)
    with page_of(served, ann, chat) as socket:
        socket.send(json.dumps({"msg": "import time\ntime.sleep(1)\nprint('done')"}))
        until(socket, 'data-kind="user_prompt"')
    with page_of(served, ann, chat) as socket:
        assert "done" in until(socket, 'data-kind="turn_end"')


def test_a_second_tab_takes_over_and_the_first_is_told(served: Served, ann: httpx.Client) -> None:
    chat = new_chat(ann)
    with page_of(served, ann, chat, page="one") as first:
        until(first, '"state"')
        with page_of(served, ann, chat, page="two") as second:
            until(second, '"state"')
            with pytest.raises(ConnectionClosed) as closed:
                until(first, "never")
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4001
            with page_of(served, ann, chat, page="one", query="after=0&reconnect=1") as back:
                until(back, "held_elsewhere")
                second.send(json.dumps({"msg": "'still mine'"}))
                until(second, 'data-kind="turn_end"')
                back.send(json.dumps({"action": "take_over"}))
                assert "still mine" in until(back, '"state"')
                with pytest.raises(ConnectionClosed):
                    until(second, "never")


def test_figures_appear_while_the_cell_still_runs(served: Served, ann: httpx.Client) -> None:
    chat = new_chat(ann)
    code = "import plotly.express as px, time\npx.line(y=[1, 2]).show()\ntime.sleep(60)"
    with page_of(served, ann, chat) as socket:
        socket.send(json.dumps({"msg": code}))
        until(socket, "ck-figure")
        socket.send(json.dumps({"action": "stop"}))
        until(socket, 'data-kind="turn_end"')
