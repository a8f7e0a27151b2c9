"""The frame of every page: its head, styles and scripts. Nothing in it is inline, as our CSP asks."""

from __future__ import annotations

import json

from web.elements import Attribute, Child, Element, body, document, head, link, meta, script, title

APP = "chatkernel"
STYLES = (
    "tokens",
    "base",
    "layout",
    "blocks",
    "outputs",
    "code",
    "edges",
    "composer",
    "dialogs",
    "admin",
)
HTMX_CONFIG = {
    "history": False,
    "defaultSwap": "none",
    "includeIndicatorCSS": False,
    # What our custom elements build themselves stays when #live is morphed.
    "morphSkipChildren": "ck-figure,ck-table,ck-frame,ck-elapsed",
    "morphIgnore": ["data-htmx-powered", "data-ck-"],
}


def shell(
    name: str,
    *content: Child,
    root: str,
    static: str | None = None,
    scripts: str | None = None,
    attrs: dict[str, Attribute] | None = None,
) -> Element:
    """A page titled ``name``.

    ``root`` is the path the application is mounted under, "" for none; ``static`` is where its assets are,
    ``{root}/static`` if not said (an address with a version in it lets browsers keep them). ``scripts``
    names the module of ours that the page runs, with htmx; without it the page stands still.
    """
    assets = f"{root}/static" if static is None else static
    return document(
        head(
            meta(charset="utf-8"),
            title(f"{name} · {APP}"),
            meta(
                name="viewport",
                content="width=device-width, initial-scale=1, viewport-fit=cover, "
                "interactive-widget=resizes-content",
            ),
            meta(name="color-scheme", content="light dark"),
            meta(name="referrer", content="same-origin"),
            link(rel="icon", type="image/svg+xml", href=f"{assets}/icons/chatkernel.svg"),
            # Not deferred: the page must not flash in the other theme.
            script(src=f"{assets}/js/theme.js"),
            [link(rel="stylesheet", href=f"{assets}/css/{each}.css") for each in STYLES],
            _scripts(assets, scripts) if scripts else None,
        ),
        body(*content, attrs={"data-root": root, "data-static": assets, **(attrs or {})}),
        lang="en",
    )


def _scripts(assets: str, module: str) -> list[Element]:
    """Ours before htmx: what listens must be there before htmx opens the socket."""
    return [
        meta(name="htmx-config", content=json.dumps(HTMX_CONFIG)),
        script(type="module", src=f"{assets}/js/{module}.js"),
        script(defer=True, src=f"{assets}/vendor/htmx.min.js"),
        script(defer=True, src=f"{assets}/vendor/hx-ws.min.js"),
    ]
