"""What a terminal has printed of a cell while it ran, so that its block repeats nothing."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from chatkernel.events import ARTIFACT_MIME, NotebookOutput
from kernels.terminal import fold, reduce_line

_MAY_CHANGE = re.compile("[\r\b\x1b]")


@dataclass
class _Stream:
    """One stream. A line with ``\\r``, ``\\b`` or a colour in it is printed when it is finished."""

    lines: str = ""
    line: str = ""
    held: bool = False
    begun: str = ""
    told: int = 0

    def more(self, text: str) -> str:
        """What to print when ``text`` comes."""
        lines, newline, line = (self.line + text).rpartition("\n")
        self.held = bool(_MAY_CHANGE.search(line)) or (self.held and not newline)
        self.line = reduce_line(line)
        return (self._finish(fold(lines) + "\n") if newline else "") + self._begin()

    def _finish(self, lines: str) -> str:
        begun, self.begun = self.begun, ""
        self.lines += lines
        return lines[len(begun) :] if lines.startswith(begun) else f"\n{lines}"

    def _begin(self) -> str:
        if self.held:
            return ""
        before, self.begun = len(self.begun), self.line
        return self.line[before:]

    def rest(self, text: str) -> str:
        """What of ``text``, an output of the block, isn't printed.

        A block holds less than was printed where it is cut or cleared, and more where it came too
        fast; then all is printed again.
        """
        printed = (self.lines + self.begun)[self.told :]
        self.told += min(len(printed), len(text))
        if printed.startswith(text):
            return ""
        if text.startswith(printed):
            return text[len(printed) :]
        self.told = len(self.lines) + len(self.begun)
        return "" if len(printed) > len(text) or text in self.lines else text


@dataclass
class CellShown:
    """One cell's outputs as far as they are printed."""

    _streams: dict[str, _Stream] = field(default_factory=lambda: defaultdict(_Stream))
    _others: Counter[str] = field(default_factory=Counter)

    def more(self, name: str, text: str) -> str:
        """What to print when more of a stream comes."""
        return self._streams[name].more(text)

    def rest(self, name: str, text: str) -> str:
        """What is still to be printed of a stream's output in the block."""
        return self._streams[name].rest(text)

    def take(self, output: NotebookOutput) -> None:
        """Note that another output was printed."""
        self._others[_known_by(output)] += 1

    def has(self, output: NotebookOutput) -> bool:
        """Whether an output of the block was printed; each counts for one."""
        known = _known_by(output)
        self._others[known] -= 1
        return self._others[known] >= 0


def _known_by(output: NotebookOutput) -> str:
    match output:
        case {"data": Mapping() as data}:
            return str(data.get(ARTIFACT_MIME) or data.get("text/plain"))
        case _:
            return str(output.get("traceback"))
