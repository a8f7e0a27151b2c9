"""Turns over the JSON API: a message's way to the kernel and back."""

from __future__ import annotations

import threading

import httpx
import orjson

from tests.serving import new_chat, outputs, say, text_of


def test_a_cell_prints_and_its_value_is_shown(ann: httpx.Client) -> None:
    events = say(ann, new_chat(ann), "x = 41\nprint(x)\nx + 1")
    assert text_of(events) == "41\n42"
    assert events[-1]["kind"] == "turn_end"
    assert events[-1]["status"] == "ok"


def test_variables_stay_between_messages(ann: httpx.Client) -> None:
    chat = new_chat(ann)
    say(ann, chat, "kept = 'here'")
    assert text_of(say(ann, chat, "kept")) == "'here'"
    listed = ann.get(f"/api/chats/{chat}/variables").json()["variables"]
    assert {"name": "kept", "type": "str"}.items() <= listed[0].items()


def test_chats_do_not_share_a_kernel(ann: httpx.Client) -> None:
    first = new_chat(ann)
    say(ann, first, "mine = 1")
    second = new_chat(ann)
    assert second != first
    error = outputs(say(ann, second, "print(mine)"))[0]
    assert error["ename"] == "NameError"


def test_the_users_exception_is_data(ann: httpx.Client) -> None:
    events = say(ann, new_chat(ann), "1/0")
    returned = next(e for e in events if e["kind"] == "model_request")["parts"][0]
    assert returned["status"] == "error"
    assert returned["outputs"][0]["ename"] == "ZeroDivisionError"
    assert events[-1]["status"] == "ok"


def test_blocks_are_numbered_without_gaps_and_stored_as_streamed(ann: httpx.Client) -> None:
    chat = new_chat(ann)
    events = say(ann, chat, "print('a')") + say(ann, chat, "print('b')")
    stored = [event for event in events if "seq" in event]
    assert [event["seq"] for event in stored] == list(range(1, len(stored) + 1))
    turns = ann.get(f"/api/chats/{chat}").json()["turns"]
    assert [block for turn in turns for block in turn["blocks"]] == stored
    later = ann.get(f"/api/chats/{chat}", params={"after_seq": stored[-2]["seq"]}).json()["turns"]
    assert later[0]["blocks"] == stored[-1:]


def test_a_figure_is_an_artifact_and_outlives_the_kernel(ann: httpx.Client) -> None:
    chat = new_chat(ann)
    events = say(ann, chat, "import plotly.express as px\npx.line(x=[1, 2], y=[3, 4], title='T')")
    ref = outputs(events)[0]["data"]["application/vnd.chatkernel.artifacts+json"][0]
    assert ref["media_type"] == "application/vnd.plotly.v1+json"
    figure = ann.get(f"/api/chats/{chat}/artifacts/{ref['id']}").raise_for_status()
    assert figure.json()["layout"]["title"]["text"] == "T"
    assert "sandbox" in figure.headers["content-security-policy"]


def test_a_figure_of_the_kernel_is_had_by_name(ann: httpx.Client) -> None:
    chat = new_chat(ann)
    say(ann, chat, "import plotly.express as px\nfig = px.line(y=[3, 4], title='T')\nx = 1")
    assert ann.get(f"/api/chats/{chat}/figures/fig").json()["layout"]["title"]["text"] == "T"
    assert ann.get(f"/api/chats/{chat}/figures/x").status_code == 404
    assert ann.get(f"/api/chats/{chat}/figures/nope").status_code == 404
    assert ann.get(f"/api/chats/{chat}/figures/fig", params={"turn": 0}).status_code == 404


def test_stop_interrupts_the_cell_and_the_chat_goes_on(ann: httpx.Client) -> None:
    chat = new_chat(ann)
    say(ann, chat, "import time; before = 1")
    running = threading.Event()
    found: list[dict[str, object]] = []

    def run() -> None:
        url = f"/api/chats/{chat}/messages"
        with ann.stream(
            "POST", url, json={"msg": "print('on', flush=True)\ntime.sleep(60)"}
        ) as lines:
            for line in lines.iter_lines():
                found.append(orjson.loads(line))
                if found[-1]["kind"] == "output":
                    running.set()

    thread = threading.Thread(target=run)
    thread.start()
    assert running.wait(20)
    assert ann.post(f"/api/chats/{chat}/stop").json() == {"stopping": True}
    thread.join(20)
    assert found[-1]["status"] == "stopped"
    assert text_of(say(ann, chat, "before")) == "1"


def test_a_second_message_during_a_turn_is_refused_and_nothing_is_lost(ann: httpx.Client) -> None:
    chat = new_chat(ann)
    url = f"/api/chats/{chat}/messages"
    with ann.stream("POST", url, json={"msg": "import time\ntime.sleep(60)"}) as answer:
        lines = answer.iter_lines()
        next(lines)
        again = ann.post(f"/api/chats/{chat}/messages", json={"msg": "1"})
        assert (again.status_code, again.json()["error"]["code"]) == (409, "turn_running")
        elsewhere = ann.post(f"/api/chats/{new_chat(ann)}/messages", json={"msg": "1"})
        assert (elsewhere.status_code, elsewhere.json()["error"]["code"]) == (409, "session_busy")
        ann.post(f"/api/chats/{chat}/stop")
        assert orjson.loads(list(lines)[-1])["status"] == "stopped"
    assert len(ann.get(f"/api/chats/{chat}").json()["turns"]) == 1


def test_editing_a_message_rewinds_chat_kernel_and_numbers(ann: httpx.Client) -> None:
    chat = new_chat(ann)
    say(ann, chat, "a = 1")
    last = say(ann, chat, "b = 2")[-1]["seq"]
    edited = say(ann, chat, "'a' in globals(), 'b' in globals()", edit_idx=1)
    assert edited[0] == {"seq": last + 1, "turn": 1, "kind": "rewind", "from_turn": 1}
    assert any("gone" in event.get("text", "") for event in edited if event["kind"] == "notice")
    assert text_of(edited) == "(False, False)"
    turns = ann.get(f"/api/chats/{chat}").json()["turns"]
    assert [turn["user_text"] for turn in turns] == ["a = 1", "'a' in globals(), 'b' in globals()"]


def test_words_that_are_not_python_get_a_friendly_answer(ann: httpx.Client) -> None:
    chat = new_chat(ann)
    for text in ("hello", "please plot my data", "print(1"):
        events = say(ann, chat, text)
        answer = next(e for e in events if e["kind"] == "call_tools")["parts"][0]
        assert "Connect a model" in answer["text"]
        assert not outputs(events)


def test_shell_magic_and_help_lines_run(ann: httpx.Client) -> None:
    chat = new_chat(ann)
    assert text_of(say(ann, chat, "!echo from-shell")) == "from-shell\n"
    assert text_of(say(ann, chat, "%pwd")) == "'/chat'"
    assert "samples" in text_of(say(ann, chat, "%%bash\nls"))
    assert "len(obj" in text_of(say(ann, chat, "len?"))
