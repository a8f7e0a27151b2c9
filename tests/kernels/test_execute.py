"""A cell runs, and its outputs come."""

from __future__ import annotations

import anyio
import pytest
import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient

from kernels import (
    ClearOutput,
    DisplayData,
    ErrorOutput,
    ExecuteResult,
    Kernel,
    Launch,
    Stream,
    UpdateDisplay,
)
from tests.kernels.running import error, only, run, show, text, until_printed, value

pytestmark = pytest.mark.anyio


async def test_printed_displayed_and_returned_outputs_come_in_their_order(kernel: Kernel) -> None:
    outputs = await run(kernel, "print('a'); display('b'); print('c'); 'd'")
    kinds = [type(output) for output in outputs]
    assert kinds == [Stream, DisplayData, Stream, ExecuteResult]
    assert outputs[0] == Stream("stdout", "a\n")
    assert outputs[2] == Stream("stdout", "c\n")


async def test_outputs_come_while_the_cell_runs(kernel: Kernel) -> None:
    outputs = await until_printed(kernel, "print('now', flush=True)\nwhile True: pass", "now")
    assert only(ErrorOutput, outputs).ename == "KeyboardInterrupt"


async def test_stderr_is_told_from_stdout(kernel: Kernel) -> None:
    outputs = await run(kernel, "import sys; print('e', file=sys.stderr)")
    assert outputs == [Stream("stderr", "e\n")]


async def test_an_exception_of_the_cell_is_an_output(kernel: Kernel) -> None:
    raised = await error(kernel, "1 / 0")
    assert (raised.ename, raised.evalue) == ("ZeroDivisionError", "division by zero")
    assert "ZeroDivisionError" in raised.traceback[-1]


async def test_a_syntax_error_is_an_output(kernel: Kernel) -> None:
    assert (await error(kernel, "def")).ename == "SyntaxError"


async def test_the_cell_after_an_error_runs(kernel: Kernel) -> None:
    await run(kernel, "1 / 0")
    assert await value(kernel, "6 * 7") == "42"


async def test_variables_outlive_their_cell(kernel: Kernel) -> None:
    await run(kernel, "kept = 'here'")
    assert await value(kernel, "kept") == "'here'"


async def test_last_results_are_kept_as_ipython_does(kernel: Kernel) -> None:
    await run(kernel, "123456")
    assert await value(kernel, "_ + 1") == "123457"
    assert await value(kernel, "Out[max(Out)]") == "123457"


async def test_cells_started_together_run_one_after_another(kernel: Kernel) -> None:
    await run(kernel, "order = []")
    async with anyio.create_task_group() as tasks:
        for number in range(5):
            tasks.start_soon(run, kernel, f"order.append({number}); order.append({number})")
    assert await value(kernel, "order[::2] == order[1::2] and len(order)") == "10"


async def test_a_display_can_be_updated_and_cleared(kernel: Kernel) -> None:
    code = "handle = display('one', display_id='x'); handle.update('two')"
    first, second = await run(kernel, code)
    assert first == DisplayData({"text/plain": "'one'"}, {}, "x")
    assert second == UpdateDisplay({"text/plain": "'two'"}, {}, "x")
    code = "from IPython.display import clear_output; print(1); clear_output(); clear_output(True)"
    assert (await run(kernel, code))[-2:] == [ClearOutput(False), ClearOutput(True)]


GETPASS = "import getpass; getpass.getpass('word?', echo_char='*')"


async def test_asking_for_input_is_an_error_and_not_a_wait(kernel: Kernel) -> None:
    for code, asking in (("input('name?')", "input()"), (GETPASS, "getpass()")):
        raised = await error(kernel, code)
        assert raised.ename == "StdinNotImplementedError"
        assert raised.evalue == f"{asking} can't ask here. Put the value into the code."


async def test_what_a_subprocess_prints_stands_in_its_place(kernel: Kernel) -> None:
    code = (
        "import os\nprint('a'); os.system('echo b'); print('c'); os.system('echo d; echo é')\nNone"
    )
    assert await text(kernel, code) == "a\nb\nc\nd\né\n"


async def test_shell_commands_and_magics_work(kernel: Kernel) -> None:
    assert (await text(kernel, "!echo from a shell")).strip() == "from a shell"
    assert (await text(kernel, "%%bash\necho from bash")).strip() == "from bash"


