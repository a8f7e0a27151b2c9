"""Why a kernel hibernates, in words."""

from __future__ import annotations

import pytest

from chatkernel.hibernation import idle_for


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.5, "0.5 seconds"),
        (90, "90 seconds"),
        (3600, "60 minutes"),
        (5400, "90 minutes"),
        (9000, "2.5 hours"),
        (7 * 86_400, "168 hours"),
    ],
)
def test_how_long_it_was_idle(seconds: float, said: str) -> None:
    why = idle_for(seconds)
    assert why.cause == f"idle for {said}"
    assert why.said("So it is.") == f"Python was idle for {said} and was ended. So it is."
