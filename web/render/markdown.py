"""A model's markdown as safe HTML, with figures and tables where their tags stand.

Three walls: mistletoe escapes all HTML in the text; nh3 lets only a short list of elements through; what we
make ourselves (highlighted code, figures, tables) is put in afterwards, where tokens that nobody can guess
kept its place.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable
from html import escape
from typing import Literal, cast

import nh3
from mistletoe.block_token import BlockCode, CodeFence, Document
from mistletoe.html_renderer import HtmlRenderer
from mistletoe.span_token import Image, SpanToken

from web.elements import to_html
from web.render.code import code_block

TagKind = Literal["fig", "df"]
LONGEST = 400_000
"""Longer text, in characters, is shown as it is."""
MOST_BRACKETS = 1_500
"""So is text with more ``]`` than this in one paragraph: mistletoe's time grows with their square."""

# mistletoe keeps its token types in module globals: two renders at once are silently wrong.
_one_at_a_time = threading.Lock()

_TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p",
    "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}, "td": {"align"}, "th": {"align"}}


class ShowTag(SpanToken):
    """``<fig name="x"/>`` or ``<df name="x"/>``, however the model spelt it."""

    pattern = re.compile(
        r"<(fig|df)\s+name\s*=\s*"
        r"""(?:"(?P<double>[^"<>\n]*)"|'(?P<single>[^'<>\n]*)'|(?P<bare>[^\s"'<>/]+))"""
        r"[^<>]*>(?:\s*</\1\s*>)?",
        re.IGNORECASE,
    )
    precedence = 10
    parse_inner = False
    parse_group = 0

    def __init__(self, match: re.Match[str]) -> None:
        self.content = match[0]
        self.kind = cast(TagKind, match[1].lower())
        names = (match["double"], match["single"], match["bare"])
        self.name = next(name for name in names if name is not None).strip()


class _Renderer(HtmlRenderer):
    def __init__(self, tag: Callable[[TagKind, str], str]) -> None:
        super().__init__(ShowTag, process_html_tokens=False)
        self._tag = tag
        self._nonce = secrets.token_hex(12)
        self._slots: list[str] = []

    def _slot(self, html: str) -> str:
        """A word that stands for ``html`` until the rest is sanitised."""
        self._slots.append(html)
        return f"k{self._nonce}k{len(self._slots) - 1}k"

    def render_show_tag(self, token: ShowTag) -> str:
        return self._slot(self._tag(token.kind, token.name))

    def render_block_code(self, token: BlockCode | CodeFence) -> str:
        source = token.content.removesuffix("\n")
        return self._slot(to_html(code_block(source, token.language.strip().lower())))

    def render_image(self, token: Image) -> str:
        """A link: an image fetched from elsewhere would carry data out."""
        source = self.escape_url(token.src)
        return f'<a href="{source}">{self.render_to_plain(token) or source}</a>'

    def render_to_plain(self, token: SpanToken) -> str:
        if isinstance(token, ShowTag):
            return escape(token.content)
        return super().render_to_plain(token)

    def page(self, text: str) -> str:
        html: str = self.render(Document(text))
        return self._filled(_sanitised(html))

    def _filled(self, html: str) -> str:
        token = rf"k{self._nonce}k(\d+)k"
        # A figure isn't a paragraph: give it the paragraph's place where it stands alone.
        html = re.sub(rf"<p>((?:\s|<br>|{token})+)</p>", r"\1", html)
        html = html.replace("<table>", '<div class="table-scroll" tabindex="0"><table>')
        html = html.replace("</table>", "</table></div>")
        return re.sub(token, lambda match: self._slots[int(match[1])], html)


def render_markdown(text: str, *, tag: Callable[[TagKind, str], str]) -> str:
    """Safe HTML for ``text``. ``tag(kind, name)`` gives the safe HTML that stands for a figure or table tag.

    Tags in code stay code. Text that breaks off in the middle (a stream) renders as far as it goes.
    """
    if len(text) > LONGEST or _brackets(text) > MOST_BRACKETS:
        return _plain(text)
    try:
        with _one_at_a_time, _Renderer(tag) as renderer:
            html: str = renderer.page(text)
            return html
    except RecursionError:  # thousands of nested quotes or lists
        return _plain(text)


def _brackets(text: str) -> int:
    return max(paragraph.count("]") for paragraph in text.split("\n\n"))


def _plain(text: str) -> str:
    return f'<p class="plain">{escape(text, quote=False)}</p>'


def _sanitised(html: str) -> str:
    return nh3.clean(
        html,
        tags=_TAGS,
        clean_content_tags=set(),
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        url_relative="deny",
        link_rel="noopener noreferrer",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
