"""The places for kernels, and the queues of those that wait for one."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import anyio

from chatkernel.line import Line
from kernels import News


class Places:
    """Each kernel needs two: one of its user's, then one of ``total`` for all.

    Who joins waits in the user's own line, and goes from there to the end of everybody's. So no user has
    more in that one than may live, and who waits for a place of one's own holds up nobody else. Nobody
    who has a place of all waits for another. ``news`` tells of each change.
    """

    def __init__(self, total: int) -> None:
        self.news = News()
        self._all = Line(total)
        self._own: dict[str, Line] = {}
        self._user: dict[Hashable, str] = {}
        self._placed: dict[Hashable, anyio.Event] = {}

    def join(self, who: Hashable, *, user: str, most: int) -> anyio.Event:
        """Stand at the end of the user's line, in which at most ``most`` have a place. The event is that
        it has both places."""
        own = self._own.setdefault(user, Line(most))
        own.most = most
        own.queue.append(who)
        self._user[who] = user
        placed = self._placed[who] = anyio.Event()
        self._advance(own)
        return placed

    def has(self, who: Hashable) -> bool:
        """Whether it has both places."""
        return who in self._all.taken

    def leave(self, who: Hashable) -> None:
        """Leave the line, or begin to leave the places, which `give_back` gives back."""
        if not self.has(who):
            self.give_back(who)
            return
        for line in (self._all, self._own[self._user[who]]):
            line.leaving.add(who)
        self.news.tell()

    def give_back(self, who: Hashable) -> None:
        """Hold nothing and wait for nothing from now on; the second time does nothing."""
        if (user := self._user.pop(who, None)) is None:
            return
        self._placed.pop(who, None)
        own = self._own[user]
        for line in (self._all, own):
            line.remove(who)
        if not own.taken and not own.queue:
            del self._own[user]
        self._advance(own)

    def before(self, who: Hashable) -> int | None:
        """How many will get a place before ``who``, as it stands; None if it has one, or one that is
        becoming free, or doesn't wait."""
        if who in self._all.queue:
            before = self._all.before(who)
        elif (user := self._user.get(who)) is not None and not self.has(who):
            before = self._before_both(who, self._own[user])
        else:
            return None
        return before if before >= 0 else None

    @property
    def short(self) -> int:
        """How many more would have to leave, so that nobody waits in everybody's line for long."""
        return max(0, -self._all.free)

    @property
    def short_of_own(self) -> Mapping[str, int]:
        """How many more of a user's would have to leave, so that nobody waits for the user's places for
        long; of those users only who are short of them."""
        return {user: -own.free for user, own in self._own.items() if own.free < 0}

    @property
    def are_short(self) -> bool:
        """Whether somebody would have to leave, so that nobody waits for long."""
        return self.short > 0 or bool(self.short_of_own)

    def is_free(self, user: str, *, most: int) -> bool:
        """Whether one more of the user's would get its places at once."""
        own = self._own.get(user, Line(most))
        return min(most - len(own.taken), self._all.most - len(self._all.taken)) > 0

    async def changed(self) -> None:
        """Wait for the next change."""
        await self.news.after(self.news.count)

    def _before_both(self, who: Hashable, own: Line) -> int:
        """Of one that waits in its own line: those before it there, and those in everybody's now."""
        of_all, of_own = -self._all.free, own.before(who)
        if of_own < 0:
            return of_all + own.queue.index(who)
        return of_own + max(0, of_all)

    def _advance(self, own: Line) -> None:
        self._all.queue.extend(own.advance())
        for who in self._all.advance():
            self._placed.pop(who).set()
        self.news.tell()
