"""What is said of the machine where it could isolate kernels better, and what would make it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from web.elements import Element, dd, div, dl, dt, h2, li, p, section, ul


def machine_note(
    title: str,
    means: str,
    refusals: Mapping[str, str],
    question: str,
    advice: Sequence[str],
    *,
    cls: str,
) -> Element:
    """``refusals`` are why there is nothing better, by what is asked; ``question`` is what ``advice`` answers."""
    return section(
        h2(title),
        p(means),
        dl(
            [div(dt(asked), dd(why)) for asked, why in refusals.items()],
            div(dt(question), dd(ul([li(each) for each in advice]))),
        ),
        cls=f"machine-note {cls}",
    )
