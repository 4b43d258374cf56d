"""The `arcwire` command: its arguments, and what it starts."""

import argparse
import importlib.metadata
from collections.abc import Sequence
from typing import Any, Protocol

from arcwire.cli import run


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


COMMANDS: tuple[Command, ...] = (run,)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code. Wrong arguments exit with 2, a failed start with 3."""
    parser, commands = _parser()
    chosen = vars(parser.parse_args(arguments))
    name = chosen.pop("command")
    if name is None:
        parser.print_help()
        return 2
    return commands[name].execute(chosen)


def _parser() -> tuple[argparse.ArgumentParser, dict[str, Command]]:
    parser = argparse.ArgumentParser(
        prog="arcwire",
        description="The real-time server for Python: Socket.IO and Engine.IO, fast and typed.",
    )
    version = importlib.metadata.version("arcwire")
    parser.add_argument("--version", action="version", version=f"arcwire {version}")
    names = parser.add_subparsers(dest="command", metavar="command")
    for command in COMMANDS:
        command.add_arguments(
            names.add_parser(
                command.NAME,
                help=command.HELP,
                description=command.DESCRIPTION,
                epilog=command.EPILOG,
                formatter_class=argparse.RawDescriptionHelpFormatter,
            )
        )
    return parser, {command.NAME: command for command in COMMANDS}
