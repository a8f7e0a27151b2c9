"""One turn: pydantic-ai's nodes, each finished one a block."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from pydantic_ai import Agent, ModelRequestNode, RunContext, UsageLimits
from pydantic_ai.messages import (
    ModelMessage,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    RetryPromptPart,
    TextPartDelta,
    ThinkingPartDelta,
    ToolCallPartDelta,
    ToolReturnPart,
)
from pydantic_ai.messages import ModelRequest as RequestMessage
from pydantic_ai.messages import TextPart as ModelText
from pydantic_ai.messages import ThinkingPart as ModelThinking
from pydantic_ai.messages import ToolCallPart as ModelToolCall
from pydantic_ai.models import Model
from pydantic_ai.run import AgentRun

from chatkernel.agent.interaction import Interaction
from chatkernel.agent.libraries import Libraries
from chatkernel.agent.prompt import instructions
from chatkernel.agent.shown import resolve
from chatkernel.agent.tools import KernelTools
from chatkernel.agent.work import Work
from chatkernel.events import (
    CallTools,
    Delta,
    ModelRequest,
    Part,
    TextPart,
    ThinkingPart,
    ToolCall,
    ToolReturn,
)
from chatkernel.models import request_settings
from kernels import Limits

Run = AgentRun[Interaction, str | None]


def make_agent(limits: Limits, libraries: Libraries) -> Agent[Interaction, str | None]:
    """The agent of every turn; the model is given per run. ``libraries`` are those of the kernels' interpreter."""
    agent: Agent[Interaction, str | None] = Agent(
        deps_type=Interaction,
        output_type=[str, type(None)],
        toolsets=[KernelTools(limits).toolset()],
        retries=2,
    )

    async def instruct(ctx: RunContext[Interaction]) -> str | None:
        # A coroutine function, since pydantic-ai runs others in a thread, for every request.
        if ctx.deps.direct:
            return None
        return instructions(ctx.deps, await libraries.installed())

    agent.instructions(instruct)
    return agent


async def run_agent(
    agent: Agent[Interaction, str | None],
    interaction: Interaction,
    *,
    model: Model,
    history: Sequence[ModelMessage],
    work: Work,
    requests: int = 50,
) -> AsyncGenerator[CallTools | ModelRequest, None]:
    """Run one turn and give each finished node as a block.

    Deltas and cell outputs go to ``interaction.live`` meanwhile. ``work`` holds the turn's messages at
    every moment, so that whatever ends the turn leaves a history the next one can go on from.

    Raises:
        pydantic_ai.exceptions.AgentRunError and the model client's own errors, as they come.
    """
    async with agent.iter(
        interaction.user_text,
        deps=interaction,
        model=model,
        message_history=list(history),
        model_settings=request_settings(model),
        usage_limits=UsageLimits(request_limit=requests),
    ) as run:
        progress, failure = _Progress(), None
        try:
            async with aclosing(_nodes(interaction, run, progress)) as blocks:
                async for block in blocks:
                    yield block
        except Exception as error:  # noqa: BLE001 raised again, once what was written is a block
            failure = error
        finally:
            _keep(work, run, progress.pending)
        for cut in _responses(work)[progress.responses :]:
            if said := await _response(interaction, cut):
                yield said
        if failure is not None:
            raise failure


@dataclass
class _Progress:
    """How many responses are blocks, and the results that were not sent because of a stop."""

    responses: int = 0
    pending: RequestMessage | None = None


async def _nodes(
    interaction: Interaction, run: Run, progress: _Progress
) -> AsyncGenerator[CallTools | ModelRequest, None]:
    async for node in run:
        if Agent.is_model_request_node(node):
            if returned := _request_block(interaction, node.request):
                yield returned
            if interaction.stopping or (interaction.direct and returned):
                progress.pending = node.request
                return
            if not await _ask(interaction, run, node):
                return
        elif Agent.is_call_tools_node(node):
            progress.responses += 1
            if said := await _response(interaction, node.model_response):
                yield said


