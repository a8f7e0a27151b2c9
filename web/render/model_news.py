"""What changes on a page when another model is in use."""

from __future__ import annotations

from collections.abc import Iterator

from web.elements import Child, Element, element
from web.render.connect import in_use
from web.render.model import ModelState, model_chip
from web.render.welcome import welcome


def model_news(model: ModelState, *, empty: bool) -> Iterator[Element]:
    """Each part that names the model, addressed to its place. An ``empty`` chat has its welcome."""
    yield _part(model_chip(model), target="#model", swap="outerMorph")
    yield _part(in_use(model), target="#in-use", swap="innerMorph")
    if empty:
        yield _part(welcome(model), target="#welcome", swap="outerMorph")


def _part(content: Child, *, target: str, swap: str) -> Element:
    return element("hx-partial", content, hx_target=target, hx_swap=swap)
