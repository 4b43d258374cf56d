"""`arcwire call`: send an event, and print its acknowledgement."""

import argparse
from typing import Any

from arcwire.cli.endpoint import (
    EXIT_CODES,
    add_endpoint,
    add_retry,
    make_client,
    opened,
    read_values,
    seconds,
    wait_closed,
)
from arcwire.cli.failures import CommandError, ExitCode, explained, is_error_answer
from arcwire.cli.output import LineWriter
from arcwire.cli.process import run_command
from arcwire.cli.values import to_json
from arcwire.cli.waiting import first_of

DESCRIPTION = """\
Send an event with values in JSON, wait for its acknowledgement, and print that: a line of JSON for each of
its values, null if there is none."""
EPILOG = f"""\
examples:
  arcwire call https://example.com/chat say '"hello"'
  arcwire call https://example.com upload '"photo.png"' bytes@photo.png --timeout 60
  arcwire call https://example.com/admin users --auth @token.json | jq length

An answer {{"error": {{"code": ..., "message": ...}}}} is printed, and the exit code is 7.

{EXIT_CODES}"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_endpoint(parser)
    add = parser.add_argument
    add("event", metavar="EVENT", help="the name of the event")
    add("values", nargs="*", metavar="JSON", help="its values; @FILE, text@FILE, bytes@FILE read a file")
    add("--text", action="store_true", help="the values are text as they stand, not JSON")
    add(
        "--timeout",
        type=seconds,
        default=10.0,
        metavar="SECONDS",
        help="time for the acknowledgement (default: 10)",
    )
    add_retry(parser, "0")


def execute(chosen: dict[str, Any]) -> int:
    """Run the command."""
    return run_command(_call(chosen))


async def _call(chosen: dict[str, Any]) -> int:
    values = read_values(chosen["values"], text=chosen["text"])
    client = make_client(chosen)
    with explained():
        async with LineWriter() as writer:
            async with opened(client) as (socket, states):
                try:
                    answer = socket.timeout(chosen["timeout"]).emit_with_ack(chosen["event"], *values)
                except (TypeError, ValueError) as error:
                    raise CommandError(str(error), ExitCode.USAGE) from None
                value = await first_of(_answered(answer), wait_closed(states))
            for each in value if isinstance(value, tuple) else (value,):
                writer.write(to_json(each))
    return ExitCode.ERROR_ANSWER if is_error_answer(value) else ExitCode.OK


async def _answered(answer: Any) -> Any:
    return await answer
