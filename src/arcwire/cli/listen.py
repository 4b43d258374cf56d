"""`arcwire listen`: events as lines of JSON, for pipes."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from arcwire.cli.endpoint import EXIT_CODES, add_endpoint, add_retry, make_client, read_values, seconds
from arcwire.cli.failures import CommandError, ExitCode, complain, explained
from arcwire.cli.output import LineWriter
from arcwire.cli.process import run_command
from arcwire.cli.states import describe, ended
from arcwire.cli.values import to_json
from arcwire.cli.waiting import first_of
from arcwire.socketio.client import Client, EventStream, State, StateName, Stream, StreamedEvent

DESCRIPTION = """\
Print events as they come, a line of JSON for each: {"event":"said","args":["hi"]}.

What is lost and found again is said on the standard error. Ends by Ctrl-C, or when nobody reads the
output any more."""
EPILOG = f"""\
examples:
  arcwire listen https://example.com               every event of the namespace /
  arcwire listen https://example.com/chat said     those named "said", of the namespace /chat
  arcwire listen https://example.com tick --count 1 --timeout 5
  arcwire listen https://example.com | jq -r 'select(.event == "said").args[0]'

{EXIT_CODES}"""

_WAITING = 100_000  # events of one tick of the loop; what waits for the reader, LineWriter limits


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_endpoint(parser)
    add = parser.add_argument
    add("event", nargs="*", metavar="EVENT", help="the events to print (default: all)")
    add("--count", type=int, metavar="N", help="end after so many events")
    add(
        "--timeout",
        type=seconds,
        metavar="SECONDS",
        help="end after so long; with --count the exit code is 5 if there were fewer",
    )
    add("--time", action="store_true", help='add when each event came: "time", in UTC')
    add("--answer", action="append", metavar="JSON", help="acknowledge events that ask for it, with this")
    add("--quiet", action="store_true", help="say nothing about the connection")
    add_retry(parser, "0 at first, forever when a connection is lost")


def execute(chosen: dict[str, Any]) -> int:
    """Run the command."""
    return run_command(_listen(chosen))


async def _listen(chosen: dict[str, Any]) -> int:
    count, answer = chosen["count"], chosen["answer"]
    if count is not None and count < 1:
        raise CommandError("--count is a number of events, at least 1", ExitCode.USAGE)
    if answer is not None:
        answer = read_values(answer)
    client = make_client(chosen, comes_back=True)
    with explained():
        async with LineWriter() as writer:
            try:
                # Before connecting: the server may send at once.
                events = _events(client, chosen["event"])
                states = client.socket.states()
                printing = _print(events, writer, count, answer, with_time=chosen["time"])
                following = _follow(client, states, _silent if chosen["quiet"] else complain)
                work = _limited(first_of(printing, following), chosen["timeout"], count)
                return await first_of(writer.watch(), work)
            finally:
                await client.close(grace=0)


def _events(client: Client, names: list[str]) -> EventStream:
    """Raises CommandError for what names no event."""
    try:
        return client.socket.events(*names, limit=_WAITING)
    except ValueError as error:
        raise CommandError(str(error), ExitCode.USAGE) from None


async def _print(
    events: EventStream, writer: LineWriter, count: int | None, answer: list[Any] | None, *, with_time: bool
) -> int:
    """Print events until there were enough."""
    number = 0
    async for event in events:
        writer.write(to_json(_line(event, with_time=with_time)))
        if answer is not None:
            event.answer(*answer)
        number += 1
        if number == count:
            return ExitCode.OK
    await asyncio.Event().wait()  # the socket is closed: `_follow` knows why
    raise AssertionError


async def _follow(client: Client, states: Stream[State], say: Callable[[str], None]) -> int:
    """Connect, and say what becomes of the connection, until its end."""
    await client.connect()
    was_lost = False
    async for state in states:
        if state.name is StateName.CLOSED and client.socket.state is state:
            raise ended(state)
        if state.name is StateName.RECOVERING or (state.name is StateName.OPEN and was_lost):
            say(describe(state))
        was_lost = state.name is StateName.RECOVERING
    raise AssertionError("the client was closed")


async def _limited(work: Awaitable[int], seconds: float | None, count: int | None) -> int:
    try:
        async with asyncio.timeout(seconds) as limit:
            return await work
    except TimeoutError:  # also that of a connection
        if not limit.expired():
            raise
    if count is None:
        return ExitCode.OK
    raise CommandError(f"there were not {count} events within {seconds:g} seconds", ExitCode.TIMEOUT)


def _line(event: StreamedEvent, *, with_time: bool) -> dict[str, Any]:
    line: dict[str, Any] = {"event": event.name, "args": event.content}
    if event.wants_ack:
        line["ack"] = True
    if with_time:
        line["time"] = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return line


def _silent(message: str) -> None:
    """Say nothing."""
