"""Imports point down (web -> chatkernel -> kernels), and no two modules import each other."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAY_IMPORT = {
    "kernels": {"kernels"},
    "chatkernel": {"chatkernel", "kernels"},
    "web": {"web", "chatkernel", "kernels"},
}
INSIDE = "kernels.inside"
INSIDE_MAY_IMPORT = {
    *sys.stdlib_module_names,
    *("IPython", "ipykernel", "dill", "msgpack", "zstandard"),
    *("jupyter_client", "traitlets", "zmq"),  # ipykernel brings them and speaks in their classes
    *("matplotlib", "numpy", "pandas", "plotly", "polars", "pyarrow"),
}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {
    module_name(path): path
    for package in MAY_IMPORT
    for path in sorted((ROOT / package).rglob("*.py"))
}


def imports(module: str) -> Iterator[str]:
    """Every dotted name the module imports, also inside functions and under TYPE_CHECKING."""
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = ".".join(filter(None, [parent(package, node.level), node.module]))
            yield from (f"{source}.{alias.name}" for alias in node.names)


def parent(package: str, level: int) -> str:
    """What the dots of a relative import stand for; "" for an absolute one."""
    return package.rsplit(".", level - 1)[0] if level else ""


def our_module(name: str) -> str | None:
    """The module of ours that an imported name is, or is in."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name or None


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_point_down(package: str) -> None:
    upward = [
        f"{module} imports {name}"
        for module in MODULES
        for name in imports(module)
        if module.split(".")[0] == package
        and name.split(".")[0] in MAY_IMPORT.keys() - MAY_IMPORT[package]
    ]
    assert upward == []


def test_what_runs_in_the_kernel_imports_nothing_else_of_ours() -> None:
    foreign = [
        f"{module} imports {name}"
        for module in MODULES
        for name in imports(module)
        if f"{module}.".startswith(f"{INSIDE}.")
        and not f"{name}.".startswith(f"{INSIDE}.")
        and name.split(".")[0] not in INSIDE_MAY_IMPORT
    ]
    assert foreign == []


def test_no_modules_import_each_other() -> None:
    graph = {module: set(map(our_module, imports(module))) - {None, module} for module in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))
