"""In which kernel the variables of each chat are, and why they are gone when they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from chatkernel.ended_kernels import Ended
from chatkernel.hibernation import Hibernation
from kernels import Death, Kernel

FRESH_KERNEL = (
    "Python started afresh, so variables of earlier messages are gone. "
    "Run the code again where you need them."
)


@dataclass
class Namespaces:
    """The chats of one session. A kernel holds a chat's variables once a turn has used it."""

    _kernels: dict[str, str] = field(default_factory=dict)
    _ends: dict[str, Death | Hibernation] = field(default_factory=dict)
    _lost: set[str] = field(default_factory=set)

    @classmethod
    def after(cls, hibernated: Iterable[Ended]) -> Namespaces:
        """A new session's; these kernels of its chats ended before it."""
        return cls(_ends={ended.owner.chat_id: ended.why for ended in hibernated})

    def held_by(self, chat_id: str, kernel: Kernel | None) -> bool:
        """Whether the chat's variables are in this kernel."""
        return kernel is not None and self._kernels.get(chat_id) == kernel.id

    def move(self, chat_id: str, kernel: Kernel) -> bool:
        """Go on with this kernel; True when the chat's variables were in another."""
        self._lost.discard(chat_id)
        before = self._kernels.get(chat_id)
        self._kernels[chat_id] = kernel.id
        return before not in (None, kernel.id)

    def is_lost(self, chat_id: str) -> bool:
        """Whether nothing is left of them and no kernel was used since, so that it need not be said again."""
        return chat_id in self._lost

    def ended(self, ended: Ended) -> bool:
        """Whether a chat's variables are gone with this kernel; why is remembered then."""
        chat_id = ended.owner.chat_id
        held = self._kernels.get(chat_id) == ended.kernel_id
        if held:
            self._ends[chat_id] = ended.why
        return held

    def forget(self, chat_id: str) -> str:
        """Nothing is left of them; the line that tells user and model so."""
        self._kernels.pop(chat_id, None)
        self._lost.add(chat_id)
        return self.loss(chat_id)

    def loss(self, chat_id: str) -> str:
        """The line that tells user and model that the last kernel's variables are gone, and why."""
        why = self._ends.pop(chat_id, None)
        return why.said(FRESH_KERNEL) if why else FRESH_KERNEL
