"""Whole pages: a chat, the login, an error."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode

from chatkernel.events import Block
from web.elements import (
    Element,
    a,
    button,
    div,
    form,
    h1,
    header,
    input_,
    label,
    main,
    p,
    span,
)
from web.render.artifacts import Urls
from web.render.ask import ask_dialog
from web.render.blocks import log
from web.render.composer import composer, suggestions
from web.render.connect import connect_dialog
from web.render.examples import DIRECT
from web.render.icons import icon
from web.render.live import LiveView, live_area
from web.render.model import ModelState, model_chip
from web.render.shell import APP, shell
from web.render.sidebar import UNTITLED, Sidebar, sidebar
from web.render.sidebar import ChatLink as ChatLink
from web.render.sidebar import history_list as history_list
from web.render.socket import SOCKET
from web.render.welcome import welcome


@dataclass(frozen=True)
class ChatPage:
    """All that the page of a chat shows.

    ``page`` names this very page to the server, ``last_seq`` is the newest block the chat ever had (its
    socket is sent what follows), ``live`` is what is in the making while a turn runs, ``static`` where the
    assets are (see `shell`), ``message_bytes`` the longest message, ``more`` says that there are older chats
    (see `history_list`), ``admin`` that the user may see `/admin`.
    """

    root: str
    page: str
    chat_id: str
    title: str
    user: str
    chats: Sequence[ChatLink]
    blocks: Sequence[Block]
    urls: Urls
    model: ModelState
    live: LiveView | None = None
    running: bool = False
    last_seq: int | None = None
    log_out: bool = True
    static: str | None = None
    message_bytes: int = 1_000_000
    more: str | None = None
    admin: bool = False


def chat_page(view: ChatPage) -> Element:
    """The whole page of one chat."""
    name = view.title.strip() or UNTITLED
    side = Sidebar(
        view.root,
        view.chats,
        view.chat_id,
        view.user,
        log_out=view.log_out,
        more=view.more,
        admin=view.admin,
    )
    return shell(
        name,
        a("Skip to the message", href="#message", cls="skip"),
        sidebar(side),
        div(cls="scrim", data_drawer="close", aria_hidden="true"),
        _chat(view, name),
        connect_dialog(view.model),
        ask_dialog(),
        root=view.root,
        static=view.static,
        scripts="app",
        attrs={"class": "chat-page", "data-chat": view.chat_id, "data-page": view.page},
    )


def _chat(view: ChatPage, name: str) -> Element:
    empty = not view.blocks
    return div(
        _header(view, name),
        div(id="banner", cls="banner", hidden=True, role="status"),
        main(
            div(
                welcome(view.model) if empty and view.live is None else None,
                div(log(view.blocks, view.urls), id="log", role="log", aria_label="Conversation"),
                div(live_area(view.live), id="live", aria_live="off"),
                cls="column",
            ),
            id="scroll",
            tabindex=-1,
        ),
        div(
            button(
                icon("down"),
                span("Jump to latest"),
                type="button",
                cls="jump",
                hidden=True,
                data_jump=True,
            ),
            div(id="notices", aria_live="polite"),
            suggestions(DIRECT[1:] if empty else ()),
            composer(running=view.running, mode=view.model.mode, message_bytes=view.message_bytes),
            cls="dock column",
        ),
        id="socket",
        cls="chat",
        hx_target="#log",
        hx_swap="beforeend",
        attrs={"hx-ws:connect": _socket_url(view), "hx-config": json.dumps({"ws": SOCKET})},
    )


def _socket_url(view: ChatPage) -> str:
    last = max((block.seq for block in view.blocks), default=0)
    after = last if view.last_seq is None else view.last_seq
    return f"{view.root}/ws?" + urlencode({"chat": view.chat_id, "page": view.page, "after": after})


def _header(view: ChatPage, name: str) -> Element:
    return header(
        button(
            icon("menu"),
            type="button",
            cls="quiet icon-button only-narrow",
            aria_label="Show the list of chats",
            aria_controls="sidebar",
            aria_expanded="false",
            data_drawer="open",
        ),
        h1(name, id="title", title=name),
        model_chip(view.model),
        cls="topbar",
    )


def notice(level: Literal["info", "warning", "error"], text: str) -> Element:
    """A passing notice for ``#notices`` (swap: beforeend): not a block, gone with the page."""
    return div(
        icon("info" if level == "info" else "alert"),
        p(text),
        button(
            icon("close"),
            type="button",
            cls="quiet icon-button",
            aria_label="Dismiss",
            data_dismiss=True,
        ),
        cls=f"toast {level}",
        role="status" if level == "info" else "alert",
    )


def login_page(
    *,
    root: str,
    name: str = "",
    problem: str = "",
    secret: bool = False,
    static: str | None = None,
) -> Element:
    """The login by name: a form to ``POST {root}/login`` with ``username`` and, for admins, ``secret``."""
    return shell(
        "Log in",
        main(
            icon("logo"),
            h1(APP),
            p("A chat with a Jupyter kernel of its own.", cls="lead"),
            form(
                label(
                    span("Your name"),
                    input_(
                        name="username",
                        value=name or None,
                        required=True,
                        maxlength=80,
                        autofocus=not secret,
                        autocomplete="username",
                        autocapitalize="off",
                        spellcheck="false",
                    ),
                    cls="field",
                ),
                label(
                    span("Start-up secret"),
                    input_(name="secret", type="password", autofocus=True, autocomplete="off"),
                    cls="field",
                )
                if secret
                else None,
                p(problem, cls="form-error", role="alert") if problem else None,
                button("Log in", cls="button primary wide"),
                method="post",
                action=f"{root}/login",
            ),
            cls="plate",
        ),
        root=root,
        static=static,
        attrs={"class": "plate-page"},
    )


def login_elsewhere_page(*, root: str, login_url: str | None, static: str | None = None) -> Element:
    """For who isn't logged in to the application around ours; ``login_url`` is where that is done."""
    way = a("Log in", href=login_url, cls="button primary") if login_url else None
    words = "Log in to the application that this chat is part of, then load this page again."
    return shell(
        "Log in",
        main(icon("logo"), h1("You aren’t logged in"), p(words, cls="lead"), way, cls="plate"),
        root=root,
        static=static,
        attrs={"class": "plate-page"},
    )


def error_page(*, root: str, status: int, message: str, static: str | None = None) -> Element:
    """An error with a way back."""
    headline = "This page isn’t here" if status == 404 else "That didn’t work"
    return shell(
        headline,
        main(
            p(str(status), cls="status-code", aria_hidden="true"),
            h1(headline),
            p(message, cls="lead"),
            a("Back to your chats", href=f"{root}/", cls="button primary"),
            cls="plate",
        ),
        root=root,
        static=static,
        attrs={"class": "plate-page"},
    )
