"""What the admin page says of control groups that are missing, and that it says nothing where none are."""

from __future__ import annotations

from chatkernel.isolation import Isolation
from kernels import Cgroups, FoundTier, Tier
from web.elements import to_html
from web.render.cgroup_note import cgroup_note

FULL = FoundTier(Tier.FULL)


def test_why_they_are_missing_and_what_would_give_them() -> None:
    cgroups = Cgroups(reason="v2: <read-only>.")
    note = cgroup_note(Isolation(FULL, cgroups, cgroup_advice=("Run this.", "Then <that>.")))
    assert note is not None
    html = to_html(note)
    for said in (
        "Control groups: none",
        "<dt>Why not all</dt><dd>v2: &lt;read-only&gt;.</dd>",
        "<li>Run this.</li><li>Then &lt;that&gt;.</li>",
    ):
        assert said in html


def test_with_all_of_them_there_is_nothing_to_say() -> None:
    assert cgroup_note(Isolation(FULL, Cgroups(reason=""))) is None
