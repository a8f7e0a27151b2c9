"""One cell of a turn: what is shown while it runs, what is kept of it, and how it ends."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from anyio import create_task_group
from anyio.lowlevel import checkpoint

from chatkernel.agent.cell import KEPT_WHILE_RUNNING, run_cell
from chatkernel.errors import DiskFull
from chatkernel.events import ARTIFACT_MIME, PLOTLY_MIME, ArtifactRef, CellOutput, ToolReturn
from chatkernel.keeping import Rich
from chatkernel.live import Live
from kernels import Kernel, Launch, Limits
from tests.chatkernel.agent.stage import Stage, printed

pytestmark = pytest.mark.anyio

FIGURE = "import plotly.express as px\nfig = px.line(y=[1, 2], title='T')\n"


async def run(stage: Stage, code: str, limits: Limits | None = None) -> ToolReturn:
    """What a cell leaves in its block."""
    await run_cell(stage.interaction, code, call_id="c", limits=limits or stage.limits)
    return stage.interaction.returns["c"]


def live_outputs(stage: Stage) -> str:
    """What the page shows of the cell while it runs, in the end."""
    live = Live(stage.limits)
    for event in stage.live:
        live.apply(event)
    return str(live.cell.outputs()) if live.cell else ""


async def test_outputs_are_shown_as_they_come(stage: Stage) -> None:
    await run(stage, "print('one', flush=True)\nimport sys; print('two', file=sys.stderr)\n3")
    shown = [event.output for event in stage.live if isinstance(event, CellOutput)]
    assert [output["output_type"] for output in shown] == ["stream", "stream", "execute_result"]


async def test_a_figure_is_an_artifact_stored_once(stage: Stage) -> None:
    returned = await run(stage, f"{FIGURE}fig.show()\n6 * 7")
    figure, value = returned.outputs
    (ref,) = figure["data"][ARTIFACT_MIME]
    assert ref["media_type"] == PLOTLY_MIME
    assert PLOTLY_MIME not in figure["data"]
    assert value["data"] == {"text/plain": "42"}
    assert stage.puts == [1]
    assert ref["id"] in live_outputs(stage)


async def test_many_figures_are_all_kept(stage: Stage) -> None:
    many = KEPT_WHILE_RUNNING + 5
    code = (
        f"from IPython.display import display, HTML\nfor n in range({many}): display(HTML(str(n)))"
    )
    returned = await run(stage, code)
    assert len(returned.outputs) == many
    assert all(ARTIFACT_MIME in output["data"] for output in returned.outputs)
    assert len(stage.artifacts) == many
    assert stage.puts == [*[1] * KEPT_WHILE_RUNNING, 5]  # the others in one go


async def test_figures_of_dense_json_are_held_by_what_they_take_of_memory(stage: Stage) -> None:
    code = f"""
from IPython.display import display
for n in range(30):
    display({{"{PLOTLY_MIME}": {{"data": [{{"type": "scatter", "y": [n, *[[]] * 3000]}}], "layout": {{}}}}}}, raw=True)
