"""Tool calls and what they gave back: quiet cards of code, with results under them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from chatkernel.events import NotebookOutput, ToolCall, ToolReturn, ToolStatus
from web.elements import Element, code, details, div, span, summary
from web.render.artifacts import Urls
from web.render.code import code_pre, copy_button
from web.render.icons import IconName, icon
from web.render.outputs import is_text, output, outputs, text_of
from web.render.tracebacks import headline

SHORT_LINES = 6
SHORT_CHARACTERS = 600

STATUS_ICONS: Mapping[ToolStatus, IconName] = {
    "ok": "check",
    "error": "alert",
    "stopped": "stop",
    "timeout": "clock",
    "died": "skull",
}
STATUS_WORDS: Mapping[ToolStatus, str] = {
    "ok": "Done",
    "error": "Failed",
    "stopped": "Stopped",
    "timeout": "Took too long",
    "died": "Python ended",
}


def call_card(call: ToolCall, number: str = "") -> Element:
    """The card of one call: its code, or its arguments. ``number`` tells it from its siblings."""
    if call.tool == "run_python":
        code = str(call.args.get("code", ""))
        return code_card(code, call_id=call.id, title=f"Python{number}")
    if call.tool == "show":
        return _line_card(call, "Looked at ", _names(call.args.get("names")))
    return _line_card(
        call, f"{call.tool} ", json.dumps(dict(call.args), ensure_ascii=False, default=str)
    )


def code_card(source: str, *, call_id: str = "", title: str = "Python") -> Element:
    """Python code that can be folded away. ``call_id`` ties it to its result."""
    bar = summary(icon("chevron"), span(title, cls="card-title"), copy_button(), cls="card-bar")
    return details(bar, code_pre(source), cls="card", open=True, data_call=call_id or None)


def result(back: ToolReturn, urls: Urls, number: str = "") -> Element:
    """What a call gave back: text folded into one line, all else in full."""
    items = _worth_showing(back)
    texts = [item for item in items if is_text(item)]
    rich = [item for item in items if not is_text(item)]
    return div(
        _result_line(back, texts, urls, number),
        outputs(rich, urls) if rich else None,
        cls="result",
        data_call=back.id,
        data_tool=back.tool,
        data_status=back.status,
    )


def bare_result(back: ToolReturn, urls: Urls) -> Element:
    """What a cell of direct mode gave back: everything, in order, without a card."""
    items = _worth_showing(back)
    said = back.status in ("timeout", "died")  # that it was stopped, the turn's end says
    return div(
        outputs(items, urls) if items else None,
        div(icon(STATUS_ICONS[back.status]), span(STATUS_WORDS[back.status]), cls="status-line")
        if said
        else None,
        cls="result bare",
        data_call=back.id,
        data_tool=back.tool,
        data_status=back.status,
    )


def _worth_showing(back: ToolReturn) -> list[NotebookOutput]:
    """The outputs without the KeyboardInterrupt that stopping a cell leaves behind."""
    return [
        item
        for item in back.outputs
        if not (back.status == "stopped" and item.get("ename") == "KeyboardInterrupt")
    ]


def _result_line(
    back: ToolReturn, texts: Sequence[NotebookOutput], urls: Urls, number: str
) -> Element | None:
    if back.tool == "show" and back.status == "ok" and not texts:
        return None
    mark = span(icon(STATUS_ICONS[back.status]), cls="mark")
    if not texts:
        return div(mark, span(f"{STATUS_WORDS[back.status]}{number}"), cls="result-line")
    return details(
        summary(mark, _gist(back, texts, number), icon("chevron"), cls="result-line"),
        [output(item, urls) for item in texts],
        cls="result-text",
        open=back.status == "ok" and _is_short(texts),
    )


def _gist(back: ToolReturn, texts: Sequence[NotebookOutput], number: str) -> Element:
    error = next((item for item in texts if item.get("output_type") == "error"), None)
    if error is not None and back.status == "error":
        return headline(str(error.get("ename", "")), str(error.get("evalue", "")))
    lines = sum(len(text_of(item).splitlines()) for item in texts)
    count = f"{lines:,} line{'' if lines == 1 else 's'}"
    word = "Output" if back.status == "ok" else STATUS_WORDS[back.status]
    return span(f"{word}{number}", span(f" · {count}", cls="faint"))


def _is_short(texts: Sequence[NotebookOutput]) -> bool:
    whole = "\n".join(text_of(item) for item in texts)
    return len(whole) <= SHORT_CHARACTERS and len(whole.splitlines()) <= SHORT_LINES


def _names(value: object) -> str:
    return (
        ", ".join(str(name) for name in value)
        if isinstance(value, list | tuple)
        else str(value or "")
    )


def _line_card(call: ToolCall, verb: str, what: str) -> Element:
    return div(
        icon("table" if call.tool == "show" else "python"),
        span(verb, code(one_line(what))),
        cls="card line",
        data_call=call.id,
    )


def one_line(text: str, longest: int = 300) -> str:
    """``text`` on one line, cut to ``longest`` characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= longest else flat[: longest - 1] + "…"
