"""Outputs made fit to be stored."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pytest

from chatkernel.events import ARTIFACT_MIME, FRAME_MIME, PLOTLY_MIME, ArtifactRef
from chatkernel.keeping import Rich, keep_output, keep_outputs, rich_parts

pytestmark = pytest.mark.anyio

PNG = base64.b64encode(b"\x89PNG").decode()


class Kept:
    """Takes artifacts in."""

    def __init__(self) -> None:
        self.contents: list[tuple[bytes, str, str | None]] = []
        self.times = 0

    async def put(self, parts: Sequence[Rich], name: str | None) -> Sequence[ArtifactRef]:
        self.times += 1
        return [self._put(part, name) for part in parts]

    def _put(self, part: Rich, name: str | None) -> ArtifactRef:
        self.contents.append((part.content, part.media_type, name))
        return ArtifactRef(
            id=str(len(self.contents)),
            media_type=part.media_type,
            size=len(part.content),
            name=name,
        )


def displayed(data: Mapping[str, Any]) -> dict[str, Any]:
    return {"output_type": "display_data", "data": dict(data), "metadata": {"a": 1}}


async def test_rich_data_becomes_references_and_text_stays() -> None:
    kept = Kept()
    output = await keep_output(
        displayed({"image/png": PNG, "text/plain": "<Figure>"}), kept.put, name="fig"
    )
    assert kept.contents == [(b"\x89PNG", "image/png", "fig")]
    assert output == {
        "output_type": "display_data",
        "metadata": {"a": 1},
        "data": {
            "text/plain": "<Figure>",
            ARTIFACT_MIME: [{"id": "1", "media_type": "image/png", "size": 4, "name": "fig"}],
        },
    }


async def test_of_several_outputs_all_is_put_at_once() -> None:
    kept = Kept()
    image, plain, both = await keep_outputs(
        [
            displayed({"image/png": PNG}),
            displayed({"text/plain": "x"}),
            displayed({"text/html": "<b>", "image/png": PNG}),
        ],
        kept.put,
    )
    assert [ref["id"] for ref in image["data"][ARTIFACT_MIME]] == ["1"]
    assert plain["data"] == {"text/plain": "x"}
    assert [ref["id"] for ref in both["data"][ARTIFACT_MIME]] == ["2", "3"]
    assert kept.times == 1


async def test_streams_and_errors_are_kept_as_they_are() -> None:
    for output in (
        {"output_type": "stream", "name": "stdout", "text": "x"},
        {"output_type": "error"},
    ):
        assert await keep_output(output, Kept().put) == output


def test_the_richest_comes_first() -> None:
    data = {"text/html": "<b>", "image/png": PNG, "image/svg+xml": "<svg/>"}
    assert [part.media_type for part in rich_parts(data)] == [
        "image/svg+xml",
        "image/png",
        "text/html",
    ]


EMPTY: dict[str, dict[str, Any]] = {
    PLOTLY_MIME: {"data": []},
    FRAME_MIME: {"columns": [], "rows": [], "total": 0},
}


@pytest.mark.parametrize("mime", [PLOTLY_MIME, FRAME_MIME])
def test_a_figure_or_table_makes_its_html_superfluous(mime: str) -> None:
    (part,) = rich_parts({mime: EMPTY[mime], "text/html": "<div>", "text/plain": "x"})
    assert (part.media_type, orjson.loads(part.content)) == (mime, EMPTY[mime])


@pytest.mark.parametrize("value", ["!", "=", "é", "", 5, None, ["aGk="], {"a": "b"}])
def test_an_image_that_is_not_base64_is_left_out(value: object) -> None:
    assert rich_parts({"image/png": value}) == []


@pytest.mark.parametrize("value", [5, ["<b>"], {"a": 1}, None, ""])
def test_html_that_is_no_text_is_left_out(value: object) -> None:
    assert rich_parts({"text/html": value}) == []


def test_a_table_may_come_as_text() -> None:
    text = orjson.dumps(EMPTY[FRAME_MIME]).decode()
    (part,) = rich_parts({FRAME_MIME: text})
    assert part.content == text.encode()


def test_base64_may_have_line_breaks() -> None:
    (part,) = rich_parts({"image/png": f"{PNG[:4]}\n{PNG[4:]}\n"})
    assert part.content == b"\x89PNG"


async def test_what_nobody_shows_is_not_kept() -> None:
    kept = Kept()
    output = await keep_output(
        displayed({"application/x-secret": "x", "text/plain": "y"}), kept.put
    )
    assert output["data"] == {"text/plain": "y"}
    assert kept.contents == []


async def test_text_that_is_too_long_for_a_block_is_left_out() -> None:
    long = {"text/plain": "x" * 70_000, "text/markdown": "y", "application/json": ["z" * 70_000]}
    assert (await keep_output(displayed(long), Kept().put))["data"] == {"text/markdown": "y"}
