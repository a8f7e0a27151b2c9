"""The tags of an answer, and what becomes of each."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from chatkernel.agent.shown import resolve, tags
from chatkernel.errors import DiskFull
from chatkernel.events import FRAME_MIME, PLOTLY_MIME, ArtifactRef, Shown
from chatkernel.keeping import Rich
from kernels import Kernel, KernelDied, Launch, Limits
from tests.chatkernel.agent.stage import Stage, drained
from tests.patience import given_up_after
from web.render.markdown import render_markdown

pytestmark = pytest.mark.anyio

TEXTS = {
    'one <fig name="a"/> and <df name="b"/> and again <fig name="a"/>': [("fig", "a"), ("df", "b")],
    "<fig name='a'/>\n\n<df name=b />\n": [("fig", "a"), ("df", "b")],
    '<fig name="a">': [("fig", "a")],
    '<fig name="a"></fig>': [("fig", "a")],
    '<FIG NAME="a"/>': [("fig", "a")],
    '<fig name=" a "/>': [("fig", "a")],
    '<fig name="a" width="3"/>': [("fig", "a")],
    '| <df name="t"/> | x |\n| - | - |\n| <fig name="f"/> | y |': [("df", "t"), ("fig", "f")],
    '- see <fig name="a"/>\n- and **<df name="b"/>**': [("fig", "a"), ("df", "b")],
    '`<fig name="a"/>` and <df name="b"/>': [("df", "b")],
    '``x ` <fig name="a"/>`` and <df name="b"/>': [("df", "b")],
    '```\n<fig name="a"/>\n```\n<df name="b"/>': [("df", "b")],
    '```html\n<fig name="a"/>\n```': [],
    '````\n```\n<fig name="a"/>\n````\n<df name="b"/>': [("df", "b")],
    '~~~\n<fig name="a"/>\n~~~': [],
    '1. like this\n\n   ```\n   <fig name="a"/>\n   ```\n': [],
    'cut off in code\n```\n<fig name="a"/>': [],
    'a ` alone\n\n<fig name="a"/>\n\nand another `': [("fig", "a")],
    '`code\n<fig name="a"/>` <df name="b"/>': [("df", "b")],
    'a ` alone and <fig name="a"/>': [("fig", "a")],
    '<fig name="">': [("fig", "")],
    "<fig/> <fig name> <figure name=a> <df>": [],
    '<fig name="cut': [],
    '```` ` ``` <fig name="a"/> `` ` ` <df name="b"/> `': [],
    '`a``b`<fig name="a"/>`c`': [("fig", "a")],
    '   ``` \n~~~\n```~ \n<fig name="a"/>\n': [("fig", "a")],
    '````\n```\n<df name="b"/>``': [],
    "": [],
}


@pytest.mark.parametrize("text", TEXTS)
def test_tags_are_found_outside_code(text: str) -> None:
    assert tags(text) == TEXTS[text]


@pytest.mark.parametrize("text", TEXTS)
def test_the_page_shows_the_tags_that_are_resolved(text: str) -> None:
    rendered: list[tuple[str, str]] = []

    def tag(kind: str, name: str) -> str:
        rendered.append((kind, name))
        return ""

    render_markdown(text, tag=tag)
    assert set(rendered) <= set(tags(text))


@pytest.mark.parametrize(
    "text",
    [
        " ".join("`" * length for length in range(1, 1500)),
        "<fig name=" + "a" * 1_000_000,
        '<fig name="' * 90_000,
        "~~~\n" * 250_000,
        "\n".join("~" * length + "a" for length in range(3, 1400)),
        ("\n" + " " * 1000) * 1000,
    ],
    ids=range(6),
)
def test_a_long_answer_is_looked_through_at_once(text: str) -> None:
    with given_up_after(10):
        assert tags(text) == []


@pytest.fixture
async def made(stage: Stage, kernel: Kernel) -> Stage:
    """With a figure, a table, an image and a number in the kernel."""
    code = (
        "import pandas as pd, plotly.express as px, matplotlib.pyplot as plt\n"
        "fig = px.line(y=[1, 2], title='T')\n"
        "df = pd.DataFrame({'units': [1, 2]})\n"
        "drawn, _ = plt.subplots(); plt.close()\n"
        "n = 5\n"
    )
    await drained(kernel, code)
    return stage


async def shown(stage: Stage, text: str) -> Shown:
    """What becomes of the only tag."""
    (only,) = await resolve(stage.interaction, text)
    return only


@pytest.mark.parametrize(
    ("tag", "media_type"),
    [
        ('<fig name="fig"/>', PLOTLY_MIME),
        ('<df name="df"/>', FRAME_MIME),
        ('<fig name="df"/>', FRAME_MIME),
        ('<df name="fig"/>', PLOTLY_MIME),
        ('<fig name="drawn"/>', "image/png"),
    ],
)
async def test_a_tag_becomes_an_artifact(made: Stage, tag: str, media_type: str) -> None:
    found = await shown(made, tag)
    assert found.problem is None
    assert found.artifact is not None
    assert found.artifact.media_type == media_type
    assert found.artifact.id in made.artifacts
    assert tag == f'<{found.tag} name="{found.artifact.name}"/>'


async def test_a_missing_name_says_what_there_is(made: Stage) -> None:
    found = await shown(made, '<fig name="figg"/>')
    assert found.artifact is None
    assert (found.problem or "").startswith("There is no figure named figg. There is: ")
    assert "fig" in (found.problem or "").split("There is: ")[1]
    table = await shown(made, '<df name="nope"/>')
    assert (table.problem or "").startswith("There is no table named nope.")


async def test_in_an_empty_kernel_nothing_is_defined(launch: Launch) -> None:
    async with Kernel.open(launch) as kernel:

        async def lend() -> Kernel:
            return kernel

        found = await shown(Stage(lend), '<fig name="x"/>')
        assert found.problem == "There is no figure named x. Nothing is defined yet."


async def test_what_cannot_be_drawn_says_so(made: Stage) -> None:
    found = await shown(made, '<fig name="n"/>')
    assert found.problem == "n has nothing that can be drawn."


@pytest.mark.parametrize("name", ["df['units']", "__import__('os')", "n.real", "", "é", "x y"])
async def test_a_name_is_only_a_name(made: Stage, name: str) -> None:
    found = await shown(made, f'<df name="{name}"/>')
    assert found.artifact is None
    assert found.problem


async def test_one_that_is_too_large_says_so_and_the_others_are_shown(launch: Launch) -> None:
    limits = Limits(message_bytes=200_000)
    async with Kernel.open(launch, limits=limits) as kernel:

        async def lend() -> Kernel:
            return kernel

        code = (
            "import plotly.express as px\n"
            "small = px.line(y=[1, 2])\nbig = px.line(y=[str(n) for n in range(200_000)])"
        )
        await drained(kernel, code)
        stage = Stage(lend, limits)
        big, small = await resolve(stage.interaction, '<fig name="big"/><fig name="small"/>')
        assert "too large" in (big.problem or "")
        assert small.artifact is not None


async def test_one_that_cannot_be_kept_says_so(made: Stage) -> None:
    async def full(parts: Sequence[Rich], name: str | None) -> Sequence[ArtifactRef]:
        raise DiskFull("The server's disk is full.")

    made.interaction.put = full
    found = await shown(made, '<fig name="fig"/>')
    assert found.problem == "fig could not be kept. The server's disk is full."


async def test_an_object_that_fails_to_show_itself_says_so(made: Stage, kernel: Kernel) -> None:
    code = "class Bad:\n    def _repr_html_(self): raise ValueError('no')\nbad = Bad()"
    await drained(kernel, code)
    found = await shown(made, '<fig name="bad"/>')
    assert found.artifact is None
    assert found.problem


async def test_a_dead_kernel_is_a_sentence_for_each_tag(launch: Launch) -> None:
    async with Kernel.open(launch) as kernel:

        async def lend() -> Kernel:
            return kernel

        with pytest.raises(KernelDied):
            await drained(kernel, "import os; os._exit(3)")
        found = await resolve(Stage(lend).interaction, '<fig name="a"/> <df name="b"/>')
        assert [each.name for each in found] == ["a", "b"]
        assert all("exited with status 3" in (each.problem or "") for each in found)


async def test_without_tags_no_kernel_is_asked_for() -> None:
    async def never() -> Kernel:
        raise AssertionError

    assert await resolve(Stage(never).interaction, 'nothing, only `<fig name="x"/>`') == ()
