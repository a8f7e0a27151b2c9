"""Direct mode: what is taken for Python, and what gets a friendly answer."""

from __future__ import annotations

import anyio
import pytest

from chatkernel.agent.direct import HOW_TO_CONNECT, bare_names, direct_model, parse, refuse
from chatkernel.agent.libraries import Libraries
from chatkernel.agent.run import make_agent, run_agent
from chatkernel.events import CallTools, ModelRequest, TextPart, ToolCall
from kernels import Kernel, KernelStartFailed
from tests.chatkernel.agent.stage import Stage, drained, printed

pytestmark = pytest.mark.anyio

CELLS = [
    "1 + 1",
    "x = 1\nx",
    "!echo hello there",
    "files = !ls",
    "%time sum(range(10))",
    "%ls",
    "%%bash\necho 'it's not Python'",
    "%%html\n<b>bold</b>",
    "len?",
    "len??",
    "?len",
    "?",
    "df.head ?",
    "numpy.*load*?",
    "x = 1\nx.real?",
    "import asyncio\nawait asyncio.sleep(0)",
    "async with lock: pass",
    "[await x for x in y]",
    ">>> x = 1\n>>> x",
    "    x = 1\n    y = 2",
    "# only a comment",
    "def f():\n\treturn 1",
    "print('''a\nb''')",
    "\n\nx\n\n",
    "lambda: (yield)",
    "x = 1  # is this right?",
    "# is this right?",
    "points[0].x?",
    "%timeit?",
    "%%time?",
    "!ls?",
    "str.*find*?",
    "def f():\n    return 1",
    "for _ in 'a':\n    continue",
]

WORDS = [
    "how are you",
    "please plot my data",
    "print(1",
    "what's up?",
    "what can you do?",
    "what is 2+2?",
    "2+2?",
    "2 + 2 = ?",
    "1/3?",
    "what is 2*2?",
    "is x > 3?",
    "mean (sales)?",
    "salut, ça va ?",
    "Peux-tu m'aider ?",
    "你好\uff01",
    "hello :)",
    "continue",
    "continue?",
    "return",
    "/help",
    "/data/sales.csv",
    ",please plot",
    "; sales",
    "Can you plot my data?",
    "x = ",
    "1 +",
    "Grüß Gott!",
    "show me a chart of sales, by region.",
    "return 5 5",
    "'unfinished",
    "a\x00b",
    "half \ud800",
    "(" * 300,
    "~" * 20_000,
]


@pytest.mark.parametrize("text", CELLS)
def test_python_and_what_ipython_adds_is_a_cell(text: str) -> None:
    parse(text)


@pytest.mark.parametrize("text", WORDS, ids=range(len(WORDS)))
def test_what_is_not_python_is_no_cell(text: str) -> None:
    with pytest.raises(SyntaxError):
        parse(text)


def test_more_magics_than_ipython_translates_are_no_fault_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("IPython.core.inputtransformer2.TRANSFORM_LOOP_LIMIT", 3)
    with pytest.raises(SyntaxError):
        parse("!a\n" * 5)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("hello", ["hello"]),
        ("hello, world", ["hello", "world"]),
        ("hello?", ["hello"]),
        ("len?", []),
        ("hello - you", ["hello", "you"]),
        ("-hello", ["hello"]),
        ("print", []),
        ("print, hello", ["hello"]),
        ("hello()", []),
        ("hello.you", ["hello"]),
        ("what is numpy.pi", ["what", "numpy"]),
        ("hello = 1", []),
        ("hello\nyou", ["hello", "you"]),
        ("hello\nyou = 1", []),
        ("hello; world", ["hello", "world"]),
        ("note: important", ["important"]),
        ("note: int", []),
        ("note: important = 1", []),
        ("100% sure", ["sure"]),
        ("sales in march or april", ["sales", "march", "april"]),
        ("me@example.com", ["me", "example"]),
        ("display", []),
        ("sales[march]", []),
        ("await sales", []),
        ("f'{hello}'", []),
        ("5", []),
        ("'hello'", []),
        ("a, b, c, d, e, f, g, h, i, j", list("abcdefgh")),
        ("", []),
    ],
)
def test_bare_names_are_names_and_nothing_else(text: str, names: list[str]) -> None:
    assert bare_names(parse(text)) == names


async def refused(stage: Stage, text: str) -> str | None:
    """Why a message is no cell."""
    return await refuse(stage.begin(text))


async def test_an_undefined_name_is_a_greeting_and_a_defined_one_a_cell(
    stage: Stage, kernel: Kernel
) -> None:
    await drained(kernel, "known = 1")
    assert await refused(stage, "hello") == f"`hello` isn't defined. {HOW_TO_CONNECT}"
    assert await refused(stage, "known") is None
    assert await refused(stage, "known?") is None
    assert await refused(stage, "known, hello") == f"`hello` isn't defined. {HOW_TO_CONNECT}"


FIRST_MESSAGES = [
    *("hello", "hello!", "Hello.", "hi there", "Hi there!", "hey, you", "thanks", "thanks!"),
    *("Thank you.", "yes", "no", "ok.", "please", "please...", "why?", "not now", "not sure"),
    *("help", "help!", "Help?", "help me", "help?", "exit", "quit", "exit.", "quit?", "stop"),
    *("load the sales data", "load samples/sales.csv", "sales.csv", "data/sales.csv?"),
    *("plot sales by month", "plot.sales", "print sales", "show me: the data", "sales, please"),
    *("sales > costs?", "sales/month", "sales in march", "what is 2+2?", "what is pandas?"),
    *("what is pandas", "is it ok?", "Question: what is pandas", "e.g", "www.example.com"),
    *("Hallo!", "Hallo", "Guten Tag", "Hilfe", "danke", "Was ist 2+2?", "Umsatz/Monat?"),
    *("Zeig mir die Daten!", "bonjour", "ça va?", "merci", "aide-moi", "Trace les ventes"),
    *("s'il te plaît", "привет", "你好", "😀", "list files", "continue", "1. load data"),
]

