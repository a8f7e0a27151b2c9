"""Direct mode: no model, the user's own Python through the same tool loop."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import AsyncIterator, Iterator

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
    *(ast.Name, ast.Load, ast.Attribute, ast.Constant, ast.Tuple),
    *(ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare),
    *(ast.operator, ast.unaryop, ast.boolop, ast.cmpop),
)
"""What a sentence can be by chance: ``what is pandas``, ``not now``, ``hello, there``, ``plot.sales``."""

_ASKED_ABOUT = re.compile(r"((?!\d)\w+(?:\.(?!\d)\w+|\[-?\d+\])*)\s*\?{1,2}|[\w.]*\*[\w.*]*\?{1,2}")
"""``name?``, and names with wildcards."""
_AUTOMAGIC = re.compile(
    r"(?:ls|pwd|whos)(?: +-\w+)?|cd +[\w./~-]+|pip +(?:install|list|show|freeze)\b[^\n]*"
)
"""Of the magics that need no ``%``, those that aren't said in a chat."""
_LEAVING = ("exit", "quit")
_OUTSIDE = (ast.Return, ast.Break, ast.Continue)


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
    if _AUTOMAGIC.fullmatch(text.strip()):
        return None
    try:
        tree = await to_thread.run_sync(parse, text, abandon_on_cancel=True)
    except SyntaxError as error:
        where = f", line {error.lineno}" if error.lineno and error.lineno > 1 else ""
        return f"That isn't Python ({error.msg}{where}). {HOW_TO_CONNECT}"
    if said := await _said_of(interaction, text.strip().rstrip("?").rstrip()):
        return said
    unknown = [name for name in bare_names(tree) if not await _is_defined(interaction, name)]
    if unknown:
        return f"`{unknown[0]}` isn't defined. {HOW_TO_CONNECT}"
    return None


async def _said_of(interaction: Interaction, word: str) -> str | None:
    """An answer to what people say to programs, unless it is a variable of theirs."""
    if word not in ("help", *_LEAVING) or await _is_variable(interaction, word):
        return None
    if word == "help":
        return HOW_TO_CONNECT
    return f"There is nothing to leave here. To end Python and lose its variables, run `{word}()`."


def parse(code: str) -> ast.Module:
    """The cell as Python sees it after IPython's magics, ``!`` and ``?`` are translated.

    Of ``name?`` it gives what is asked about: IPython would take the last word of any question.

    Raises:
        SyntaxError: it isn't Python.
    """
    try:
        translated = TransformerManager().transform_cell(_without_question(code))
        tree = compile(
            translated, "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST
        )
    except (ValueError, RuntimeError, MemoryError) as error:
        raise SyntaxError(str(error) or "too deeply nested") from error
    assert isinstance(tree, ast.Module)
    if any(isinstance(statement, _OUTSIDE) for statement in tree.body):
        raise SyntaxError("invalid syntax")
    return tree


def _without_question(code: str) -> str:
    """The code, of ``name?`` the name.

    Raises:
        SyntaxError: it is a question, or begins as IPython's calls without brackets do.
    """
    line = code.strip()
    if "\n" in line or line.startswith(("?", "!", "%")):
        return code
    if line.startswith(("/", ",", ";")):
        raise SyntaxError("invalid syntax")
    if not line.endswith("?") or "#" in line:
        return code
    asked = _ASKED_ABOUT.fullmatch(line)
    if asked is None:
        raise SyntaxError("invalid syntax")
    return code if "*" in line else asked[1]


def bare_names(tree: ast.Module) -> list[str]:
    """The names in a cell that is nothing but names, values and punctuation, as a greeting is."""
    nodes = [node for statement in tree.body for node in _spoken(statement)]
    if not all(isinstance(node, _WORDS) for node in nodes):
        return []
    found = [node for node in nodes if isinstance(node, ast.Name) and not _is_builtin(node.id)]
    found.sort(key=lambda name: (name.lineno, name.col_offset))
    return list(dict.fromkeys(name.id for name in found))[:_NAMES_ASKED]


def _spoken(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of what could be said: an expression, or ``note: important``; the statement itself else."""
    match statement:
        case ast.Expr(value=value) | ast.AnnAssign(annotation=value, value=None):
            return ast.walk(value)
        case _:
            return iter([statement])


def _is_builtin(name: str) -> bool:
    return name == "display" or hasattr(builtins, name)


async def _is_defined(interaction: Interaction, name: str) -> bool:
    if await _is_variable(interaction, name):
        return True
    try:
        await (await interaction.lend()).bundle(name)  # the list leaves out modules and the like
    except NoSuchVariable:
        return False
    except KernelError:
        return True
    return True


async def _is_variable(interaction: Interaction, name: str) -> bool:
    """Also where the kernel doesn't tell: then the cell is run, and says what is wrong."""
    try:
        kernel = await interaction.lend()
        return any(variable.name == name for variable in await kernel.variables())
    except KernelError:
        return True
