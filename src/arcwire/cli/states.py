"""The state of a client's socket in words."""

from arcwire.cli.failures import CommandError, ExitCode, failure
from arcwire.cli.values import escape
from arcwire.errors import ArcwireError, ConnectError
from arcwire.socketio.client import State, StateName


def describe(state: State) -> str:
    """What happened, for people."""
    if state.name is StateName.OPEN:
        return "connected again, nothing was missed" if state.recovered else "connected"
    why = _why(state)
    again = "" if state.delay is None else f"; trying again in {state.delay:.2g} s"
    if state.name is StateName.CONNECTING:
        return f"{why}{again}" if state.error is not None else "connecting"
    if state.name is StateName.RECOVERING:
        return f"{why if state.error is not None else f'the connection is lost: {why}'}{again}"
    if state.error is not None:
        return why
    return f"disconnected: {why}" if why else "disconnected"


def ended(state: State) -> CommandError:
    """What a command ends with that needs the connection, once it is closed."""
    if isinstance(state.error, ConnectError):
        return failure(state.error)
    return CommandError(describe(state), ExitCode.DISCONNECTED)


def _why(state: State) -> str:
    error: ArcwireError | None = state.error
    if error is not None:
        return failure(error).message
    return escape(state.description or state.reason or "")
