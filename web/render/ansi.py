"""Terminal output as HTML: colours and weight are kept, every other escape sequence is dropped.

Follows ECMA-48 ("Control functions for coded character sets"), 8.3.117 SGR, with the usual 256-colour and
direct-colour extensions (ITU-T T.416: ``38;5;n`` and ``38;2;r;g;b``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape

_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)(?P<sgr>[0-9;:]*)m"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # any other control sequence
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|\Z)"  # strings: titles, hyperlinks, device control
    r"|\x1b[ -/]*[0-~]"
    r"|\x1b"
    r"|[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]",
    re.DOTALL,
)
_FLAGS = {1: "bold", 2: "faint", 3: "italic", 4: "underline", 7: "inverse", 9: "strike"}
_OFF = {
    22: ("bold", "faint"),
    23: ("italic",),
    24: ("underline",),
    27: ("inverse",),
    29: ("strike",),
}
_CUBE = (0, 95, 135, 175, 215, 255)


@dataclass(frozen=True)
class _Style:
    """Colours are ``"0"``–``"15"`` (the theme's own) or ``"#rrggbb"``."""

    flags: frozenset[str] = frozenset()
    colour: str | None = None
    background: str | None = None

    def opening(self) -> str:
        """The span's opening tag; empty for plain text."""
        classes = [f"ansi-{flag}" for flag in sorted(self.flags)]
        styles = []
        for name, colour in (("fg", self.colour), ("bg", self.background)):
            if colour is None:
                continue
            own = colour.startswith("#")
            classes.append(f"ansi-{name}" if own else f"ansi-{name}-{colour}")
            styles += [f"--{name}:{colour}"] if own else []
        if not classes:
            return ""
        style = f' style="{";".join(styles)}"' if styles else ""
        return f'<span class="{" ".join(classes)}"{style}>'


def strip_ansi(text: str) -> str:
    """The text alone, without any control characters but newline and tab."""
    return _SEQUENCE.sub("", text.replace("\r\n", "\n"))


def ansi_to_html(text: str) -> str:
    """The text escaped, with ``<span class="ansi-…">`` around what was coloured."""
    return "".join(_pieces(text.replace("\r\n", "\n")))


def _pieces(text: str) -> Iterator[str]:
    style, start = _Style(), 0
    for match in _SEQUENCE.finditer(text):
        yield _piece(text[start : match.start()], style)
        start = match.end()
        if (codes := match["sgr"]) is not None:
            style = _restyle(style, codes)
    yield _piece(text[start:], style)


def _piece(text: str, style: _Style) -> str:
    opening = style.opening() if text else ""
    return f"{opening}{escape(text)}</span>" if opening else escape(text)


def _restyle(style: _Style, codes: str) -> _Style:
    numbers = iter([int(code or 0) for code in re.split("[;:]", codes[:200])])
    for number in numbers:
        if number == 0:
            style = _Style()
        elif number in _FLAGS:
            style = replace(style, flags=style.flags | {_FLAGS[number]})
        elif number in _OFF:
            style = replace(style, flags=style.flags.difference(_OFF[number]))
        elif number in (38, 48):
            style = _coloured(style, number - 8, _extended(numbers))
        elif number in (39, 49):
            style = _coloured(style, number - 9, None)
        elif 30 <= number <= 37 or 40 <= number <= 47:
            style = _coloured(style, number // 10 * 10, str(number % 10))
        elif 90 <= number <= 97 or 100 <= number <= 107:
            style = _coloured(style, number // 10 * 10 - 60, str(number % 10 + 8))
    return style


def _coloured(style: _Style, ground: int, colour: str | None) -> _Style:
    if ground == 30:
        return replace(style, colour=colour)
    return replace(style, background=colour)


def _extended(numbers: Iterator[int]) -> str | None:
    """The colour after 38 or 48; None if it isn't one."""
    match next(numbers, None):
        case 5:
            return _indexed(min(next(numbers, 0), 255))
        case 2:
            red, green, blue = (min(next(numbers, 0), 255) for _ in range(3))
            return f"#{red:02x}{green:02x}{blue:02x}"
        case _:
            return None


def _indexed(index: int) -> str:
    """One of xterm's 256 colours: 16 of the theme, a 6 × 6 × 6 cube, 24 greys."""
    if index < 16:
        return str(index)
    if index < 232:
        red, green, blue = (_CUBE[(index - 16) // step % 6] for step in (36, 6, 1))
        return f"#{red:02x}{green:02x}{blue:02x}"
    grey = 8 + (index - 232) * 10
    return f"#{grey:02x}{grey:02x}{grey:02x}"
