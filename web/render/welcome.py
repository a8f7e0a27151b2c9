"""What an empty chat says: who is here, what was looked for and found, and three examples."""

from __future__ import annotations

from web.elements import (
    Element,
    button,
    details,
    div,
    h1,
    p,
    section,
    small,
    span,
    strong,
    summary,
)
from web.render.examples import CHAT, DIRECT, Example
from web.render.findings import findings_list
from web.render.icons import IconName, icon
from web.render.model import ModelState

_CARD_ICONS: tuple[IconName, ...] = ("file", "table", "sparkle")


def welcome(model: ModelState) -> Element:
    """Hidden by CSS as soon as the log has a block."""
    direct = model.mode == "direct"
    return section(
        icon("logo"),
        h1("Python, ready to run" if direct else "What would you like to know?"),
        p(_explanation(direct), cls="lead"),
        div(
            [
                _card(name, example, step)
                for step, (name, example) in enumerate(
                    zip(_CARD_ICONS, examples(model), strict=True)
                )
            ],
            cls="examples",
        ),
        _findings(model) if direct else None,
        cls="welcome",
        id="welcome",
    )


def examples(model: ModelState) -> tuple[Example, ...]:
    """The examples of an empty chat."""
    return DIRECT if model.mode == "direct" else CHAT


def _explanation(direct: bool) -> str:
    if direct:
        return (
            "What you write runs in a Jupyter kernel of this chat’s own. "
            "Connect a model, at the top, to ask in plain words instead."
        )
    return (
        "Ask in plain words. The assistant writes Python, a Jupyter kernel of this chat’s own "
        "runs it, and figures and tables appear in the answer."
    )


def _card(name: IconName, example: Example, step: int) -> Element:
    return button(
        icon(name),
        strong(example.title),
        small(example.detail),
        type="button",
        cls="example",
        data_example=example.text,
        data_step=step,
    )


def _findings(model: ModelState) -> Element | None:
    found = findings_list(model.findings)
    if found is None:
        return None
    return details(
        summary(icon("chevron"), span("Why no model is connected")), found, cls="looked-for"
    )
