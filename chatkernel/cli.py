"""The command line. Exit codes: 0 done, 1 failed, 2 wrong use or an environment that can't be used, 130 Ctrl-C."""

from __future__ import annotations

import logging
import os
import sys
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Annotated

import anyio
import typer
from rich.console import Console

from chatkernel.errors import ChatkernelError, EmptyMessage, UnusableEnvironment
from chatkernel.kernel_view import KernelAction
from chatkernel.settings import Settings, load_settings, unknown_settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A chat in which every conversation owns a real Jupyter kernel.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"chatkernel {version('chatkernel')}")
        raise typer.Exit


@app.callback()
def _top(
    _: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Say which version this is."
        ),
    ] = False,
) -> None:
    """What comes before a command."""


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port; 0 takes a free one.")] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="The folder that holds everything to be kept, ./data else."),
    ] = None,
    model: Annotated[str | None, typer.Option(help="The model as provider:name.")] = None,
    admin: Annotated[
        list[str] | None, typer.Option(help="A name that may log in as admin. Repeatable.")
    ] = None,
    unsafe_no_sandbox: Annotated[
        bool, typer.Option("--unsafe-no-sandbox", help="Let kernels run without a sandbox.")
    ] = False,
) -> None:
    """Serve the chat in the browser."""
    for remark in unknown_settings(os.environ):
        print(f"chatkernel: {remark}", file=sys.stderr)
    settings = load_settings(
        host=host, port=port, data=data, model=model, unsafe_no_sandbox=unsafe_no_sandbox or None
    )
    settings = settings.model_copy(update={"admins": (*settings.admins, *(admin or ()))})
    _server(settings)


def _server(settings: Settings) -> None:
    """Run the server that is installed: the web package names itself, so nothing here depends on it."""
    found = entry_points(group="chatkernel.server")
    if not found:
        raise UnusableEnvironment("This installation has no web package. Install chatkernel again.")
    next(iter(found)).load()(settings)


@app.command()
def ask(
    text: Annotated[str, typer.Argument(help="The message.")],
    chat: Annotated[
        str | None, typer.Option(help="The chat to go on with; a new one else.")
    ] = None,
    user: Annotated[
        str, typer.Option(help="Whose chat it is: the name to log in with on the page to see it.")
    ] = "me",
    data: Annotated[
        Path | None,
        typer.Option(help="The data folder, ./data else. A server that uses it takes the turn."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="The model as provider:name, when no server takes the turn."),
    ] = None,
) -> None:
    """Take one turn in the terminal; figures are written as files."""
    from chatkernel.asking import ask_once
    from chatkernel.service import refuse_other_systems
    from kernels import raise_limit

    refuse_other_systems()
    raise_limit()
    settings = load_settings(data=data, model=model)
    outcome = anyio.run(
        lambda: ask_once(
            settings, text, chat_id=chat, user_name=user, named_model=model is not None
        )
    )
    if outcome != "good":
        raise typer.Exit(130 if outcome == "interrupted" else 1)


kernels = typer.Typer(
    help="See and end the kernels of the running server.", invoke_without_command=True
)
app.add_typer(kernels, name="kernels")

DataOption = Annotated[
    Path | None, typer.Option("--data", help="The data folder of the server, ./data else.")
]
KernelId = Annotated[str, typer.Argument(metavar="ID", help="The kernel's id, as listed.")]


@kernels.callback()
def _kernels(context: typer.Context, data: DataOption = None) -> None:
    """See and end the kernels of the running server."""
    context.obj = data
    if context.invoked_subcommand is None:
        list_kernels(context)


@kernels.command("list")
def list_kernels(context: typer.Context, data: DataOption = None) -> None:
    """List all kernels: whose they are, what they run and what they use."""
    from chatkernel.kernels_command import show_kernels

    show_kernels(load_settings(data=data or context.obj))


@kernels.command("interrupt")
def interrupt_kernel(context: typer.Context, kernel_id: KernelId, data: DataOption = None) -> None:
    """Interrupt the running cell; its variables stay."""
    _act("interrupt", kernel_id, data or context.obj)


@kernels.command("hibernate")
def hibernate_kernel(context: typer.Context, kernel_id: KernelId, data: DataOption = None) -> None:
    """End a kernel that is idle."""
    _act("hibernate", kernel_id, data or context.obj)


@kernels.command("kill")
def kill_kernel(context: typer.Context, kernel_id: KernelId, data: DataOption = None) -> None:
    """End a kernel at once, with all that it runs."""
    _act("kill", kernel_id, data or context.obj)


def _act(action: KernelAction, kernel_id: str, data: Path | None) -> None:
    from chatkernel.kernels_command import act_on_kernel

    act_on_kernel(load_settings(data=data), action, kernel_id)


@app.command()
def doctor(
    data: Annotated[
        Path | None, typer.Option(help="The data folder of the server, ./data else.")
    ] = None,
) -> None:
    """Say what this machine offers: sandbox, limits, Python, disk, models.

    Exits with 1 if it isn't safe to serve, with 2 if it can't be done at all.
    """
    from chatkernel.doctor import examine
    from chatkernel.doctor_report import report

    settings = load_settings(data=data)
    examined = anyio.run(lambda: examine(settings))
    Console(highlight=False).print(report(examined))
    raise typer.Exit(examined.exit_code)


def main() -> None:
    """The ``chatkernel`` command."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        app()
    except (UnusableEnvironment, EmptyMessage) as error:
        _fail(error.message, 2)
    except ChatkernelError as error:
        _fail(error.message, 1)


def _fail(message: str, code: int) -> None:
    print(f"chatkernel: {message}", file=sys.stderr)
    sys.exit(code)
