"""What is done once, before any kernel is forked: libraries are imported, IPython is built."""

from __future__ import annotations

import ctypes
import gc
import importlib
import io
import logging
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeAlias, cast

import dill  # not a preload that may be missing: what keeps variables needs it
from ipykernel.thread import make_selector_io_loop
from IPython.core.profiledir import ProfileDir

from .app import App
from .blas import Setter, setters
from .guard import GuardedSession
from .kernel import InsideKernel
from .streams import DrainedStream

# What a kernel imports with its first cell, completion, magic or traceback.
_ITS_OWN = (
    "IPython.core.completer", "IPython.core.completerlib", "IPython.core.debugger",
    "IPython.core.logger", "IPython.core.magics", "IPython.core.oinspect",
    "IPython.core.payloadpage", "IPython.core.pylabtools", "IPython.extensions.storemagic",
    "IPython.utils.wildcard", "asyncio", "comm", "faulthandler", "html", "ipykernel.debugger",
    "ipykernel.subshell", "jedi", "multiprocessing", "pdb", "psutil", "sqlite3", "tornado.locks",
    "tornado.platform.asyncio", "tornado.queues", "uuid", "zmq",
)  # fmt: skip

_SMALL_STEP, _SMALL = 16, 512
"""Sizes that Python's allocator serves from pools: pymalloc in the C API's "Memory Management"."""
_LARGE_STEP, _LARGE = 256, 64 << 10
"""Beyond, the C library asks the system."""
_HOLES_BYTES = 128 << 10
"""More than there are of any size, by sys._debugmallocstats()."""


Trial: TypeAlias = Callable[[str], AbstractContextManager[None]]
"""Around what a module does, named: it may end this process or make it unfit for forks."""


@dataclass(frozen=True)
class Warm:
    """``app`` is built up to its sockets; ``missing`` says why a module could not be imported;
    ``blas`` are what sets the threads of linear algebra."""

    app: App
    missing: Mapping[str, str]
    blas: tuple[Setter, ...]


def warm(preload: Sequence[str], trial: Trial, *, without: Sequence[str] = ()) -> Warm:
    """Build the application and its shell, import ``preload`` and take each library's first steps,
    each of them in a ``trial``; nothing of this is done for those in ``without``.

    Whatever it allocates here is shared by all kernels until one writes to it.
    """
    # ipykernel starts a debugger if it finds debugpy, which serves nobody here.
    modules = cast("dict[str, ModuleType | None]", sys.modules)
    modules["debugpy"] = None
    for name in _ITS_OWN:
        with suppress(ImportError):
            importlib.import_module(name)
    app = _build()  # before matplotlib, which asks for a shell to draw for
    missing = _import([name for name in preload if name not in without], trial)
    for name, rehearse in _REHEARSALS.items():
        if name in sys.modules and name not in without:
            with trial(name):
                try:
                    rehearse()
                except Exception as error:  # noqa: BLE001 a library that can't do it yet may do it later
                    missing[name] = f"its first steps failed: {type(error).__name__}: {error}"
    del modules["debugpy"]
    return Warm(app, missing, setters())


def settle() -> None:
    """Let the garbage collector leave alone what is there: a look at an object un-shares its page."""
    gc.collect()
    gc.disable()
    _fill_holes()
    gc.freeze()


