"""One finished node, one ``<article>``: appended to the log and never changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from chatkernel.events import (
    Block,
    CallTools,
    Execution,
    ModelRequest,
    Notice,
    Part,
    Rewind,
    TextPart,
    ThinkingPart,
    ToolCall,
    TurnEnd,
    UserPrompt,
)
from web.elements import (
    Child,
    Element,
    article,
    button,
    details,
    div,
    p,
    pre,
    raw,
    small,
    span,
    summary,
    to_html,
)
from web.render.artifacts import Urls, artifact
from web.render.code import copy_button, highlighted
from web.render.icons import IconName, icon
from web.render.markdown import TagKind, render_markdown
from web.render.outputs import outputs
from web.render.tools import bare_result, call_card, code_card, result


@dataclass(frozen=True)
class View:
    """How blocks are shown. ``direct``: their turn's message was a cell, which needs no card."""

    urls: Urls
    direct: bool = False


def log(blocks: Iterable[Block], urls: Urls) -> list[Element]:
    """A chat's blocks as a page shows them: those that a later rewind took back are gone."""
    kept: list[Block] = []
    for each in blocks:
        if isinstance(each, Rewind):
            kept = [block for block in kept if block.turn < each.from_turn]
        kept.append(each)
    view, shown = View(urls), []
    for each in kept:
        if isinstance(each, UserPrompt):
            view = replace(view, direct=each.mode == "direct")
        shown.append(block(each, view))
    return shown


def block(event: Block, view: View) -> Element:
    """The block's article, ``id="b{seq}"``. Pages and sockets send this very element."""
    match event:
        case UserPrompt():
            return _article(event, _prompt(event), mode=event.mode)
        case CallTools():
            return _article(event, _parts(event, view))
        case ModelRequest():
            return _article(event, _results(event, view))
        case Notice():
            return _article(event, _notice(event), role="status")
        case TurnEnd():
            return _article(event, _turn_end(event), status=event.status)
        case Rewind():
            return _article(event, None, from_turn=event.from_turn)
        case Execution():
            return _article(event, _execution(event, view))
        case _:
            assert_never(event)


def _article(
    event: Block, content: Child, *, role: str | None = None, **data: str | int
) -> Element:
    return article(
        content,
        id=f"b{event.seq}",
        cls=f"block {event.kind.replace('_', '-')}",
        role=role,
        hidden=not content,
        attrs={
            "data-seq": str(event.seq),
            "data-turn": str(event.turn),
            "data-kind": event.kind,
            **{f"data-{name.replace('_', '-')}": str(value) for name, value in data.items()},
        },
    )


def _prompt(event: UserPrompt) -> Element:
    """The message as it was typed: its text content is what editing starts from."""
    direct = event.mode == "direct"
    text = highlighted(event.text) if direct else event.text
    return div(
        pre(text, cls="source hl" if direct else "source", tabindex=0 if direct else None),
        div([_file(name) for name in event.files], cls="chips") if event.files else None,
        copy_button() if direct else None,
        button(
            icon("edit"),
            type="button",
            cls="quiet icon-button edit",
            title="Edit",
            data_edit_turn=event.turn,
            aria_label=f"Edit message {event.turn + 1}",
        ),
        cls="cell" if direct else "bubble",
    )


def _file(name: str) -> Element:
    return span(icon("file"), span(name), cls="chip")


def _parts(event: CallTools, view: View) -> list[Element]:
    calls = [part.id for part in event.parts if isinstance(part, ToolCall)]
    numbers = _numbers(calls)
    shown = [_part(part, view, numbers) for part in event.parts]
    return [part for part in shown if part is not None]


def _part(part: Part, view: View, numbers: Mapping[str, str]) -> Element | None:
    match part:
        case ThinkingPart():
            return thinking(part.text) if part.text.strip() else None
        case TextPart():
            return answer(part, view.urls) if part.text.strip() else None
        case ToolCall():
            return None if view.direct else call_card(part, numbers[part.id])
        case _:
            assert_never(part)


def _results(event: ModelRequest, view: View) -> list[Element]:
    if view.direct:
        return [bare_result(part, view.urls) for part in event.parts]
    numbers = _numbers([part.id for part in event.parts])
    return [result(part, view.urls, numbers[part.id]) for part in event.parts]


def _numbers(calls: Sequence[str]) -> dict[str, str]:
    """What tells several calls of one response apart, and their results; nothing for a single one."""
    several = len(calls) > 1
    return {call: f" {number}" if several else "" for number, call in enumerate(calls, start=1)}


def thinking(text: str, *, live: bool = False) -> Element:
    """What the model thought, folded away."""
    label = "Thinking…" if live else "Thought"
    return details(
        summary(icon("chevron"), span(label)), div(text.strip(), cls="thought"), cls="thinking"
    )


def answer(part: TextPart, urls: Urls) -> Element:
    """The text with its figures and tables where their tags stand."""

    def tag(kind: TagKind, name: str) -> str:
        shown = next((each for each in part.shown if (each.tag, each.name) == (kind, name)), None)
        if shown is None or shown.artifact is None:
            problem = shown.problem if shown else None
            return to_html(_missing(problem or f"There is nothing to show for {name}."))
        return to_html(artifact(shown.artifact, urls))

    return div(raw(render_markdown(part.text, tag=tag)), cls="prose")


def _missing(problem: str) -> Element:
    return span(icon("alert"), span(problem), cls="missing", role="note")


_LEVEL_ICONS: dict[str, IconName] = {"info": "info", "warning": "alert", "error": "alert"}


def _notice(event: Notice) -> Element:
    return div(icon(_LEVEL_ICONS[event.level]), p(event.text), cls=f"notice-line {event.level}")


def _turn_end(event: TurnEnd) -> Element | None:
    if event.status == "ok":
        return None
    stopped = event.status == "stopped"
    said = event.error or ("Stopped." if stopped else "This turn failed.")
    return div(
        icon("stop" if stopped else "alert"),
        div(p(said), _tokens(event)),
        button(
            icon("retry"),
            span("Try again"),
            type="button",
            cls="button small try-again",
            data_retry_turn=event.turn,
        ),
        cls=f"ending {event.status}",
    )


def _tokens(event: TurnEnd) -> Element | None:
    counts = [
        f"{event.usage[key]:,} {word}"
        for key, word in (("input_tokens", "tokens read"), ("output_tokens", "written"))
        if event.usage.get(key)
    ]
    return small(" · ".join(counts), cls="faint") if counts else None


_SOURCES = {"jupyterlab": "JupyterLab"}


def _execution(event: Execution, view: View) -> Sequence[Element]:
    source = _SOURCES.get(event.source, event.source)
    card = code_card(event.code, title=f"Ran in {source}")
    return [card, outputs(event.outputs, view.urls)] if event.outputs else [card]
