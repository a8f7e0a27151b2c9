"""A turn without a session: what it shows live, its blocks, and what it leaves."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter

from chatkernel.agent.history import read_history
from chatkernel.agent.interaction import Interaction
from chatkernel.agent.libraries import Libraries
from chatkernel.agent.run import make_agent, run_agent
from chatkernel.agent.work import Work
from chatkernel.chat_log import TurnRecord
from chatkernel.events import (
    ArtifactRef,
    CallTools,
    CellOutput,
    Delta,
    LiveEvent,
    ModelRequest,
    Part,
    ToolReturn,
    is_block,
)
from chatkernel.keeping import Rich
from kernels import Kernel, Limits
from tests.chatkernel.agent.model import Reply, Scripted

Lend = Callable[[], Awaitable[Kernel]]


@dataclass
class Stage:
    """Takes turns on a kernel, with artifacts in memory and numbers from 1."""

    lend: Lend
    limits: Limits = field(default_factory=Limits)
    live: list[LiveEvent] = field(default_factory=list)
    artifacts: dict[str, bytes] = field(default_factory=dict)
    puts: list[int] = field(default_factory=list)
    model: Scripted = field(default_factory=Scripted)
    work: Work = field(default_factory=Work)
    blocks: list[CallTools | ModelRequest] = field(default_factory=list)
    react: Callable[[LiveEvent], object] = is_block
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    interaction: Interaction = field(init=False)

    def __post_init__(self) -> None:
        self.interaction = self.begin("go")

    def begin(self, text: str) -> Interaction:
        """A new turn's."""
        self.interaction = Interaction(
            turn=0,
            user_text=text,
            lend=self.lend,
            put=self.put,
            live=self._show,
            number=lambda: next(self.numbers),
        )
        return self.interaction

    async def put(self, parts: Sequence[Rich], name: str | None) -> Sequence[ArtifactRef]:
        """Keep artifacts."""
        self.puts.append(len(parts))
        shas = [hashlib.sha256(part.content).hexdigest() for part in parts]
        self.artifacts |= {sha: part.content for sha, part in zip(shas, parts, strict=True)}
        return [
            ArtifactRef(id=sha, media_type=part.media_type, size=len(part.content), name=name)
            for sha, part in zip(shas, parts, strict=True)
        ]

    def _show(self, event: LiveEvent) -> None:
        self.live.append(event)
        self.react(event)

    def stop_at(self, found: Callable[[LiveEvent], bool]) -> None:
        """Let the user stop the turn at the first live event that is ``found``."""
        self.when(found, self.interaction.stop)

    def when(self, found: Callable[[LiveEvent], bool], then: Callable[[], None]) -> None:
        """Let something happen at every live event that is ``found``."""

        def react(event: LiveEvent) -> None:
            if found(event):
                then()

        self.react = react

    async def take(
        self, *replies: Reply, history: Sequence[ModelMessage] = (), requests: int = 50
    ) -> list[CallTools | ModelRequest]:
        """The blocks of the turn that ``replies`` make; they are in ``blocks`` also if it raises."""
        self.model.script(*replies)
        self.blocks, self.work = [], Work()
        turn = run_agent(
            make_agent(self.limits, Libraries()),
            self.interaction,
            model=self.model.model(),
            history=history,
            work=self.work,
            requests=requests,
        )
        async for block in turn:
            self.blocks.append(block)
        return self.blocks

    async def next_turn(self, *replies: Reply) -> list[CallTools | ModelRequest]:
        """The turn that follows the last one, with its messages as a session hands them on."""
        packed = ModelMessagesTypeAdapter.dump_python(self.work.messages)
        self.react = is_block
        self.begin("and then?")
        before = read_history([TurnRecord(0, "go", "ok", (), packed)])
        return await self.take(*replies, history=before.messages)

    @property
    def parts(self) -> list[Part]:
        """Everything the model said."""
        return [
            part for block in self.blocks if isinstance(block, CallTools) for part in block.parts
        ]

    @property
    def returns(self) -> list[ToolReturn]:
        """Everything the tools gave back."""
        requests = (block for block in self.blocks if isinstance(block, ModelRequest))
        return [part for block in requests for part in block.parts]

    @property
    def deltas(self) -> str:
        """All text that was shown while the model wrote."""
        return "".join(event.text for event in self.live if isinstance(event, Delta))


def printed(returned: ToolReturn) -> str:
    """What a cell printed, and the plain text of what it displayed."""
    texts = [o.get("text") or o.get("data", {}).get("text/plain", "") for o in returned.outputs]
    return "".join(texts)


def shows(text: str) -> Callable[[LiveEvent], bool]:
    """Whether a live event is the output of a cell with this text in it."""
    return lambda event: isinstance(event, CellOutput) and text in str(event.output)


def writes(text: str) -> Callable[[LiveEvent], bool]:
    """Whether a live event is a delta with this text in it."""
    return lambda event: isinstance(event, Delta) and text in event.text


async def drained(kernel: Kernel, code: str) -> None:
    """Run a cell for what it leaves behind."""
    async for _ in kernel.execute(code):
        pass
