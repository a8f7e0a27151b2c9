"""A server whose model says what a test tells it to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.browser.eager import EAGER
from tests.scripted import ScriptedServer
from tests.scripted.replies import Reply
from tests.serving import Served, serving

Protocol = Literal["openai", "anthropic"]


@dataclass(frozen=True)
class Talker:
    """chatkernel with a scripted model."""

    served: Served
    model: ScriptedServer

    def script(self, *replies: Reply) -> None:
        """Let the model say ``replies``, one for each request from now on."""
        self.model.restart(*replies)


@contextmanager
def talking(data: Path, protocol: Protocol = "openai") -> Iterator[Talker]:
    """Serve ``data`` with a model that speaks ``protocol``."""
    with ScriptedServer.running() as model:
        if protocol == "openai":
            name = "local-model"
            environ = {"CHATKERNEL_MODEL_URL": model.openai_url, "CHATKERNEL_MODEL_KEY": "k-1"}
        else:
            name = "anthropic:claude-sonnet-5-5"
            environ = {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "k-1"}
        with serving(data, "--model", name, environ={**EAGER, **environ}) as served:
            yield Talker(served, model)