async def _ask(
    interaction: Interaction, run: Run, node: ModelRequestNode[Interaction, Any]
) -> bool:
    """Stream one response; False when the user stopped it."""
    with interaction.unless_stopped() as scope:
        async with node.stream(run.ctx) as stream:
            async for event in stream:
                delta = _delta(interaction.turn, event)
                if delta and (delta.text or delta.tool):
                    interaction.live(delta)
    return not scope.cancelled_caught


def _keep(work: Work, run: Run, pending: RequestMessage | None) -> None:
    work.messages = [*run.new_messages(), *([pending] if pending else [])]
    usage = run.usage
    work.usage = {
        "requests": usage.requests,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
    }


def _responses(work: Work) -> list[ModelResponse]:
    """What the model said, that which broke off or was stopped included."""
    return [message for message in work.messages if isinstance(message, ModelResponse)]


def _delta(turn: int, event: object) -> Delta | None:
    match event:
        case PartStartEvent(index=index, part=ModelText(content=text)):
            return Delta(turn=turn, index=index, type="text", text=text)
        case PartStartEvent(index=index, part=ModelThinking(content=text)):
            return Delta(turn=turn, index=index, type="thinking", text=text)
        case PartStartEvent(index=index, part=ModelToolCall() as call):
            # Anthropic's begin as an empty object, whose place the deltas take.
            whole = call.args_as_json_str() if call.args else ""
            args = call.args if isinstance(call.args, str) else whole
            return Delta(turn=turn, index=index, type="tool_call", text=args, tool=call.tool_name)
        case PartDeltaEvent(index=index, delta=TextPartDelta(content_delta=text)):
            return Delta(turn=turn, index=index, type="text", text=text)
        case PartDeltaEvent(index=index, delta=ThinkingPartDelta(content_delta=str(text))):
            return Delta(turn=turn, index=index, type="thinking", text=text)
        case PartDeltaEvent(index=index, delta=ToolCallPartDelta(args_delta=str(text))):
            return Delta(turn=turn, index=index, type="tool_call", text=text)
    return None


async def _response(interaction: Interaction, response: ModelResponse) -> CallTools | None:
    """The response's block, if there is anything in it."""
    parts = [part for p in response.parts if (part := await _part(interaction, p))]
    if not parts:
        return None
    return CallTools(seq=interaction.number(), turn=interaction.turn, parts=tuple(parts))


async def _part(interaction: Interaction, part: object) -> Part | None:
    match part:
        case ModelText(content=text) if text:
            return TextPart(text=text, shown=await resolve(interaction, text))
        case ModelThinking(content=text) if text:
            return ThinkingPart(text=text)
        case ModelToolCall() as call:
            return ToolCall(tool=call.tool_name, args=_arguments(call), id=call.tool_call_id)
    return None


def _arguments(call: ModelToolCall) -> dict[str, Any]:
    try:
        return call.args_as_dict(raise_if_invalid=True)
    except (ValueError, AssertionError):  # no JSON, or no object
        return {"invalid": str(call.args)}


def _request_block(interaction: Interaction, request: RequestMessage) -> ModelRequest | None:
    returns = [found for part in request.parts if (found := _returned(interaction, part))]
    if not returns:
        return None
    return ModelRequest(seq=interaction.number(), turn=interaction.turn, parts=tuple(returns))


def _returned(interaction: Interaction, part: object) -> ToolReturn | None:
    match part:
        case ToolReturnPart(tool_call_id=call_id) | RetryPromptPart(tool_call_id=str(call_id)):
            return interaction.returns.pop(call_id, None) or _refused(part)
    return None


def _refused(part: ToolReturnPart | RetryPromptPart) -> ToolReturn:
    """A call that never reached its tool: bad arguments, an unknown tool."""
    text = part.model_response_str() if isinstance(part, ToolReturnPart) else part.model_response()
    return ToolReturn(
        id=part.tool_call_id or "",
        tool=part.tool_name or "",
        status="error",
        outputs=({"output_type": "stream", "name": "stderr", "text": text},),
    )
