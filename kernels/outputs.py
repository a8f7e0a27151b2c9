"""What a run gives out, with nbformat's names.

https://nbformat.readthedocs.io/en/latest/format_description.html#code-cell-outputs
https://jupyter-client.readthedocs.io/en/stable/messaging.html#messages-on-the-iopub-pub-sub-channel
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias, TypeGuard, assert_never

from kernels.excerpt import excerpt
from kernels.wire import JSON, Message

FRAME_MIME = "application/vnd.chatkernel.frame+json"
"""A table's first rows, made by the kernel: see `kernels/inside/frames.py`."""

_MOST_TYPES = 64
_LONGEST_NAME = 500
_NOT_KEPT = (
    f"An output of more than {_MOST_TYPES} MIME types or fields of metadata, or with a type of more than "
    f"{_LONGEST_NAME} characters, is not kept."
)
_MOST_BLOCKS = 10_000
_LONGEST_ERROR = 256 << 10

StreamName = Literal["stdout", "stderr"]


@dataclass(frozen=True, slots=True)
class Stream:
    """Text that was printed; it may hold ANSI codes, ``\\r`` and ``\\b``."""

    name: StreamName
    text: str


@dataclass(frozen=True, slots=True)
class DisplayData:
    """Something that was displayed, by MIME type. Later `UpdateDisplay` of its id replace it.
    ``weight`` is about how many bytes of memory it takes; 0 is not known."""

    data: Mapping[str, JSON]
    metadata: Mapping[str, JSON] = field(default_factory=dict)
    display_id: str | None = None
    weight: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ExecuteResult:
    """The value of a cell's last expression, by MIME type."""

    data: Mapping[str, JSON]
    metadata: Mapping[str, JSON]
    execution_count: int | None
    weight: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ErrorOutput:
    """The exception that ended a cell. ``traceback`` are blocks of lines with ANSI colours."""

    ename: str
    evalue: str
    traceback: tuple[str, ...]

    def within(self, limit: int) -> ErrorOutput:
        """The same, its message and its traceback of about ``limit`` characters each."""
        traceback = self.traceback
        if sum(map(len, traceback)) > limit:
            traceback = (excerpt("\n".join(traceback), limit),)
        name = excerpt(self.ename, _LONGEST_NAME)
        return ErrorOutput(name, excerpt(self.evalue, limit), traceback)


@dataclass(frozen=True, slots=True)
class ClearOutput:
    """All outputs so far go: now, or with the next output if ``wait``."""

    wait: bool


@dataclass(frozen=True, slots=True)
class UpdateDisplay:
    """New data for every display with this id."""

    data: Mapping[str, JSON]
    metadata: Mapping[str, JSON]
    display_id: str
    weight: int = field(default=0, compare=False, repr=False)


Shown: TypeAlias = Stream | DisplayData | ExecuteResult | ErrorOutput
"""The outputs that stand in a notebook."""

Output: TypeAlias = Shown | ClearOutput | UpdateDisplay


def from_message(message: Message) -> Output | None:
    """The output in an iopub message; None if it is none or isn't well-formed.

    The content is a kernel's and not trusted: every field's type is checked, and nothing is given
    whose parts are so many, or whose error is so long, that to look at it would hold up the event loop.
    """
    content = message.content
    match message.type:
        case "stream":
            return _stream(content)
        case "display_data":
            return _display(message)
        case "execute_result":
            return _result(message)
        case "error":
            return _error(content)
        case "clear_output":
            return ClearOutput(content.get("wait") is True)
        case "update_display_data":
            return _update(message)
        case _:
            return None


