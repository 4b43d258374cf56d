"""`arcwire connect`: talk to a server in the terminal."""

import argparse
import importlib.util
import sys
from pathlib import Path
from typing import Any

from arcwire.cli.endpoint import EXIT_CODES, add_endpoint, make_client, seconds
from arcwire.cli.failures import CommandError, ExitCode, complain
from arcwire.cli.process import run_command

DESCRIPTION = """\
Talk to a server in the terminal: events are shown as they come, and what you type is emitted.

  say "hello" {"to": [1, 2]}     emit an event with values in JSON
  ask 1 --ack                    emit, and wait for the acknowledgement
  .help                          show everything that can be typed

Ends by Ctrl-D. A connection that is lost is made anew."""
EPILOG = f"""\
examples:
  arcwire connect http://127.0.0.1:3000
  arcwire connect https://example.com/admin --auth @token.json --transport websocket

{EXIT_CODES}"""

MISSING = 'arcwire connect needs prompt_toolkit, which is not installed: pip install "arcwire[cli]"'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_endpoint(parser)
    add = parser.add_argument_group("terminal").add_argument
    add(
        "--timeout",
        type=seconds,
        default=10.0,
        metavar="SECONDS",
        help="time for acknowledgements (default: 10)",
    )
    add("--history", metavar="FILE", help="where lines are kept (default: in the user's state directory)")
    add("--no-history", action="store_true", help="keep no lines")


def execute(chosen: dict[str, Any]) -> int:
    """Run the command."""
    try:
        if importlib.util.find_spec("prompt_toolkit") is None:
            raise CommandError(MISSING, ExitCode.USAGE)
        if any(stream is None or not stream.isatty() for stream in (sys.stdin, sys.stdout)):
            raise CommandError(
                "arcwire connect needs a terminal; listen, emit and call are for pipes", ExitCode.USAGE
            )
    except CommandError as error:
        complain(error.message)
        return error.exit_code
    return run_command(_connect(chosen))


async def _connect(chosen: dict[str, Any]) -> int:
    from arcwire.cli.terminal.history import default_history, open_history
    from arcwire.cli.terminal.terminal import Terminal

    timeout = chosen["timeout"]
    client = make_client({**chosen, "retry": float("inf")})
    path = None if chosen["no_history"] else Path(chosen["history"] or default_history())
    try:
        return await Terminal(client, history=open_history(path), timeout=timeout).run()
    finally:
        await client.close(grace=0)
