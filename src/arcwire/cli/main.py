"""The `arcwire` command: its arguments, and what it starts."""

import argparse
import importlib.metadata
import sys
from collections.abc import Sequence
from typing import Any, Protocol

from arcwire.cli import call, emit, listen, run


class Command(Protocol):
    """What a module has that is a command."""

    NAME: str
    HELP: str
    DESCRIPTION: str
    EPILOG: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare its arguments."""

    def execute(self, chosen: dict[str, Any]) -> int:
        """Run it with the arguments by name; returns the exit code."""


COMMANDS: tuple[Command, ...] = (run, listen, emit, call)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code. Wrong arguments exit with 2, a failed start with 3."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    parser, commands = _parser()
    name = given[0] if given else None
    if name not in commands:
        parser.parse_args(given)  # exits, unless there are none
        parser.print_help()
        return 2
    command, of_command = commands[name]
    # Options may stand between the values of an event, which a parser with subparsers does not take.
    return command.execute(vars(of_command.parse_intermixed_args(given[1:])))


def _parser() -> tuple[argparse.ArgumentParser, dict[str, tuple[Command, argparse.ArgumentParser]]]:
    parser = argparse.ArgumentParser(
        prog="arcwire",
        description="The real-time server for Python: Socket.IO and Engine.IO, fast and typed.",
    )
    version = importlib.metadata.version("arcwire")
    parser.add_argument("--version", action="version", version=f"arcwire {version}")
    names = parser.add_subparsers(metavar="command")
    commands = {}
    for command in COMMANDS:
        of_command = names.add_parser(
            command.NAME,
            help=command.HELP,
            description=command.DESCRIPTION,
            epilog=command.EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(of_command)
        commands[command.NAME] = (command, of_command)
    return parser, commands
