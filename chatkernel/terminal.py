"""A turn's events printed to a terminal."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
from anyio import to_thread
from rich.console import RenderableType
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from chatkernel.cell_shown import CellShown
from chatkernel.console import CONTROLS, TerminalConsole, coloured, plain
from chatkernel.events import (
    ARTIFACT_MIME,
    FRAME_MIME,
    PLOTLY_MIME,
    ArtifactRef,
    CallTools,
    CellOutput,
    Delta,
    Event,
    ModelRequest,
    NotebookOutput,
    Notice,
    Shown,
    TextPart,
    ToolCall,
    ToolReturn,
    TurnEnd,
    UserPrompt,
)
from chatkernel.file_name import safe_name
from chatkernel.how_to_connect import for_terminal
from chatkernel.streamed_text import StreamedText, without_tags
from chatkernel.well_formed import is_figure, is_frame

log = logging.getLogger(__name__)

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
    """Prints text as it is written, outputs as they come, and writes figures as files.

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
        self._console = TerminalConsole()
        self._aside = self._console
        self._streamed: dict[int, StreamedText] = {}
        self._cells: dict[str, CellShown] = {}
        self._written: set[str] = set()

    async def show(self, event: Event) -> None:
        """Print one event.

        Raises:
            BrokenPipeError: nobody reads any more.
        """
        match event:
            case UserPrompt(mode="direct"):
                self._direct, self._aside = True, TerminalConsole(stderr=True)
            # The only text in direct mode is a refusal, which is worded once it is whole.
            case Delta(type="text", index=index, text=text) if not self._direct:
                streamed = self._streamed.setdefault(index, StreamedText())
                self._console.more(plain(streamed.more(text)), of=str(index))
            case CallTools(parts=parts):
                for part in parts:
                    await self._part(part)
                self._streamed.clear()
            case CellOutput(id=call_id, output=output):
                await self._coming(self._cells.setdefault(call_id, CellShown()), output)
            case ModelRequest(parts=parts):
                for returned in parts:
                    await self._returned(returned)
            case Notice(text=text):
                self._aside.say(plain(text, "yellow"))
            case TurnEnd():
                self._end(event)

    def stopping(self) -> None:
        """Say that the turn is being stopped, and how not to wait for it."""
        self._aside.say(plain("Stopping… Ctrl-C again leaves at once.", "yellow"))

    def farewell(self, chat_id: str) -> None:
        """Say how to go on."""
        self._aside.say(Text(f"chat {chat_id}", style="dim"))

    def _end(self, end: TurnEnd) -> None:
        if end.error:
            self._aside.say(plain(self._worded(end.error), "red"))
        elif end.status == "stopped":
            self._aside.say(plain("Stopped.", "yellow"))

    def _worded(self, text: str) -> str:
        return for_terminal(text, server=self._server)

    async def _part(self, part: object) -> None:
        match part:
            case TextPart(text=text) if self._direct:
                self._aside.say(plain(self._worded(text)))
            case TextPart(text=text, shown=shown):
                self._text(text)
                for each in shown:
                    await self._named(each)
            case ToolCall(tool="run_python", args=args):
                code = str(args.get("code", "")).translate(CONTROLS).rstrip()
                self._aside.say(Syntax(code, "python", background_color="default"))

    def _text(self, text: str) -> None:
        for index, streamed in self._streamed.items():
            if streamed.whole == text:
                self._console.more(plain(streamed.rest()), of=str(index))
                break
        else:
            self._console.more(plain(without_tags(text)), of="text")
        self._console.end_line()

    async def _named(self, shown: Shown) -> None:
        problem = shown.problem
        if shown.artifact and not await self._artifact(shown.artifact):
            problem = f"{shown.name} could not be shown."
        if problem:
            self._console.say(plain(problem, "yellow"))

    async def _coming(self, cell: CellShown, output: NotebookOutput) -> None:
        match output:
            case {"output_type": "stream", "name": str(name), "text": str(text)}:
                self._print(name, cell.more(name, text))
            case {"output_type": "error" | "display_data" | "execute_result"}:
                cell.take(output)
                await self._whole(output)

    async def _returned(self, returned: ToolReturn) -> None:
        """Print what wasn't while the cell ran."""
        cell = self._cells.pop(returned.id, CellShown())
        for output in returned.outputs:
            match output:
                case {"output_type": "stream", "text": str(text)}:
                    name = str(output.get("name"))
                    self._print(name, cell.rest(name, text))
                case _ if not cell.has(output):
                    await self._whole(output)
        self._console.end_line()
        self._aside.end_line()

    def _print(self, name: str, text: str) -> None:
        console = self._aside if name == "stderr" else self._console
        console.more(coloured(text), of=name)

    async def _whole(self, output: NotebookOutput) -> None:
        match output:
            case {"output_type": "error", "traceback": [*lines]}:
                self._aside.say(coloured("\n".join(map(str, lines))))
            case {"data": Mapping() as data}:
                await self._bundle(data)

    async def _bundle(self, data: Mapping[str, Any]) -> None:
        refs = [ArtifactRef(**ref) for ref in data.get(ARTIFACT_MIME, ())]
        shown = bool(refs) and await self._artifact(refs[0])
        if not shown and "text/plain" in data:
            self._console.say(plain(str(data["text/plain"])))

    async def _artifact(self, ref: ArtifactRef) -> bool:
        """Print or write it, once; False if it isn't what its type says."""
        if ref.id in self._written:
            return True
        content = await self._content(ref)
        if ref.media_type == FRAME_MIME:
            shown: RenderableType | None = _table(content)
        else:
            shown = await to_thread.run_sync(self._write, ref, content)
        if shown is None:
            return False
        self._written.add(ref.id)
        self._console.say(shown)
        return True

    def _write(self, ref: ArtifactRef, content: bytes) -> Text | None:
        name = safe_name(ref.name or f"figure-{ref.id[:8]}")
        suffix = _SUFFIXES.get(ref.media_type, ".bin")
        if ref.media_type == PLOTLY_MIME:
            page = _figure_page(content)
            if page is None:
                return None
            content = page
        number, path = 1, self._folder / f"{name}{suffix}"
        while True:
            try:
                with path.open("xb") as file:  # what is there is somebody's, or an earlier answer's
                    file.write(content)
            except FileExistsError:
                number += 1
                path = self._folder / f"{name}-{number}{suffix}"
            else:
                return Text(f"wrote {path}", style="cyan")


def _figure_page(content: bytes) -> bytes | None:
    """A page that stands on its own, made by plotly itself; None if it can't."""
    import plotly.io

    if not is_figure(orjson.loads(content)):
        return None
    try:
        figure = plotly.io.from_json(content, skip_invalid=True)
        page: str = plotly.io.to_html(figure, include_plotlyjs=True)
    except Exception:  # what plotly raises for what a kernel sent is anything
        log.debug("no page of a figure", exc_info=True)
        return None
    return page.encode()


def _table(content: bytes) -> Table | None:
    frame = orjson.loads(content)
    if not is_frame(frame):
        return None
    table = Table()
    for column in frame["columns"]:
        table.add_column(plain(str(column["name"])))
    for row in frame["rows"][:ROWS]:
        table.add_row(*(plain("" if cell is None else str(cell)) for cell in row))
    table.caption = f"{frame['total']:,} rows"
    return table
