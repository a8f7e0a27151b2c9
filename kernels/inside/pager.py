"""What a terminal would page (``name?``, ``%pinfo``) is displayed."""

from __future__ import annotations

from typing import Any

from IPython.core.page import as_hook
from IPython.display import display

_BEFORE_IPYKERNELS = 0


def display_instead_of_paging(shell: Any) -> None:
    """ipykernel puts it into the reply, where only a notebook's pager looks for it."""
    shell.set_hook("show_in_pager", as_hook(_show), _BEFORE_IPYKERNELS)


def _show(strng: str | dict[str, Any], *_args: object, **_kwargs: object) -> None:
    bundle = strng if isinstance(strng, dict) else {"text/plain": strng}
    display(bundle, raw=True)
