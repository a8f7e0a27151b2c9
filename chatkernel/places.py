"""The places for kernels, and the queues of those that wait for one."""

from __future__ import annotations

from collections.abc import Hashable

import anyio

from chatkernel.line import Line
from kernels import News

_RECHECK_SECONDS = 0.25


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

    def join(self, who: Hashable, *, user: str, most: int) -> None:
        """Stand at the end of the user's line, in which at most ``most`` have a place."""
        own = self._own.setdefault(user, Line(most))
        own.most = most
        own.queue.append(who)
        self._user[who] = user
        self._advance(own)

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

    def short(self, user: str | None = None) -> int:
        """How many more of the user's, or of all, would have to leave, so that nobody waits for long."""
        line = self._all if user is None else self._own.get(user)
        return max(0, -line.free) if line is not None else 0

    def is_free(self, user: str, *, most: int) -> bool:
        """Whether one more of the user's would get its places at once."""
        own = self._own.get(user, Line(most))
        return min(most - len(own.taken), self._all.most - len(self._all.taken)) > 0

    async def changed(self) -> None:
        """Wait for the next change, or a moment: not everything that makes a kernel idle is told."""
        with anyio.move_on_after(_RECHECK_SECONDS):
            await self.news.after(self.news.count)

    def _before_both(self, who: Hashable, own: Line) -> int:
        """Of one that waits in its own line: those before it there, and those in everybody's now."""
        of_all, of_own = -self._all.free, own.before(who)
        if of_own < 0:
            return of_all + own.queue.index(who)
        return of_own + max(0, of_all)

    def _advance(self, own: Line) -> None:
        self._all.queue.extend(own.advance())
        self._all.advance()
        self.news.tell()
