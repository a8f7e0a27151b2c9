"""The seam to FastHTML's components."""

from __future__ import annotations

import subprocess
import sys

from web.elements import div, element, input_, p, pre, raw, to_html


def test_escapes_text_and_attributes() -> None:
    made = div("<b>&", title="\"'><script>")
    assert to_html(made) == "<div title='\"&#39;&gt;&lt;script&gt;'>&lt;b&gt;&amp;</div>"


def test_keeps_html_that_is_marked_as_such() -> None:
    assert to_html(p(raw("<i>x</i>"), " & y")) == "<p><i>x</i> &amp; y</p>"


def test_takes_lists_of_children_and_leaves_out_none() -> None:
    assert to_html(div([p("a"), None, [p("b")]], None)) == "<div><p>a</p><p>b</p></div>"


def test_writes_data_attributes_and_names_that_python_has_not() -> None:
    made = div(data_turn=3, cls="x", hidden=False, attrs={"hx-ws:connect": "/ws?a=1&b=2"})
    html = to_html(made)
    assert 'data-turn="3"' in html
    assert 'class="x"' in html
    assert 'hx-ws:connect="/ws?a=1&amp;b=2"' in html
    assert "hidden" not in html


def test_keeps_white_space_in_pre() -> None:
    assert to_html(pre("  a\n\n    b ")) == "<pre>  a\n\n    b </pre>"


def test_void_elements_have_no_end() -> None:
    assert to_html(input_(type="checkbox", checked=True)) == '<input type="checkbox" checked>'
    assert to_html(element("ck-figure", src="/x")) == '<ck-figure src="/x"></ck-figure>'


def test_importing_it_leaves_starlette_as_it_is() -> None:
    program = """
from starlette.convertors import StringConvertor
before = dict(vars(StringConvertor))
import web.elements
import fasthtml.common
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

after = vars(StringConvertor)
assert after["regex"] == before["regex"] == "[^/]+", after["regex"]
assert after["to_string"] is before["to_string"]

def show(request):
    return PlainTextResponse(str(request.url_for("user", name="ada")))

host = Starlette(routes=[Route("/u/{name}", show, name="user")])
client = TestClient(host, root_path="/host")
assert client.get("/host/u/ada").text == "http://testserver/host/u/ada"
assert client.get("/host/u/").status_code == 404
"""
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
