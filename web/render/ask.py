"""The dialog that asks one question."""

from __future__ import annotations

from web.elements import Element, button, dialog, div, form, h2, input_, p


def ask_dialog() -> Element:
    """A question with one text field or none; `ask.js` fills it in."""
    return dialog(
        form(
            h2(data_ask_title=True, id="ask-title"),
            p(data_ask_text=True),
            input_(data_ask_field=True, aria_labelledby="ask-title", maxlength=200, hidden=True),
            div(
                button("Cancel", value="", cls="button", data_ask_no=True, formnovalidate=True),
                button("OK", value="yes", cls="button primary", data_ask_yes=True),
                cls="dialog-actions",
            ),
            method="dialog",
        ),
        id="ask",
        cls="small",
        aria_labelledby="ask-title",
    )
