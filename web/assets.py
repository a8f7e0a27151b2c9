"""Our own files and the front-end packages, under an address that changes with them."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).parent / "static"


class Assets(StaticFiles):
    """``/static/{version}/…`` may be kept by a browser for ever; ``/static/…`` is asked for each time."""

    def __init__(self) -> None:
        super().__init__(directory=FOLDER, check_dir=False)

    async def get_response(self, path: str, scope: Scope) -> Response:
        first, _, rest = path.partition("/")
        known = first == version()
        response = await super().get_response(rest if known else path, scope)
        keep = "public, max-age=31536000, immutable" if known else "no-cache"
        response.headers["cache-control"] = keep
        return response


@cache
def version() -> str:
    """A word that is another one when a file of ours is."""
    digest = hashlib.sha256()
    for path in sorted(FOLDER.rglob("*")):
        status = path.stat()
        digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:12]


def static_root(root: str) -> str:
    """Where pages find the files, for an application mounted at ``root``."""
    return f"{root}/static/{version()}"
