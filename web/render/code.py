"""Source code, highlighted by Pygments with classes that `code.css` colours for light and dark."""

from __future__ import annotations

from html import escape

from ipython_pygments_lexers import IPython3Lexer
from pygments import highlight as pygmentize
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from web.elements import Element, button, code, div, pre, raw, span
from web.render.icons import icon

PYTHON = "python"
LONGEST = 60_000
"""Longer code, in characters, is shown without colours: highlighting it would hold up the page."""

_NAMES = {
    "": "", "py": "Python", "python": "Python", "python3": "Python", "ipython": "Python", "pycon": "Python",
    "sh": "Shell", "bash": "Shell", "shell": "Shell", "zsh": "Shell", "console": "Shell", "js": "JavaScript",
    "javascript": "JavaScript", "ts": "TypeScript", "json": "JSON", "sql": "SQL", "html": "HTML", "css": "CSS",
    "yaml": "YAML", "yml": "YAML", "toml": "TOML", "md": "Markdown", "r": "R", "cpp": "C++", "latex": "LaTeX",
    "text": "Text", "txt": "Text", "csv": "CSV", "xml": "XML",
}  # fmt: skip


def highlighted(source: str, language: str = PYTHON) -> Element:
    """The code's HTML without a frame; unknown languages and very long code are only escaped."""
    lexer = _lexer(language) if len(source) <= LONGEST else None
    if lexer is None:
        return raw(escape(source, quote=False))
    html: str = pygmentize(source, lexer, HtmlFormatter(nowrap=True))
    # Pygments ends with a newline of its own, which would be copied with the code.
    return raw(html if source.endswith("\n") else html.removesuffix("\n"))


def code_pre(source: str, language: str = PYTHON) -> Element:
    """The code in a box that scrolls inside itself."""
    return pre(code(highlighted(source, language), cls="hl"), cls="code", tabindex=0)


def code_block(source: str, language: str = "") -> Element:
    """The code under a bar with its language and a Copy button."""
    return div(
        div(span(language_name(language), cls="code-lang"), copy_button(), cls="code-bar"),
        code_pre(source, language),
        cls="code-block",
    )


def copy_button() -> Element:
    """Copies the code of the box it stands in (``copy.js``)."""
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


def _lexer(language: str) -> Lexer | None:
    if language_name(language) == "Python":
        python: Lexer = IPython3Lexer(stripnl=False, ensurenl=False)
        return python
    try:
        lexer: Lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None
    return lexer
