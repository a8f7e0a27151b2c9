"""The sidebar: new chat, the history and the user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from web.elements import (
    Element,
    a,
    aside,
    button,
    div,
    form,
    li,
    nav,
    p,
    raw,
    span,
    to_html,
    ul,
)
from web.render.icons import IconName, icon, icon_sheet, shared_icon
from web.render.shell import APP

UNTITLED = "New chat"


@dataclass(frozen=True)
class ChatLink:
    """A chat as the history lists it."""

    id: str
    title: str


@dataclass(frozen=True)
class Sidebar:
    """What the sidebar shows. ``chats`` come by their last user message, the newest first.

    ``log_out`` is False where the login belongs to the surrounding application. ``more`` is said when there
    are older chats than these: what `history_list` says of it. ``admin``: the user may see all kernels.
    """

    root: str
    chats: Sequence[ChatLink]
    current: str
    user: str
    log_out: bool = True
    more: str | None = None
    admin: bool = False


def sidebar(view: Sidebar) -> Element:
    """The sidebar; on a narrow screen a drawer."""
    return aside(
        div(
            a(icon("logo"), span(APP), href=f"{view.root}/", cls="brand"),
            _button("close", "Close the list of chats", data_drawer="close", cls="only-narrow"),
            cls="sidebar-top",
        ),
        form(
            button(icon("plus"), span("New chat"), cls="button new-chat"),
            method="post",
            action=f"{view.root}/chat/create",
            data_leave=True,
        ),
        icon_sheet("rename", "trash"),
        nav(
            history_list(view.chats, current=view.current, root=view.root, more=view.more),
            id="history",
            aria_label="Chats",
        ),
        _user(view),
        cls="sidebar",
        id="sidebar",
        aria_label="Chats and account",
    )


def history_list(
    chats: Sequence[ChatLink], *, current: str, root: str, more: str | None = None
) -> Element:
    """The list of chats: the content of ``#history`` (swap it by innerMorph).

    ``more`` is the ``before`` by which ``GET {root}/chat/history?current=&before=`` gives the chats that
    follow these, as a list of this very kind; None when there are none.
    """
    if not chats:
        return p("Your chats will be listed here.", cls="faint history-empty")
    listed = ul([_chat(chat, current=current, root=root) for chat in chats], cls="history")
    return raw(to_html(listed, *([_show_more(more)] if more else [])))


def _show_more(before: str) -> Element:
    return button(
        "Show more", type="button", cls="quiet history-more", id="history-more", data_before=before
    )


def _chat(chat: ChatLink, *, current: str, root: str) -> Element:
    """One item, kept small: the list is sent with every turn."""
    name = chat.title.strip() or UNTITLED
    return li(
        a(
            name,
            href=f"{root}/chat/{chat.id}",
            title=name,
            data_leave=True,
            aria_current="page" if chat.id == current else None,
        ),
        _item_button("rename", "Rename", name, data_rename_chat=chat.id),
        _item_button("trash", "Delete", name, data_delete_chat=chat.id),
        id=f"chat-{chat.id}",
        cls="history-item",
    )


def _item_button(name: IconName, verb: str, what: str, **data: str) -> Element:
    return button(
        shared_icon(name),
        type="button",
        cls="quiet icon-button",
        title=verb,
        aria_label=f"{verb} {what}",
        attrs={key.replace("_", "-"): value for key, value in data.items()},
    )


def _user(view: Sidebar) -> Element:
    leave = form(
        button(icon("logout"), cls="quiet icon-button", title="Log out", aria_label="Log out"),
        method="post",
        action=f"{view.root}/logout",
    )
    initial = view.user.strip()[:1].upper()
    return div(
        span(initial, cls="avatar", aria_hidden="true"),
        span(view.user, cls="user-name", title=view.user),
        _to_admin(view.root) if view.admin else None,
        theme_toggle(),
        leave if view.log_out else None,
        cls="sidebar-user",
    )


def theme_toggle() -> Element:
    """The button that switches between light and dark."""
    words = "Switch between light and dark"
    return _button("sun", words, data_theme_toggle=True, cls="theme-toggle")


def _to_admin(root: str) -> Element:
    words = "All kernels of this server"
    return a(
        icon("gauge"),
        href=f"{root}/admin",
        cls="quiet icon-button",
        title=words,
        aria_label=words,
    )


def _button(name: IconName, label: str, *, cls: str = "", **data: str | bool) -> Element:
    marks = (icon("sun"), icon("moon")) if name == "sun" else icon(name)
    return button(
        marks,
        type="button",
        cls=f"quiet icon-button {cls}".strip(),
        title=label,
        aria_label=label,
        attrs={name.replace("_", "-"): value for name, value in data.items()},
    )
