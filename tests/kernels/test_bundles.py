"""A variable is sent as what it shows."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import cast

import anyio
import pytest

from kernels import (
    FRAME_MIME,
    JSON,
    BundleFailed,
    BundleTooLarge,
    Kernel,
    Launch,
    Limits,
    NoSuchVariable,
    RequestTimedOut,
)
from tests.kernels.running import run, value

pytestmark = pytest.mark.anyio

PLOTLY = "application/vnd.plotly.v1+json"


async def shown(kernel: Kernel, code: str, name: str = "x") -> Mapping[str, JSON]:
    assert await run(kernel, code) == []
    bundle = await kernel.bundle(name)
    assert bundle.name == name
    return bundle.data


def is_png(data: Mapping[str, JSON]) -> bool:
    return base64.b64decode(str(data["image/png"])).startswith(b"\x89PNG")


async def test_a_plotly_figure_is_its_json(kernel: Kernel) -> None:
    code = "import plotly.graph_objects as go; x = go.Figure(go.Bar(y=[1, 2], name='b'))"
    figure = cast("dict[str, list[dict[str, JSON]]]", (await shown(kernel, code))[PLOTLY])
    assert figure["data"][0]["type"] == "bar"
    assert "layout" in figure


async def test_a_matplotlib_figure_is_a_png(kernel: Kernel) -> None:
    code = (
        "import matplotlib.pyplot as plt; x, axes = plt.subplots(); axes.plot([1, 2]); plt.close(x)"
    )
    assert is_png(await shown(kernel, f"{code}\nNone"))


@pytest.mark.parametrize("expression", ["axes", "axes.plot([1])[0]", "plt.subplots(1, 2)[1]"])
async def test_what_is_drawn_in_a_figure_stands_for_it(kernel: Kernel, expression: str) -> None:
    code = "import matplotlib.pyplot as plt; figure, axes = plt.subplots()"
    assert is_png(await shown(kernel, f"{code}\nx = {expression}\nplt.close('all')"))


async def test_a_figure_that_was_never_pyplots_is_a_png(kernel: Kernel) -> None:
    code = "from matplotlib.figure import Figure; x = Figure(); x.subplots().plot([1, 2])\nNone"
    assert is_png(await shown(kernel, code))


async def test_an_empty_figure_says_so(kernel: Kernel) -> None:
    await run(kernel, "from matplotlib.figure import Figure; x = Figure()")
    with pytest.raises(BundleFailed, match="the figure is empty"):
        await kernel.bundle("x")


async def test_an_image_is_a_png(kernel: Kernel) -> None:
    assert is_png(await shown(kernel, "from PIL import Image; x = Image.new('RGB', (4, 4))"))


async def test_a_rich_repr_is_taken(kernel: Kernel) -> None:
    code = """
class Rich:
    def _repr_html_(self): return "<b>html</b>"
    def _repr_mimebundle_(self, include=None, exclude=None): return {"application/x-own": {"a": 1}}
x = Rich()
"""
    data = await shown(kernel, code)
    assert data["text/html"] == "<b>html</b>"
    assert data["application/x-own"] == {"a": 1}


async def test_what_displays_itself_is_caught(kernel: Kernel) -> None:
    code = """
class Own:
    def _ipython_display_(self): display({"text/html": "own"}, raw=True)
x = Own()
"""
    assert await shown(kernel, code) == {"text/html": "own"}


async def test_anything_else_is_its_text(kernel: Kernel) -> None:
    assert await shown(kernel, "x = {'a': 1}") == {"text/plain": "{'a': 1}"}


async def test_a_table_is_its_columns_first_rows_and_total(kernel: Kernel) -> None:
    code = "import pandas as pd; x = pd.DataFrame({'n': range(1000), 's': ['é'] * 1000})"
    page = (await shown(kernel, code))[FRAME_MIME]
    assert isinstance(page, dict)
    assert page["columns"] == [{"name": "n", "dtype": "int64"}, {"name": "s", "dtype": "str"}]
    assert page["rows"] == [[number, "é"] for number in range(50)]
    assert (page["total"], page["index"], page["kind"]) == (1000, False, "dataframe")


async def test_a_name_that_is_not_there_tells_what_is(kernel: Kernel) -> None:
    await run(kernel, "sales_figure = 1; other = 2")
    with pytest.raises(NoSuchVariable) as caught:
        await kernel.bundle("sale_figure")
    assert caught.value.available[0] == "sales_figure"
    assert "other" in caught.value.available
    assert "In" not in caught.value.available
    assert "sales_figure" in str(caught.value)


@pytest.mark.parametrize("name", ["", "x.y", "__import__('os')", "x" * 10_000, "\x00", "é"])
async def test_a_name_is_never_code(kernel: Kernel, name: str) -> None:
    with pytest.raises(NoSuchVariable):
        await kernel.bundle(name)


async def test_an_object_that_raises_is_told(kernel: Kernel) -> None:
    code = """