def _fill_holes() -> None:
    """Where objects were freed, a kernel's new ones would each un-share a page: 2 MiB for every kernel.
    They go to pages of their own if the allocators have no such places left: Python's, for what is
    small, and the C library's, as far as its heap grows by sbrk(2)."""
    allocate = ctypes.pythonapi.PyObject_Malloc
    allocate.restype = ctypes.c_void_p
    for size in range(_SMALL_STEP, _SMALL + 1, _SMALL_STEP):
        for _ in range(_HOLES_BYTES // size):
            allocate(ctypes.c_size_t(size))
    libc = ctypes.CDLL(None)
    libc.malloc.restype = libc.sbrk.restype = ctypes.c_void_p
    top = libc.sbrk(0)
    for size in (*range(_LARGE, _SMALL, -_LARGE_STEP), *range(_SMALL, _SMALL_STEP, -_SMALL_STEP)):
        while (libc.malloc(ctypes.c_size_t(size)) or top) < top:  # there was a place
            pass


def _import(preload: Sequence[str], trial: Trial) -> dict[str, str]:
    missing = {}
    for name in preload:
        with trial(name):
            try:
                importlib.import_module(name)
            except Exception as error:  # noqa: BLE001 whatever a library raises, kernels start without it
                missing[name] = f"{type(error).__name__}: {error}"
    return missing


def _build() -> App:
    """The application and the shell. Sockets, threads and the session's ids are each kernel's own."""
    app: App = App.instance(
        kernel_class=InsideKernel,
        session=GuardedSession(key=b"each kernel's is its own"),
        user_ns={},
        outstream_class=f"{DrainedStream.__module__}.{DrainedStream.__name__}",
    )
    app.config.HistoryManager.enabled = False  # it would start a thread
    with tempfile.TemporaryDirectory() as folder:
        app.ipython_dir = folder
        app.profile_dir = ProfileDir.create_profile_dir(folder)
        shell: Any = cast(Any, InsideKernel.shell_class).default_value.instance(
            config=app.config,
            profile_dir=app.profile_dir,
            user_ns=app.user_ns,
            compiler_class=cast(Any, InsideKernel.compiler_class).default_value,
        )
        app.init_pdb()
        _rehearse_start(app)
        shell.run_cell("_ = 1;", store_history=False, silent=True)
        shell.complete("print.__do")
        _rehearse_traceback(shell)
        shell.reset(new_session=True)
    return app


def _rehearse_start(app: App) -> None:
    """What every kernel makes for itself: what is looked up for it is remembered then."""
    app.configure_tornado_logger()
    app.log.setLevel(logging.WARNING)  # of its own it makes records of less, and drops them
    loop = make_selector_io_loop()
    loop.close(all_fds=True)


def _rehearse_traceback(shell: Any) -> None:
    try:
        exec(compile("1 / 0", "<cell>", "exec"), {})
    except ZeroDivisionError:
        shell.InteractiveTB.structured_traceback(*sys.exc_info())


def _rehearse_pandas() -> None:
    import numpy as np
    import pandas as pd

    frame = pd.DataFrame({"a": np.arange(50), "b": np.linspace(0, 1, 50), "c": list("ab") * 25})
    frame.describe()
    frame.groupby("c").sum(numeric_only=True)
    frame.merge(frame.head(2), on="a").sort_values("b_x")
    frame.head(3).to_csv()
    frame._repr_html_()
    repr(frame)
    pd.read_csv(io.StringIO("a,b\n1,2\n"))
    pd.to_datetime(["2024-01-01"])


def _rehearse_plotly() -> None:
    import plotly.express as px
    import plotly.graph_objects as go
    import plotly.io as pio

    figure = px.scatter(x=[1, 2], y=[1, 2], color=["a", "b"])
    figure.to_json()
    px.line(x=[1, 2], y=[1, 2])
    px.bar(x=[1, 2], y=[1, 2])
    px.histogram(x=[1, 2])
    go.Figure(go.Scatter(x=[1], y=[1])).to_dict()
    pio.templates["plotly"]
    figure._repr_mimebundle_()  # brings nbformat and jsonschema: 11 MiB


def _rehearse_matplotlib() -> None:
    from matplotlib import font_manager as fonts
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    importlib.import_module("matplotlib.pyplot")
    importlib.import_module("matplotlib_inline.backend_inline")
    figure = Figure()
    figure.subplots().plot([1, 2])
    FigureCanvasAgg(figure).print_png(io.BytesIO())
    # matplotlib does it after a fork by itself: fonts that are there would be freed in every kernel.
    cast(Any, fonts)._get_font.cache_clear()


def _rehearse_dill() -> None:
    dill.loads(dill.dumps({"f": lambda x: x}))


_REHEARSALS: Mapping[str, Callable[[], None]] = {
    "pandas": _rehearse_pandas,
    "plotly": _rehearse_plotly,
    "matplotlib": _rehearse_matplotlib,
    "dill": _rehearse_dill,
}
