"""The composer: a textarea that is never replaced, files, and the buttons beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from web.elements import Element, button, div, form, input_, kbd, span, textarea
from web.render.examples import Example
from web.render.icons import icon

Mode = Literal["chat", "direct"]


def composer(*, running: bool, mode: Mode, message_bytes: int = 1_000_000) -> Element:
    """The form that `composer.js` runs. ``data-running`` and ``data-mode`` follow the server's state.

    The server takes no messages longer than ``message_bytes``, in UTF-8.
    """
    return form(
        div(
            icon("edit"),
            span("Editing a message", data_editing_label=True),
            button("Cancel", type="button", cls="quiet", data_editing_cancel=True),
            cls="editing",
            hidden=True,
            data_editing=True,
        ),
        div(cls="chips uploads", hidden=True, data_uploads=True, aria_live="polite"),
        _textarea(mode),
        div(
            button(
                icon("attach"),
                type="button",
                cls="quiet icon-button",
                title="Attach files",
                aria_label="Attach files",
                data_attach=True,
            ),
            input_(type="file", multiple=True, hidden=True, data_file_input=True, tabindex=-1),
            span(cls="composer-hint faint", data_hint=True, aria_live="polite"),
            _keys(),
            _stop(),
            button(
                icon("send"),
                cls="icon-button send",
                title="Send",
                aria_label="Send",
                data_send=True,
            ),
            cls="composer-bar",
        ),
        div("Drop files to add them to this chat", cls="drop-veil", aria_hidden="true"),
        id="composer",
        cls="composer",
        data_mode=mode,
        data_running="true" if running else None,
        attrs={"data-longest": message_bytes, "autocomplete": "off"},
    )


def placeholder(mode: Mode) -> str:
    """The empty composer's text."""
    return "Write Python…" if mode == "direct" else "Ask about your data…"


def _textarea(mode: Mode) -> Element:
    direct = mode == "direct"
    return textarea(
        id="message",
        name="msg",
        rows=1,
        placeholder=placeholder(mode),
        autofocus=True,
        enterkeyhint="enter",
        aria_label="Message",
        autocapitalize="off" if direct else "sentences",
        spellcheck="false" if direct else "true",
        attrs={"autocorrect": "off" if direct else "on"},
    )


def _keys() -> Element:
    """What the keys do in a cell. CSS shows it where there is a keyboard and nothing else is to be said."""
    keys = (("Enter", "runs"), ("Shift+Enter", "new line"), ("Ctrl+Enter", "runs at once"))
    return span([span(kbd(key), f" {does}") for key, does in keys], cls="keys faint")


def _stop() -> Element:
    return span(
        button(
            span("Force restart"),
            type="button",
            cls="button small force",
            data_force=True,
            title="End Python at once; its variables are lost",
        ),
        button(
            icon("stop"),
            type="button",
            cls="icon-button stop",
            title="Stop",
            aria_label="Stop",
            data_stop=True,
        ),
        cls="stopping",
    )


def suggestions(examples: Sequence[Example]) -> Element | None:
    """The examples after the first, above the composer. `suggestions.js` shows each when it can follow."""
    if not examples:
        return None
    return div(
        span("Next:", cls="faint"),
        [
            button(
                example.title,
                type="button",
                cls="suggestion",
                hidden=True,
                data_example=example.after,
                data_step=step,
            )
            for step, example in enumerate(examples, start=1)
        ],
        cls="suggestions",
        hidden=True,
        data_suggestions=True,
    )
