"""The variables of a kernel, each on one line."""

from __future__ import annotations

import pytest

from kernels import Kernel, NoSuchVariable, Variable
from tests.kernels.running import run

pytestmark = pytest.mark.anyio


async def inventory(kernel: Kernel, code: str) -> dict[str, Variable]:
    assert await run(kernel, f"%reset -f\n{code}") == []
    return {variable.name: variable for variable in await kernel.variables()}


async def test_a_fresh_kernel_has_none(kernel: Kernel) -> None:
    assert await inventory(kernel, "") == {}


async def test_each_variable_tells_its_type_size_and_content(kernel: Kernel) -> None:
    code = """
import numpy as np, pandas as pd
number = 42
text = "hello"
numbers = list(range(1000))
matrix = np.zeros((3, 4))
table = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]})
column = table["a"]
"""
    known = await inventory(kernel, code)
    assert list(known) == ["number", "text", "numbers", "matrix", "table", "column"]
    assert known["number"].summary == "42"
    assert (known["text"].type, known["text"].length) == ("str", 5)
    assert known["numbers"].length == 1000
    assert known["numbers"].summary == "[0, 1, 2, 3, 4, 5, 6, 7, ...]"
    assert (known["matrix"].shape, known["matrix"].size) == ((3, 4), 96)
    assert known["table"].shape == (3, 2)
    assert known["table"].summary == "a (int64), b (str)"
    assert known["column"].summary == "int64: 1, 2, 3"


async def test_modules_private_and_imported_names_are_left_out(kernel: Kernel) -> None:
    code = """
import os, math as m
from os import path, getcwd
from collections import OrderedDict
_private = 1
def mine(a, b=2): pass
class Mine: pass
"""
    known = await inventory(kernel, code)
    assert list(known) == ["mine", "Mine"]
    assert known["mine"].summary == "mine(a, b=2)"


async def test_figures_tell_what_is_in_them(kernel: Kernel) -> None:
    code = """
import plotly.graph_objects as go
import matplotlib.pyplot as plt
interactive = go.Figure([go.Bar(y=[1]), go.Scatter(y=[2])], {"title": "Sales"})
static, axes = plt.subplots()
axes.set_title("Costs")
plt.close()
"""
    known = await inventory(kernel, code)
    assert known["interactive"].summary == "bar, scatter; Sales"
    assert known["static"].summary == "1 axes: Costs"


async def test_objects_that_raise_lie_or_hang_are_still_listed(kernel: Kernel) -> None:
    code = """
class Raises:
    def __repr__(self): raise RuntimeError
    def __len__(self): raise RuntimeError
    def __sizeof__(self): raise RuntimeError
    @property
    def shape(self): raise RuntimeError
class Lies:
    def __repr__(self): return "x" * 10_000_000
    def __len__(self): return 10 ** 15
    shape = ("a", None)
class Hangs:
    def __repr__(self):
        while True: pass
class Anything:
    def __getattr__(self, name): return self
raises, lies, hangs, anything = Raises(), Lies(), Hangs(), Anything()
nested = [raises, hangs]
itself = []
itself.append(itself)
huge = 10 ** 100_000
text = "x" * 100_000_000
after = 1
"""
    known = await inventory(kernel, code)
    assert {"raises", "lies", "hangs", "anything", "nested", "itself", "huge"} <= known.keys()
    assert known["after"].summary == "1"
    assert known["huge"].summary == "<int of 332193 bits>"
    assert all(len(variable.summary) <= 200 for variable in known.values())


async def test_a_large_frame_is_not_looked_through(kernel: Kernel) -> None:
    code = """
import numpy as np, pandas as pd
table = pd.DataFrame({f"c{n}": np.zeros(1_000_000) for n in range(40)})
"""
    known = await inventory(kernel, code)
    assert known["table"].size == 40 * 8_000_000 + 132
    assert known["table"].summary.endswith(" more")


async def test_of_very_many_the_latest_are_listed(kernel: Kernel) -> None:
    known = await inventory(kernel, "globals().update({f'v{n}': n for n in range(2000)})")
    assert len(known) == 500
    assert "v1999" in known


async def test_keys_that_are_no_names_break_nothing(kernel: Kernel) -> None:
    code = """
class Evil(str):
    def __eq__(self, other): raise RuntimeError
    def __hash__(self): return 1 // (not armed)
    def __len__(self): raise RuntimeError
    def startswith(self, *_): raise RuntimeError
armed = False
globals()[5] = globals()[None] = globals()[("a", 1)] = 1
globals()[Evil("evil")] = 2
globals()["half \\ud800"] = 3
globals()["x" * 10_000_000] = 4
globals()["__" "proto"] = globals()[""] = 5
armed = True
after = 6
"""
    known = await inventory(kernel, code)
    assert known["evil"].summary == "2"
    assert known["half ?"].summary == "3"
    assert [len(name) for name, v in known.items() if v.summary == "4"] == [200]
    assert known["after"].summary == "6"
    with pytest.raises(NoSuchVariable) as refused:
        await kernel.bundle("afte")
    assert refused.value.available[0] == "after"
    assert await run(kernel, "armed = False") == []


async def test_hostile_classes_are_listed_with_what_they_tell(kernel: Kernel) -> None:
    code = """
class Faceless:
    __class__ = property(lambda self: 1 / 0)
class Nowhere:
    __module__ = 5
class Meta(type):
    __name__ = property(lambda cls: 1 / 0)
    def __getattribute__(cls, name): raise RuntimeError
class Guarded(metaclass=Meta): pass
class Leaves:
    def __len__(self): raise SystemExit
class Breaks:
    def __len__(self): raise KeyboardInterrupt
class Boundless:
    shape = (10 ** 10_000,)
    nbytes = 10 ** 10_000
    def __len__(self): raise RuntimeError
    def __repr__(self): return "told"
class Deep:
    shape = (1,) * 10_000_000
faceless, nowhere, guarded, leaves = Faceless(), Nowhere(), Guarded(), Leaves()
boundless, deep = Boundless(), Deep()
before, breaks, after = 1, Breaks(), 2
"""
    known = await inventory(kernel, code)
    types = {name: variable.type for name, variable in known.items()}
    assert types["faceless"] == "Faceless"
    assert types["nowhere"] == "Nowhere"
    assert (types["guarded"], types["Guarded"]) == ("Guarded", "Meta")
    assert types["leaves"] == "Leaves"
    boundless = known["boundless"]
    assert (boundless.shape, boundless.size, boundless.summary) == (None, None, "told")
    assert known["deep"].shape is None
    assert known["before"].summary == "1"
    assert (types["breaks"], types["after"]) == ("Breaks", "int")
    assert await run(kernel, "pass") == []
