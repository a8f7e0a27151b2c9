"""``chatkernel kernels``: the running server's kernels in the terminal, seen and ended as an admin does."""

from __future__ import annotations

from typing import Any, Literal

import httpx
import orjson
from rich.table import Table

from chatkernel.console import TerminalConsole, plain
from chatkernel.durations import time_said
from chatkernel.errors import ChatkernelError, InvalidRequest
from chatkernel.kernel_view import KernelAction
from chatkernel.settings import Settings
from chatkernel.store.running_server import RunningServer
from kernels.sizes import size_in_words

_SECONDS = 30.0
_PIPED_WIDTH = 240
"""Where no terminal says how wide it is, nothing is to be cut."""

_LONG = ("Chat", "Runs")
_RIGHT = ("Memory", "CPU", "CPU time", "Processes", "Age")


def show_kernels(settings: Settings) -> None:
    """Print a table of all kernels, and their sums.

    Raises:
        ChatkernelError: no server runs, or it refuses.
    """
    found = _ask(settings, "GET", "/api/admin/kernels")
    console = TerminalConsole()
    if not console.is_terminal:
        console.width = _PIPED_WIDTH
    if found["kernels"]:
        console.print(kernels_table(found["kernels"]))
    console.print(plain(_sums(found)))


def act_on_kernel(settings: Settings, action: KernelAction, kernel_id: str) -> None:
    """Do it, and print what came of it.

    Raises:
        ChatkernelError: no server runs, or it refuses; the text says why.
    """
    if not kernel_id.isalnum():
        raise InvalidRequest("A kernel's id has letters and digits only; see `chatkernel kernels`.")
    print(_ask(settings, "POST", f"/api/admin/kernels/{kernel_id}/{action}")["result"])


def _ask(settings: Settings, method: str, path: str) -> dict[str, Any]:
    server = RunningServer.read(settings.runtime)
    if server is None:
        raise _nobody(settings)
    headers = {"authorization": f"Bearer {server.secret}"}
    try:
        # No proxy of the environment may see the secret.
        with httpx.Client(base_url=server.address, timeout=_SECONDS, trust_env=False) as http:
            answer = http.request(method, path, headers=headers)
    except httpx.ConnectError as error:
        raise _nobody(settings) from error
    except httpx.HTTPError as error:
        raise ChatkernelError(
            f"The server at {server.address} doesn't answer ({type(error).__name__})."
        ) from error
    return _answered(answer)


def _nobody(settings: Settings) -> ChatkernelError:
    return ChatkernelError(
        f"No server runs on {settings.data}. Start one with `chatkernel serve`, or name its folder with --data."
    )


def _answered(answer: httpx.Response) -> dict[str, Any]:
    try:
        body: dict[str, Any] = orjson.loads(answer.content)
        if answer.is_error:
            raise InvalidRequest(str(body["error"]["message"]))
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise ChatkernelError(f"The server answered {answer.status_code}. Try again.") from error
    return body


def kernels_table(kernels: list[dict[str, Any]]) -> Table:
    """All kernels as the API tells of them."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("Id", "State", "User", *_LONG, *_RIGHT, "Sandbox"):
        justify: Literal["left", "right"] = "right" if title in _RIGHT else "left"
        # What may wrap is what gives way on a narrow terminal.
        table.add_column(title, justify=justify, no_wrap=title not in _LONG)
    for each in kernels:
        table.add_row(*(plain(cell) for cell in _cells(each)))
    return table


def _cells(kernel: dict[str, Any]) -> tuple[str, ...]:
    place = "" if kernel["before"] is None else f", {kernel['before']} before it"
    return (
        kernel["id"],
        f"{kernel['state']} {time_said(kernel['since_seconds'])}{place}",
        kernel["user"],
        kernel["chat"],
        kernel["code"] or kernel["cause"],
        size_in_words(kernel["pss_bytes"]) if kernel["pss_bytes"] else "",
        f"{kernel['cpu_percent']:.0f} %" if kernel["pid"] else "",
        time_said(kernel["cpu_seconds"]) if kernel["started"] else "",
        str(kernel["processes"] or ""),
        time_said(kernel["age_seconds"]) if kernel["started"] else "",
        kernel["tier"] or "",
    )


def _sums(found: dict[str, Any]) -> str:
    totals = found["totals"]
    return (
        f"{totals['alive']} of {totals['most']} kernels, {totals['busy']} busy, {totals['waiting']} waiting; "
        f"{size_in_words(totals['pss_bytes'])}, {totals['cpu_percent']:.0f} % of a core; {found['sessions']} sessions"
    )
