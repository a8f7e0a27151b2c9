"""A model's markdown as safe HTML, with figures and tables where their tags stand.

Three walls: mistletoe escapes all HTML in the text; nh3 lets only a short list of elements through; what we
make ourselves (highlighted code, figures, tables) is put in afterwards, where tokens that nobody can guess
kept its place.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable, Iterator
from html import escape
from time import thread_time
from typing import Literal, cast

import nh3
from mistletoe import block_token, core_tokens
from mistletoe.block_token import BlockCode, CodeFence, Document
from mistletoe.html_renderer import HtmlRenderer
from mistletoe.span_token import Image, SpanToken

from web.elements import to_html
from web.render.code import COLOUR_SECONDS, code_block

TagKind = Literal["fig", "df"]
LONGEST = 100_000
"""Longer text, in characters, is shown as it is."""
PARSE_SECONDS = 2.0
"""So is text that takes the parser longer than this, in the thread's own time: a table of many columns and rows,
or many lines that go on in the innermost of many lists."""
MOST_MARKS = 1_500
"""So is text with more marks than this in one paragraph or cell: mistletoe's time grows with their square."""
MOST_BLANKS = 500
"""So is text with more blanks in a row than this: a pattern of mistletoe's tries every split of them."""
MOST_SLOTS = 1_000
"""So is text with more figures, tables and code blocks than this: each is made when the parser is done."""

_MARKS = "*_[]`~\\"
_BLANKS = re.compile(r"[^\S\n]+")

# mistletoe keeps its token types in module globals: two renders at once are silently wrong.
_one_at_a_time = threading.Lock()

_TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p",
    "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}, "td": {"align"}, "th": {"align"}}


class _TooMuchWork(Exception):
    """The text would keep the parser busy for long; it is caught in this file."""


class ShowTag(SpanToken):
    """``<fig name="x"/>`` or ``<df name="x"/>``, however the model spelt it."""

    pattern = re.compile(
        r"<(fig|df)\s+name\s*=\s*"
        r"""(?:"(?P<double>[^"<>\n]*+)"|'(?P<single>[^'<>\n]*+)'|(?P<bare>[^\s"'<>/]++))"""
        r"[^<>]*+>(?:\s*</\1\s*>)?",
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


class Heading(block_token.Heading):
    """mistletoe's heading, told in time that grows with the line: its own pattern grows with the cube."""

    pattern = re.compile(r" {0,3}(#{1,6})(?!\S)(.*)")

    @classmethod
    def start(cls, line: str) -> bool:
        match = cls.pattern.match(line)
        if match is None:
            return False
        text = match[2].strip()
        bare = text.rstrip("#")
        cls.level = len(match[1])
        cls.content = text if bare and not bare[-1].isspace() else bare.strip()
        cls.closing_sequence = ""
        return True


def _watched_spans(until: float) -> type[ShowTag]:
    """`ShowTag` that ends parsing: mistletoe asks it about every paragraph and cell before it reads them."""

    class WatchedTag(ShowTag):
        @classmethod
        def find(cls, string: str) -> Iterator[re.Match[str]]:
            if thread_time() > until or sum(map(string.count, _MARKS)) > MOST_MARKS:
                raise _TooMuchWork
            return cls.pattern.finditer(string)

    return WatchedTag


def _watched_lines(until: float) -> type[Heading]:
    """`Heading` that ends parsing: mistletoe asks it about every line, once for each block the line is in."""

    class WatchedHeading(Heading):
        @classmethod
        def start(cls, line: str) -> bool:
            if thread_time() > until:
                raise _TooMuchWork
            return super().start(line)

    return WatchedHeading


class _Renderer(HtmlRenderer):
    def __init__(self, tag: Callable[[TagKind, str], str]) -> None:
        until = thread_time() + PARSE_SECONDS
        super().__init__(_watched_spans(until), _watched_lines(until), process_html_tokens=False)
        block_token.remove_token(block_token.Heading)
        self._tag = tag
        self._nonce = secrets.token_hex(12)
        self._slots: list[Callable[[], str]] = []
        self._coloured_until = 0.0

    def _slot(self, html: Callable[[], str]) -> str:
        """A word that stands for the HTML, which is made when the rest is sanitised."""
        if len(self._slots) == MOST_SLOTS:
            raise _TooMuchWork
        self._slots.append(html)
        return f"k{self._nonce}k{len(self._slots) - 1}k"

    def render_watched_tag(self, token: ShowTag) -> str:
        return self._slot(lambda: self._tag(token.kind, token.name))

    def render_watched_heading(self, token: Heading) -> str:
        return self.render_heading(token)

    def render_block_code(self, token: BlockCode | CodeFence) -> str:
        source, language = token.content.removesuffix("\n"), token.language.strip().lower()
        return self._slot(lambda: to_html(code_block(source, language, until=self._coloured_until)))

    def render_image(self, token: Image) -> str:
        """A link: an image fetched from elsewhere would carry data out."""
        source = self.escape_url(token.src)
        return f'<a href="{source}">{self.render_to_plain(token) or source}</a>'

    def render_to_plain(self, token: SpanToken) -> str:
        if isinstance(token, ShowTag):
            return escape(token.content)
        return super().render_to_plain(token)

    def parsed(self, text: str) -> str:
        """HTML that isn't safe yet, with a word for each slot. Only here mistletoe's globals are in use."""
        core_tokens._code_matches = []  # of a text whose parsing was given up
        html: str = self.render(Document(text))
        return html

    def filled(self, html: str) -> str:
        """Sanitised HTML with the slots' own."""
        self._coloured_until = thread_time() + COLOUR_SECONDS
        token = rf"k{self._nonce}k(\d+)k"
        # A figure isn't a paragraph: give it the paragraph's place where it stands alone.
        html = re.sub(rf"<p>((?:\s|<br>|{token})+)</p>", r"\1", html)
        html = html.replace("<table>", '<div class="table-scroll" tabindex="0"><table>')
        html = html.replace("</table>", "</table></div>")
        return re.sub(token, lambda match: self._slots[int(match[1])](), html)


def render_markdown(text: str, *, tag: Callable[[TagKind, str], str]) -> str:
    """Safe HTML for ``text``. ``tag(kind, name)`` gives the safe HTML that stands for a figure or table tag.

    Tags in code stay code. Text that breaks off in the middle (a stream) renders as far as it goes.
    """
    if len(text) > LONGEST or _most_blanks(text) > MOST_BLANKS:
        return _plain(text)
    try:
        with _one_at_a_time, _Renderer(tag) as renderer:
            html: str = renderer.parsed(text)
    except (_TooMuchWork, RecursionError):  # the latter: thousands of nested quotes or lists
        return _plain(text)
    page: str = renderer.filled(_sanitised(html))
    return page


def _most_blanks(text: str) -> int:
    return max(map(len, _BLANKS.findall(text)), default=0)


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
