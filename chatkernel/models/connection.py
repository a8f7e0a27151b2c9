"""Where a model is and how it is reached, complete enough to open it with no further question."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, SecretStr, model_validator


class Connection(BaseModel):
    """A model of a pydantic-ai provider, or at an OpenAI-compatible ``address``, or (both set) at an Ollama's.

    ``key`` None: none is needed, or the provider reads the environment. ``key_from`` says in words where the key
    came from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    provider: str | None = None
    address: str | None = None
    name: str
    key: SecretStr | None = None
    key_from: str = ""

    @model_validator(mode="after")
    def _leads_somewhere(self) -> Self:
        if self.provider is None and self.address is None:
            raise ValueError("neither a provider nor an address")
        return self

    @property
    def plain_key(self) -> str | None:
        return self.key.get_secret_value() if self.key else None


def secret(key: str | None) -> SecretStr | None:
    """A key that isn't shown when printed; None for none."""
    return SecretStr(key) if key else None
