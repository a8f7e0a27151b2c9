"""What a cell gave back, nbformat's outputs, as elements.

https://nbformat.readthedocs.io/en/latest/format_description.html#code-cell-outputs
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape

from pydantic import ValidationError

from chatkernel.events import ARTIFACT_MIME, ArtifactRef, NotebookOutput
from web.elements import Element, details, div, p, pre, raw, summary
from web.render.ansi import ansi_to_html
from web.render.artifacts import Urls, artifact, richest
from web.render.code import code_pre
from web.render.markdown import TagKind, render_markdown
from web.render.tracebacks import traceback


def outputs(items: Sequence[NotebookOutput], urls: Urls) -> Element:
    """All outputs in their order. Long ones scroll inside themselves."""
    return div([output(item, urls) for item in items], cls="outputs")


def output(item: NotebookOutput, urls: Urls) -> Element:
    """One output; one of a type that isn't known is shown as nothing."""
    match item.get("output_type"):
        case "stream":
            return _stream(joined(item.get("text")), str(item.get("name")))
        case "error":
            frames = item.get("traceback")
            return traceback(
                str(item.get("ename", "Error")),
                str(item.get("evalue", "")),
                [str(frame) for frame in frames] if isinstance(frames, list | tuple) else (),
            )
        case "display_data" | "execute_result":
            data = item.get("data")
            return _rich(data if isinstance(data, Mapping) else {}, urls)
        case _:
            return div(hidden=True)


def is_text(item: NotebookOutput) -> bool:
    """Whether the output is only text: what was printed, an error, a plain result."""
    data = item.get("data")
    return not isinstance(data, Mapping) or set(data) <= {"text/plain"}


def text_of(item: NotebookOutput) -> str:
    """What a text output says, without its traceback."""
    match item.get("output_type"):
        case "stream":
            return joined(item.get("text"))
        case "error":
            return f"{item.get('ename')}: {item.get('evalue')}"
        case _:
            data = item.get("data")
            return joined(data.get("text/plain")) if isinstance(data, Mapping) else ""


def artifacts_of(data: Mapping[str, object]) -> list[ArtifactRef]:
    """The artifacts that stand for a MIME bundle, the richest first."""
    refs = data.get(ARTIFACT_MIME)
    try:
        return (
            [ArtifactRef.model_validate(ref) for ref in refs]
            if isinstance(refs, list | tuple)
            else []
        )
    except ValidationError:  # written by another version, or by hand
        return []


def joined(value: object) -> str:
    """Text that nbformat may hold as a list of lines."""
    if isinstance(value, list | tuple):
        return "".join(str(part) for part in value)
    return value if isinstance(value, str) else ""


def _stream(text: str, name: str) -> Element:
    kind = "stderr" if name == "stderr" else "stdout"
    return pre(raw(ansi_to_html(text.removesuffix("\n"))), cls=f"text ansi {kind}", tabindex=0)


def _rich(data: Mapping[str, object], urls: Urls) -> Element:
    if ref := richest(artifacts_of(data)):
        return artifact(ref, urls)
    if markdown := joined(data.get("text/markdown")):
        return div(raw(render_markdown(markdown, tag=_no_tag)), cls="prose")
    if latex := joined(data.get("text/latex")):
        return code_pre(latex.strip(), "latex")
    if (value := data.get("application/json")) is not None:
        return _json(value)
    if text := joined(data.get("text/plain")):
        return pre(raw(ansi_to_html(text)), cls="text ansi result", tabindex=0)
    return p("This output is too large, or of a kind that can't be shown here.", cls="faint")


def _no_tag(kind: TagKind, name: str) -> str:
    """Only an answer shows figures by name; in what a cell displays, a tag is text."""
    return escape(f'<{kind} name="{name}"/>')


def _json(value: object) -> Element:
    pretty = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return details(summary("JSON"), code_pre(pretty, "json"), cls="more", open=len(pretty) < 2000)
