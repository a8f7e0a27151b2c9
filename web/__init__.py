"""chatkernel over HTTP: pages, websocket and JSON API. Start at `create_app`."""

from web.app import App, create_app

__all__ = ["App", "create_app"]
