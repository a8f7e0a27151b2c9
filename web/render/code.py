"""Source code, highlighted by Pygments with classes that `code.css` colours for light and dark."""

from __future__ import annotations

from functools import cache, partial
from html import escape
from time import thread_time

from ipython_pygments_lexers import IPython3Lexer
from pygments import format as pygmentize
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import _TokenType

from web.elements import Element, button, code, div, pre, raw, span
from web.render.icons import icon

PYTHON = "python"
LONGEST = 8_000
"""Longer code, in characters, is shown without colours."""
COLOUR_SECONDS = 0.15
"""Code that takes longer than this, in the thread's own time, is shown without colours, and so is what
follows it in one text: Pygments' time grows with the square of code that is made for it."""

# Lexers whose single steps stay below 30 ms in 8,000 characters, whatever they are (nobody else runs during
# a step). Those of consoles, Makefiles, Julia, C, Java … need seconds for one.
_LEXERS = {
    "bash": "bash", "sh": "bash", "shell": "bash", "zsh": "bash", "json": "json", "sql": "sql", "html": "html",
    "xml": "xml", "css": "css", "js": "javascript", "javascript": "javascript", "ts": "typescript",
    "typescript": "typescript", "r": "r", "toml": "toml", "yaml": "yaml", "yml": "yaml", "rust": "rust",
}  # fmt: skip
_NAMES = {
    "": "", "py": "Python", "python": "Python", "python3": "Python", "ipython": "Python", "pycon": "Python",
    "sh": "Shell", "bash": "Shell", "shell": "Shell", "zsh": "Shell", "console": "Shell", "js": "JavaScript",
    "javascript": "JavaScript", "ts": "TypeScript", "json": "JSON", "sql": "SQL", "html": "HTML", "css": "CSS",
    "yaml": "YAML", "yml": "YAML", "toml": "TOML", "md": "Markdown", "r": "R", "cpp": "C++", "latex": "LaTeX",
    "text": "Text", "txt": "Text", "csv": "CSV", "xml": "XML",
}  # fmt: skip


def highlighted(source: str, language: str = PYTHON, *, until: float | None = None) -> Element:
    """The code's HTML without a frame; unknown languages and long code are only escaped.

    ``until`` is when to give up colouring, in `time.thread_time`; `COLOUR_SECONDS` from now if not said.
    """
    lexer = _lexer(language) if len(source) <= LONGEST else None
    deadline = thread_time() + COLOUR_SECONDS if until is None else until
    tokens = _tokens(lexer, source, deadline) if lexer else None
    if tokens is None:
        return raw(escape(source, quote=False))
    html: str = pygmentize(tokens, HtmlFormatter(nowrap=True))
    # Pygments ends with a newline of its own, which would be copied with the code.
    return raw(html if source.endswith("\n") else html.removesuffix("\n"))


def _tokens(lexer: Lexer, source: str, deadline: float) -> list[tuple[_TokenType, str]] | None:
    tokens = []
    for token in lexer.get_tokens(source):
        if thread_time() > deadline:
            return None
        tokens.append(token)
    return tokens


def code_pre(source: str, language: str = PYTHON, *, until: float | None = None) -> Element:
    """The code in a box that scrolls inside itself."""
    return pre(code(highlighted(source, language, until=until), cls="hl"), cls="code", tabindex=0)


def code_block(source: str, language: str = "", *, until: float | None = None) -> Element:
    """The code under a bar with its language and a Copy button."""
    return div(
        div(span(language_name(language), cls="code-lang"), copy_button(), cls="code-bar"),
        code_pre(source, language, until=until),
        cls="code-block",
    )


def copy_button() -> Element:
    """Copies the code of the box it stands in (``copying.js``)."""
    return button(
        icon("copy"),
        span("Copy"),
        cls="copy quiet",
        type="button",
        data_copy=True,
        aria_label="Copy code",
    )


def language_name(language: str) -> str:
    """The language as people write it: "Python" for "py"."""
    return _NAMES.get(language.lower(), language[:24].capitalize())


def make_lexers() -> None:
    """Make every lexer, which takes a tenth of a second; else each is made at its first use."""
    for name in (PYTHON, *_LEXERS.values()):
        _made(name)


def _lexer(language: str) -> Lexer | None:
    name = PYTHON if language_name(language) == "Python" else _LEXERS.get(language.lower())
    return _made(name) if name else None


@cache
def _made(name: str) -> Lexer:
    make = IPython3Lexer if name == PYTHON else partial(get_lexer_by_name, name)
    lexer: Lexer = make(stripnl=False, ensurenl=False)
    return lexer
