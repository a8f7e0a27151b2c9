"""Typed HTML elements: the one seam to FastHTML's component functions, which are untyped.

Importing FastHTML changes Starlette for the whole process (a path parameter may be empty, ``url_path_for``
adds the root path itself). We live in other people's applications, so what Starlette had is put back as
soon as the import is done; import FastHTML after this module, never before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from starlette.convertors import StringConvertor
from starlette.requests import HTTPConnection


@contextmanager
def _unchanged(*places: tuple[type, str]) -> Iterator[None]:
    before = [(owner, name, vars(owner)[name]) for owner, name in places if name in vars(owner)]
    try:
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)


with _unchanged(
    (StringConvertor, "regex"),
    (StringConvertor, "to_string"),
    (HTTPConnection, "url_path_for"),
):
    from fasthtml.components import ft_html


class Element(Protocol):
    """Something that is HTML already: `to_html` writes it as it is."""

    def __html__(self) -> str: ...


@dataclass(frozen=True)
class Raw:
    """HTML that is known to be safe, such as our own icons or sanitised markdown."""

    html: str

    def __html__(self) -> str:
        return self.html


Attribute = str | int | float | bool | None
Child = Element | str | int | None | Sequence["Child"]


def raw(html: str) -> Element:
    """The HTML as it is. Only for HTML that we made or sanitised."""
    return Raw(html)


def element(
    tag: str,
    *children: Child,
    attrs: Mapping[str, Attribute] | None = None,
    **attributes: Attribute,
) -> Element:
    """One element. Children that are strings are escaped; None and False leave an attribute out, True gives it bare.

    ``cls`` is ``class``, ``fr`` is ``for``, underscores become hyphens (``data_turn``, ``aria_label``);
    ``attrs`` takes names that aren't Python names (``{"hx-ws:connect": …}``).
    """
    named = {name: value for name, value in attributes.items() if value is not None}
    extra = {name: value for name, value in (attrs or {}).items() if value is not None}
    made: Element = ft_html(tag, *_flat(children), **named, **extra)
    return made


def _flat(children: Sequence[Child]) -> Iterator[Element | str | int]:
    for child in children:
        if child is None:
            continue
        if isinstance(child, str) or not isinstance(child, Sequence):
            yield child
        else:
            yield from _flat(child)


class Tag(Protocol):
    """A function that makes elements of one tag; see `element`."""

    def __call__(
        self,
        *children: Child,
        attrs: Mapping[str, Attribute] | None = None,
        **attributes: Attribute,
    ) -> Element: ...


def _tag(name: str) -> Tag:
    def make(
        *children: Child,
        attrs: Mapping[str, Attribute] | None = None,
        **attributes: Attribute,
    ) -> Element:
        return element(name, *children, attrs=attrs, **attributes)

    return make


a = _tag("a")
article = _tag("article")
aside = _tag("aside")
body = _tag("body")
button = _tag("button")
code = _tag("code")
dd = _tag("dd")
details = _tag("details")
dialog = _tag("dialog")
div = _tag("div")
dl = _tag("dl")
dt = _tag("dt")
fieldset = _tag("fieldset")
form = _tag("form")
h1 = _tag("h1")
h2 = _tag("h2")
head = _tag("head")
header = _tag("header")
iframe = _tag("iframe")
img = _tag("img")
input_ = _tag("input")
kbd = _tag("kbd")
label = _tag("label")
li = _tag("li")
link = _tag("link")
main = _tag("main")
meta = _tag("meta")
nav = _tag("nav")
option = _tag("option")
p = _tag("p")
pre = _tag("pre")
script = _tag("script")
section = _tag("section")
select = _tag("select")
small = _tag("small")
span = _tag("span")
strong = _tag("strong")
summary = _tag("summary")
table = _tag("table")
tbody = _tag("tbody")
td = _tag("td")
textarea = _tag("textarea")
th = _tag("th")
thead = _tag("thead")
time = _tag("time")
title = _tag("title")
tr = _tag("tr")
ul = _tag("ul")


def to_html(*elements: Element) -> str:
    """The elements as HTML, one after another."""
    return "".join(each.__html__() for each in elements)


def document(head: Element, body: Element, **attributes: Attribute) -> Element:
    """A whole page, with its doctype."""
    return raw("<!doctype html>" + to_html(element("html", head, body, attrs=attributes)))