async def test_a_question_mark_is_answered_in_an_output(kernel: Kernel) -> None:
    shown = only(DisplayData, await run(kernel, "len?"))
    assert "number of items" in str(shown.data["text/plain"])


async def test_top_level_await_works(kernel: Kernel) -> None:
    code = "import asyncio; await asyncio.sleep(0); print('awaited')"
    assert await text(kernel, code) == "awaited\n"


async def test_half_a_surrogate_pair_is_printed_as_a_question_mark(kernel: Kernel) -> None:
    assert await text(kernel, r"print('\ud800!')") == "?!\n"


async def test_numbers_that_json_has_not_become_null(kernel: Kernel) -> None:
    code = "display({'application/json': {'x': [float('nan'), float('inf')]}}, raw=True)"
    shown = only(DisplayData, await run(kernel, code))
    assert shown.data["application/json"] == {"x": [None, None]}


async def test_argparse_in_a_cell_sees_no_options_of_the_kernel(kernel: Kernel) -> None:
    code = "import argparse; vars(argparse.ArgumentParser().parse_args())"
    assert await value(kernel, code) == "{}"


async def test_a_module_in_the_workspace_can_be_imported(kernel: Kernel, launch: Launch) -> None:
    (launch.workspace / "workspace_module.py").write_text("answer = 42\n")
    assert await value(kernel, "import workspace_module; workspace_module.answer") == "42"


async def test_a_consumer_that_leaves_lets_the_cell_run_on(kernel: Kernel) -> None:
    async for _ in kernel.execute(
        "print('left', flush=True); import time; time.sleep(0.2); on = 1"
    ):
        break
    assert kernel.busy
    assert await value(kernel, "on") == "1"


async def test_a_consumer_that_is_cancelled_lets_the_cell_run_on(kernel: Kernel) -> None:
    with anyio.move_on_after(0.1):
        await run(kernel, "import time; time.sleep(0.3); cancelled = 1")
    assert await value(kernel, "cancelled") == "1"


async def test_a_cancelled_consumers_cell_can_be_interrupted(kernel: Kernel) -> None:
    with anyio.move_on_after(0.1):
        await run(kernel, "while True: pass")
    await kernel.interrupt()
    assert await value(kernel, "1") == "1"


async def test_busy_says_whether_a_cell_runs(kernel: Kernel) -> None:
    outputs = kernel.execute("print(1, flush=True)\nwhile True: pass")
    await anext(outputs)
    assert kernel.busy
    await kernel.interrupt()
    async for _ in outputs:
        pass
    assert not kernel.busy


async def test_what_another_client_runs_is_not_ours(kernel: Kernel, launch: Launch) -> None:
    client = AsyncKernelClient(context=zmq.asyncio.Context())
    client.load_connection_file(str(launch.runtime / f"kernel-{kernel.id}.json"))
    client.start_channels()
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(
                client.execute_interactive, "for i in range(50): print('theirs', flush=True)"
            )
            ours = [await text(kernel, "print('ours')") for _ in range(5)]
        assert ours == ["ours\n"] * 5
    finally:
        client.stop_channels()
        client.context.destroy(linger=0)


async def test_a_forked_pool_prints_into_the_cell(kernel: Kernel) -> None:
    code = """
import multiprocessing, os
def work(n):
    os.write(1, f"{n}\\n".encode())
with multiprocessing.get_context("fork").Pool(2) as pool:
    pool.map(work, range(4))
"""
    printed = await text(kernel, code)
    assert sorted(printed.split()) == ["0", "1", "2", "3"]


async def test_matplotlib_shows_a_png(kernel: Kernel) -> None:
    shown = await show(kernel, "import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()")
    assert "image/png" in only(DisplayData, list(shown)).data


async def test_plotly_shows_its_own_mime_type(kernel: Kernel) -> None:
    shown = await show(
        kernel, "import plotly.graph_objects as go; go.Figure(go.Bar(y=[1, 2])).show()"
    )
    figure = only(DisplayData, list(shown)).data["application/vnd.plotly.v1+json"]
    assert isinstance(figure, dict)
    assert "data" in figure


async def test_a_displayed_table_carries_its_rows(kernel: Kernel) -> None:
    outputs = await run(kernel, "import pandas as pd; pd.DataFrame({'a': [1, 2]})")
    data = only(ExecuteResult, outputs).data
    page = data["application/vnd.chatkernel.frame+json"]
    assert isinstance(page, dict)
    assert page["rows"] == [[1], [2]]
    assert {"text/html", "text/plain"} <= data.keys()
