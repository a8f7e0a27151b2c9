"""`<fig name="x"/>` and `<df name="x"/>`, resolved when their block is made."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import anyio

from chatkernel.agent.interaction import Interaction
from chatkernel.errors import StorageFailed
from chatkernel.events import ARTIFACT_MIME, FRAME_MIME, ArtifactRef, Shown
from chatkernel.keeping import keep_output
from kernels import Kernel, KernelError, NoSuchVariable

Kind = Literal["fig", "df"]
Tag = tuple[Kind, str]

STOPPED_SECONDS = 2.0
"""How long the figures of an answer that was stopped are waited for."""

# What a page takes for a tag (web/render/markdown.py) and for code, or more: a tag that was resolved
# and isn't drawn does no harm. The time of every pattern grows with the text, whatever it is.
_TAG = re.compile(
    r"<(fig|df)\s+name\s*=\s*(?:\"([^\"<>\n]*+)\"|'([^'<>\n]*+)'|([^\s\"'<>/]++))[^<>]*+>",
    re.IGNORECASE,
)
_CODE = re.compile(r"^[ \t]*+(?P<fence>`{3,}+|~{3,}+)[^\n]*+\n|`++", re.MULTILINE)
_FENCE = re.compile(r"^[ \t]*+(`{3,}+|~{3,}+)[`~]*+[ \t]*+$", re.MULTILINE)
_TICKS_OR_GAP = re.compile(r"(`++)|\n(?=[ \t]*+\n)")


def tags(text: str) -> list[Tag]:
    """The tags of an answer outside its code, each once, in their order."""
    return list(dict.fromkeys(_found("".join(_prose(text)))))


def _prose(text: str) -> Iterator[str]:
    """What is outside code."""
    closed = _closed_ticks(text)
    prose = at = 0
    while code := _CODE.search(text, at):
        at = _fence_end(text, code) if code["fence"] else closed.get(code.start(), -1)
        if at < 0:
            at = code.end()
            continue
        yield text[prose : code.start()]
        prose = at
    yield text[prose:]


def _closed_ticks(text: str) -> dict[int, int]:
    """Where backticks begin that the same number of them closes in their paragraph; where that ends."""
    closed: dict[int, int] = {}
    last: dict[int, int] = {}
    for match in _TICKS_OR_GAP.finditer(text):
        if match[1] is None:
            last.clear()
            continue
        if (begun := last.get(len(match[1]))) is not None:
            closed[begun] = match.end()
        last[len(match[1])] = match.start()
    return closed


def _fence_end(text: str, opening: re.Match[str]) -> int:
    for line in _FENCE.finditer(text, opening.end()):
        if line[1].startswith(opening["fence"]):
            return line.end()
    return len(text)


def _found(text: str) -> Iterator[Tag]:
    for match in _TAG.finditer(text):
        kind: Kind = "fig" if match[1].lower() == "fig" else "df"
        yield kind, next(group for group in match.groups()[1:] if group is not None).strip()


async def resolve(interaction: Interaction, text: str) -> tuple[Shown, ...]:
    """Each tag of ``text`` with the artifact it shows, or a sentence that says why there is none."""
    wanted = tags(text)
    if not wanted:
        return ()
    with (
        anyio.move_on_after(STOPPED_SECONDS)
        if interaction.stopping
        else interaction.unless_stopped()
    ):
        return await _resolve(interaction, wanted)
    return tuple(
        Shown(tag=tag, name=name, problem=f"Stopped before {name} could be shown.")
        for tag, name in wanted
    )


async def _resolve(interaction: Interaction, wanted: Sequence[Tag]) -> tuple[Shown, ...]:
    try:
        kernel = await interaction.lend()
    except KernelError as failure:
        return tuple(Shown(tag=tag, name=name, problem=str(failure)) for tag, name in wanted)
    return tuple([await _show(interaction, kernel, tag, name) for tag, name in wanted])


async def _show(interaction: Interaction, kernel: Kernel, tag: Kind, name: str) -> Shown:
    try:
        bundle = await kernel.bundle(name)
    except NoSuchVariable as missing:
        return Shown(tag=tag, name=name, problem=_missing(tag, name, missing.available))
    except KernelError as problem:
        return Shown(tag=tag, name=name, problem=f"{name} could not be shown: {problem}")
    output = {"output_type": "display_data", "data": dict(bundle.data), "metadata": {}}
    try:
        kept = await keep_output(output, interaction.put, name=name)
    except StorageFailed as failure:
        return Shown(tag=tag, name=name, problem=f"{name} could not be kept. {failure.message}")
    ref = _choose(tag, kept["data"])
    if ref is None:
        return Shown(tag=tag, name=name, problem=f"{name} has nothing that can be drawn.")
    return Shown(tag=tag, name=name, artifact=ref)


def _choose(tag: Kind, data: Mapping[str, Any]) -> ArtifactRef | None:
    refs: Sequence[ArtifactRef] = [ArtifactRef(**ref) for ref in data.get(ARTIFACT_MIME, ())]
    tables = [ref for ref in refs if ref.media_type == FRAME_MIME]
    return next(iter(tables if tag == "df" and tables else refs), None)


def _missing(tag: Kind, name: str, available: Sequence[str]) -> str:
    kind = "figure" if tag == "fig" else "table"
    names = ", ".join(available[:12])
    return f"There is no {kind} named {name}. " + (
        f"There is: {names}." if names else "Nothing is defined yet."
    )
