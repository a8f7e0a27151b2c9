"""A turn's file: what the model was told and said, and what the page showed. msgpack in zstd."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgpack
import zstandard
from pydantic import ConfigDict, NonNegativeInt, PositiveInt, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as validated

from chatkernel.durable import write_file
from chatkernel.errors import DamagedTurn, StorageFailed
from chatkernel.events import ArtifactRef, TurnStatus, blocks_from_wire
from chatkernel.store.artifact_refs import artifact_refs

VERSION = 1
MAX_BYTES = 512 << 20
"""Of the msgpack inside. More is refused when writing, so that it isn't met when reading."""

_BIG_INTEGER = 1
_DECIMAL = 2


@validated(frozen=True, config=ConfigDict(extra="ignore"))
class TurnFile:
    """One finished turn.

    ``blocks`` are the stored events as `events.to_wire` gives them, ``messages`` is
    ``ModelMessagesTypeAdapter.dump_python`` of the messages this turn added. The file also lists
    the artifacts that the blocks show.
    """

    idx: NonNegativeInt
    user_text: str
    status: TurnStatus
    blocks: tuple[dict[str, Any], ...]
    messages: tuple[dict[str, Any], ...]
    version: PositiveInt = VERSION

    @property
    def artifacts(self) -> tuple[ArtifactRef, ...]:
        """What the blocks show, each once."""
        return artifact_refs(blocks_from_wire(self.blocks))

    @property
    def first_seq(self) -> int | None:
        """The number of its first block, if it has one."""
        return int(self.blocks[0]["seq"]) if self.blocks else None

    def write(self, path: Path) -> None:
        """Put the turn at ``path``, whole or not at all; on disk when it returns.

        Raises:
            DiskFull, StorageFailed: nothing at ``path`` has changed.
        """
        write_file(path, self.to_bytes())

    @classmethod
    def read(cls, path: Path) -> TurnFile:
        """The turn at ``path``.

        Raises:
            DamagedTurn: it is missing, or its content isn't a turn this version can read.
        """
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            raise DamagedTurn("its file is missing") from error
        except OSError as error:
            raise DamagedTurn(f"its file can't be read ({error.strerror})") from error
        return cls.from_bytes(data)

    def to_bytes(self) -> bytes:
        """The file's content.

        Raises:
            StorageFailed: it is too large, too deeply nested, or holds what isn't data.
        """
        shown = [ref.model_dump() for ref in self.artifacts]
        try:
            packed: bytes = msgpack.packb(
                {**_turns.dump_python(self), "artifacts": shown},
                datetime=True,
                default=_pack_rare,
                unicode_errors="surrogatepass",
            )
        except (ValueError, TypeError, OverflowError) as error:
            raise StorageFailed(f"This turn can't be stored: {error}.") from error
        if len(packed) > MAX_BYTES:
            raise StorageFailed(
                f"This turn can't be stored: it takes {len(packed) >> 20} MiB, "
                f"the limit is {MAX_BYTES >> 20}. Show less at once."
            )
        return zstandard.ZstdCompressor(write_checksum=True).compress(packed)

    @classmethod
    def from_bytes(cls, data: bytes) -> TurnFile:
        """The turn in a file's content, which may be anything.

        Raises:
            DamagedTurn: it isn't a turn this version can read.
        """
        content = _unpack(_decompress(data))
        if not isinstance(content, dict):
            raise DamagedTurn("its file holds something else")
        version = content.get("version")
        if isinstance(version, int) and version > VERSION:
            raise DamagedTurn("its file was written by a newer version of chatkernel")
        try:
            turn = _turns.validate_python(content)
            blocks_from_wire(turn.blocks)
        except (ValidationError, RecursionError) as error:
            raise DamagedTurn("its file holds something else") from error
        return turn


_turns = TypeAdapter(TurnFile)


def _decompress(data: bytes) -> bytes:
    try:
        if zstandard.get_frame_parameters(data).content_size > MAX_BYTES:
            raise DamagedTurn("its file claims to be larger than a turn can be")
        return zstandard.ZstdDecompressor().decompress(data, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise DamagedTurn("its file is damaged") from error


def _unpack(data: bytes) -> object:
    try:
        content: object = msgpack.unpackb(
            data,
            timestamp=3,
            ext_hook=_unpack_rare,
            strict_map_key=False,
            unicode_errors="surrogatepass",
        )
    except (ValueError, ArithmeticError) as error:
        raise DamagedTurn("its file is damaged") from error
    return content


def _pack_rare(value: object) -> object:
    if isinstance(value, int):
        size = value.bit_length() // 8 + 1
        return msgpack.ExtType(_BIG_INTEGER, value.to_bytes(size, "big", signed=True))
    if isinstance(value, Decimal):
        return msgpack.ExtType(_DECIMAL, str(value).encode())
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} isn't data")


def _unpack_rare(code: int, data: bytes) -> object:
    if code == _BIG_INTEGER:
        return int.from_bytes(data, "big", signed=True)
    if code == _DECIMAL:
        return Decimal(data.decode())
    raise ValueError(f"unknown extension {code}")
