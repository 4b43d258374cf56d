"""How the commands end: exit codes for scripts, and one sentence for people."""

import contextlib
import enum
import sys
from collections.abc import Iterator

from arcwire.cli.values import escape, to_json
from arcwire.errors import AckTimeout, ArcwireError, ConnectError, ConnectRefused, PayloadTooLarge


class ExitCode(enum.IntEnum):
    """What a command says to the script that called it.

    A command that a signal ended has ended by that signal: shells see 130 for Ctrl-C, 141 for an
    output that nobody reads any more, 143 for SIGTERM.
    """

    OK = 0
    DEFECT = 1
    """An exception that should not be; with its traceback."""
    USAGE = 2
    """Wrong arguments or input; nothing was sent."""
    NO_CONNECTION = 3
    """No connection: name, network, TLS, HTTP, or there is no Socket.IO server."""
    REFUSED = 4
    """The server refused the namespace."""
    TIMEOUT = 5
    """It did not come within the time: an acknowledgement, or events."""
    DISCONNECTED = 6
    """The connection was there and has ended."""
    ERROR_ANSWER = 7
    """The acknowledgement is an error: `{"error": {"code": ..., "message": ...}}`."""
    NO_OUTPUT = 8
    """The output cannot be written, or its reader is too slow."""


class CommandError(Exception):
    """A command ends with this sentence and code."""

    def __init__(self, message: str, exit_code: ExitCode) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code


def complain(message: str) -> None:
    """Say something to the person at the terminal, beside the output, if there is anybody."""
    with contextlib.suppress(AttributeError, OSError):  # closed, which makes it None, or full
        sys.stderr.write(f"arcwire: {message}\n")


def failure(error: ArcwireError) -> CommandError:
    """What a command ends with because of this exception."""
    code = ExitCode.DISCONNECTED  # Disconnected, BufferFull, EventDropped
    message = str(error)
    if isinstance(error, ConnectRefused):
        code = ExitCode.REFUSED
        if error.data is not None:
            message = f"{message} {to_json(error.data)}"
    elif isinstance(error, ConnectError):
        code = ExitCode.NO_CONNECTION
    elif isinstance(error, AckTimeout):
        code = ExitCode.TIMEOUT
    elif isinstance(error, PayloadTooLarge):
        code = ExitCode.USAGE
    return CommandError(escape(message), code)


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Exceptions of the client end the command with a sentence and their code."""
    try:
        yield
    except ArcwireError as error:
        raise failure(error) from error


def is_error_answer(value: object) -> bool:
    """Whether it has the form in which Arcwire's servers say that a handler failed."""
    if not isinstance(value, dict) or len(value) != 1:
        return False
    error = value.get("error")
    return isinstance(error, dict) and isinstance(error.get("code"), str)
