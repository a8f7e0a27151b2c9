"""Why a kernel hibernates: it was ended while nobody used it, and the chat's next message wakes it."""

from __future__ import annotations

from dataclasses import dataclass

from kernels.times import time_in_words


@dataclass(frozen=True, slots=True)
class Hibernation:
    """``cause`` is for who looks after the server, the ``sentence`` for the chat's user and model."""

    cause: str
    sentence: str

    def said(self, consequence: str) -> str:
        """Why, and what follows from it."""
        return f"{self.sentence} {consequence}"


def idle_for(seconds: float) -> Hibernation:
    """It ran nothing for as long as that."""
    idle = f"idle for {time_in_words(seconds)}"
    return Hibernation(idle, f"Python was {idle} and was ended.")


NO_ROOM_FOR_USER = Hibernation(
    "another kernel of its user needed its place",
    "Python was ended because another chat of yours needed its place.",
)
NO_ROOM = Hibernation(
    "another kernel needed its place",
    "Python was ended because another chat needed its place.",
)
USER_LEFT = Hibernation(
    "its user was away and the session closed", "Python was ended while you were away."
)
BY_ADMIN = Hibernation("an admin hibernated it", "An admin of this server ended Python.")