"""
    returned = await run(stage, code, Limits(display_bytes=2 << 20))  # of 9 KB each as JSON
    assert len(returned.outputs) < 20
    assert sum(stage.puts) < 25


async def test_an_updated_display_is_followed_live_and_kept_as_it_ended(stage: Stage) -> None:
    code = (
        "from IPython.display import display\n"
        "bar = display('0 %', display_id=True)\n"
        "bar.update('50 %')\nbar.update('99 %')"
    )
    returned = await run(stage, code)
    assert [output["data"]["text/plain"] for output in returned.outputs] == ["'99 %'"]
    assert "99 %" in live_outputs(stage)
    assert "0 %'" not in live_outputs(stage)


async def test_a_long_display_is_shown_shortened_while_the_cell_runs(stage: Stage) -> None:
    code = "from IPython.display import display\nbar = display(0, display_id=True)\n"
    returned = await run(stage, f"{code}bar.update({{'text/plain': 'x' * 200_000}}, raw=True)")
    _, updated = [event.output for event in stage.live if isinstance(event, CellOutput)]
    assert 60_000 < len(updated["data"]["text/plain"]) < 70_000
    assert "more characters" in updated["data"]["text/plain"]
    assert returned.outputs


async def test_outputs_that_came_together_let_others_in_between(stage: Stage) -> None:
    seen: list[int] = []

    async def look() -> None:
        while len(stage.live) < 200:
            if not seen or seen[-1] != len(stage.live):
                seen.append(len(stage.live))
            await checkpoint()

    async with create_task_group() as tasks:
        tasks.start_soon(look)
        await run(stage, "for n in range(200): display({'text/plain': 'x'}, raw=True)")
        tasks.cancel_scope.cancel()
    assert max(after - before for before, after in pairwise(seen)) == 1


async def test_cleared_output_is_gone(stage: Stage) -> None:
    code = "from IPython.display import clear_output\nprint('old')\nclear_output()\nprint('new')"
    assert printed(await run(stage, code)) == "new\n"
    assert "old" not in live_outputs(stage)


async def test_an_output_that_cannot_be_kept_says_so_and_the_others_stay(stage: Stage) -> None:
    async def full(parts: Sequence[Rich], name: str | None) -> Sequence[ArtifactRef]:
        raise DiskFull("The server's disk is full.")

    stage.interaction.put = full
    returned = await run(stage, f"print('before')\n{FIGURE}fig.show()\n'after'")
    before, figure, after = returned.outputs
    assert before["text"] == "before\n"
    assert "could not be kept" in figure["text"]
    assert "disk is full" in figure["text"]
    assert after["data"] == {"text/plain": "'after'"}
    assert returned.status == "ok"


def keep_nothing_large(stage: Stage) -> None:
    """From now on there is no room for what says that it is large."""

    async def picky(parts: Sequence[Rich], name: str | None) -> Sequence[ArtifactRef]:
        if any(b"large" in part.content for part in parts):
            raise DiskFull("The server's disk is full.")
        return await put(parts, name)

    put, stage.interaction.put = stage.interaction.put, picky


async def test_of_many_outputs_one_that_cannot_be_kept_takes_no_other_along(stage: Stage) -> None:
    keep_nothing_large(stage)
    many = KEPT_WHILE_RUNNING + 5
    shown = f"['large' if n == {many - 2} else str(n) for n in range({many})]"
    returned = await run(stage, f"for text in {shown}: display({{'text/html': text}}, raw=True)")
    kept = [ARTIFACT_MIME in output.get("data", {}) for output in returned.outputs]
    assert kept == [*[True] * (many - 2), False, True]
    assert "disk is full" in returned.outputs[-2]["text"]


async def test_outputs_keep_their_places_when_one_of_them_cannot_be_kept(stage: Stage) -> None:
    keep_nothing_large(stage)
    many = KEPT_WHILE_RUNNING + 3
    shown = f"['large' if n == {many - 2} else str(n) for n in range({many})]"
    code = f"for n, text in enumerate({shown}):\n    print(n)\n    display({{'text/html': text}}, raw=True)"
    returned = await run(stage, code)
    assert [output.get("text") for output in returned.outputs[::2]] == [
        f"{n}\n" for n in range(many)
    ]
    kept = [ARTIFACT_MIME in output.get("data", {}) for output in returned.outputs[1::2]]
    assert kept == [*[True] * (many - 2), False, True]


@pytest.mark.parametrize("html", ["x", ""])
async def test_outputs_are_told_apart_where_what_is_rich_in_them_is_the_same(
    stage: Stage, html: str
) -> None:
    code = f"for n in '12': display({{'text/html': {html!r}, 'text/plain': n}}, raw=True)"
    assert printed(await run(stage, code)) == "12"


async def test_half_characters_and_huge_numbers_do_no_harm(stage: Stage) -> None:
    code = (
        "from IPython.display import display\n"
        "print('\\ud800')\n"
        "display({'application/json': {'big': 10 ** 400, 'bad': '\\ud800', 'inf': float('inf')},"
        " 'text/plain': '\\udfff'}, raw=True)\n"
        "display({'application/vnd.plotly.v1+json': {'data': [{'y': [10 ** 30, float('nan')]}]}},"
        " raw=True)"
    )
    returned = await run(stage, code)
    assert returned.status == "ok"
    assert returned.model_dump_json()


async def test_the_death_of_a_kernel_ends_its_cell_with_the_cause(launch: Launch) -> None:
    async with Kernel.open(launch) as kernel:

        async def lend() -> Kernel:
            return kernel

        stage = Stage(lend)
        returned = await run(stage, "import os; os._exit(7)")
        assert returned.status == "died"
        assert printed(returned) == (
            "Python ended: exited with status 7. "
            "Its variables are gone: run the earlier code again if you need them.\n"
        )
        again = await run(stage, "1")
        assert again.status == "died"


async def test_a_cell_at_its_limit_is_stopped_and_keeps_the_kernel(launch: Launch) -> None:
    limits = Limits(cell_seconds=0.3)
    async with Kernel.open(launch, limits=limits) as kernel:

        async def lend() -> Kernel:
            return kernel

        stage = Stage(lend)
        returned = await run(stage, "kept = 1\nwhile True: pass", limits)
        assert returned.status == "timeout"
        assert "ran for 0.3 s, its limit, and was stopped" in printed(returned)
        assert "Variables are kept" in printed(returned)
        assert printed(await run(stage, "kept", limits)) == "1"


async def test_a_cell_that_ignores_its_limit_ends_the_kernel(launch: Launch) -> None:
    limits = Limits(cell_seconds=0.3, grace_seconds=0.1)
    async with Kernel.open(launch, limits=limits) as kernel:

        async def lend() -> Kernel:
            return kernel

        code = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
        returned = await run(Stage(lend), code, limits)
        assert returned.status == "timeout"
        assert "ignored the interrupt" in printed(returned)
        assert "variables are gone" in printed(returned)
