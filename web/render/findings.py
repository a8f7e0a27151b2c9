"""What was looked for, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from chatkernel.models.finding import Finding
from web.elements import Element, li, small, span, ul
from web.render.icons import icon


def findings_list(findings: Sequence[Finding]) -> Element | None:
    """The findings in their order; None when there are none."""
    if not findings:
        return None
    return ul([_finding(each) for each in findings], cls="findings")


def _finding(found: Finding) -> Element:
    return li(
        span(icon("check" if found.found else "close"), cls="mark"),
        span(found.what),
        small(found.reason),
        cls="found" if found.found else "not-found",
    )
