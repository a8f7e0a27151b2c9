"""A named object as a MIME bundle: what a figure or table in an answer is made of."""

from __future__ import annotations

import base64
import difflib
from typing import Any

from IPython.core.pylabtools import print_figure
from IPython.utils.capture import capture_output

from .brief import shortened
from .frames import FRAME_MIME, page_of
from .inventory import user_variables
from .kinds import is_kind, is_table

_MAX_AVAILABLE = 20
_NAME_LIMIT = 200
_ARTISTS = frozenset({"matplotlib", "mpl_toolkits", "seaborn"})


class Refused(Exception):
    """There is no such bundle; ``content`` is the reply's."""

    def __init__(self, **content: Any) -> None:
        super().__init__(content)
        self.content = content


def bundle_of(shell: Any, name: str) -> dict[str, Any]:
    """``{"data", "metadata"}`` of the variable ``name``, by MIME type; what is binary is base64.

    Raises:
        Refused: nothing is called that, or it shows nothing.
        Exception: whatever the object's own code raises.
    """
    if name not in shell.user_ns:
        raise Refused(ename="NoSuchVariable", available=_available(shell, name))
    value = shell.user_ns[name]
    data, metadata = _table(shell, value) or _figure(value) or _displayed(shell, value)
    if not data:
        raise Refused(ename="Empty", evalue="it shows nothing")
    return {"data": {mime: _text(part) for mime, part in data.items()}, "metadata": metadata}


Bundle = tuple[dict[str, Any], dict[str, Any]]


def _available(shell: Any, name: str) -> list[str]:
    names = [shortened(known, _NAME_LIMIT) for known, _ in user_variables(shell)]
    close = difflib.get_close_matches(name, names, n=3)
    latest = [known for known in reversed(names) if known not in close]
    return [*close, *latest][:_MAX_AVAILABLE]


def _table(shell: Any, value: object) -> Bundle | None:
    if not is_table(value):
        return None
    plain, _ = shell.display_formatter.format(value, include={"text/plain"})
    return {FRAME_MIME: page_of(value), "text/plain": plain.get("text/plain", "")}, {}


def _figure(value: object) -> Bundle | None:
    """A matplotlib figure, or that of something drawn in one: axes, artists, seaborn's grids."""
    figure: Any = value
    if type(value).__module__.partition(".")[0] in _ARTISTS:
        figure = getattr(value, "figure", value)
    elif is_kind(value, "numpy", "ndarray") and figure.dtype == object and figure.size:
        return _figure(figure.flat[0])
    if not is_kind(figure, "matplotlib", "Figure"):
        return None
    png = print_figure(figure, fmt="png", bbox_inches="tight")
    if png is None:
        raise Refused(ename="Empty", evalue="the figure is empty")
    return {"image/png": png, "text/plain": repr(figure)}, {}


def _displayed(shell: Any, value: object) -> Bundle:
    """What `display` would send, for objects that send it themselves, too."""
    with capture_output(stdout=False, stderr=False) as captured:
        data, metadata = shell.display_formatter.format(value)
    if not data and captured.outputs:
        shown = captured.outputs[0]
        data, metadata = shown.data, shown.metadata
    if "image/png" in data:
        data = {mime: part for mime, part in data.items() if mime != "image/jpeg"}
    return dict(data), dict(metadata or {})


def _text(part: object) -> object:
    return base64.b64encode(part).decode("ascii") if isinstance(part, bytes) else part
