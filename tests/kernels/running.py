"""Short ways to run a cell and look at what came of it."""

from __future__ import annotations

from typing import TypeVar

import anyio

from kernels import ErrorOutput, ExecuteResult, Kernel, Limits, Output, Stream, Transcript

T = TypeVar("T")


async def run(kernel: Kernel, code: str) -> list[Output]:
    """Every output of a cell, as it came."""
    with anyio.fail_after(30):
        return [output async for output in kernel.execute(code)]


async def collect(kernel: Kernel, code: str, outputs: list[Output]) -> None:
    """Add the outputs of a cell as they come, also when it ends with an error."""
    with anyio.fail_after(30):
        async for output in kernel.execute(code):
            outputs.append(output)  # noqa: PERF401 what came before an error is kept


async def show(kernel: Kernel, code: str) -> list[Output]:
    """The outputs that stand under a cell in the end."""
    transcript = Transcript(Limits())
    for output in await run(kernel, code):
        transcript.add(output)
    return list(transcript.outputs())


async def text(kernel: Kernel, code: str) -> str:
    """What a cell prints."""
    return "".join(o.text for o in await run(kernel, code) if isinstance(o, Stream))


async def value(kernel: Kernel, code: str) -> str:
    """The text of a cell's last expression."""
    return str(only(ExecuteResult, await run(kernel, code)).data["text/plain"])


async def error(kernel: Kernel, code: str) -> ErrorOutput:
    """The exception that ends a cell."""
    return only(ErrorOutput, await run(kernel, code))


def only(kind: type[T], outputs: list[Output]) -> T:
    """The one output of this kind."""
    found = [output for output in outputs if isinstance(output, kind)]
    assert len(found) == 1, outputs
    return found[0]


async def until_printed(
    kernel: Kernel, code: str, wanted: str, then: str = "interrupt"
) -> list[Output]:
    """Run a cell; once it has printed ``wanted``, call the kernel's method ``then``."""
    outputs: list[Output] = []
    printed = ""
    with anyio.fail_after(30):
        async for output in kernel.execute(code):
            outputs.append(output)
            if isinstance(output, Stream) and wanted not in printed:
                printed += output.text
                if wanted in printed:
                    await getattr(kernel, then)()
    return outputs
