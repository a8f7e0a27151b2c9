"""What is in the making: the content of ``#live``, morphed as it grows and emptied when its block is made."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from pydantic_core import from_json

from chatkernel.events import NotebookOutput
from web.elements import Element, details, div, element, p, raw, span, summary
from web.render.artifacts import Urls
from web.render.blocks import thinking
from web.render.code import code_pre
from web.render.icons import icon
from web.render.markdown import TagKind, render_markdown
from web.render.outputs import is_text, outputs, text_of

TAIL_LINES = 200
TAIL_CHARACTERS = 16_000
"""Only so much of the end of a running cell's text is shown: it is sent anew with every change."""

_UNFINISHED_TAG = re.compile(r"<(?:f(?:i(?:g[^>]*)?)?|d(?:f[^>]*)?)?\Z", re.IGNORECASE)


@dataclass(frozen=True)
class LivePart:
    """A part of the response being written: "text", "thinking" or "tool_call".

    For a tool call, ``text`` is its JSON arguments so far.
    """

    type: str
    text: str
    tool: str | None = None


@dataclass(frozen=True)
class LiveCell:
    """The cell that runs: its outputs so far and for how long, in seconds, it has been running."""

    outputs: Sequence[NotebookOutput]
    seconds: float


@dataclass(frozen=True)
class LiveView:
    """All that a turn has not finished yet. ``status`` is a sentence for the user, or empty."""

    urls: Urls
    status: str = ""
    parts: Sequence[LivePart] = ()
    cell: LiveCell | None = None
    direct: bool = False


def live_area(view: LiveView | None) -> Element:
    """The content of ``#live`` (swap it by innerMorph); None when no turn runs.

    It is never empty HTML: htmx would not swap that in, and the last state would stay.
    """
    if view is None:
        return div(cls="live-idle", hidden=True)
    return div(list(_live(view)), cls="live direct" if view.direct else "live", aria_busy="true")


def live_partial(view: LiveView | None) -> Element:
    """`live_area` addressed to ``#live``: sent in one message with a block, the page changes in one step."""
    return element("hx-partial", live_area(view), hx_target="#live", hx_swap="innerMorph")


def _live(view: LiveView) -> Iterator[Element]:
    for index, part in enumerate(view.parts):
        if shown := _part(part, direct=view.direct):
            yield div(shown, id=f"live-{index}", cls=f"live-part {part.type.replace('_', '-')}")
    if view.cell is not None:
        yield _running(view.cell, view.status or "Running…", view.urls)
    elif view.status or not view.parts:
        yield div(_dots(), span(view.status or "Thinking…"), cls="status-line", id="live-status")


def _part(part: LivePart, *, direct: bool) -> Element | None:
    if part.type == "tool_call":
        return None if direct else _writing(part)
    if not part.text.strip():
        return None
    if part.type == "thinking":
        return thinking(part.text, live=True)
    text = _UNFINISHED_TAG.sub("", part.text)
    return div(raw(render_markdown(text, tag=_coming)), cls="prose streaming")


def _coming(kind: TagKind, name: str) -> str:
    """A figure or table is made when its block is: until then, its place."""
    what = "figure" if kind == "fig" else "table"
    return f'<span class="coming {what}">{escape(name)}</span>'


def _writing(part: LivePart) -> Element:
    """The call as it is written: code, or the tool's name."""
    if part.tool not in (None, "run_python"):
        return div(_dots(), span(f"Calling {part.tool}…"), cls="status-line")
    bar = summary(
        icon("chevron"),
        span("Python", cls="card-title"),
        span("writing…", cls="faint"),
        cls="card-bar",
    )
    return details(bar, code_pre(code_so_far(part.text)), cls="card writing", open=True)


def code_so_far(arguments: str) -> str:
    """The ``code`` in JSON arguments that may break off anywhere."""
    try:
        value = from_json(arguments, allow_partial="trailing-strings")
    except ValueError:
        return ""
    return str(value.get("code", "")) if isinstance(value, dict) else ""


def _running(cell: LiveCell, status: str, urls: Urls) -> Element:
    seconds = f"{cell.seconds:.1f}"
    shown, left_out = _tail(cell.outputs)
    return div(
        div(
            _dots(),
            span(status),
            element("ck-elapsed", seconds=seconds),
            cls="status-line",
        ),
        p("… earlier output is shown when the cell is done", cls="faint") if left_out else None,
        outputs(shown, urls) if shown else None,
        cls="running",
        id="live-cell",
    )


def _tail(items: Sequence[NotebookOutput]) -> tuple[list[NotebookOutput], bool]:
    """The outputs with the end of their text only, figures all; and whether something was left out."""
    kept, left_out, lines, characters = [], False, TAIL_LINES, TAIL_CHARACTERS
    for item in reversed(items):
        text = text_of(item) if is_text(item) else ""
        end = _end(text, lines, characters)
        lines, characters = lines - len(end.splitlines()), characters - len(end)
        if end == text:
            kept.append(item)
            continue
        left_out = True
        if end and item.get("output_type") == "stream":
            kept.append({**item, "text": end})
    return kept[::-1], left_out


def _end(text: str, lines: int, characters: int) -> str:
    """The last lines of ``text``, at most so many, and whole ones where there are several."""
    end = text[-characters:] if characters > 0 else ""
    if len(end) < len(text):
        end = end.partition("\n")[2] or end
    return "".join(end.splitlines(keepends=True)[-lines:]) if lines > 0 else ""


def _dots() -> Element:
    return span(span(), span(), span(), cls="dots", aria_hidden="true")
