"""Why a kernel's process ended, from its return code."""

from __future__ import annotations

import signal
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Death:
    """A kernel's end. ``returncode`` is as in `subprocess.Popen`: minus the signal, or the exit
    status. ``cause`` is the rest of a sentence that begins with "Python". ``sentence`` tells more of
    it than the cause, and ``advice`` what to do differently; both may be empty."""

    returncode: int
    cause: str
    sentence: str = ""
    advice: str = ""

    def said(self, consequence: str = "") -> str:
        """The end in words for the user and the model, what follows from it, and the advice."""
        sentences = (self.sentence or f"Python ended: {self.cause}.", consequence, self.advice)
        return " ".join(filter(None, sentences))


FORCED = Death(-9, "ended by force")
"""Somebody ended it on purpose."""

ORPHANED = Death(
    -9,
    "ended with the process that starts kernels",
    "The process that starts Python ended, and every running Python with it.",
)
"""Its fork server ended, by no fault of the kernel's."""


def ended_for(deed: str, *, advice: str, busy: bool) -> Death:
    """The death of a kernel that was ended for what it did: "used more than 2 GiB"."""
    sentence = f"The cell {deed} and Python was ended." if busy else f"Python {deed} and was ended."
    return Death(-signal.SIGKILL, deed, sentence, advice)


def classify(returncode: int) -> Death:
    """The death that a return code tells of."""
    if returncode < 0:
        return Death(returncode, _by_signal(-returncode))
    if returncode - 128 in signal.valid_signals():  # as a shell tells it
        return Death(returncode, _by_signal(returncode - 128))
    return Death(returncode, f"exited with status {returncode}")


def _by_signal(number: int) -> str:
    match number:
        case signal.SIGKILL:
            return f"killed by signal {number} (out of memory?)"
        case signal.SIGSEGV | signal.SIGBUS | signal.SIGILL | signal.SIGFPE | signal.SIGABRT:
            return f"crashed by signal {number} ({_described(number)})"
        case _:
            return f"killed by signal {number} ({_described(number)})"


def _described(number: int) -> str:
    described = signal.strsignal(number) if number in signal.valid_signals() else None
    return (described or "unknown").lower()
