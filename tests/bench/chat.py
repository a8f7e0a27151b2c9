"""``scripts/bench chat``: from a message to what the user sees of it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import anyio

from tests.bench import _turns
from tests.bench._figures import table

with tempfile.TemporaryDirectory() as d:
    print(table(anyio.run(_turns.measure, Path(d), 40, backend_options={"use_uvloop": True})))
