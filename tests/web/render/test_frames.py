"""HTML that a cell displays."""

from __future__ import annotations

from web.render.frames import framed


def test_the_document_tells_its_height_whatever_follows() -> None:
    page = framed("<p>x</p><script>never closed")
    assert page.startswith("<!doctype html>")
    assert page.index("ckHeight") < page.index("<p>x</p>")
    assert page.endswith("<p>x</p><script>never closed")
