"""The model as the page shows it: a chip in the header, and the dialog to connect another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from chatkernel.models.finding import Finding
from web.elements import (
    Element,
    button,
    span,
)
from web.render.icons import icon


@dataclass(frozen=True)
class ModelState:
    """The model in use (``name``, ``short`` without its address, and why it was chosen) and what was looked for.

    ``providers`` are (id, name) pairs to choose from; ``can_connect`` is False where the page may not
    change the model, as it may only on this machine itself. ``by_hand``: the page connected it, which is the first
    of the findings, and may disconnect it.
    """

    name: str
    mode: Literal["chat", "direct"]
    reason: str = ""
    findings: Sequence[Finding] = ()
    can_connect: bool = True
    short: str = ""
    by_hand: bool = False
    providers: Sequence[tuple[str, str]] = field(
        default=(("anthropic", "Anthropic"), ("openai", "OpenAI"), ("google", "Google"))
    )


def model_chip(model: ModelState) -> Element:
    """The model's short name; its whole one, with the reason it was chosen, is told on asking. Opens the dialog."""
    direct = model.mode == "direct"
    told = (model.reason,) if direct else (model.name, model.reason)
    return button(
        icon("python" if direct else "model"),
        span("Connect a model" if direct else model.short or model.name, cls="model-name"),
        type="button",
        cls="model-chip direct" if direct else "model-chip",
        id="model",
        title="\n".join(filter(None, told)) or None,
        aria_label=None if direct else f"Model: {model.name}",
        data_open="connect",
    )
