"""Our icons: 24 × 24 line drawings, coloured by the text around them."""

from __future__ import annotations

from typing import Literal

from web.elements import Element, raw

IconName = Literal[
    "alert", "attach", "check", "chevron", "clock", "close", "copy", "down", "edit", "file",
    "gauge", "info", "logo", "logout", "menu", "model", "moon", "plus", "python", "rename", "retry",
    "send", "skull", "sparkle", "stop", "sun", "table", "trash",
]  # fmt: skip

_PATHS: dict[IconName, str] = {
    "alert": '<path d="M12 4 2.8 19.5h18.4z"/><path d="M12 10v4.2M12 17v.1"/>',
    "attach": (
        '<path d="m20 11.5-8.2 8.2a5 5 0 0 1-7.1-7.1l8.6-8.6a3.4 3.4 0 0 1 4.8 4.8l-8.5 '
        '8.5a1.7 1.7 0 0 1-2.4-2.4l7.8-7.8"/>'
    ),
    "check": '<path d="m5 12.5 4.5 4.5L19 7.5"/>',
    "chevron": '<path d="m9 6 6 6-6 6"/>',
    "clock": '<circle cx="12" cy="12" r="8.5"/><path d="M12 7.5V12l3 2"/>',
    "close": '<path d="M6 6l12 12M18 6 6 18"/>',
    "copy": (
        '<rect x="8.5" y="8.5" width="11" height="11" rx="2"/>'
        '<path d="M15.5 8.5v-2a2 2 0 0 0-2-2h-7a2 2 0 0 0-2 2v7a2 2 0 0 0 2 2h2"/>'
    ),
    "down": '<path d="M12 5v14M6 13l6 6 6-6"/>',
    "edit": (
        '<path d="M4 20h4L19.2 8.8a2.2 2.2 0 0 0 0-3.1l-.9-.9a2.2 2.2 0 0 0-3.1 0L4 16z"/>'
        '<path d="m13.5 6.5 4 4"/>'
    ),
    "file": (
        '<path d="M13.5 3.5H7a2 2 0 0 0-2 2v13a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2V9z"/>'
        '<path d="M13.5 3.5V9H19"/>'
    ),
    "gauge": '<path d="M5 18a8.5 8.5 0 1 1 14 0M12 13.500l3.500-4.500"/><path d="M12 13.500v.1"/>',
    "info": '<circle cx="12" cy="12" r="8.5"/><path d="M12 11v5M12 8v.1"/>',
    "logo": (
        '<path d="M6 3.5h12A3.5 3.5 0 0 1 21.5 7v7a3.5 3.5 0 0 1-3.5 3.5h-5.5L7 21.5v-4H6A3.5 '
        '3.5 0 0 1 2.5 14V7A3.5 3.5 0 0 1 6 3.5z"/>'
        '<path d="m7.5 8 3 2.6-3 2.6M13 13.4h3.5"/>'
    ),
    "logout": (
        '<path d="M14 4.5H7a2 2 0 0 0-2 2v11a2 2 0 0 0 2 2h7M10.5 12H20M16.5 8.5 20 12l-3.5 3.5"/>'
    ),
    "menu": '<path d="M4 7h16M4 12h16M4 17h16"/>',
    "model": (
        '<rect x="6.5" y="6.5" width="11" height="11" rx="2.5"/>'
        '<path d="M10 3.5v3M14 3.5v3M10 17.5v3M14 17.5v3M3.5 10h3M3.5 14h3M17.5 10h3M17.5 '
        '14h3"/>'
    ),
    "moon": '<path d="M20 14.2A8.3 8.3 0 0 1 9.8 4 8.3 8.3 0 1 0 20 14.2z"/>',
    "plus": '<path d="M12 5v14M5 12h14"/>',
    "python": '<path d="m8 7.5-4.5 4.5L8 16.5M16 7.5l4.5 4.5-4.5 4.5M13.5 5l-3 14"/>',
    "rename": '<path d="M4 19.5h16M5.5 15.5l1-3.5L15 3.5 17.5 6 9 14.5z"/>',
    "retry": '<path d="M4.5 12a7.5 7.5 0 1 1 2.2 5.3M4.5 18v-4.5H9"/>',
    "send": '<path d="M12 19.5v-15M5.5 11 12 4.5l6.5 6.5"/>',
    "skull": (
        '<path d="M12 3.5c-4.7 0-8 3.2-8 7.4 0 2.6 1.2 4.3 3 5.3v3.3h10v-3.3c1.8-1 3-2.7 '
        '3-5.3 0-4.2-3.3-7.4-8-7.4z"/><path d="M9 11.5v.1M15 11.5v.1" stroke-width="2.6"/>'
        '<path d="M12 14.5v1"/>'
    ),
    "sparkle": (
        '<path d="M12 4c.6 4.6 3.4 7.4 8 8-4.6.6-7.4 3.4-8 8-.6-4.6-3.4-7.4-8-8 4.6-.6 '
        '7.4-3.4 8-8z"/>'
    ),
    "stop": '<rect x="7" y="7" width="10" height="10" rx="2" fill="currentColor" stroke="none"/>',
    "sun": (
        '<circle cx="12" cy="12" r="3.8"/>'
        '<path d="M12 3v1.8M12 19.2V21M3 12h1.8M19.2 12H21M5.6 5.6l1.3 1.3M17.1 17.1l1.3 '
        '1.3M18.4 5.6l-1.3 1.3M6.9 17.1l-1.3 1.3"/>'
    ),
    "table": '<rect x="3.5" y="5" width="17" height="14" rx="2"/><path d="M3.5 10h17M9.5 10v9"/>',
    "trash": (
        '<path d="M4.5 7h15M9.5 7V5a1 1 0 0 1 1-1h3a1 1 0 0 1 1 1v2M6.5 7l.8 11.2a2 2 0 0 0 2 '
        '1.8h5.4a2 2 0 0 0 2-1.8L17.500 7M10 11v5M14 11v5"/>'
    ),
}


_DRAWN = (
    'viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.7" '
    'stroke-linecap="round" stroke-linejoin="round"'
)


def icon(name: IconName) -> Element:
    """The drawing as inline SVG, hidden from screen readers: label what it stands on."""
    return raw(
        f'<svg class="icon icon-{name}" width="20" height="20" {_DRAWN} '
        f'aria-hidden="true" focusable="false">{_PATHS[name]}</svg>'
    )


def icon_sheet(*names: IconName) -> Element:
    """Drawings that `shared_icon` shows elsewhere on the page; it isn't seen itself."""
    symbols = (f'<symbol id="icon-{name}" {_DRAWN}>{_PATHS[name]}</symbol>' for name in names)
    return raw(f'<svg class="icon-sheet" aria-hidden="true">{"".join(symbols)}</svg>')


def shared_icon(name: IconName) -> Element:
    """The drawing of that name on the page's `icon_sheet`, for lists: `icon` is five times as long."""
    return raw(f'<svg class="icon" aria-hidden="true"><use href="#icon-{name}"/></svg>')
