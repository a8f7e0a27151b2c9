"""Limits of single users: as they are set, and as they bind."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from dataclasses import asdict

import pytest
from pydantic import ValidationError

from chatkernel.errors import NotFound, SettingsInvalid
from chatkernel.events import Event, ModelRequest
from chatkernel.kernel_settings import KernelSettings
from chatkernel.owner import Owner
from chatkernel.settings import Settings, load_settings
from chatkernel.user_limits import UserLimits
from tests.chatkernel.agent.model import run
from tests.chatkernel.agent.stage import printed
from tests.chatkernel.opened import Opened, Talk, opened

pytestmark = pytest.mark.anyio

HOG = "held = []\nwhile True: held.append(b'x' * (20 << 20))"
RUNS = "import time; time.sleep(1.5); 6 * 7"


def test_a_user_has_what_was_given_and_the_deployments_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CHATKERNEL_CELL_SECONDS", "90")
    monkeypatch.setenv(
        "CHATKERNEL_USER_LIMITS",
        '{"ada": {"memory_bytes": 17179869184, "kernels_per_user": 6}, "guest": {"cell_seconds": 60}}',
    )
    settings = load_settings()
    ada, guest = settings.limits_of("ada"), settings.limits_of("guest")
    assert (ada.memory_bytes, ada.kernels_per_user, ada.cell_seconds) == (16 << 30, 6, 90)
    assert (guest.memory_bytes, guest.cell_seconds) == (4 << 30, 60)
    assert settings.limits_of("bob") == settings.limits
    assert settings.limits_of("Ada") == settings.limits


def test_a_name_is_the_one_that_a_login_makes_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    own = {" ada\t b ": UserLimits(processes=64)}
    monkeypatch.setenv("CHATKERNEL_USER_LIMITS", '{" ada  b ": {"processes": 64}}')
    for settings in (load_settings(), Settings(user_limits=own)):
        assert list(settings.user_limits) == ["ada b"]
        assert settings.limits_of("ada b").processes == 64


def test_each_of_them_reaches_the_kernel() -> None:
    much = 1_000_000_000
    own = UserLimits.model_validate(dict.fromkeys(KernelSettings.model_fields, much))
    limits = asdict(Settings(user_limits={"ada": own}).limits_of("ada"))
    assert list(limits.values()).count(much) == len(KernelSettings.model_fields)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '{"ada": {"memory_bytes": 1}}',
            "ada: memory_bytes: Input should be greater than or equal to 268435456.",
        ),
        ('{"ada": {"cell_seconds": 0}}', "ada: cell_seconds: Input should be greater than 0."),
        ('{"ada": {"cell_seconds": null}}', "ada: cell_seconds: Input should be a valid number."),
        ('{"ada": {"processes": "64"}}', "ada: processes: Input should be a valid integer."),
        ('{"ada": {"processes": true}}', "ada: processes: Input should be a valid integer."),
        (
            '{"bob": {}, "ada": {"memory_byte": 1}}',
            "ada: a user has no limit memory_byte; memory_bytes may be meant.",
        ),
        ('{"ada": {"port": 80}}', "ada: a user has no limit port."),
        (
            '{"ada": {"kernels": 2}}',
            (
                "ada: kernels counts those of all users together, so it can't be one user's: "
                "kernels_per_user can."
            ),
        ),
        (
            '{"ada": {"free_bytes": 2}}',
            "ada: free_bytes is of the disk that all users share, so it can't be one user's.",
        ),
        ('{"ada": 5}', 'ada: limits are an object, as in {"memory_bytes": 17179869184}.'),
        ('{"ada": {}, "ada": {}}', "ada stands twice in one object."),
        ('{"ada b": {}, " ada  b": {}}', "ada b stands twice in one object."),
        ('{" ": {}}', "a user's name is empty."),
        ("ada", 'it is no JSON, as in {"ada": {"memory_bytes": 17179869184}}.'),
        (
            '["ada"]',
            'it is no object with users\' names, as in {"ada": {"memory_bytes": 17179869184}}.',
        ),
    ],
)
def test_what_is_wrong_is_a_sentence_that_names_user_and_field(
    text: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATKERNEL_USER_LIMITS", text)
    with pytest.raises(SettingsInvalid) as raised:
        load_settings()
    assert raised.value.message == f"A setting is wrong. CHATKERNEL_USER_LIMITS: {said}"


def test_who_embeds_it_gives_them_as_they_are() -> None:
    settings = Settings(user_limits={"ada": UserLimits(processes=64)})
    assert settings.limits_of("ada").processes == 64
    with pytest.raises(ValidationError, match=r"(?s)user_limits\.ada.*a user has no limit zzz"):
        Settings.model_validate({"user_limits": {"ada": {"zzz": 1}}})


@pytest.fixture(scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Opened]:
    """A service of which user-0 may take less memory and user-1 less time than the others."""
    data = tmp_path_factory.mktemp("user-limits") / "data"
    own = {"user-0": {"memory_bytes": 300 << 20}, "user-1": {"cell_seconds": 1}}
    async with opened(
        data, kernel_python=sys.executable, memory_bytes=600 << 20, user_limits=own
    ) as found:
        yield found


async def said(talk: Talk, code: str) -> str:
    """What a cell of theirs gave."""
    events: list[Event] = await talk.say("go", run(code), "Done.")
    parts = [part for event in events if isinstance(event, ModelRequest) for part in event.parts]
    return "".join(map(printed, parts))


async def test_each_is_bound_by_their_own(here: Opened) -> None:
    little_memory, little_time, other = [await here.talk() for _ in range(3)]
    assert "The cell used more than 300 MiB and" in await said(little_memory, HOG)
    assert "The cell used more than 600 MiB and" in await said(other, HOG)
    assert "The cell ran for 1 s, its limit," in await said(little_time, RUNS)
    for talk in (little_memory, other):
        assert await said(talk, RUNS) == "42"
    living = [view for view in await here.service.overview.kernels() if view.state == "idle"]
    assert {view.user_id: view.memory_limit_bytes for view in living} == {
        little_memory.user_id: 300 << 20,
        little_time.user_id: 600 << 20,
        other.user_id: 600 << 20,
    }


async def test_a_user_that_is_not_known_has_none(here: Opened) -> None:
    with pytest.raises(NotFound):
        await here.service.launcher.limits(Owner("nobody", "chat"))