def to_nbformat(output: Output) -> dict[str, JSON]:
    """The output as nbformat writes it. The two that change others keep their message's type and
    fields, as nbformat has nothing for them; a display's id is dropped like there."""
    match output:
        case Stream(name, text):
            return {"output_type": "stream", "name": name, "text": text}
        case DisplayData(data, metadata):
            return {"output_type": "display_data", "data": dict(data), "metadata": dict(metadata)}
        case ExecuteResult(data, metadata, count):
            return {
                "output_type": "execute_result",
                "data": dict(data),
                "metadata": dict(metadata),
                "execution_count": count,
            }
        case ErrorOutput(ename, evalue, traceback):
            return {
                "output_type": "error",
                "ename": ename,
                "evalue": evalue,
                "traceback": list(traceback),
            }
        case ClearOutput(wait):
            return {"output_type": "clear_output", "wait": wait}
        case UpdateDisplay(data, metadata, display_id):
            return {
                "output_type": "update_display_data",
                "data": dict(data),
                "metadata": dict(metadata),
                "transient": {"display_id": display_id},
            }
        case _ as unreachable:
            assert_never(unreachable)


def from_nbformat(output: Mapping[str, JSON]) -> Output:
    """Read what `to_nbformat` wrote, or any notebook's output (text may be a list of lines).

    Raises:
        ValueError: it is no output.
    """
    kind = output.get("output_type")
    joined = {**output, "text": _joined(output.get("text"))} if kind == "stream" else dict(output)
    read = from_message(Message(kind, joined)) if isinstance(kind, str) else None
    if read is None:
        raise ValueError(f"not an nbformat output: {kind!r}")
    return read


def _stream(content: Mapping[str, JSON]) -> Stream | None:
    name, text = content.get("name"), content.get("text")
    if not isinstance(text, str):
        return None
    return Stream("stderr" if name == "stderr" else "stdout", text)


class _Bundle(NamedTuple):
    data: Mapping[str, JSON]
    metadata: Mapping[str, JSON]
    weight: int


def _bundle(message: Message) -> _Bundle | None:
    data, metadata = message.content.get("data"), message.content.get("metadata", {})
    if not isinstance(data, dict) or not isinstance(metadata, dict):
        return None
    if (
        max(len(data), len(metadata)) > _MOST_TYPES
        or max(map(len, data), default=0) > _LONGEST_NAME
    ):
        return _Bundle({"text/plain": _NOT_KEPT}, {}, 0)
    return _Bundle(data, metadata, message.weight)


def _display(message: Message) -> DisplayData | None:
    if (bundle := _bundle(message)) is None:
        return None
    return DisplayData(bundle.data, bundle.metadata, _display_id(message.content), bundle.weight)


def _update(message: Message) -> UpdateDisplay | None:
    bundle, display_id = _bundle(message), _display_id(message.content)
    if bundle is None or display_id is None:
        return None
    return UpdateDisplay(bundle.data, bundle.metadata, display_id, bundle.weight)


def _result(message: Message) -> ExecuteResult | None:
    if (bundle := _bundle(message)) is None:
        return None
    count = message.content.get("execution_count")
    known = count if isinstance(count, int) else None
    return ExecuteResult(bundle.data, bundle.metadata, known, bundle.weight)


def _error(content: Mapping[str, JSON]) -> ErrorOutput | None:
    ename, evalue = content.get("ename"), content.get("evalue")
    traceback = content.get("traceback", [])
    if not isinstance(ename, str) or not isinstance(evalue, str):
        return None
    if not isinstance(traceback, list) or not _is_texts(traceback := traceback[:_MOST_BLOCKS]):
        return None
    return ErrorOutput(ename, evalue, tuple(traceback)).within(_LONGEST_ERROR)


def _is_texts(value: JSON) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _display_id(content: Mapping[str, JSON]) -> str | None:
    transient = content.get("transient")
    display_id = transient.get("display_id") if isinstance(transient, dict) else None
    if not isinstance(display_id, str) or len(display_id) > _LONGEST_NAME:
        return None
    return display_id


def _joined(text: JSON) -> JSON:
    return "".join(text) if _is_texts(text) else text
