"""Where the client commands connect to, and how: the arguments that they share."""

import argparse
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NoReturn

from arcwire import JsonCodec, MsgpackCodec
from arcwire.cli.failures import CommandError, ExitCode
from arcwire.cli.states import ended
from arcwire.cli.values import ValueFault, from_argument
from arcwire.socketio.client import Client, ClientSocket, State, StateName, Stream

EXIT_CODES = """\
exit codes:
  0 done                       4 the server refused the namespace
  1 a defect; its traceback    5 it did not come within the time
  2 wrong arguments or input   6 the connection ended
  3 no connection              7 the answer is an error
                               8 the output cannot be written
"""

_CODECS = {"json": JsonCodec, "msgpack": MsgpackCodec}
_HEADER = re.compile(r"\s*([^:\s]+)\s*:\s*(.*?)\s*", re.DOTALL)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|unix:")


def add_endpoint(parser: argparse.ArgumentParser) -> None:
    """The URL, and the options for connecting."""
    parser.add_argument(
        "url",
        metavar="URL",
        help="the server; the path is the namespace, the query is sent: https://example.com/admin?room=1",
    )
    add = parser.add_argument_group("connection").add_argument
    add("--auth", metavar="JSON", help="what the namespace is told to let you in; @FILE reads a file")
    add(
        "--header",
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        help="a header of each request; may be repeated",
    )
    add(
        "--transport",
        action="append",
        choices=("websocket", "polling"),
        help="use only this one; repeated, the first and then the next (default: websocket, then polling)",
    )
    add("--path", default="/socket.io", help="where the server answers (default: /socket.io)")
    add(
        "--protocol",
        type=int,
        choices=(4, 3),
        default=4,
        help="revision of Engine.IO; 3 for servers of Socket.IO 2 (default: 4)",
    )
    add("--codec", choices=tuple(_CODECS), default="json", help="how packets are written (default: json)")
    add(
        "--connect-timeout",
        type=seconds,
        default=20.0,
        metavar="SECONDS",
        help="time for each attempt to connect (default: 20)",
    )
    add = parser.add_argument_group("TLS and proxies").add_argument
    add("--insecure", action="store_true", help="take any certificate")
    add("--ca", metavar="FILE", help="certificates of the authorities to trust instead of the system's")
    add("--cert", metavar="FILE", help="certificate of this client, with its key or with --key")
    add("--key", metavar="FILE", help="the key of --cert, if it is in a file of its own")
    add("--proxy", metavar="URL", help="an HTTP or SOCKS proxy (default: that of the environment)")


def add_retry(parser: argparse.ArgumentParser, default: str) -> None:
    """How often to try to connect."""
    parser.add_argument(
        "--retry",
        type=retries,
        metavar="N",
        help=f"try N times more to connect, at growing intervals, or 'forever' (default: {default})",
    )


# -- types of arguments ---------------------------------------------------------------------


def seconds(text: str) -> float:
    """A duration above 0."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError
    return value


def retries(text: str) -> float:
    """A number of times, or infinity."""
    if text == "forever":
        return float("inf")
    value = int(text)
    if value < 0:
        raise ValueError
    return value


def read_values(arguments: Sequence[str], *, text: bool = False) -> list[Any]:
    """The values of an event's arguments. Raises CommandError."""
    if text:
        return list(arguments)
    values = []
    for number, argument in enumerate(arguments, 1):
        try:
            values.append(from_argument(argument))
        except ValueFault as fault:
            hint = " (--text takes all values as text)" if "is not JSON" in fault.message else ""
            raise CommandError(f"value {number}: {fault.message}{hint}", ExitCode.USAGE) from None
    return values


# -- connecting -------------------------------------------------------------------------------


def make_client(chosen: dict[str, Any], *, comes_back: bool = False) -> Client:
    """A client for the arguments, which are taken out of `chosen`. Raises CommandError.

    Where nothing is said about `--retry`, `comes_back` is whether a lost connection is made anew.
    """
    options = _retrying(chosen.pop("retry"), comes_back)
    url = chosen.pop("url")
    if not _SCHEME.match(url):
        url = f"http://{url}"
    auth = chosen.pop("auth")
    certificate, key = chosen.pop("cert"), chosen.pop("key")
    if key is not None and certificate is None:
        raise CommandError("--key is the key of --cert, which is missing", ExitCode.USAGE)
    if auth is not None:
        auth = _read_auth(auth)
    if transports := chosen.pop("transport"):
        options["transports"] = transports
    try:
        return Client(
            url,
            auth=auth,
            extra_headers=dict(map(_read_header, chosen.pop("header"))),
            path=chosen.pop("path"),
            protocol=chosen.pop("protocol"),
            codec=_CODECS[chosen.pop("codec")](),
            timeout=chosen.pop("connect_timeout"),
            insecure=chosen.pop("insecure"),
            ca_file=chosen.pop("ca"),
            client_certificate=certificate if key is None else (certificate, key),
            proxy=chosen.pop("proxy"),
            **options,
        )
    except (ValueError, TypeError) as error:
        raise CommandError(str(error), ExitCode.USAGE) from None


@asynccontextmanager
async def opened(client: Client) -> AsyncIterator[tuple[ClientSocket, Stream[State]]]:
    """The socket, connected, and its states, for `wait_closed`.

    Raises what connecting raises. In the end the client is closed, after what was emitted has left.
    """
    try:
        states = client.socket.states()
        await client.connect()
        yield client.socket, states
    finally:
        await client.close(grace=0)


async def wait_closed(states: Stream[State]) -> NoReturn:
    """Raise CommandError when the socket is closed that had been connected."""
    was_open = False
    async for state in states:
        was_open = was_open or state.name is StateName.OPEN
        if was_open and state.name is StateName.CLOSED:
            raise ended(state)
    raise CommandError("the client is closed", ExitCode.DISCONNECTED)


def _retrying(retry: float | None, comes_back: bool) -> dict[str, Any]:
    if retry is None:
        return {"reconnection": comes_back}
    if not retry:
        return {"reconnection": False}
    return {"retry_connect": True, "reconnection_attempts": None if retry == float("inf") else int(retry)}


def _read_auth(text: str) -> dict[str, Any]:
    try:
        auth = from_argument(text)
    except ValueFault as fault:
        raise CommandError(f"--auth: {fault.message}", ExitCode.USAGE) from None
    if not isinstance(auth, dict):
        raise CommandError('--auth: an object is needed, for example {"token": "..."}', ExitCode.USAGE)
    return auth


def _read_header(text: str) -> tuple[str, str]:
    found = _HEADER.fullmatch(text)
    if found is None:
        raise CommandError(f"--header: {text!r} is not of the form 'Name: value'", ExitCode.USAGE)
    return found[1], found[2]
