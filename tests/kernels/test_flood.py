"""Too much output: the kernel and the event loop live through it, and it is said."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import anyio
import orjson
import pytest

from kernels import (
    DisplayData,
    ErrorOutput,
    ExecuteResult,
    Kernel,
    Launch,
    Limits,
    Output,
    Stream,
    Transcript,
)
from tests.kernels.floods import FLOOD, FLOODS, UNGUARD
from tests.kernels.running import only, run, show, until_printed, value

pytestmark = pytest.mark.anyio

GUARD = "session.message_bytes = 16 << 20"


async def test_much_text_keeps_its_ends(kernel: Kernel) -> None:
    (printed,) = await show(kernel, "for n in range(150_000): print('line', n)")
    assert isinstance(printed, Stream)
    assert len(printed.text) < 1.1 * Limits().output_bytes
    assert printed.text.startswith("line 0\nline 1\n")
    assert " more lines …\n" in printed.text
    assert printed.text.endswith("line 149998\nline 149999\n")


async def test_many_displays_keep_their_ends(kernel: Kernel) -> None:
    shown = await show(kernel, "for n in range(1500): display(n)")
    assert len(shown) == Limits().output_messages + 1
    assert shown[0] == DisplayData({"text/plain": "0"})
    assert shown[-1] == DisplayData({"text/plain": "1499"})
    assert only(Stream, shown).text == "… 500 more outputs …\n"


async def test_a_display_too_large_is_said_and_the_rest_is_there(kernel: Kernel) -> None:
    outputs = await run(kernel, "print('a'); display('x' * 20_000_000); print('b'); 'c'")
    assert "19.1 MiB" in outputs[1].text if isinstance(outputs[1], Stream) else False
    assert outputs[0] == Stream("stdout", "a\n")
    assert outputs[2] == Stream("stdout", "b\n")
    assert only(ExecuteResult, outputs).data["text/plain"] == "'c'"


async def test_a_print_too_large_keeps_its_ends(kernel: Kernel) -> None:
    outputs = await run(kernel, "print('<' + 'x' * 20_000_000 + '>')")
    printed = only(Stream, outputs).text
    assert printed.startswith("<xxx")
    assert printed.endswith("xxx>\n")
    assert "more characters" in printed


async def test_what_was_put_out_is_not_kept_in_the_kernel(kernel: Kernel) -> None:
    code = """
for _ in range(8):
    print('x' * 10_000_000)
    display({'text/html': 'y' * 10_000_000}, raw=True)
"""
    resident = "int(open('/proc/self/statm').read().split()[1]) * 4096"
    before = int(await value(kernel, resident))
    await run(kernel, code)
    assert int(await value(kernel, resident)) - before < 80_000_000


@pytest.mark.parametrize("name", ["stdout", "stderr"])
async def test_what_is_printed_faster_than_it_is_sent_keeps_its_ends(
    kernel: Kernel, name: str
) -> None:
    code = f"import sys; print('<', *['x' * 1_000_000] * 300, '>', sep='', end='', file=sys.{name})"
    printed = "".join(
        output.text for output in await run(kernel, code) if isinstance(output, Stream)
    )
    assert (printed[:4], printed[-4:]) == ("<xxx", "xxx>")
    assert " more characters …\n" in printed
    assert len(printed) < 100_000_000


@pytest.mark.parametrize(
    "code",
    [
        "print('x' * 1_500_000_000)",
        "display({'text/plain': 'x' * 1_500_000_000}, raw=True)",
        "for _ in range(1000): print('x' * 1_000_000, flush=True)",
        "raise ValueError('x' * 500_000_000)",
    ],
)
async def test_what_takes_most_of_the_memory_does_not_crash_the_kernel(
    launch: Launch, code: str
) -> None:
    limits = Limits(memory_bytes=0)  # addresses end at 4 GiB
    async with Kernel.open(launch, limits=limits) as small:
        assert await run(small, code)
        assert await value(small, "6 * 7") == "42"


async def test_an_error_too_large_is_still_an_error(kernel: Kernel) -> None:
    raised = only(ErrorOutput, await run(kernel, "raise ValueError('x' * 20_000_000)"))
    assert raised.ename == "ValueError"
    assert await value(kernel, "1") == "1"


async def test_a_message_that_got_past_the_guard_is_said(kernel: Kernel) -> None:
    outputs = await run(kernel, f"{UNGUARD}print('a'); display('x' * 20_000_000); print('b')")
    told = "".join(output.text for output in outputs if isinstance(output, Stream))
    assert told.startswith("a\n")
    assert "larger than 16 MiB and was not taken" in told
    assert await value(kernel, f"{GUARD}; 1") == "1"


async def test_a_reply_that_got_past_the_guard_ends_the_run(kernel: Kernel) -> None:
    outputs = await run(kernel, f"{UNGUARD}raise ValueError('x' * 20_000_000)")
    assert any(isinstance(o, Stream) and "larger than" in o.text for o in outputs)
    assert await value(kernel, f"{GUARD}; 1") == "1"


async def test_a_message_of_too_many_parts_or_bytes_is_said(kernel: Kernel) -> None:
    code = """
