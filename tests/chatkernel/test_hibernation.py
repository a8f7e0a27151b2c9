"""Why a kernel hibernates, in words."""

from __future__ import annotations

from chatkernel.hibernation import idle_for


def test_how_long_it_was_idle() -> None:
    why = idle_for(3600)
    assert why.cause == "idle for 60 minutes"
    assert why.said("So it is.") == "Python was idle for 60 minutes and was ended. So it is."
