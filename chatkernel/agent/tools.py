"""The tools a model has on its chat's kernel."""

from __future__ import annotations

from dataclasses import dataclass

from anyio import to_thread
from pydantic_ai import FunctionToolset, RunContext, ToolFailed

from chatkernel.agent.cell import run_cell
from chatkernel.agent.interaction import Interaction
from chatkernel.agent.report import REPORT_CHARACTERS, clip, describe_bundle, untrusted
from chatkernel.events import ToolReturn, ToolStatus
from kernels import KernelError, Limits


@dataclass(frozen=True)
class KernelTools:
    """`run_python` and `show`, one call at a time, under one set of limits."""

    limits: Limits

    def toolset(self) -> FunctionToolset[Interaction]:
        """The tools as pydantic-ai takes them."""
        toolset: FunctionToolset[Interaction] = FunctionToolset(sequential=True)
        toolset.add_function(self.run_python, takes_ctx=True)
        toolset.add_function(self.show, takes_ctx=True)
        return toolset

    async def run_python(self, ctx: RunContext[Interaction], code: str) -> str:
        """Run Python code in the user's Jupyter kernel and return what it printed and displayed.

        The namespace persists between calls. The value of the last expression is displayed, as in a
        notebook. `!command` and `%magic` lines work.

        Args:
            code: The Python code of one cell.
        """
        call_id = ctx.tool_call_id or ""
        run = await run_cell(ctx.deps, code, call_id=call_id, limits=self.limits)
        told = untrusted(await run.for_model())
        if run.status in ("died", "timeout", "stopped"):
            raise ToolFailed(told)
        return told

    async def show(self, ctx: RunContext[Interaction], names: list[str]) -> str:
        """Look at variables of the kernel without running code: tables, figures, values.

        Only you read the result. To show something to the user, write `<fig name="…"/>` or
        `<df name="…"/>` in your answer.

        Args:
            names: The variables' names.
        """
        call_id = ctx.tool_call_id or ""
        seen: list[str] | None = None
        with ctx.deps.unless_stopped():
            seen = [await self._look(ctx.deps, name) for name in names[:20]]
        status: ToolStatus = "stopped" if seen is None else "ok"
        ctx.deps.returns[call_id] = ToolReturn(id=call_id, tool="show", status=status)
        if seen is None:
            raise ToolFailed("Stopped by the user.")
        return untrusted(clip("\n\n".join(seen), REPORT_CHARACTERS) or "(no names given)")

    async def _look(self, interaction: Interaction, name: str) -> str:
        try:
            bundle = await (await interaction.lend()).bundle(name)
        except KernelError as problem:
            return f"{name}: {problem}"
        told = await to_thread.run_sync(describe_bundle, bundle.data)
        return f"{name} = {told}"
