"""What every test may ask for."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx

from kernels import ForkServer

NO_CHROMIUM = (
    "There is no Chromium for the browser tests: install it (as root: apt install chromium libatomic1), "
    "or run .venv/bin/playwright install --with-deps chromium."
)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def nothing_blocks_the_loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test in which our code waits for a disk or a lock on the event loop fails."""
    if request.node.get_closest_marker("blocks"):
        yield
        return
    with blockbuster_ctx(scanned_modules=["chatkernel", "kernels", "web"]) as guard:
        guard.functions["os.path.abspath"].deactivate()  # asks only for the folder's name
        for function in guard.functions.values():
            # It is started in the loop's own thread: PR_SET_PDEATHSIG fires when that thread ends.
            function.can_block_in("kernels/fork_server.py", {"start"})
            # jupyter_client writes and removes connection files where it is called.
            function.can_block_in("kernels/process.py", {"_start", "_remove"})
        yield


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    """A warm one for all tests of this process."""
    server = ForkServer(sys.executable)
    asyncio.run(server.warmed())
    yield server
    asyncio.run(server.close())


@pytest.fixture(scope="session")
def chromium() -> Path:
    """A Chromium to start. Without one the browser tests are skipped, and with CI set they fail."""
    found = machine_chromium() or downloaded_chromium()
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(NO_CHROMIUM, pytrace=False)
        pytest.skip(NO_CHROMIUM)
    return found


def machine_chromium() -> Path | None:
    paths = map(shutil.which, ("chromium", "google-chrome"))
    return next((Path(path) for path in paths if path), None)


def downloaded_chromium() -> Path | None:
    """The newest Chromium that `playwright install` put into the user's cache."""
    cache = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH", "~/.cache/ms-playwright")).expanduser()
    return max(cache.glob("chromium-*/chrome-linux*/chrome"), default=None)
