"""How to have a model, in words: for the page, and for a terminal, which has no button to press."""

from __future__ import annotations

ON_THE_PAGE = "choose **Connect a model** at the top"
ANOTHER_ON_THE_PAGE = "choose another model under “Connect a model”"


def for_terminal(text: str, *, server: str | None) -> str:
    """``text`` with the page's buttons replaced by what helps in a terminal.

    ``server`` is the address of the one that answered, None when it was this process.
    """
    for said, which in ((ON_THE_PAGE, "a model"), (ANOTHER_ON_THE_PAGE, "another model")):
        text = text.replace(said, _in_a_terminal(which, server))
    return text


def _in_a_terminal(which: str, server: str | None) -> str:
    if server is None:
        return f"name {which} with --model or CHATKERNEL_MODEL"
    return f"connect {which} at {server}, or start that server with --model or CHATKERNEL_MODEL"
