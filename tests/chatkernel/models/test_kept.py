from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import SecretStr

from chatkernel.models.connection import Connection
from chatkernel.models.kept import KeptFileUnusable, forget, load, save

CONNECTION = Connection(provider="openai", name="gpt-6.1-sol", key=SecretStr("typed-secret"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runtime" / "model.json"


def test_what_is_kept_comes_back(path: Path) -> None:
    save(path, CONNECTION)
    assert load(path) == CONNECTION
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["model.json"]


def test_nothing_kept_is_nothing(path: Path) -> None:
    assert load(path) is None
    forget(path)


def test_what_is_forgotten_is_gone(path: Path) -> None:
    save(path, CONNECTION)
    forget(path)
    assert load(path) is None


def test_a_file_that_others_may_read_is_refused(path: Path) -> None:
    save(path, CONNECTION)
    path.chmod(0o640)
    with pytest.raises(KeptFileUnusable, match="mode 0640"):
        load(path)


def test_a_file_of_another_user_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(path, CONNECTION)
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    with pytest.raises(KeptFileUnusable, match="another user"):
        load(path)


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    save(tmp_path / "elsewhere.json", CONNECTION)
    path.parent.mkdir()
    path.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(KeptFileUnusable, match="can't be opened"):
        load(path)


def test_a_folder_and_a_pipe_are_refused(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(KeptFileUnusable, match="not a regular file"):
        load(path)
    path.rmdir()
    os.mkfifo(path, 0o600)
    with pytest.raises(KeptFileUnusable, match="not a regular file"):
        load(path)


@pytest.mark.parametrize("content", ["", "[]", '{"name": "x", "key": "typed-secret"}', "{", "\0"])
def test_a_damaged_file_is_refused_without_quoting_it(path: Path, content: str) -> None:
    save(path, CONNECTION)
    path.write_text(content)
    with pytest.raises(KeptFileUnusable, match="damaged") as raised:
        load(path)
    assert raised.value.__cause__ is None
