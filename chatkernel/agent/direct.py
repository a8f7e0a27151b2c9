"""Direct mode: no model, the user's own Python through the same tool loop."""

from __future__ import annotations

import ast
import builtins
from collections.abc import AsyncIterator

import orjson
from anyio import to_thread
from IPython.core.inputtransformer2 import TransformerManager
from pydantic_ai.messages import ModelMessage
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, DeltaToolCalls, FunctionModel

from chatkernel.agent.interaction import Interaction
from chatkernel.how_to_connect import ON_THE_PAGE
from kernels import KernelError, NoSuchVariable

HOW_TO_CONNECT = (
    "No model is connected, so what you write runs as Python. "
    f"To chat in plain words, {ON_THE_PAGE}."
)
LONGEST_CHARACTERS = 10_000
LONGEST_LINES = 100
"""A longer message is taken for a cell unread: IPython's translation takes its time line by line."""

_NAMES_ASKED = 8
_WORDS = (
    *(ast.Name, ast.Load, ast.Tuple, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare),
    *(ast.operator, ast.unaryop, ast.boolop, ast.cmpop),
)
"""What a sentence can be by chance: ``what is pandas``, ``not now``, ``hello, there``."""


def direct_model(interaction: Interaction) -> FunctionModel:
    """A model that answers a message by running it as a cell; its result ends the turn."""

    async def stream(
        _messages: list[ModelMessage], _info: AgentInfo
    ) -> AsyncIterator[str | DeltaToolCalls]:
        if refusal := await refuse(interaction):
            yield refusal
        else:
            call_id = f"cell-{interaction.turn}"
            args = {"code": interaction.user_text}
            yield {
                0: DeltaToolCall("run_python", orjson.dumps(args).decode(), tool_call_id=call_id)
            }

    return FunctionModel(stream_function=stream, model_name="direct")


async def refuse(interaction: Interaction) -> str | None:
    """Why the message is no cell, in one friendly sentence, or None when it can run."""
    text = interaction.user_text
    if len(text) > LONGEST_CHARACTERS or text.count("\n") > LONGEST_LINES:
        return None
    try:
        tree = await to_thread.run_sync(parse, text, abandon_on_cancel=True)
    except SyntaxError as error:
        where = f", line {error.lineno}" if error.lineno and error.lineno > 1 else ""
        return f"That isn't Python ({error.msg}{where}). {HOW_TO_CONNECT}"
    unknown = [name for name in bare_names(tree) if not await _is_defined(interaction, name)]
    if unknown:
        return f"`{unknown[0]}` isn't defined. {HOW_TO_CONNECT}"
    return None


def parse(code: str) -> ast.Module:
    """The cell as Python sees it after IPython's magics, ``!`` and ``?`` are translated.

    Of ``name?`` it gives what is asked about: IPython would take the last word of any question.

    Raises:
        SyntaxError: it isn't Python.
    """
    try:
        translated = TransformerManager().transform_cell(_asked_about(code))
        tree = compile(
            translated, "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST
        )
    except (ValueError, RuntimeError, MemoryError) as error:
        raise SyntaxError(str(error) or "too deeply nested") from error
    assert isinstance(tree, ast.Module)
    return tree


def _asked_about(code: str) -> str:
    line = code.strip()
    is_help = line.endswith("?") and "\n" not in line and "*" not in line
    return line.rstrip("?") if is_help and not line.startswith(("?", "!", "%")) else code


def bare_names(tree: ast.Module) -> list[str]:
    """The names in a cell that is nothing but names and punctuation, as a greeting is."""
    if len(tree.body) != 1 or not isinstance(tree.body[0], ast.Expr):
        return []
    nodes = list(ast.walk(tree.body[0].value))
    if not all(isinstance(node, _WORDS) for node in nodes):
        return []
    names = dict.fromkeys(node.id for node in nodes if isinstance(node, ast.Name))
    return [name for name in names if not hasattr(builtins, name)][:_NAMES_ASKED]


async def _is_defined(interaction: Interaction, name: str) -> bool:
    try:
        kernel = await interaction.lend()
        if any(variable.name == name for variable in await kernel.variables()):
            return True
        await kernel.bundle(name)  # the list leaves out modules and the like
    except NoSuchVariable:
        return False
    except KernelError:
        return True
    return True
