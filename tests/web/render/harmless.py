"""What HTML made of hostile text may hold: elements and attributes of ours, and nothing that acts."""

from __future__ import annotations

from html.parser import HTMLParser

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    '"><script>alert(1)</script>',
    "' onmouseover='alert(1)",
    '" autofocus onfocus="alert(1)',
    "<a href='javascript:alert(1)'>x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](  javascript:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:msgbox(1))",
    "<javascript:alert(1)>",
    "![x](https://evil.example/leak.png)",
    '![x](https://evil.example/"onerror="alert(1))',
    '[x](https://evil.example/ "onclick=alert(1)")',
    "[x]: javascript:alert(1)\n\n[x]",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<hx-partial hx-target='#log'>x</hx-partial>",
    "<div hx-get='/logout' hx-trigger='load'>x</div>",
    "<template hx type='partial'>x</template>",
    "<head><title>x</title></head>",
    "<!--><script>alert(1)</script>",
    "</pre></code></article><script>alert(1)</script>",
    "<math><mtext></mtext><mglyph><style><!--</style><img title='--><img src onerror=alert(1)>'>",
    "`<script>alert(1)</script>`",
    "```html\n<script>alert(1)</script>\n```",
    '```"><script>alert(1)</script>\ncode\n```',
    "| <script>alert(1)</script> |\n|---|\n| <img src=x onerror=alert(1)> |",
    "# <script>alert(1)</script>",
    "> <script>alert(1)</script>",
    '<fig name="<script>alert(1)</script>"/>',
    "<fig name='\"><script>alert(1)</script>'/>",
    "<df name=x onerror=alert(1)/>",
    "\x1b[31m<script>alert(1)</script>\x1b[0m",
    "\x1b]8;;javascript:alert(1)\x07link\x1b]8;;\x07",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
)

_OURS = {
    "a", "article", "aside", "blockquote", "body", "br", "button", "circle", "ck-elapsed", "ck-figure",
    "ck-frame", "ck-table", "code", "del", "details", "dialog", "div", "em", "fieldset", "footer", "form",
    "h1", "h2", "h3", "h4", "h5", "h6", "head", "header", "hr", "html", "iframe", "img", "input", "kbd", "label",
    "li", "link", "main", "meta", "nav", "ol", "option", "p", "path", "pre", "rect", "script", "section",
    "select", "small", "span", "strong", "summary", "svg", "symbol", "table", "tbody", "td", "textarea",
    "th", "thead", "title", "tr", "ul", "use",
}  # fmt: skip
_ADDRESSES = {"href", "src", "action", "formaction", "poster", "data", "xlink:href"}
_HTMX = {"hx-ws:connect", "hx-target", "hx-swap", "hx-config"}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.problems: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _OURS:
            self.problems.append(f"<{tag}>")
        for name, value in attrs:
            self._check(tag, name, value or "")
        if tag == "script" and not (dict(attrs).get("src") or "").startswith("/static/"):
            self.problems.append("a script that isn't ours")
        if tag == "iframe" and dict(attrs).get("sandbox") != "allow-scripts":
            self.problems.append("a frame outside the sandbox")
        if tag == "a" and "://" in (dict(attrs).get("href") or ""):
            self._check_link(dict(attrs))

    def _check(self, tag: str, name: str, value: str) -> None:
        if (
            name.startswith("on")
            or name == "srcdoc"
            or (name.startswith("hx-") and name not in _HTMX)
        ):
            self.problems.append(f"{tag} {name}={value}")
        if name in _ADDRESSES:
            address = "".join(value.split()).lower()
            outside = address.startswith(("http", "mailto:"))
            if not (address.startswith(("/", "#")) or (tag == "a" and outside)):
                self.problems.append(f"{tag} {name}={value}")

    def _check_link(self, attrs: dict[str, str | None]) -> None:
        if attrs.get("target") != "_blank" or "noopener" not in (attrs.get("rel") or ""):
            self.problems.append(f"a link that keeps the page: {attrs}")


def problems(html: str) -> list[str]:
    """What in ``html`` could act, leave the page or isn't an element of ours."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.problems
