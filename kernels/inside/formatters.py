"""Tables are displayed with their rows as data, beside what their library makes of them."""

from __future__ import annotations

from typing import Any

from IPython.core.formatters import BaseFormatter, DisplayFormatter
from traitlets import ObjectName, Unicode

from .frames import FRAME_MIME, page_of
from .kinds import is_table
from .patience import TooSlow


class FrameFormatter(BaseFormatter):
    """Gives `FRAME_MIME` for tables of libraries that the user has imported."""

    format_type = Unicode(FRAME_MIME)
    print_method = ObjectName("_repr_chatkernel_frame_")
    _return_type = dict

    def __call__(self, obj: object) -> dict[str, Any] | None:
        try:
            return page_of(obj) if is_table(obj) else None
        except (Exception, TooSlow):  # noqa: BLE001 any cell's class may raise; the HTML still shows
            return None


def register_formatters(display_formatter: DisplayFormatter) -> None:
    """Displayed tables carry their first rows. No library is imported for it."""
    display_formatter.formatters[FRAME_MIME] = FrameFormatter(parent=display_formatter)
