"""What one user's kernels may take, where it is another than the deployment's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

from chatkernel.kernel_settings import KernelSettings
from chatkernel.user_name import user_name

_OF_ONE = '{"memory_bytes": 17179869184}'
_OF_ALL = f'{{"ada": {_OF_ONE}}}'
_SHARED = {
    "kernels": "kernels counts those of all users together, so it can't be one user's: "
    "kernels_per_user can",
    "free_bytes": "free_bytes is of the disk that all users share, so it can't be one user's",
}


class UserLimits(KernelSettings):
    """Only what was given counts (`model_fields_set`), within the bounds of the deployment's settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _check_names(cls, given: object) -> object:
        if isinstance(given, Mapping):
            for name in given:
                if name not in cls.model_fields:
                    raise _wrong(_why_not(str(name)))
        elif not isinstance(given, cls):
            raise _wrong(f"limits are an object, as in {_OF_ONE}")
        return given


def _why_not(name: str) -> str:
    if name in _SHARED:
        return _SHARED[name]
    close = get_close_matches(name, UserLimits.model_fields, n=1)
    return f"a user has no limit {name}" + (f"; {close[0]} may be meant" if close else "")


def by_names(value: object) -> object:
    """What a variable says, or who embeds us, by names as a login has them; what is neither is left to the
    validation.

    Raises:
        PydanticCustomError: it is no JSON object, or one that says something twice, or a name is empty.
    """
    found = _read(value) if isinstance(value, str) else value
    if not isinstance(found, Mapping):
        return found
    named = _once((user_name(str(name)), own) for name, own in found.items())
    if "" in named:
        raise _wrong("a user's name is empty")
    return named


def _read(value: str) -> dict[str, Any]:
    try:
        found = json.loads(value, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise _wrong(f"it is no JSON, as in {_OF_ALL}") from error
    if not isinstance(found, dict):
        raise _wrong(f"it is no object with users' names, as in {_OF_ALL}")
    return found


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _wrong(f"{name} stands twice in one object")
        found[name] = value
    return found


def _wrong(why: str) -> PydanticCustomError:
    return PydanticCustomError("user_limits", "{why}", {"why": why})


LimitsByName = Annotated[dict[str, UserLimits], NoDecode, BeforeValidator(by_names)]
"""As a variable has them: ``{"ada": {"memory_bytes": 17179869184}}``."""
