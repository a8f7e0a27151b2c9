"""Everything an operator can set: arguments first, then ``CHATKERNEL_<NAME>``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from chatkernel.errors import SettingsInvalid
from chatkernel.kernel_settings import GIBIBYTE, MEBIBYTE, MOST, MOST_BYTES, KernelSettings
from chatkernel.user_limits import LimitsByName
from chatkernel.user_name import user_name
from kernels import PRELOAD, Limits

PREFIX = "CHATKERNEL_"


def split_list(value: object) -> object:
    """``"a, b"`` and ``'["a", "b"]'`` become a list; what isn't text is left to the validation."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return json.loads(value)
    return [part.strip() for part in value.split(",") if part.strip()]


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split_list)]


class Settings(KernelSettings, BaseSettings):
    """The options of one server. Times are in seconds, sizes in bytes."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        protected_namespaces=(),
        hide_input_in_errors=True,
        str_strip_whitespace=True,
    )

    host: str = Field(default="127.0.0.1", min_length=1, description="The address to listen on.")
    port: int = Field(
        default=5001, ge=0, le=65535, description="The port to listen on; 0 takes a free one."
    )
    data: Path = Field(
        default=Path("data"), description="The folder that holds everything to be kept."
    )
    model: str | None = Field(
        default=None, description="The model as `provider:name`; unset, one is looked for."
    )
    model_url: str | None = Field(
        default=None, description="An OpenAI-compatible address to find the model at."
    )
    model_key: SecretStr | None = Field(
        default=None, description="The key for `model_url`, if it wants one."
    )
    admins: Names = Field(
        default=(), description="Names that log in as admins, with the start-up secret."
    )
    hosts: Names = Field(
        default=(), description="Further Host names by which the server may be reached."
    )
    unsafe_no_sandbox: bool = Field(
        default=False,
        description="Serve beyond this machine, and more than one user, even where kernels can't be "
        "sandboxed. Whoever can log in can then run anything as this server's user.",
    )
    session_grace_seconds: float = Field(
        default=3600.0,
        ge=0,
        description="How long a session outlives its last open tab, and with it the variables of its chats.",
    )
    kernels: int = Field(
        default=200,
        ge=1,
        le=MOST,
        description="How many kernels live at most; who wants one more waits in a queue.",
    )
    free_bytes: int = Field(
        default=GIBIBYTE,
        ge=0,
        le=MOST_BYTES,
        description="What stays free on the disk: below it, the kernel that has brought most to it is ended.",
    )
    user_limits: LimitsByName = Field(
        default={},
        description="What single users may take, where it is another than what all may: JSON, by their names.",
    )
    upload_bytes: int = Field(
        default=512 * MEBIBYTE, ge=0, le=MOST_BYTES, description="The largest file to upload."
    )
    message_bytes: int = Field(default=1_000_000, ge=1, le=MOST, description="The longest message.")
    kernel_python: Path | None = Field(
        default=None, description="The interpreter that kernels run in; unset, the server's own."
    )
    preload: Names = Field(
        default=PRELOAD,
        description="Modules that are imported once, before any kernel starts; all kernels share them.",
    )
    network: Literal["none", "open"] = Field(
        default="none",
        description="Whether cells reach the network: `none`, or `open` (which needs the start-up secret at "
        "each login, or a login of your own).",
    )
    request_limit: int = Field(
        default=50, ge=1, le=MOST, description="How many requests one turn may make to the model."
    )

    @property
    def limits(self) -> Limits:
        """What each kernel may take, but for those of `user_limits`."""
        return Limits(
            cell_seconds=self.cell_seconds,
            grace_seconds=self.cell_grace_seconds,
            memory_bytes=self.memory_bytes,
            processes=self.processes,
            cpus=self.cpus,
            open_files=self.open_files,
            file_bytes=self.file_bytes,
            workspace_bytes=self.workspace_bytes,
            workspace_files=self.workspace_files,
            free_bytes=self.free_bytes,
            idle_seconds=self.idle_seconds,
            kernels_per_user=self.kernels_per_user,
            unattended_cpu=self.unattended_cpu,
            unattended_seconds=self.unattended_seconds,
        )

    def limits_of(self, name: str) -> Limits:
        """What each kernel of the user of this name may take."""
        own = self.user_limits.get(user_name(name))
        if own is None:
            return self.limits
        return self.model_copy(update=own.model_dump(exclude_unset=True)).limits

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.data / "chatkernel.db"

    @property
    def chats(self) -> Path:
        """Turn files, ``{user}/{chat}/{idx}.mpk``."""
        return self.data / "chats"

    @property
    def artifacts(self) -> Path:
        """What blocks show, by content: ``{user}/{sha[:2]}/{sha}``."""
        return self.data / "artifacts"

    @property
    def workspaces(self) -> Path:
        """The chats' own folders, ``{user}/{chat}``, in which kernels work."""
        return self.data / "workspaces"

    @property
    def deletions(self) -> Path:
        """Records of what users deleted, until the files are gone."""
        return self.data / "deletions"

    @property
    def runtime(self) -> Path:
        """What the server needs to run: its lock and address, the cookies' key, the kernels' files."""
        return self.data / "runtime"


def load_settings(**given: Any) -> Settings:
    """Settings from ``given`` (what isn't None) over the environment.

    Raises:
        SettingsInvalid: naming each setting that is wrong, and why, without its value.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        faults = "; ".join(
            f"{PREFIX}{_place(*fault['loc'])}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_input=False)
        )
        raise SettingsInvalid(f"A setting is wrong. {faults}.") from error


def _place(setting: str | int, *within: str | int) -> str:
    return ": ".join((str(setting).upper(), *map(str, within)))


def unknown_settings(variables: Iterable[str]) -> Iterator[str]:
    """A sentence for each variable that looks like a setting and is none, with the one that may be meant."""
    known = [name.upper() for name in Settings.model_fields]
    for variable in sorted(variables):
        prefix, name = variable.upper()[: len(PREFIX)], variable.upper()[len(PREFIX) :]
        if prefix == PREFIX and name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f" Did you mean {PREFIX}{close[0]}?" if close else ""
            yield f"There is no setting {variable}.{hint}"
