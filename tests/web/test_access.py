"""What isn't yours isn't there; what comes from elsewhere is refused."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.serving import Served, new_chat, outputs, say, serving


@pytest.fixture
def hers(ann: httpx.Client) -> tuple[str, str]:
    """A chat of Ann's and an artifact in it."""
    chat = new_chat(ann)
    events = say(ann, chat, "import pandas as pd\npd.DataFrame({'a': [1]})")
    ref = outputs(events)[0]["data"]["application/vnd.chatkernel.artifacts+json"][0]
    return chat, str(ref["id"])


def test_a_strangers_chat_is_not_found_and_stays_as_it_was(
    ann: httpx.Client, bob: httpx.Client, hers: tuple[str, str]
) -> None:
    chat, artifact = hers
    before = ann.get(f"/api/chats/{chat}").json()
    api = f"/api/chats/{chat}"
    tries = [
        bob.get(api),
        bob.patch(api, json={"title": "mine now"}),
        bob.delete(api),
        bob.delete(f"/chat/{chat}"),
        bob.get(f"/chat/{chat}"),
        bob.post(f"{api}/messages", json={"msg": "1"}),
        bob.post(f"{api}/messages", json={"msg": "1", "edit_idx": 0}),
        bob.post(f"{api}/stop"),
        bob.get(f"{api}/variables"),
        bob.post(f"{api}/complete", json={"code": "pri"}),
        bob.post(f"{api}/is_complete", json={"code": "1"}),
        bob.get(f"{api}/artifacts/{artifact}"),
        bob.get(f"{api}/figures/fig"),
        bob.get(f"{api}/files"),
        bob.post(f"{api}/files", files={"f": ("a.txt", b"x")}),
        bob.get(f"{api}/files/samples/sales.csv"),
        bob.get(f"{api}/export"),
        bob.get(f"{api}/state"),
        bob.post(f"{api}/undo"),
    ]
    assert {answer.status_code for answer in tries} == {404}
    assert ann.get(api).json() == before
    assert ann.get(f"{api}/artifacts/{artifact}").status_code == 200


def test_a_strangers_socket_is_not_found(
    served: Served, bob: httpx.Client, hers: tuple[str, str]
) -> None:
    cookie = "; ".join(f"{name}={value}" for name, value in bob.cookies.items())
    url = f"{served.url.replace('http', 'ws')}/ws?chat={hers[0]}&page=p"
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(url, additional_headers={"Cookie": cookie}),
    ):
        pass
    assert refused.value.response.status_code == 404


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:5001", "127.0.0.1.evil.example", ""]
)
def test_a_foreign_host_is_refused(served: Served, host: str) -> None:
    answer = httpx.get(f"{served.url}/login", headers={"host": host})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "host", ["localhost", "me.localhost:1", "127.0.0.1:1", "[::1]:80", "127.8.8.8"]
)
def test_loopback_hosts_are_let_in(served: Served, host: str) -> None:
    assert httpx.get(f"{served.url}/login", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
def test_a_foreign_origin_cannot_change_anything(
    served: Served, ann: httpx.Client, origin: str
) -> None:
    answer = ann.post("/api/chats", json={}, headers={"origin": origin})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "foreign_origin")
    cookie = "; ".join(f"{name}={value}" for name, value in ann.cookies.items())
    url = f"{served.url.replace('http', 'ws')}/ws?chat={new_chat(ann)}&page=p"
    headers = {"Cookie": cookie}
    with pytest.raises(InvalidStatus) as refused:
        connect(url, origin=Origin(origin), additional_headers=headers)
    assert refused.value.response.status_code == 403


def test_our_own_origin_may(served: Served, ann: httpx.Client) -> None:
    origin = f"http://{urlsplit(served.url).netloc}"
    assert ann.post("/api/chats", json={}, headers={"origin": origin}).status_code == 201


def test_nobody_gets_in_without_a_login(served: Served) -> None:
    nobody = served.client(None)
    assert nobody.get("/api/chats").status_code == 401
    assert nobody.get("/", headers={"accept": "text/html"}).headers["location"] == "/login"


def test_an_admins_name_needs_the_start_up_secret(served: Served) -> None:
    client = served.client(None)
    assert client.post("/api/login", json={"username": "root"}).status_code == 403
    wrong = client.post("/api/login", json={"username": "root", "secret": "x"})
    assert wrong.status_code == 403
    right = client.post("/api/login", json={"username": "root", "secret": served.secret})
    assert right.json()["user"]["admin"] is True
    link = client.get("/login", params={"username": "root", "secret": served.secret})
    assert link.status_code == 303


def test_beyond_this_machine_a_name_alone_is_no_login(tmp_path: Path) -> None:
    with serving(tmp_path / "data", environ={"CHATKERNEL_HOSTS": "chat.example.com"}) as public:
        client = public.client(None)
        headers = {"host": "chat.example.com"}
        alone = client.post("/api/login", json={"username": "ann"}, headers=headers)
        assert (alone.status_code, "name alone" in alone.text) == (403, True)
        known = public.client("ann")
        assert known.get("/api/chats").status_code == 200
        assert known.get("/api/chats", headers=headers).status_code == 401
        body = {"username": "ann", "secret": public.secret}
        assert client.post("/api/login", json=body, headers=headers).status_code == 200


