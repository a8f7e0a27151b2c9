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
    UserPrompt,
)
from chatkernel.file_name import safe_name
from chatkernel.how_to_connect import for_terminal
from chatkernel.streamed_text import StreamedText, without_tags

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

_CONTROLS = dict.fromkeys([*range(9), *range(11, 32), *range(127, 160)])
_ESCAPE = 27
_NO_COLOUR = re.compile(r"\x1b(?!\[[0-9;:]*m)")


class _Console(Console):
    """rich's, but a reader that has gone is an error like any other: its own way is to exit at once."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(soft_wrap=True, stderr=stderr)

    def on_broken_pipe(self) -> None:
        raise  # noqa: PLE0704  rich calls this while it handles the BrokenPipeError


class Terminal:
    """Prints text as it is written, code and outputs as they are done, and writes figures as files.

    In direct mode stdout is for scripts: it has the outputs of the cell, and stderr has all else.
    ``server`` is the address of the one that answers, None when it is this process.
    """

    def __init__(
        self,
        content: Callable[[ArtifactRef], Awaitable[bytes]],
        folder: Path,
        *,
        server: str | None = None,
    ) -> None:
        self._content = content
        self._folder = folder
        self._server = server
        self._direct = False
        self._console = _Console()
        self._aside: Console = self._console
        self._streamed: dict[int, StreamedText] = {}
        self._written: set[str] = set()

    async def show(self, event: Event) -> None:
        """Print one event.

        Raises:
            BrokenPipeError: nobody reads any more.
        """
        match event:
            case UserPrompt(mode="direct"):
                self._direct, self._aside = True, _Console(stderr=True)
            # The only text in direct mode is a refusal, which is worded once it is whole.
            case Delta(type="text", index=index, text=text) if not self._direct:
                streamed = self._streamed.setdefault(index, StreamedText())
                self._console.print(_plain(streamed.more(text)), end="")
            case CallTools(parts=parts):
                for part in parts:
                    await self._part(part)
                self._streamed.clear()
            case ModelRequest(parts=parts):
                for returned in parts:
                    for output in returned.outputs:
                        await self._output(output)
            case Notice(text=text):
                self._aside.print(_plain(text, "yellow"))
            case TurnEnd(error=error) if error:
                self._aside.print(_plain(self._worded(error), "red"))

    def farewell(self, chat_id: str) -> None:
        """Say how to go on."""
        self._aside.print(Text(f"chat {chat_id}", style="dim"))

    def _worded(self, text: str) -> str:
        return for_terminal(text, server=self._server)

    async def _part(self, part: object) -> None:
        match part:
            case TextPart(text=text) if self._direct:
                self._aside.print(_plain(self._worded(text)))
            case TextPart(text=text, shown=shown):
                streamed = [each for each in self._streamed.values() if each.whole == text]
                left = streamed[0].rest() if streamed else without_tags(text)
                self._console.print(_plain(left))
                for each in shown:
                    if each.artifact:
                        await self._artifact(each.artifact)
                    elif each.problem:
                        self._console.print(_plain(each.problem, "yellow"))
            case ToolCall(tool="run_python", args=args):
                code = str(args.get("code", "")).translate(_CONTROLS).rstrip()
                self._aside.print(Syntax(code, "python", background_color="default"))

    async def _output(self, output: NotebookOutput) -> None:
        match output:
            case {"output_type": "stream", "text": str(text)}:
                console = self._aside if output.get("name") == "stderr" else self._console
                console.print(_coloured(text.rstrip("\n")))
            case {"output_type": "error", "traceback": [*lines]}:
                self._aside.print(_coloured("\n".join(map(str, lines))))
            case {"data": Mapping() as data}:
                await self._bundle(data)

    async def _bundle(self, data: Mapping[str, Any]) -> None:
        refs = [ArtifactRef(**ref) for ref in data.get(ARTIFACT_MIME, ())]
        if refs:
            await self._artifact(refs[0])
        elif "text/plain" in data:
            self._console.print(_plain(str(data["text/plain"])))

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
        suffix = _SUFFIXES.get(ref.media_type, ".bin")
        if ref.media_type == PLOTLY_MIME:
            content = _figure_page(content)
        number, path = 1, self._folder / f"{name}{suffix}"
        while True:
            try:
                with path.open("xb") as file:  # what is there is somebody's, or an earlier answer's
                    file.write(content)
            except FileExistsError:
                number += 1
                path = self._folder / f"{name}-{number}{suffix}"
            else:
                return path


def _figure_page(content: bytes) -> bytes:
    """A page that stands on its own, made by plotly itself."""
    import plotly.io

    figure = plotly.io.from_json(content, skip_invalid=True)
    page: str = plotly.io.to_html(figure, include_plotlyjs=True)
    return page.encode()


def _plain(text: str, style: str = "") -> Text:
    """Text that only shows itself: what it holds of a terminal's commands is left out."""
    return Text(text.translate(_CONTROLS), style=style)


def _coloured(text: str) -> Text:
    """The same, but colours are kept."""
    allowed = {code: None for code in _CONTROLS if code != _ESCAPE}
    return Text.from_ansi(_NO_COLOUR.sub("", text.translate(allowed)))


def _table(frame: Mapping[str, Any]) -> Table:
    table = Table()
    for column in frame["columns"]:
        table.add_column(_plain(str(column["name"])))
    for row in frame["rows"][:ROWS]:
        table.add_row(*(_plain("" if cell is None else str(cell)) for cell in row))
    table.caption = f"{frame['total']:,} rows"
    return table
