"""HTML that a cell displays, as the document of its frame."""

from __future__ import annotations

_HEAD = """<!doctype html><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<style>
html { overflow-wrap: break-word; }
body { margin: 4px 0; font: 14px/1.5 system-ui, sans-serif; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 10px; }
</style>
<script>
(() => {
  const tell = () =>
    parent.postMessage({ ckHeight: document.documentElement.getBoundingClientRect().height }, "*");
  new ResizeObserver(tell).observe(document.documentElement);
  addEventListener("load", tell);
})();
</script>
"""


def framed(html: str) -> str:
    """The document that a sandboxed frame shows: ``html`` with a plain style, telling the page its height.

    It must be served with a policy that gives it no origin (``Content-Security-Policy: sandbox
    allow-scripts; …``): the HTML is the kernel's.
    """
    return _HEAD + html
