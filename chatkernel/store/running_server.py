"""``runtime/server.json``: where the server that holds a data folder can be reached."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError


class RunningServer(BaseModel):
    """``address`` is a URL, ``secret`` is the start-up secret. The file is 0600."""

    model_config = ConfigDict(frozen=True)

    address: str
    secret: str
    pid: int

    @classmethod
    def read(cls, runtime: Path) -> RunningServer | None:
        """What the server has said, or None. It may be gone: only the lock tells."""
        try:
            return cls.model_validate_json(announcement(runtime).read_bytes())
        except (OSError, ValidationError):
            return None


def announcement(runtime: Path) -> Path:
    """Where the file is."""
    return runtime / "server.json"
