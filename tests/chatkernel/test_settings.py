"""Settings come from arguments, then from CHATKERNEL_ variables."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from chatkernel.errors import SettingsInvalid
from chatkernel.settings import PREFIX, Settings, load_settings, unknown_settings
from kernels import Limits

WHOLE_NUMBERS = [name for name, field in Settings.model_fields.items() if field.annotation is int]


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"{PREFIX}{name.upper()}", raising=False)


def test_defaults_serve_this_machine_only() -> None:
    settings = load_settings()
    assert (settings.host, settings.port, settings.data) == ("127.0.0.1", 5001, Path("data"))
    assert settings.unsafe_no_sandbox is False


def test_kernels_have_the_same_limits_by_default_with_settings_and_without() -> None:
    assert load_settings().limits == Limits()


def test_every_setting_says_what_it_is_for() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_a_variable_sets_and_an_argument_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATKERNEL_PORT", "7000")
    monkeypatch.setenv("CHATKERNEL_CELL_SECONDS", "1.5")
    assert load_settings().port == 7000
    assert load_settings(port=8000, host=None) == load_settings(port=8000)
    assert load_settings(port=8000).port == 8000
    assert load_settings().cell_seconds == 1.5


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATKERNEL_PORT", "")
    monkeypatch.setenv("CHATKERNEL_MODEL", "")
    assert (load_settings().port, load_settings().model) == (5001, None)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("ann", ("ann",)),
        ("ann, bob ,", ("ann", "bob")),
        ('["ann", "bob, jr."]', ("ann", "bob, jr.")),
        (" [ ] ", ()),
        (",", ()),
    ],
)
def test_lists_are_comma_separated_or_json(
    text: str, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATKERNEL_ADMINS", text)
    assert load_settings().admins == names
    assert load_settings(hosts=["a", "b"]).hosts == ("a", "b")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORT", "70000"),
        ("PORT", "five"),
        ("HOST", " "),
        ("CELL_SECONDS", "0"),
        ("CELL_SECONDS", "nan"),
        ("CPUS", "0"),
        ("CPUS", "inf"),
        ("ADMINS", '["ann"'),
        ("ADMINS", "[1]"),
        ("KERNELS_PER_USER", "0"),
        ("USER_LIMITS", '{"ada": {"memory_bytes": 99999999999999999999999}}'),
        *((name.upper(), str((1 << 60) + 1)) for name in WHOLE_NUMBERS),
    ],
)
def test_a_wrong_value_is_one_sentence_that_names_the_variable(
    name: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"CHATKERNEL_{name}", text)
    with pytest.raises(SettingsInvalid) as raised:
        load_settings()
    assert f"CHATKERNEL_{name}" in raised.value.message
    assert "\n" not in raised.value.message


def test_the_key_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATKERNEL_MODEL_KEY", "s3cret-key")
    settings = load_settings()
    assert settings.model_key is not None
    assert settings.model_key.get_secret_value() == "s3cret-key"
    assert "s3cret-key" not in repr(settings)
    monkeypatch.setenv("CHATKERNEL_PORT", "s3cret-port")
    with pytest.raises(SettingsInvalid) as raised:
        load_settings()
    assert "s3cret" not in raised.value.message


def test_an_unknown_argument_is_refused() -> None:
    with pytest.raises(SettingsInvalid, match="PROT"):
        load_settings(prot=1)


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        load_settings().port = 1


def test_everything_kept_is_in_the_data_folder(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path)
    assert settings.database == tmp_path / "chatkernel.db"
    assert [path.parent for path in (settings.chats, settings.artifacts)] == [tmp_path] * 2
    assert [path.parent for path in (settings.workspaces, settings.runtime)] == [tmp_path] * 2


def test_what_is_no_setting_is_told_with_the_closest_one() -> None:
    environ = {"CHATKERNEL_PROT", "CHATKERNEL_ZZZ", "chatkernel_port", "CHATKERNEL_DATA", "PATH"}
    assert list(unknown_settings(environ)) == [
        "There is no setting CHATKERNEL_PROT. Did you mean CHATKERNEL_PORT?",
        "There is no setting CHATKERNEL_ZZZ.",
    ]
