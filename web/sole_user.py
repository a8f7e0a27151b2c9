"""Where kernels have no sandbox, a user's cells can read all that is kept: so there is one user."""

from __future__ import annotations

from chatkernel.errors import Forbidden
from chatkernel.launcher import Launcher
from kernels import KernelError, Tier


class SoleUser:
    """The first who comes, until the server ends; ``unsafe`` lets everybody in."""

    def __init__(self, launcher: Launcher, *, unsafe: bool) -> None:
        self._launcher = launcher
        self._unsafe = unsafe
        self._unknown = False
        self._name: str | None = None

    async def admit(self, name: str) -> None:
        """Let in who is the first, or anybody where kernels are sandboxed.

        Raises:
            Forbidden: kernels have no sandbox here, and somebody else was first.
        """
        self._name = self._name or name
        if self._unsafe or name == self._name:
            return
        if await self._has_no_sandbox():
            raise Forbidden(
                "Kernels can't be sandboxed on this machine, so only one person can use this server, "
                f"and that is {self._name} until it is restarted. Run chatkernel doctor there: it says "
                "what to enable."
            )

    async def _has_no_sandbox(self) -> bool:
        if self._unknown and self._launcher.isolation is None:
            return False
        try:
            return (await self._launcher.tier()).tier is Tier.NONE
        except KernelError:  # none starts, and it isn't tried at every request
            self._unknown = True
            return False