FIRST_CELLS = [
    *("1 + 1", "5", "'hello'", "print('hi')", "x = 1", "import numpy", "import numpy as np; np.pi"),
    *("known", "known?", "known.real", "known.real?", "known * 2", "known, 2", "known > 3"),
    *("_", "_ * 2", "Out", "In[0]", "get_ipython", "len", "len?", "print", "max", "display"),
    *("help()", "help(known)", "exit()", "?", "?known", "%pwd", "!ls", "ls", "ls -la", "pwd"),
    *("whos", "cd ..", "pip install seaborn", "%pip list", "# a note", "...", "None", "note: int"),
    *("hello()", "hello[0]", "print(hello)", "f'{hello}'", "hello = 1; hello", "del hello"),
    *("known if known else hello", "[known]", "{known}", "lambda: hello", "assert known"),
]


async def test_the_first_words_of_people_are_answered_and_cells_run(
    stage: Stage, kernel: Kernel
) -> None:
    await drained(kernel, "known = 6 * 7\nknown")
    run = [text for text in FIRST_MESSAGES if await refused(stage, text) is None]
    assert run == []
    answers = {text: await refused(stage, text) for text in FIRST_CELLS}
    assert {text: said for text, said in answers.items() if said} == {}


async def test_help_is_told_what_this_is_and_exit_what_it_would_end(
    stage: Stage, kernel: Kernel
) -> None:
    assert await refused(stage, " help ") == HOW_TO_CONNECT
    assert "`exit()`" in (await refused(stage, "exit") or "")
    await drained(kernel, "help = quit = 1")
    assert await refused(stage, "help") is None
    assert await refused(stage, "quit") is None


async def test_a_syntax_error_says_where_it_is(stage: Stage) -> None:
    answer = await refused(stage, "x = 1\nplot this now")
    assert answer == f"That isn't Python (invalid syntax, line 2). {HOW_TO_CONNECT}"
    assert (await refused(stage, "plot this") or "").startswith(
        "That isn't Python (invalid syntax)."
    )


async def test_a_long_message_is_a_cell_unread(stage: Stage) -> None:
    assert await refused(stage, "!a b c\n" * 5_000) is None
    assert await refused(stage, "no python " * 2_000) is None


async def test_where_no_kernel_starts_the_cell_says_so() -> None:
    async def failing() -> Kernel:
        raise KernelStartFailed("no memory.")

    for text in ("hello", "help", "exit"):
        assert await refused(Stage(failing), text) is None


async def turn(stage: Stage, text: str) -> list[CallTools | ModelRequest]:
    """The blocks of a turn in direct mode."""
    interaction = stage.begin(text)
    interaction.direct = True
    agent, model = make_agent(stage.limits, Libraries()), direct_model(interaction)
    blocks = run_agent(agent, interaction, model=model, history=(), work=stage.work)
    stage.blocks = [block async for block in blocks]
    return stage.blocks


async def test_the_message_runs_and_nothing_more_is_said(stage: Stage) -> None:
    await turn(stage, "6 * 7")
    assert [type(block) for block in stage.blocks] == [CallTools, ModelRequest]
    assert stage.parts == [ToolCall(tool="run_python", args={"code": "6 * 7"}, id="cell-0")]
    assert printed(stage.returns[0]) == "42"
    assert stage.work.usage["requests"] == 1


async def test_a_model_connected_later_knows_what_was_run(stage: Stage) -> None:
    await turn(stage, "6 * 7")
    await stage.next_turn("It was 42.")
    assert stage.parts == [TextPart(text="It was 42.")]
    told = str(stage.model.requests[-1])
    assert "6 * 7" in told
    assert "\n42\n" in told or "\\n42\\n" in told


async def test_an_error_in_the_cell_is_shown_and_that_is_it(stage: Stage) -> None:
    await turn(stage, "1/0")
    assert [type(block) for block in stage.blocks] == [CallTools, ModelRequest]
    assert stage.returns[0].status == "error"


async def test_a_greeting_is_answered_and_nothing_runs(stage: Stage) -> None:
    await turn(stage, "hello")
    (answer,) = stage.parts
    assert isinstance(answer, TextPart)
    assert "Connect a model" in answer.text
    assert stage.returns == []


@pytest.mark.parametrize("text", ["'\\u00e9\"\\\\'", 'print("""a\n\tb""")', "x = '{}' # \\ \" '"])
async def test_the_text_runs_exactly_as_it_is(stage: Stage, text: str) -> None:
    await turn(stage, text)
    (call,) = stage.parts
    assert isinstance(call, ToolCall)
    assert call.args == {"code": text}
    assert stage.returns[0].status == "ok"


async def test_stop_while_the_kernel_starts_for_a_name() -> None:
    async def never() -> Kernel:
        stage.interaction.stop()
        await anyio.sleep_forever()
        raise AssertionError

    stage = Stage(never)
    with anyio.fail_after(10):
        assert await turn(stage, "hello") == []