kernel = get_ipython().kernel
parts = session.serialize(session.msg("stream", {}, parent=kernel.get_parent()))
kernel.iopub_socket.send_multipart([*parts, *[b""] * 100])
kernel.iopub_socket.send_multipart([*parts, *[b"x" * (6 << 20)] * 3])
print("done")
"""
    told = "".join(o.text for o in await run(kernel, f"{UNGUARD}{code}") if isinstance(o, Stream))
    assert "An output was in more than 64 parts and was not taken.\n" in told
    assert "An output was larger than 16 MiB and was not taken.\n" in told
    assert told.endswith("done\n")
    assert await value(kernel, f"{GUARD}; 1") == "1"


async def test_no_large_output_is_lost_for_its_size(kernel: Kernel) -> None:
    outputs = await run(kernel, "for n in range(20): display(str(n) + 'x' * 5_000_000)")
    texts = [str(o.data["text/plain"]) for o in outputs if isinstance(o, DisplayData)]
    assert [text.strip("'x") for text in texts] == [str(n) for n in range(20)]


@pytest.mark.parametrize("flood", FLOODS)
async def test_the_event_loop_goes_on_while_a_hostile_kernel_floods(
    kernel: Kernel, flood: str
) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await anyio.sleep(0.01)
            ticks += 1
            if ticks == 100:
                await kernel.interrupt()

    await run(kernel, UNGUARD)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(tick)
        await run(kernel, f"{FLOOD}{FLOODS[flood]}")
        tasks.cancel_scope.cancel()
    await run(kernel, GUARD)
    await until_it_answers(kernel)


DENSE = {"lists": ("[],", 900_000), "texts": ('"a",', 3_000_000), "numbers": ("1.5,", 8_000_000)}


@pytest.mark.parametrize("flood", DENSE)
def test_a_server_stays_small_while_dense_json_floods_it(flood: str) -> None:
    part, size = DENSE[flood]
    done = subprocess.run(
        [sys.executable, "-m", "tests.kernels.flooded", part, str(size), "4"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    print(said)
    assert said["given"] > 1
    assert said["grew"] < 400 << 20


async def test_a_figure_of_a_million_points_in_lists_is_shown(kernel: Kernel) -> None:
    points = "[round(n / 7, 4) for n in range(1_000_000)]"
    (figure,) = await show(
        kernel, f"import plotly.graph_objects as go; go.Figure(go.Scattergl(y={points}))"
    )
    assert isinstance(figure, DisplayData)
    content = orjson.dumps(figure.data["application/vnd.plotly.v1+json"])
    assert 10_000_000 < len(content) < figure.weight


async def until_it_answers(kernel: Kernel) -> None:
    """What a flood has left on its way may still come first, and take a cell's own output along."""
    with anyio.fail_after(30):
        while not any(isinstance(output, ExecuteResult) for output in await run(kernel, "1")):
            pass


async def test_a_slow_consumer_gets_the_latest_and_hears_of_the_rest(launch: Launch) -> None:
    limits = Limits(output_messages=20)
    async with Kernel.open(launch, limits=limits) as kernel:
        outputs: list[Output] = []
        async for output in kernel.execute("for n in range(200): display(n)"):
            if not outputs:
                while kernel.busy:  # everything comes before the second output is taken
                    await anyio.lowlevel.checkpoint()
            outputs.append(output)
    assert outputs[0] == DisplayData({"text/plain": "0"})
    assert outputs[-1] == DisplayData({"text/plain": "199"})
    assert len(outputs) < 60
    assert "came too fast" in only(Stream, outputs).text


async def test_bytes_that_are_no_message_are_passed_over(kernel: Kernel) -> None:
    code = """
kernel = get_ipython().kernel
header = session.msg_header("stream")
parent = session.serialize(session.msg("x", parent=kernel.get_parent()))[3]
def send(*parts):
    kernel.iopub_socket.send_multipart([b"topic", b"<IDS|MSG>", session.sign(list(parts)), *parts])
send(b"{", b"{}", b"{}", b"{}")
send(b"[]", parent, b"{}", b"{}")
send(session.pack(header), parent, b"{}", b"not json")
send(session.pack(header), parent, b"{}", b"[1]")
send(session.pack(header), parent, b"{}", b'{"name": 3, "text": ["x"]}')
send(session.pack(header), parent, b"{}", b'{"text": ' + b"[" * 5000 + b"]" * 5000 + b"}")
send(session.pack({**header, "msg_type": "display_data"}), parent, b"{}", b'{"data": []}')
send(session.pack({**header, "msg_type": 7}), parent, b"{}", b"{}")
send(session.pack({**header, "msg_type": "status"}), parent, b"{}", b'{"execution_state": {}}')
kernel.iopub_socket.send_multipart([b"<IDS|MSG>"])
kernel.iopub_socket.send_multipart([b"no delimiter"])
kernel.iopub_socket.send_multipart([b"<IDS|MSG>", b"forged", b"{}", parent, b"{}", b"{}"])
print("done")
"""
    assert await run(kernel, f"{UNGUARD}{code}\n{GUARD}") == [Stream("stdout", "done\n")]


async def test_progress_bars_become_one_line(kernel: Kernel) -> None:
    code = (
        "import sys\nfor n in range(101): sys.stderr.write(f'\\r{n}%'); sys.stderr.flush()\nprint()"
    )
    shown = await show(kernel, code)
    assert shown[0] == Stream("stderr", "100%")


async def test_a_flood_can_be_interrupted(kernel: Kernel) -> None:
    outputs = await until_printed(kernel, "n = 0\nwhile True: print(n := n + 1, flush=True)", "9")
    assert only(ErrorOutput, outputs).ename == "KeyboardInterrupt"


async def test_a_transcript_of_a_flood_is_small(kernel: Kernel) -> None:
    transcript = Transcript(Limits(output_bytes=1000))
    for output in await run(kernel, "for n in range(3000): print(n, flush=True)"):
        transcript.add(output)
    (printed,) = transcript.outputs()
    assert isinstance(printed, Stream)
    assert len(printed.text) < 1200
