"""`arcwire emit`: send events, and go."""

import argparse
from typing import Any

from arcwire.cli.endpoint import (
    EXIT_CODES,
    add_endpoint,
    add_retry,
    make_client,
    opened,
    read_values,
    wait_closed,
)
from arcwire.cli.failures import CommandError, ExitCode, explained
from arcwire.cli.input import input_lines
from arcwire.cli.process import run_command
from arcwire.cli.values import ValueFault, from_json
from arcwire.cli.waiting import first_of
from arcwire.socketio.client import ClientSocket

DESCRIPTION = """\
Send an event with values in JSON, and end when it has left. Whether the server did something with it, only an
acknowledgement tells: see call."""
EPILOG = f"""\
examples:
  arcwire emit https://example.com/chat say '"hello"' '{{"to": [1, 2]}}'
  arcwire emit https://example.com/chat say --text "$message"
  arcwire emit https://example.com upload '"photo.png"' bytes@photo.png
  seq 10 | arcwire emit https://example.com tick --lines
  arcwire listen https://a.example | arcwire emit https://b.example --lines

values: JSON; @FILE is the JSON in a file, text@FILE its text, bytes@FILE its bytes (- is the standard
input); {{"$bytes": "AAEC"}} is bytes in base64, at any depth

{EXIT_CODES}"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_endpoint(parser)
    add = parser.add_argument
    add("event", nargs="?", metavar="EVENT", help="the name of the event")
    add("values", nargs="*", metavar="JSON", help="its values")
    add("--text", action="store_true", help="the values are text as they stand, not JSON")
    add(
        "--lines",
        action="store_true",
        help="an event for each line of the standard input: its one value, in JSON (or text, with --text); "
        "without EVENT, lines as listen prints them",
    )
    add_retry(parser, "0")


def execute(chosen: dict[str, Any]) -> int:
    """Run the command."""
    return run_command(_emit(chosen))


async def _emit(chosen: dict[str, Any]) -> int:
    event, text, lines = chosen["event"], chosen["text"], chosen["lines"]
    if event is None and not lines:
        raise CommandError("the EVENT is missing", ExitCode.USAGE)
    if lines and chosen["values"]:
        raise CommandError("with --lines the values come from the standard input", ExitCode.USAGE)
    if text and event is None:
        raise CommandError("--text needs an EVENT: lines that name their events are JSON", ExitCode.USAGE)
    values = read_values(chosen["values"], text=text)
    client = make_client(chosen)
    with explained():
        async with opened(client) as (socket, states):
            work = _emit_lines(socket, event, text=text) if lines else _emit_one(socket, event, values)
            return await first_of(work, wait_closed(states))


async def _emit_one(socket: ClientSocket, event: str, values: list[Any]) -> int:
    await _send(socket, event, values)
    return ExitCode.OK


async def _emit_lines(socket: ClientSocket, event: str | None, *, text: bool) -> int:
    number = 0
    try:
        async for line in input_lines():
            number += 1
            await _send(socket, *_read_line(line, event, text=text))
    except ValueFault as fault:
        raise CommandError(f"line {number}: {fault.message}", ExitCode.USAGE) from None
    except OSError as error:
        problem = f"cannot read the standard input: {error.strerror or error}"
        raise CommandError(problem, ExitCode.USAGE) from None
    return ExitCode.OK


async def _send(socket: ClientSocket, event: str, values: list[Any]) -> None:
    try:
        emission = socket.emit(event, *values)
    except (TypeError, ValueError) as error:
        raise CommandError(str(error), ExitCode.USAGE) from None
    await emission


def _read_line(line: bytes, event: str | None, *, text: bool) -> tuple[str, list[Any]]:
    """The event of a line. Raises ValueFault."""
    try:
        content = line.decode()
    except UnicodeDecodeError:
        raise ValueFault("it is not text in UTF-8") from None
    if event is not None:
        return event, [content if text else from_json(content)]
    value = from_json(content)
    if isinstance(value, dict):
        name, values = value.get("event"), value.get("args", [])
        if isinstance(name, str) and isinstance(values, list):
            return name, values
    raise ValueFault('it is not of the form {"event": "name", "args": [...]}')
