"""Stock ipykernel, through Jupyter's own manager and client: what our kernels are compared with."""

from __future__ import annotations

import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager

from tests.bench._figures import milliseconds_since

_SECONDS = 60.0
_OUTPUTS = frozenset({"stream", "execute_result", "display_data"})


class StockKernel:
    """A kernel of the ordinary ``python3`` spec."""

    def __init__(self, manager: AsyncKernelManager, client: AsyncKernelClient) -> None:
        self._manager = manager
        self._client = client

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path) -> AsyncIterator[StockKernel]:
        """One that answers, and whose outputs reach us. On exit it is killed."""
        manager = AsyncKernelManager(
            kernel_name="python3", connection_file=str(folder / f"stock-{time.monotonic_ns()}.json")
        )
        # It warns of its TCP.
        await manager.start_kernel(cwd=str(folder), stderr=subprocess.DEVNULL)
        client: Any = manager.client()
        try:
            client.start_channels(hb=False, stdin=False)
            client.kernel_info()
            await client.get_shell_msg(timeout=_SECONDS)
            while (await client.get_iopub_msg(timeout=_SECONDS))["msg_type"] != "iopub_welcome":
                pass
            yield cls(manager, client)
        finally:
            client.stop_channels()
            await manager.shutdown_kernel(now=True)

    @property
    def pid(self) -> int:
        provisioner: Any = self._manager.provisioner
        return int(provisioner.pid)

    async def first_output(self, code: str) -> float:
        """Run a cell to its end; milliseconds until its first output, or its end if it has none."""
        began = time.perf_counter()
        first: float | None = None
        async for kind in self.execute(code):
            if first is None and kind in _OUTPUTS:
                first = milliseconds_since(began)
        return milliseconds_since(began) if first is None else first

    async def execute(self, code: str) -> AsyncIterator[str]:
        """Run a cell; the types of its outputs, until it has replied and is idle."""
        client: Any = self._client
        asked = client.execute(code, allow_stdin=False)
        while True:
            message = await client.get_iopub_msg(timeout=_SECONDS)
            if message["parent_header"].get("msg_id") != asked:
                continue
            if message["content"].get("execution_state") == "idle":
                break
            yield str(message["msg_type"])
        while (await client.get_shell_msg(timeout=_SECONDS))["parent_header"]["msg_id"] != asked:
            pass

    async def interrupt(self) -> None:
        """SIGINT, as Jupyter sends it."""
        await self._manager.interrupt_kernel()

    async def kill(self) -> None:
        """End it and wait for its end."""
        await self._manager.shutdown_kernel(now=True)