def test_a_cookie_from_before_is_no_admins(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data) as before:
        cookies = dict(before.client("boss").cookies)
    with serving(data, "--admin", "boss") as after:
        old = httpx.get(f"{after.url}/api/admin/kernels", cookies=cookies)
        assert old.status_code == 401
        boss = after.client("boss", secret=after.secret)
        assert boss.get("/api/admin/kernels").status_code == 200
        assert httpx.get(f"{after.url}/api/chats", cookies=cookies).status_code == 401
        trusted = dict(boss.cookies)
    with serving(data) as dismissed:
        answer = httpx.get(f"{dismissed.url}/api/admin/kernels", cookies=trusted)
        assert answer.status_code == 404


def test_a_forged_cookie_is_nobody(served: Served, ann: httpx.Client) -> None:
    name, value = next(iter(ann.cookies.items()))
    forged = {name: value[:-3] + "abc"}
    assert httpx.get(f"{served.url}/api/chats", cookies=forged).status_code == 401


def test_what_no_issue_has_brought_yet_says_so(served: Served, ann: httpx.Client) -> None:
    chat = new_chat(ann)
    later = [
        ann.get(f"/api/chats/{chat}/frames/df"),
        ann.get(f"/api/chats/{chat}/export"),
        ann.get(f"/api/chats/{chat}/state"),
        ann.post(f"/api/chats/{chat}/branch", json={"turn": 0}),
        ann.post(f"/api/chats/{chat}/undo"),
        ann.post(f"/api/chats/{chat}/recompute", json={"names": []}),
        ann.delete(f"/api/chats/{chat}/files/a.txt"),
        ann.get("/metrics"),
        ann.get("/settings"),
        ann.post("/api/chats", json={"variables_from": chat}),
    ]
    assert {answer.status_code for answer in later} == {501}


def test_html_of_a_cell_has_no_origin_of_ours(ann: httpx.Client) -> None:
    chat = new_chat(ann)
    events = say(ann, chat, "from IPython.display import HTML\nHTML('<script>parent.x=1</script>')")
    ref = outputs(events)[0]["data"]["application/vnd.chatkernel.artifacts+json"][0]
    answer = ann.get(f"/api/chats/{chat}/artifacts/{ref['id']}")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts; default-src 'none'")
    assert "allow-same-origin" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_uploads_are_stored_under_safe_names_and_listed(ann: httpx.Client) -> None:
    chat = new_chat(ann)
    files = [("f", ("../../etc/pässwd", b"a" * 100_000)), ("f", ("data.csv", b"x,y\n1,2\n"))]
    stored = ann.post(f"/api/chats/{chat}/files", files=files).raise_for_status().json()["files"]
    assert [(file["path"], file["size"]) for file in stored][1] == ("data.csv", 8)
    assert Path(stored[0]["path"]).name == stored[0]["path"]
    listed = {file["path"] for file in ann.get(f"/api/chats/{chat}/files").json()["files"]}
    assert {"data.csv", "samples/sales.csv", stored[0]["path"]} <= listed
    assert "1" in str(outputs(say(ann, chat, "print(open('data.csv').read())"))[0]["text"])


def test_an_upload_without_a_file_is_refused(ann: httpx.Client) -> None:
    chat = new_chat(ann)
    assert ann.post(f"/api/chats/{chat}/files", data={"a": "b"}).status_code == 422
    cut = b'--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\nabc'
    headers = {"content-type": "multipart/form-data; boundary=b"}
    assert ann.post(f"/api/chats/{chat}/files", content=cut, headers=headers).status_code == 422
    assert "x" not in {f["path"] for f in ann.get(f"/api/chats/{chat}/files").json()["files"]}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"msg": ""}', "empty_message"),
        (b'{"msg": "  \\n"}', "empty_message"),
        (b'{"msg": "1", "edit_idx": 7}', "edit_out_of_range"),
        (b'{"msg": "1", "edit_idx": -1}', "edit_out_of_range"),
        (b"{}", "invalid"),
        (b"null", "invalid"),
        (b"{", "invalid"),
        (b'{"msg": 1}', "invalid"),
    ],
)
def test_a_message_that_cannot_be_one_is_refused(ann: httpx.Client, body: bytes, code: str) -> None:
    chat = new_chat(ann)
    answer = ann.post(f"/api/chats/{chat}/messages", content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, code)
    assert ann.get(f"/api/chats/{chat}").json()["turns"] == []


def test_a_message_may_have_a_million_bytes_and_no_more(ann: httpx.Client) -> None:
    chat = new_chat(ann)
    answer = ann.post(f"/api/chats/{chat}/messages", json={"msg": "#" * 1_000_001})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "message_too_long")


def test_an_unknown_address_is_a_page_with_a_way_back(ann: httpx.Client) -> None:
    page = ann.get("/nowhere", headers={"accept": "text/html"})
    assert page.status_code == 404
    assert 'href="/"' in page.text
    assert ann.get("/api/nowhere").json()["error"]["code"] == "http_404"
