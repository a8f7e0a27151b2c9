from __future__ import annotations

from pathlib import Path

from kernels.inside.sandbox.links import Way, way_to


def test_every_link_on_the_way_is_told(tmp_path: Path) -> None:
    top = tmp_path.resolve()
    (top / "versions/3.12.1/bin").mkdir(parents=True)
    (top / "versions/3.12.1/bin/python").touch()
    (top / "versions/3.12").symlink_to("3.12.1")
    (top / "venv").mkdir()
    (top / "venv/python").symlink_to(top / "versions/3.12/bin/../bin/python")
    (top / "here").symlink_to("venv")
    assert way_to(f"{top}/here/python") == Way(
        end=f"{top}/versions/3.12.1/bin/python",
        links={
            f"{top}/here": "venv",
            f"{top}/venv/python": f"{top}/versions/3.12/bin/../bin/python",
            f"{top}/versions/3.12": "3.12.1",
        },
    )


def test_what_leads_nowhere_is_no_way(tmp_path: Path) -> None:
    (tmp_path / "round").symlink_to("round")
    (tmp_path / "dangling").symlink_to("missing")
    assert way_to(str(tmp_path / "round")) is None
    assert way_to(str(tmp_path / "dangling")) is None
    assert way_to(str(tmp_path / "missing/x")) is None
