"""IPython's kernel with two more questions it answers: its variables, and one of them as a bundle."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import Any

from ipykernel.ipkernel import IPythonKernel
from IPython.core.error import StdinNotImplementedError

from .bundles import Refused, bundle_of
from .forgetful import keep_no_outputs
from .formatters import register_formatters
from .guard import GuardedSession
from .inventory import inventory
from .pager import display_instead_of_paging
from .patience import TooSlow

Content = dict[str, Any]

_REASON_LIMIT = 2000


class InsideKernel(IPythonKernel):
    """Stock, except for these.

    It answers ``variables_request`` and ``bundle_request`` on the shell channel, without touching
    the user's history. What would be paged is displayed. It keeps no outputs. It runs no debugger. Who asks for input
    is told what to do instead. An interrupt is not lost, doesn't end the kernel, and takes no reply
    (`Interrupts`).
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        assert isinstance(self.session, GuardedSession)
        self._interrupts = self.session.interrupts
        self.shell_handlers["variables_request"] = self.variables_request
        self.shell_handlers["bundle_request"] = self.bundle_request
        shell: Any = self.shell
        register_formatters(shell.display_formatter)
        display_instead_of_paging(shell)
        keep_no_outputs(shell)

    def start(self) -> None:
        self._streams = {"stdout": sys.stdout, "stderr": sys.stderr}
        super().start()
        self._interrupts.watch(self.io_loop, self.control_thread.io_loop)

    async def poll_stopped_queue(self) -> None:
        """There is no debugger to poll."""

    def pre_handler_hook(self) -> None:
        self._interrupts.begin()
        self.saved_sigint_handler = signal.signal(signal.SIGINT, self._interrupts.on_signal)

    def post_handler_hook(self) -> None:
        self._interrupts.forbid()
        super().post_handler_hook()

    async def do_execute(self, code: str, *args: Any, **kwargs: Any) -> Content:
        try:
            with self._interrupts.allowed() as interrupted:
                if interrupted:
                    code = "raise KeyboardInterrupt"
                content: Content = await super().do_execute(code, *args, **kwargs)
        except KeyboardInterrupt as error:  # beside the user's code, where nobody expects it
            content = {"status": "error", "traceback": [], **_described(error)}
            self.send_response(self.iopub_socket, "error", content)
        self._mend_streams()
        return content

    def _mend_streams(self) -> None:
        """A cell may replace them. By what can't be flushed, the reply would be lost."""
        for name, ours in self._streams.items():
            try:
                getattr(sys, name).flush()
            except Exception:  # noqa: BLE001 whatever a user's object raises
                setattr(sys, name, ours)

    def finish_metadata(self, parent: Any, metadata: Any, reply_content: Any) -> Any:
        """What a client had queued behind a cell that failed is dropped (``stop_on_error``).

        Upstream drops it after the reply, and with it what a quick client sends because of the reply.
        """
        asked = parent["content"]
        failed = reply_content["status"] == "error"
        if failed and asked.get("stop_on_error", True) and not asked.get("silent", False):
            super()._abort_queues(parent["header"].get("subshell_id"))
        return super().finish_metadata(parent, metadata, reply_content)

    def _abort_queues(self, subshell_id: str | None = None) -> None:
        """Done before the reply, see `finish_metadata`."""

    def raw_input(self, prompt: str = "") -> str:
        """What ``input()`` calls."""
        if not self._allow_stdin:
            raise _cannot_ask("input()")
        answer: str = super().raw_input(prompt)
        return answer

    def getpass(self, *args: Any, **kwargs: Any) -> str:
        """What ``getpass.getpass()`` calls."""
        if not self._allow_stdin:
            raise _cannot_ask("getpass()")
        answer: str = super().getpass(*args, **kwargs)
        return answer

    async def variables_request(self, stream: Any, ident: Any, parent: Any) -> None:
        """Answer ``{}`` with ``{"status", "variables"}``, see `inventory`."""
        self._answer(stream, ident, parent, lambda: {"variables": inventory(self.shell)})

    async def bundle_request(self, stream: Any, ident: Any, parent: Any) -> None:
        """Answer ``{"name"}`` with ``{"status", "data", "metadata"}``, see `bundle_of`."""
        name = str(parent["content"].get("name"))
        self._answer(stream, ident, parent, lambda: bundle_of(self.shell, name))

    def _answer(self, stream: Any, ident: Any, parent: Any, ask: Callable[[], Content]) -> None:
        try:
            with self._interrupts.allowed():
                content = {"status": "ok", **ask()}
        except Refused as refused:
            content = {"status": "error", **refused.content}
        except (Exception, KeyboardInterrupt, TooSlow) as error:  # noqa: BLE001 of a user's object
            content = {"status": "error", **_described(error)}
        reply = parent["header"]["msg_type"].replace("_request", "_reply")
        session: Any = self.session
        session.send(stream, reply, content, parent, ident)


def _cannot_ask(how: str) -> StdinNotImplementedError:
    return StdinNotImplementedError(f"{how} can't ask here. Put the value into the code.")


def _described(error: BaseException) -> Content:
    try:
        reason = str(error)[:_REASON_LIMIT]
    except Exception:  # noqa: BLE001 a user's exception may not even have a text
        reason = ""
    return {"ename": type(error).__name__, "evalue": reason}
