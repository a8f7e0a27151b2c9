"""What a cell displays that isn't what its MIME type says: kept, told to the model, shown by page and terminal."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from chatkernel.agent.report import describe_bundle
from chatkernel.events import (
    ARTIFACT_MIME,
    FRAME_MIME,
    PLOTLY_MIME,
    ArtifactRef,
    ModelRequest,
    event_from_wire,
    to_wire,
)
from chatkernel.keeping import Rich, keep_output
from chatkernel.terminal import Terminal
from tests.web.render.harmless import problems
from tests.web.render.making import URLS, display, returned
from web.elements import to_html
from web.render.outputs import output

pytestmark = pytest.mark.anyio

COLUMNS = [{"name": "a", "dtype": "int64"}]
DEEP: Any = 1
for _ in range(250):
    DEEP = [DEEP]

NO_FRAMES: list[Any] = [
    {},
    [],
    "x",
    "{}",
    3,
    None,
    DEEP,
    {"columns": COLUMNS, "rows": [[1]]},
    {"columns": COLUMNS, "rows": [[1]], "total": "1"},
    {"columns": COLUMNS, "rows": [[1, 2]], "total": 1},
    {"columns": COLUMNS, "rows": [1], "total": 1},
    {"columns": COLUMNS, "rows": "a", "total": 1},
    {"columns": ["a"], "rows": [[1]], "total": 1},
    {"columns": {"a": 1}, "rows": [], "total": 0},
]
NO_FIGURES: list[Any] = [
    *({}, [], "x", "{}", 3, None, DEEP),
    {"data": {}},
    {"data": [1]},
    {"data": [], "layout": []},
]
NO_PICTURES: list[Any] = ["!!!", "YWJj!", ["a"], {}, 3]
NO_MARKUP: list[Any] = [["<b>"], {}, 3]
NO_TEXTS: list[Any] = [[1], {}, 3]
STRANGE: list[Any] = ["", "!!!", "abcd", ["a", "b"], [{}], {"a": [1]}, 3, None, DEEP]
TYPES = [
    *("image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml", "text/html"),
    *("text/markdown", "text/latex", "text/plain", "application/json", ARTIFACT_MIME),
]
FELL_BACK = [
    *({FRAME_MIME: frame} for frame in NO_FRAMES),
    *({PLOTLY_MIME: figure} for figure in NO_FIGURES),
    *({"image/png": value} for value in NO_PICTURES),
    *({mime: value} for mime in ("image/svg+xml", "text/html") for value in NO_MARKUP),
    *({mime: value} for mime in ("text/markdown", "text/latex") for value in NO_TEXTS),
    {"application/json": DEEP},
]
SHOWN = [
    *({mime: value} for mime in TYPES for value in STRANGE),
    {FRAME_MIME: {"columns": [{"name": {}, "dtype": 3}], "rows": [[{"a": [1]}]], "total": -1}},
    {PLOTLY_MIME: {"data": [{"type": 3, "x": {"a": 1}}], "layout": {"height": "x", "width": []}}},
    {PLOTLY_MIME: {"data": [{"type": "none such"}]}},
]


class Shown:
    """One bundle on its way through all that shows it."""

    def __init__(self, folder: Path) -> None:
        self.contents: dict[str, bytes] = {}
        self.terminal = Terminal(self.content, folder)
        self.html = ""

    async def put(self, parts: Sequence[Rich], name: str | None) -> Sequence[ArtifactRef]:
        return [self._put(part, name) for part in parts]

    def _put(self, part: Rich, name: str | None) -> ArtifactRef:
        sha = hashlib.sha256(part.content).hexdigest()
        self.contents[sha] = part.content
        return ArtifactRef(id=sha, media_type=part.media_type, size=len(part.content), name=name)

    async def content(self, ref: ArtifactRef) -> bytes:
        return self.contents[ref.id]

    async def show(self, bundle: dict[str, Any]) -> None:
        describe_bundle(bundle)
        kept = await keep_output({**display(**bundle), "metadata": {"a": DEEP}}, self.put)
        event = ModelRequest(seq=1, turn=0, parts=(returned(kept),))
        again = event_from_wire(orjson.loads(orjson.dumps(to_wire(event))))
        self.html = to_html(output(kept, URLS))
        assert problems(self.html) == []
        await self.terminal.show(again)


@pytest.mark.parametrize("bundle", FELL_BACK, ids=range(len(FELL_BACK)))
async def test_its_text_stands_in(
    tmp_path: Path, bundle: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    shown = Shown(tmp_path)
    await shown.show({**bundle, "text/plain": "stand-in"})
    assert ">stand-in</pre>" in shown.html
    assert capsys.readouterr().out == "stand-in\n"
    assert shown.contents == {}


@pytest.mark.parametrize("bundle", SHOWN, ids=range(len(SHOWN)))
async def test_it_breaks_nothing(tmp_path: Path, bundle: dict[str, Any]) -> None:
    await Shown(tmp_path).show(bundle)
