"""A line of those that wait for places, first come, first served."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field


@dataclass
class Line:
    """At most ``most`` have a place at once. Those ``leaving`` have theirs still."""

    most: int
    queue: list[Hashable] = field(default_factory=list)
    taken: set[Hashable] = field(default_factory=set)
    leaving: set[Hashable] = field(default_factory=set)

    @property
    def free(self) -> int:
        """How many more get a place at once, or will when those have left that are leaving; less than
        none when too few are leaving for those that wait."""
        return self.most - len(self.taken) + len(self.leaving) - len(self.queue)

    def before(self, who: Hashable) -> int:
        """How many get a place before one that waits; less than none when its place is becoming free."""
        return self.queue.index(who) - self.most + len(self.taken) - len(self.leaving)

    def advance(self) -> list[Hashable]:
        """Give places to the first that wait; to whom."""
        count = max(0, self.most - len(self.taken))
        first, self.queue = self.queue[:count], self.queue[count:]
        self.taken.update(first)
        return first

    def remove(self, who: Hashable) -> None:
        """Take it out of the queue, or its place from it."""
        if who in self.queue:
            self.queue.remove(who)
        self.taken.discard(who)
        self.leaving.discard(who)
