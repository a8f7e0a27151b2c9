"""The files of a multipart/form-data request (RFC 7578), streamed: nothing is spooled on the way."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from chatkernel.errors import InvalidRequest


@dataclass(frozen=True)
class FilePart:
    """One file of a form; ``chunks`` must be read before the next part is asked for."""

    filename: str
    chunks: AsyncIterator[bytes]


@dataclass
class _Begin:
    headers: dict[bytes, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class _Data:
    data: bytes


@dataclass(frozen=True)
class _End:
    pass


async def file_parts(request: Request) -> AsyncIterator[FilePart]:
    """Each part that has a file name, in order; other fields are passed over.

    Raises:
        InvalidRequest: it isn't multipart/form-data, it is damaged, or it stops in the middle.
    """
    events = _events(request)
    async for event in events:
        if isinstance(event, _Begin) and (name := _file_name(event.headers)):
            yield FilePart(name, _data(events))


async def _data(events: AsyncIterator[_Begin | _Data | _End]) -> AsyncIterator[bytes]:
    async for event in events:
        if isinstance(event, _End):
            return
        if isinstance(event, _Data):
            yield event.data


def _file_name(headers: dict[bytes, bytes]) -> str | None:
    _, options = parse_options_header(headers.get(b"content-disposition", b""))
    name = options.get(b"filename")
    return name.decode("utf-8", "replace") if name else None


async def _events(request: Request) -> AsyncIterator[_Begin | _Data | _End]:
    reader = _Reader(request)
    try:
        async for chunk in request.stream():
            reader.parser.write(chunk)
            while reader.events:
                yield reader.events.popleft()
        reader.parser.finalize()
    except (MultipartParseError, ClientDisconnect) as error:
        raise InvalidRequest("The upload is damaged or was cut off. Send it again.") from error
    if not reader.complete:
        raise InvalidRequest("The upload was cut off. Send it again.")


class _Reader:
    """Turns the parser's callbacks into events."""

    def __init__(self, request: Request) -> None:
        kind, options = parse_options_header(request.headers.get("content-type", ""))
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise InvalidRequest("Send files as multipart/form-data.")
        self.events: deque[_Begin | _Data | _End] = deque()
        self.complete = False
        self._part = _Begin()
        self._name = b""
        self._value = b""
        self.parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._part_data,
                "on_part_end": self._part_end,
                "on_end": self._end,
            },
        )

    def _begin(self) -> None:
        self._part = _Begin()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._part.headers[self._name.lower()] = self._value
        self._name, self._value = b"", b""

    def _headers_finished(self) -> None:
        self.events.append(self._part)

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        self.events.append(_Data(data[start:end]))

    def _part_end(self) -> None:
        self.events.append(_End())

    def _end(self) -> None:
        self.complete = True
