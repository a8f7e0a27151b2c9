"""The checker of the other tests, checked: it must see what could act."""

from __future__ import annotations

import pytest

from tests.web.render.harmless import problems


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        "<script src=https://evil.example/x.js></script>",
        "<img src=x onerror=alert(1)>",
        '<img src="https://evil.example/x.png">',
        '<a href="javascript:alert(1)">x</a>',
        '<a href=" java\nscript:alert(1)">x</a>',
        '<a href="data:text/html,x">x</a>',
        '<a href="https://evil.example">x</a>',
        '<iframe src="/x"></iframe>',
        '<iframe sandbox="allow-scripts" srcdoc="x"></iframe>',
        '<div hx-get="/logout">x</div>',
        "<object></object>",
        "<style>x</style>",
        "<hx-partial></hx-partial>",
    ],
)
def test_it_sees_what_could_act(html: str) -> None:
    assert problems(f"<p>before {html} after</p>")
