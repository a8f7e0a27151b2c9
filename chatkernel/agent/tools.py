"""The tools a model has on its chat's kernel."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic_ai import FunctionToolset, RunContext, ToolFailed

from chatkernel.agent.cell import run_cell
from chatkernel.agent.interaction import Interaction
from chatkernel.agent.report import describe_bundle, untrusted
from chatkernel.events import ToolReturn
from chatkernel.keeping import keep_output
from kernels import BundleFailed, BundleTooLarge, KernelError, Limits, NoSuchVariable


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
        if run.status in ("died", "timeout", "stopped"):
            raise ToolFailed(untrusted(run.for_model()))
        return untrusted(run.for_model())

    async def show(self, ctx: RunContext[Interaction], names: list[str]) -> str:
        """Look at variables of the kernel without running code: tables, figures, values.

        Only you read the result. To show something to the user, write `<fig name="…"/>` or
        `<df name="…"/>` in your answer.

        Args:
            names: The variables' names.
        """
        call_id = ctx.tool_call_id or ""
        seen = [await self._look(ctx.deps, name) for name in names[:20]]
        ctx.deps.returns[call_id] = ToolReturn(id=call_id, tool="show", status="ok")
        return untrusted("\n\n".join(seen) or "(no names given)")

    async def _look(self, interaction: Interaction, name: str) -> str:
        try:
            bundle = await (await interaction.lend()).bundle(name)
        except (NoSuchVariable, BundleTooLarge, BundleFailed, KernelError) as problem:
            return f"{name}: {problem}"
        await keep_output({"output_type": "display_data", "data": bundle.data}, interaction.put)
        return f"{name} = {describe_bundle(bundle.data)}"
