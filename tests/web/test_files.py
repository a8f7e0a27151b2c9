"""Files on their way into a chat's workspace."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.serving import Served, new_chat

HEAD = b'--B\r\nContent-Disposition: form-data; name="f"; filename="x.csv"\r\n\r\n'
FORM = {"Content-Type": "multipart/form-data; boundary=B"}


def test_an_upload_that_ends_after_its_chat_was_deleted_is_refused(
    served: Served, ann: httpx.Client
) -> None:
    chat, other = new_chat(ann), served.client("ann")
    user = ann.post("/api/login", json={"username": "ann"}).json()["user"]["id"]
    folder = served.data / "workspaces" / user

    def body() -> Iterator[bytes]:
        yield HEAD + b"a,b\n"
        wait_for_a_file(folder / ".incoming")
        assert other.delete(f"/api/chats/{chat}").status_code == 204
        yield b"1,2\n\r\n--B--\r\n"

    answer = ann.post(f"/api/chats/{chat}/files", content=body(), headers=FORM)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert not (folder / chat).exists()
    assert list((folder / ".incoming").iterdir()) == []


def wait_for_a_file(folder: Path) -> None:
    """Until an upload has begun."""
    deadline = time.monotonic() + 20
    while not (folder.is_dir() and any(folder.iterdir())):
        assert time.monotonic() < deadline
        time.sleep(0.01)
