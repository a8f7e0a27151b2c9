"""A terminal that is printed to: safe text, lines that grow, and the word when nobody reads any more."""

from __future__ import annotations

import re

from rich.console import Console, RenderableType
from rich.text import Text

CONTROLS = dict.fromkeys([*range(9), *range(11, 32), *range(127, 160)])
"""For `str.translate`: leaves out all that commands a terminal."""

_ALL_BUT_ESCAPE = {code: None for code in CONTROLS if code != 27}
_NO_COLOUR = re.compile(r"\x1b(?!\[[0-9;:]*m)")


class TerminalConsole(Console):
    """rich's, whose last line may be unfinished: more of the same goes on in it, all else begins a new one.

    A reader that has gone is an error like any other: rich's own way is to exit at once.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(soft_wrap=True, stderr=stderr)
        self._unfinished: str | None = None

    def more(self, text: Text, *, of: str) -> None:
        """Print some more of a text that is known by ``of``."""
        if not text:
            return
        if self._unfinished != of:
            self.end_line()
        self.print(text, end="")
        self._unfinished = None if text.plain.endswith("\n") else of

    def say(self, said: RenderableType) -> None:
        """Print something whole on lines of its own."""
        self.end_line()
        self.print(said)

    def end_line(self) -> None:
        """End the last line, if it isn't."""
        if self._unfinished is not None:
            self.print()
        self._unfinished = None

    def on_broken_pipe(self) -> None:
        raise  # noqa: PLE0704  rich calls this while it handles the BrokenPipeError


def plain(text: str, style: str = "") -> Text:
    """Text that only shows itself: what it holds of a terminal's commands is left out."""
    return Text(text.translate(CONTROLS), style=style)


def coloured(text: str) -> Text:
    """The same, but colours are kept."""
    return Text.from_ansi(_NO_COLOUR.sub("", text.translate(_ALL_BUT_ESCAPE)))
