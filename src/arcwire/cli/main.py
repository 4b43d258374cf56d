"""The `arcwire` command: its arguments, and what it starts."""

import argparse
import importlib
import importlib.metadata
import sys
from collections.abc import Sequence
from typing import Any, Protocol

COMMANDS = {
    "run": "serve an application",
    "connect": "talk to a server in the terminal",
    "listen": "print events as lines of JSON",
    "emit": "send an event",
    "call": "send an event and print its acknowledgement",
}
"""What each command does; the module of its name is imported when it is wanted."""


class Command(Protocol):
    """What the module of a command has."""

    DESCRIPTION: str
    EPILOG: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare its arguments."""

    def execute(self, chosen: dict[str, Any]) -> int:
        """Run it with the arguments by name; returns the exit code."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code. Wrong arguments exit with 2, a failed start with 3."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if not given or given[0] not in COMMANDS:
        parser = _overview()
        parser.parse_args(given)  # exits, unless there is nothing
        parser.print_help()
        return 2
    command: Command = importlib.import_module(f"arcwire.cli.{given[0]}")
    parser = argparse.ArgumentParser(
        prog=f"arcwire {given[0]}",
        description=command.DESCRIPTION,
        epilog=command.EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_arguments(parser)
    # Intermixed, because options may stand between the values of an event.
    return command.execute(vars(parser.parse_intermixed_args(given[1:])))


def _overview() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="arcwire",
        description="The real-time server for Python: Socket.IO and Engine.IO, fast and typed.",
    )
    version = importlib.metadata.version("arcwire")
    parser.add_argument("--version", action="version", version=f"arcwire {version}")
    names = parser.add_subparsers(metavar="command")
    for name, about in COMMANDS.items():
        names.add_parser(name, help=about)
    return parser
