"""An artifact's place on the page: an element that fetches it by URL and shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from chatkernel.events import FRAME_MIME, PLOTLY_MIME, ArtifactRef
from kernels.sizes import size_in_words
from web.elements import Element, a, element, iframe, img, small, span
from web.render.icons import icon


class Urls(Protocol):
    """Where a chat's artifacts are served, below the application's root path."""

    def artifact(self, ref: ArtifactRef) -> str:
        """The address of an artifact's content, with the root path."""
        ...


def artifact(ref: ArtifactRef, urls: Urls) -> Element:
    """The element that shows ``ref``. It may stand inside a paragraph: no block element is in it.

    Every one carries ``data-artifact``, by which ``once.js`` shows the same artifact once in a turn.
    """
    url = urls.artifact(ref)
    kind = ref.media_type
    if kind == PLOTLY_MIME:
        return element("ck-figure", src=url, data_artifact=ref.id, aria_label=ref.name or "Figure")
    if kind == FRAME_MIME:
        return element("ck-table", src=url, data_artifact=ref.id, aria_label=ref.name or "Table")
    if kind == "text/html":
        return _frame(ref, url)
    if kind.startswith("image/"):
        alt = ref.name or "Image"
        return img(src=url, alt=alt, cls="picture", decoding="async", data_artifact=ref.id)
    return _download(ref, url)


def richest(refs: Sequence[ArtifactRef]) -> ArtifactRef | None:
    """The artifact to show of those that stand for one output; None when there is none."""
    shown = [ref for ref in refs if _is_shown(ref.media_type)]
    return next(iter(shown or refs), None)


def _is_shown(media_type: str) -> bool:
    return media_type in (PLOTLY_MIME, FRAME_MIME, "text/html") or media_type.startswith("image/")


def _frame(ref: ArtifactRef, url: str) -> Element:
    """HTML of a cell, in a frame without our origin. ``artifact_frame.js`` gives it the height it reports."""
    name = ref.name or "HTML output"
    inner = iframe(src=url, title=name, sandbox="allow-scripts", loading="lazy")
    return element("ck-frame", inner, src=url, data_artifact=ref.id)


def _download(ref: ArtifactRef, url: str) -> Element:
    return a(
        icon("file"),
        span(ref.name or ref.media_type),
        small(size_in_words(ref.size)),
        href=url,
        download=True,
        cls="chip",
        data_artifact=ref.id,
    )
