"""Addresses that blocks link to."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from chatkernel.events import ArtifactRef


@dataclass(frozen=True)
class ChatUrls:
    """Where a chat's artifacts are served."""

    root: str
    chat_id: str

    def artifact(self, ref: ArtifactRef) -> str:
        """The address of an artifact's content."""
        return f"{self.root}/api/chats/{quote(self.chat_id)}/artifacts/{ref.id}"
