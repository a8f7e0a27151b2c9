"""The README says what is so."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from chatkernel.settings import PREFIX, Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
ROWS = dict(re.findall(r"^\| `(CHATKERNEL_\w+)` \| (.*) \|$", README, re.M))


def expected_row(name: str) -> str:
    """Default and description of a setting as the table has them."""
    field = Settings.model_fields[name]
    default = field.default
    if default is None or default == ():
        shown = ""
    else:
        shown = f"`{str(default).lower() if isinstance(default, bool) else default}`"
    return f"{shown} | {field.description}"


def test_the_settings_table_is_the_code() -> None:
    assert {f"{PREFIX}{name.upper()}": expected_row(name) for name in Settings.model_fields} == ROWS


def test_every_setting_is_told_in_words() -> None:
    for name, field in Settings.model_fields.items():
        assert (field.description or "").endswith("."), name


def test_its_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_its_example_is_python() -> None:
    for block in re.findall(r"```python\n(.*?)```", README, re.S):
        ast.parse(block)


@pytest.mark.parametrize("command", re.findall(r"^    (scripts/\w+)", README, re.M))
def test_its_commands_are_there(command: str) -> None:
    subprocess.run(["test", "-x", str(ROOT / command)], check=True)
