"""What the admin page says of a tier that isn't the best, and that it says nothing of the best."""

from __future__ import annotations

from chatkernel.isolation import Isolation
from kernels import NO_CGROUPS, FoundTier, Tier
from web.elements import to_html
from web.render.tier_note import tier_note

NONE = FoundTier(Tier.NONE, {Tier.FULL: "unshare <failed>.", Tier.LANDLOCK: "there is none."})


def test_why_better_ones_were_refused_and_what_would_raise_it() -> None:
    note = tier_note(Isolation(NONE, NO_CGROUPS, ("Run this.", "Then <that>.")))
    assert note is not None
    html = to_html(note)
    for said in (
        "Sandbox: tier none",
        "Kernels may do whatever the server's user may.",
        "<dt>Why not full</dt><dd>unshare &lt;failed&gt;.</dd>",
        "<dt>Why not landlock</dt><dd>there is none.</dd>",
        "<li>Run this.</li><li>Then &lt;that&gt;.</li>",
    ):
        assert said in html


def test_of_the_best_there_is_nothing_to_say() -> None:
    assert tier_note(Isolation(FoundTier(Tier.FULL), NO_CGROUPS)) is None
