"""The dialog "Connect a model": what was found, and a form for another."""

from __future__ import annotations

from web.elements import (
    Child,
    Element,
    button,
    dialog,
    div,
    fieldset,
    form,
    h2,
    input_,
    label,
    option,
    p,
    select,
    small,
    span,
    strong,
)
from web.render.findings import findings_list
from web.render.icons import icon
from web.render.model import ModelState


def connect_dialog(model: ModelState) -> Element:
    """The dialog. `connect.js` sends the form as JSON to ``POST /api/model``."""
    return dialog(
        div(
            h2("Connect a model", id="connect-title"),
            button(
                icon("close"),
                type="button",
                cls="quiet icon-button",
                aria_label="Close",
                data_close=True,
            ),
            cls="dialog-top",
        ),
        div(in_use(model), id="in-use", aria_live="polite"),
        p(cls="form-error", role="alert", hidden=True, data_problem="disconnect"),
        _form(model) if model.can_connect else _elsewhere(),
        id="connect",
        aria_labelledby="connect-title",
    )


def in_use(model: ModelState) -> list[Child]:
    """The model in use, a way to leave it if the page connected it, and what was looked for."""
    direct = model.mode == "direct"
    name = "No model: what you write is run" if direct else model.short or model.name
    more = [None if name == model.name or direct else model.name, model.reason]
    return [
        div(
            icon("python" if direct else "model"),
            div(strong(name), [small(line) for line in more if line]),
            _disconnect() if model.by_hand and model.can_connect else None,
            cls="in-use",
        ),
        findings_list(model.findings[1:] if model.by_hand else model.findings),
    ]


def _disconnect() -> Element:
    return button("Disconnect", type="button", cls="button small", data_disconnect=True)


def _elsewhere() -> Element:
    return p(
        "The model can be changed only from the machine that chatkernel runs on: "
        "start it with --model, or set a provider’s key in its environment.",
        cls="faint",
    )


def _form(model: ModelState) -> Element:
    return form(
        div(_tab("provider", "A provider", chosen=True), _tab("address", "An address"), cls="tabs"),
        fieldset(
            _field(
                "Provider",
                select([option(name, value=key) for key, name in model.providers], name="provider"),
            ),
            _field("Key", _secret("key")),
            _field("Model", _text("name", "the provider’s usual one"), optional=True),
            data_pane="provider",
        ),
        fieldset(
            _field(
                "Address",
                _text("address", "http://127.0.0.1:8000/v1", required=True, inputmode="url"),
            ),
            _field("Model", _text("name", "the first one it lists"), optional=True),
            _field("Key", _secret("key"), optional=True),
            data_pane="address",
            hidden=True,
            disabled=True,
        ),
        label(
            input_(type="checkbox", name="keep"),
            span(
                "Keep it on this machine",
                small("In a file that only the server can read; else until it stops."),
            ),
            cls="check",
        ),
        p("It will answer everybody who uses this server.", cls="faint"),
        p(cls="form-error", role="alert", hidden=True, data_problem="connect"),
        div(
            button("Cancel", type="button", cls="button", data_close=True),
            button("Connect", cls="button primary", data_submit=True),
            cls="dialog-actions",
        ),
        cls="connect-form",
        autocomplete="off",
    )


def _tab(value: str, name: str, *, chosen: bool = False) -> Element:
    return label(
        input_(type="radio", name="how", value=value, checked=chosen), span(name), cls="tab"
    )


def _field(name: str, control: Child, *, optional: bool = False) -> Element:
    return label(span(name, small("optional") if optional else None), control, cls="field")


def _text(
    name: str, example: str, *, required: bool = False, inputmode: str | None = None
) -> Element:
    return input_(
        name=name,
        placeholder=example,
        required=required,
        inputmode=inputmode,
        autocapitalize="off",
        spellcheck="false",
    )


def _secret(name: str) -> Element:
    return input_(name=name, type="password", autocomplete="off")
