"""What can go wrong, each with a code and an HTTP status; the message says what to do next.

ChatkernelError                       500 internal
├── NotFound                          404 not_found         also for what belongs to somebody else
├── NotLoggedIn                       401 not_logged_in
├── Forbidden                         403 forbidden
├── InvalidRequest                    422 invalid
│   ├── EmptyMessage                  422 empty_message
│   ├── EditOutOfRange                422 edit_out_of_range
│   └── BadPath                       422 bad_path          leaves the workspace, or isn't a file
├── TooLarge                          413 too_large
│   ├── MessageTooLong                413 message_too_long
│   └── UploadTooLarge                413 upload_too_large
├── Busy                              409 busy
│   ├── TurnRunning                   409 turn_running
│   └── SessionBusy                   409 session_busy
├── NotImplementedYet                 501 not_implemented
├── StorageFailed                     500 storage_failed
│   ├── DiskFull                      507 disk_full
│   └── DamagedTurn                   500 damaged_turn      one turn; the others open
├── ModelFailed                       502 model_failed
└── UnusableEnvironment               503 unusable          the command line exits with 2
    ├── SettingsInvalid               503 settings_invalid
    ├── DataFolderUnusable            503 data_folder_unusable
    └── DataFolderInUse               503 data_folder_in_use
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar


class ChatkernelError(Exception):
    """Something that is told to the user. ``message`` is one or two sentences in plain words."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotFound(ChatkernelError):
    """Nothing of this name, or it belongs to somebody else: the two look the same."""

    code = "not_found"
    status = 404


class NotLoggedIn(ChatkernelError):
    """Nobody is logged in."""

    code = "not_logged_in"
    status = 401


class Forbidden(ChatkernelError):
    """Known who asks, and it isn't allowed."""

    code = "forbidden"
    status = 403


class InvalidRequest(ChatkernelError):
    """The request says something that can't be."""

    code = "invalid"
    status = 422


class EmptyMessage(InvalidRequest):
    """A message without text."""

    code = "empty_message"


class EditOutOfRange(InvalidRequest):
    """A turn number the chat doesn't have."""

    code = "edit_out_of_range"


class BadPath(InvalidRequest):
    """A path that leaves the workspace, follows a link, or isn't a regular file."""

    code = "bad_path"


class TooLarge(ChatkernelError):
    """More bytes than the settings allow."""

    code = "too_large"
    status = 413


class MessageTooLong(TooLarge):
    """A message over `Settings.message_bytes`."""

    code = "message_too_long"


class UploadTooLarge(TooLarge):
    """A file over `Settings.upload_bytes`."""

    code = "upload_too_large"


class Busy(ChatkernelError):
    """Not now: something else is going on."""

    code = "busy"
    status = 409


class TurnRunning(Busy):
    """This chat is still answering."""

    code = "turn_running"


class SessionBusy(Busy):
    """The user's session is answering in another chat."""

    code = "session_busy"


class NotImplementedYet(ChatkernelError):
    """Part of the interface, not yet built."""

    code = "not_implemented"
    status = 501


class StorageFailed(ChatkernelError):
    """The disk or the database refused."""

    code = "storage_failed"


class DiskFull(StorageFailed):
    """No space, or over quota."""

    code = "disk_full"
    status = 507


class DamagedTurn(StorageFailed):
    """One turn's file is missing or can't be read. ``reason`` says how, without a path."""

    code = "damaged_turn"

    def __init__(self, reason: str) -> None:
        super().__init__(f"This turn can't be shown: {reason}. The other turns are intact.")
        self.reason = reason


class ModelFailed(ChatkernelError):
    """The model could not answer."""

    code = "model_failed"
    status = 502


class UnusableEnvironment(ChatkernelError):
    """The server can't run like this; the command line says so in one sentence and exits with 2."""

    code = "unusable"
    status = 503


class SettingsInvalid(UnusableEnvironment):
    """A setting has a value it can't have."""

    code = "settings_invalid"


class DataFolderUnusable(UnusableEnvironment):
    """The data folder can't be written or read."""

    code = "data_folder_unusable"


class DataFolderInUse(UnusableEnvironment):
    """Another server holds the data folder. ``address`` is where it listens, if it has said so."""

    code = "data_folder_in_use"

    def __init__(self, message: str, address: str | None = None) -> None:
        super().__init__(message)
        self.address = address


@contextmanager
def ungrouped(*kinds: type[Exception]) -> Iterator[None]:
    """Raise the first error of these kinds as itself, out of what task groups wrapped on its way.

    A group that holds another kind, too, is raised as it is. ``except*`` would do, but a ``raise``
    in it is wrapped in a group again, up to Python 3.11.3.
    """
    expected: Exception | None = None
    try:
        yield
    except ExceptionGroup as group:
        if group.split(kinds)[1] is not None:
            raise
        expected = _first(group)
    if expected is not None:
        raise expected


def _first(group: ExceptionGroup[Exception]) -> Exception:
    found: Exception = group
    while isinstance(found, ExceptionGroup):
        found = found.exceptions[0]
    return found
