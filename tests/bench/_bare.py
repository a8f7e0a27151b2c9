"""The least there can be: pydantic-ai's own loop over a kernel, with nothing shown and nothing kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic_ai import Agent, RunContext
from pydantic_ai.messages import ToolReturnPart

from chatkernel.agent.direct import direct_model
from chatkernel.agent.interaction import Interaction
from chatkernel.events import ArtifactRef, LiveEvent
from chatkernel.keeping import Rich
from kernels import Kernel, Output


async def execute(kernel: Kernel, code: str) -> list[Output]:
    """Run one cell to its end."""
    return [output async for output in kernel.execute(code)]


async def run_python(ctx: RunContext[Kernel], code: str) -> str:
    """Run Python code."""
    return repr(await execute(ctx.deps, code))


@dataclass(frozen=True)
class Bare:
    """A bare agent on someone's kernel, with the model of direct mode."""

    kernel: Kernel
    agent: Agent[Kernel, str | None]

    @classmethod
    def on(cls, kernel: Kernel) -> Bare:
        agent: Agent[Kernel, str | None] = Agent(
            deps_type=Kernel, output_type=[str, type(None)], tools=[run_python]
        )
        return cls(kernel, agent)

    async def turn(self, code: str) -> None:
        """Let the model have ``code`` run; its result ends the turn, as the app's. It has no history."""
        model = direct_model(self._interaction(code))
        async with self.agent.iter(code, deps=self.kernel, model=model) as run:
            async for node in run:
                if Agent.is_model_request_node(node):
                    if any(isinstance(part, ToolReturnPart) for part in node.request.parts):
                        break
                    async with node.stream(run.ctx) as events:
                        async for _ in events:
                            pass

    def _interaction(self, code: str) -> Interaction:
        async def lend() -> Kernel:
            return self.kernel

        return Interaction(
            turn=0,
            user_text=code,
            lend=lend,
            put=_keep_nothing,
            live=_show_nothing,
            number=lambda: 0,
        )


async def _keep_nothing(parts: Sequence[Rich], name: str | None) -> Sequence[ArtifactRef]:
    return [
        ArtifactRef(id="", media_type=part.media_type, size=len(part.content), name=name)
        for part in parts
    ]


def _show_nothing(event: LiveEvent) -> None:
    pass
