"""``chatkernel doctor``."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from chatkernel.doctor import Examined, KernelsFound, examine
from chatkernel.doctor_report import report
from chatkernel.isolation import Isolation
from chatkernel.models import Finding
from chatkernel.settings import load_settings
from kernels import (
    NO_CGROUPS,
    Cgroups,
    FoundTier,
    KernelStartFailed,
    Launch,
    Room,
    Tier,
    Warmed,
)
from tests.serving import clean_environment

KERNELS = KernelsFound(
    python="3.12.1",
    warmed=Warmed(1.5, {"polars": "No module named 'polars'"}),
    isolation=Isolation(FoundTier(Tier.FULL), NO_CGROUPS),
    bounds=(),
)
EXAMINED = Examined(
    interpreter="/opt/python",
    preload=("numpy", "polars"),
    kernels=KERNELS,
    room=Room(200, 1 << 20),
    data=Path("/srv/data"),
    free_bytes=5 << 30,
    wanted_bytes=1 << 30,
    model="direct mode (no model was found)",
    looked=(Finding("OpenAI key", False, "not in the environment"),),
)


def run(data: Path, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """``chatkernel doctor``, to its end."""
    code = "from chatkernel.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, "doctor", "--data", str(data)],
        env={**clean_environment(), "COLUMNS": "200", **(environ or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def printed(examined: Examined) -> str:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(report(examined))
    return captured.get()


def in_tier(found: FoundTier, *advice: str) -> Examined:
    isolation = Isolation(found, NO_CGROUPS, advice)
    return replace(EXAMINED, kernels=replace(KERNELS, isolation=isolation))


def test_it_says_what_is_here_and_makes_no_folder(tmp_path: Path) -> None:
    environ = {
        "CHATKERNEL_PRELOAD": "json,nosuchmodule",
        "CHATKERNEL_USER_LIMITS": '{"ada": {"processes": 64}}',
    }
    done = run(tmp_path / "data", environ)
    assert done.returncode in {0, 1}, done.stderr
    for words in (
        *("tier ", "open files", "json, in", "nosuchmodule is missing", "free", "direct"),
        *("for 5 minutes: the watch", "CHATKERNEL_USER_LIMITS): ada", "control groups"),
    ):
        assert words in done.stdout
    assert done.returncode == ("tier none" in done.stdout)
    assert not (tmp_path / "data").exists()


def test_without_kernels_it_says_why_and_exits_with_two(tmp_path: Path) -> None:
    done = run(tmp_path / "data", {"CHATKERNEL_KERNEL_PYTHON": "/bin/false"})
    assert done.returncode == 2
    assert "Python did not start" in done.stdout
    assert "/bin/false" in done.stdout


@pytest.mark.parametrize("folder", ["/etc/passwd", "/etc/passwd/data"])
def test_a_folder_that_can_not_be_used_is_said_and_exits_with_two(folder: str) -> None:
    done = run(Path(folder), {"CHATKERNEL_PRELOAD": "json"})
    assert done.returncode == 2
    assert f"The data folder {folder} can't be used: " in done.stdout
    assert "Choose another with --data or CHATKERNEL_DATA." in done.stdout


def test_a_link_that_leads_nowhere_is_said_and_exits_with_two(tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to("nowhere")
    done = run(tmp_path / "data", {"CHATKERNEL_PRELOAD": "json"})
    assert done.returncode == 2
    assert f"The data folder {tmp_path / 'data'} can't be used: " in done.stdout


@pytest.mark.anyio
async def test_a_folder_that_kernels_could_read_is_said_and_exits_with_two(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refuse_namespaces(launch: Launch, *_: object) -> None:
        if launch.sandbox.tier is Tier.FULL:
            raise KernelStartFailed("namespaces: refused.")

    monkeypatch.setattr("kernels.tiers._try", refuse_namespaces)
    examined = await examine(load_settings(data=Path("/dev/shm/ck/data"), preload=("json",)))
    assert examined.exit_code == 2
    assert "/dev/shm/ck/data lies in /dev/shm, which kernels can read here" in printed(examined)


@pytest.mark.parametrize(
    ("examined", "code"),
    [
        (replace(EXAMINED, data_fault="The data folder can't be used."), 2),
        (EXAMINED, 0),
        (in_tier(FoundTier(Tier.LANDLOCK)), 0),
        (in_tier(FoundTier(Tier.NONE)), 1),
        (replace(EXAMINED, kernels="Python did not start."), 2),
    ],
)
def test_the_exit_code_says_whether_to_serve(examined: Examined, code: int) -> None:
    assert examined.exit_code == code


def test_what_was_refused_and_what_would_raise_it_stand_together() -> None:
    told = printed(in_tier(FoundTier(Tier.NONE, {Tier.FULL: "mount: refused."}), "Do this."))
    assert "tier none" in told
    assert "tier full was refused: mount: refused." in told
    assert "Do this." in told


def test_control_groups_are_told_with_what_refused_them() -> None:
    cgroups = Cgroups(reason="v2: it is not mounted.")
    refused = replace(KERNELS, isolation=Isolation(FoundTier(Tier.FULL), cgroups))
    told = printed(replace(EXAMINED, kernels=refused))
    assert re.search(r"control groups +none", told)
    assert "refused: v2: it is not mounted." in told


def test_a_missing_preload_and_a_full_disk_are_told() -> None:
    told = printed(replace(EXAMINED, free_bytes=1 << 20))
    assert "polars is missing: No module named 'polars'" in told
    assert "1 MiB free for /srv/data: less than the 1 GiB" in told
    assert "OpenAI key: not found, not in the environment" in told


def test_users_with_limits_of_their_own_are_named() -> None:
    told = printed(replace(EXAMINED, own_limits=("ada", "guest")))
    assert "limits of their own (CHATKERNEL_USER_LIMITS): ada, guest" in told
    assert "limits of their own" not in printed(EXAMINED)


def test_room_for_fewer_kernels_than_are_wanted_is_told_with_what_to_do() -> None:
    assert "for 200 kernels at once: the server may open 1,048,576 files" in printed(EXAMINED)
    told = printed(replace(EXAMINED, room=Room(200, 1024)))
    for words in ("room for 85 of 200 kernels only", "`ulimit -n 2056`", "LimitNOFILE=2056"):
        assert words in " ".join(told.split())
