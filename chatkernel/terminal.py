"""A turn's events printed to a terminal."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
from anyio import to_thread
from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from chatkernel.events import (
    ARTIFACT_MIME,
    FRAME_MIME,
    PLOTLY_MIME,
    ArtifactRef,
    CallTools,
    Delta,
    Event,
    ModelRequest,
    NotebookOutput,
    Notice,
    TextPart,
    ToolCall,
    TurnEnd,
)
from chatkernel.file_name import safe_name

_TAG = re.compile(r"<(?:fig|df)\s+name=[^>]*/>")
_SUFFIXES = {
    PLOTLY_MIME: ".html",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/svg+xml": ".svg",
    "text/html": ".html",
}
ROWS = 10


class Terminal:
    """Prints text as it is written, code and outputs as they are done, and writes figures as files."""

    def __init__(self, content: Callable[[ArtifactRef], Awaitable[bytes]], folder: Path) -> None:
        self._content = content
        self._folder = folder
        self._console = Console(soft_wrap=True)
        self._streamed = ""
        self._written: set[str] = set()

    async def show(self, event: Event) -> None:
        """Print one event."""
        match event:
            case Delta(type="text", text=text):
                self._streamed += text
                self._console.print(Text(text), end="")
            case CallTools(parts=parts):
                for part in parts:
                    await self._part(part)
                self._streamed = ""
            case ModelRequest(parts=parts):
                for returned in parts:
                    for output in returned.outputs:
                        await self._output(output)
            case Notice(text=text):
                self._console.print(Text(text, style="yellow"))
            case TurnEnd(error=error) if error:
                self._console.print(Text(error, style="red"))

    def farewell(self, chat_id: str) -> None:
        """Say how to go on."""
        self._console.print(Text(f"chat {chat_id}", style="dim"))

    async def _part(self, part: object) -> None:
        match part:
            case TextPart(text=text, shown=shown):
                left = text.removeprefix(self._streamed) if self._streamed else _TAG.sub("", text)
                self._console.print(Text(left))
                for each in shown:
                    if each.artifact:
                        await self._artifact(each.artifact)
                    elif each.problem:
                        self._console.print(Text(each.problem, style="yellow"))
            case ToolCall(tool="run_python", args=args):
                code = str(args.get("code", "")).rstrip()
                self._console.print(Syntax(code, "python", background_color="default"))

    async def _output(self, output: NotebookOutput) -> None:
        match output:
            case {"output_type": "stream", "text": str(text)}:
                self._console.print(Text.from_ansi(text.rstrip("\n")))
            case {"output_type": "error", "traceback": [*lines]}:
                self._console.print(Text.from_ansi("\n".join(map(str, lines))))
            case {"data": Mapping() as data}:
                await self._bundle(data)

    async def _bundle(self, data: Mapping[str, Any]) -> None:
        refs = [ArtifactRef(**ref) for ref in data.get(ARTIFACT_MIME, ())]
        if refs:
            await self._artifact(refs[0])
        elif "text/plain" in data:
            self._console.print(Text(str(data["text/plain"])))

    async def _artifact(self, ref: ArtifactRef) -> None:
        if ref.id in self._written:
            return
        self._written.add(ref.id)
        content = await self._content(ref)
        if ref.media_type == FRAME_MIME:
            self._console.print(_table(orjson.loads(content)))
            return
        path = await to_thread.run_sync(self._write, ref, content)
        self._console.print(Text(f"wrote {path}", style="cyan"))

    def _write(self, ref: ArtifactRef, content: bytes) -> Path:
        name = safe_name(ref.name or f"figure-{ref.id[:8]}")
        path = self._folder / f"{name}{_SUFFIXES.get(ref.media_type, '.bin')}"
        if ref.media_type == PLOTLY_MIME:
            _write_figure(content, path)
        else:
            path.write_bytes(content)
        return path


def _write_figure(content: bytes, path: Path) -> None:
    """A page that stands on its own, made by plotly itself."""
    import plotly.io

    figure = plotly.io.from_json(content, skip_invalid=True)
    plotly.io.write_html(figure, path, include_plotlyjs=True)


def _table(frame: Mapping[str, Any]) -> Table:
    table = Table()
    for column in frame["columns"]:
        table.add_column(Text(str(column["name"])))
    for row in frame["rows"][:ROWS]:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    table.caption = f"{frame['total']:,} rows"
    return table
