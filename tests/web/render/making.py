"""Events and views to render in tests."""

from __future__ import annotations

from dataclasses import dataclass

from chatkernel.events import ARTIFACT_MIME, ArtifactRef, NotebookOutput, ToolReturn, ToolStatus


@dataclass(frozen=True)
class StaticUrls:
    """Artifacts under a fixed address."""

    def artifact(self, ref: ArtifactRef) -> str:
        return f"/api/chats/c/artifacts/{ref.id}"


URLS = StaticUrls()


def ref(media_type: str, name: str | None = None, *, sha: str = "abc") -> ArtifactRef:
    """An artifact of 10 bytes."""
    return ArtifactRef(id=sha, media_type=media_type, size=10, name=name)


def display(*refs: ArtifactRef, **data: object) -> NotebookOutput:
    """A display_data whose rich data became ``refs``."""
    artifacts = [each.model_dump(exclude_none=True) for each in refs]
    bundle = {ARTIFACT_MIME: artifacts, **data} if artifacts else data
    return {"output_type": "display_data", "data": bundle, "metadata": {}}


def stream(text: str, name: str = "stdout") -> NotebookOutput:
    """Something printed."""
    return {"output_type": "stream", "name": name, "text": text}


def failure(ename: str, evalue: str, *frames: str) -> NotebookOutput:
    """An exception of the cell."""
    return {"output_type": "error", "ename": ename, "evalue": evalue, "traceback": list(frames)}


def returned(
    *outputs: NotebookOutput, status: ToolStatus = "ok", tool: str = "run_python", call: str = "a"
) -> ToolReturn:
    """What a tool gave back."""
    return ToolReturn(id=call, tool=tool, status=status, outputs=outputs)