class Raises:
    def __repr__(self): raise RuntimeError("not today")
    _repr_html_ = __repr__
x = Raises()
"""
    await run(kernel, code)
    with pytest.raises(BundleFailed):
        await kernel.bundle("x")


async def test_a_bundle_too_large_is_told_with_its_size(kernel: Kernel) -> None:
    await run(kernel, "x = 'x' * 20_000_000")
    with pytest.raises(BundleTooLarge, match=r"19\.1 MiB, where 16 MiB fit"):
        await kernel.bundle("x")
    assert await value(kernel, "1") == "1"


async def test_asking_leaves_no_trace_in_the_users_history(kernel: Kernel) -> None:
    await run(kernel, "x = 1")
    before = await value(kernel, "len(In), dir()")
    await kernel.bundle("x")
    await kernel.variables()
    after = await value(kernel, "len(In), dir()")
    assert int(after[1:].split(",")[0]) == int(before[1:].split(",")[0]) + 1


async def test_an_object_that_takes_for_ever_is_given_up_and_the_kernel_freed(
    launch: Launch,
) -> None:
    code = """
class Slow:
    def _repr_html_(self):
        while True: pass
x = Slow()
"""
    async with Kernel.open(launch, limits=Limits(request_seconds=0.3)) as kernel:
        await run(kernel, code)
        with pytest.raises(RequestTimedOut, match="did not answer") as caught:
            await kernel.bundle("x")
        assert not caught.value.waiting
        assert await value(kernel, "1") == "1"


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.5])
async def test_an_object_nobody_waits_for_any_more_does_not_hold_up_the_next_cell(
    kernel: Kernel, seconds: float
) -> None:
    code = """
class Slow:
    def _repr_html_(self):
        while True: pass
slow = Slow()
"""
    await run(kernel, code)
    with anyio.move_on_after(seconds) as given_up:
        await kernel.bundle("slow")
    assert given_up.cancelled_caught
    assert await value(kernel, "1") == "1"
    await run(kernel, "del slow, Slow")


async def test_a_request_waits_for_the_running_cell_and_not_for_ever(launch: Launch) -> None:
    async with Kernel.open(launch, limits=Limits(request_seconds=1.0)) as kernel:
        async for _ in kernel.execute("print(1, flush=True); import time; time.sleep(0.2); x = 5"):
            break
        assert (await kernel.bundle("x")).data == {"text/plain": "5"}
        async for _ in kernel.execute("print(1, flush=True); time.sleep(100)"):
            break
        with pytest.raises(RequestTimedOut, match="still running a cell"):
            await kernel.variables()
        assert (await kernel.is_complete("1 +")).status == "invalid"
        await kernel.interrupt()
        assert await value(kernel, "x") == "5"


async def test_requests_side_by_side_get_their_own_answers(kernel: Kernel) -> None:
    await run(kernel, "\n".join(f"many_{number} = {number}" for number in range(20)))
    answers: dict[int, Mapping[str, JSON]] = {}

    async def ask(number: int) -> None:
        answers[number] = (await kernel.bundle(f"many_{number}")).data

    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(ask, number)
    assert answers == {number: {"text/plain": str(number)} for number in range(20)}


async def test_code_is_completed(kernel: Kernel) -> None:
    await run(kernel, "import pandas as pd; table = pd.DataFrame({'a': [1]})")
    completions = await kernel.complete("x = table.desc", 14)
    assert completions.matches == ("describe",)
    assert (completions.start, completions.end) == (10, 14)


@pytest.mark.parametrize(
    ("code", "status", "indent"),
    [
        ("1 + 1", "complete", ""),
        ("for x in y:", "incomplete", "    "),
        ("1 +* 1", "invalid", ""),
        ("%time", "complete", ""),
        ("", "complete", ""),
    ],
)
async def test_code_is_told_complete_or_not(
    kernel: Kernel, code: str, status: str, indent: str
) -> None:
    answer = await kernel.is_complete(code)
    assert (answer.status, answer.indent) == (status, indent)
