"""Arcwire's exceptions.

ArcwireError
├── ConnectionRefused    raised by middlewares and connection handlers: the client may not come in
├── EventError           raised by event handlers: the answer is an error of the application
├── AckTimeout           an acknowledgement did not arrive in time (also a TimeoutError)
├── Disconnected         the socket is gone, so its acknowledgement will never arrive
├── InvalidAnswer        an acknowledgement does not fit what `returns` says
├── EventDropped         the event was not sent, so its acknowledgement will never arrive
├── BufferFull           an event was emitted while there is no connection, and too many others wait
├── PayloadTooLarge      an event is larger than what the server takes
└── ConnectError         a client could not connect
    ├── ResolveError          the name of the host has no address
    ├── Unreachable           nothing answers at the address
    ├── TlsError              no encrypted connection that can be trusted
    ├── ConnectTimeout        not in time (also a TimeoutError)
    ├── ProxyError            the proxy in between cannot be used, or refuses
    ├── HandshakeRejected     the server answered with an error
    ├── NotAnEngine           what answers does not speak Engine.IO, or another revision
    ├── TransportUnavailable  no transport is left
    └── ConnectRefused        the namespace did not let it in
"""

from collections.abc import Sequence
from typing import Any


class ArcwireError(Exception):
    """Base of every exception that Arcwire raises on purpose."""


class ConnectionRefused(ArcwireError):
    """Raise it in a middleware or a connection handler to refuse a socket.

    The client gets `connect_error` with `message` and, unless None, `data` (anything with a JSON
    form, without bytes), and does not try again by itself.
    """

    def __init__(self, message: str = "connection refused", data: object = None) -> None:
        super().__init__(message)
        self.message = message
        self.data = data


class EventError(ArcwireError):
    """Raise it in an event handler to answer with an error of the application.

    If the client asked for an acknowledgement it gets
    `{"error": {"code": code, "message": message, "data": data}}`; `data` None is left out.
    """

    def __init__(self, code: str, message: str = "", data: object = None) -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code
        self.message = message
        self.data = data


class AckTimeout(ArcwireError, TimeoutError):
    """Not all acknowledgements arrived in time.

    `responses` holds those that did, in the order of their arrival. `missing` holds the ids of the
    sockets that have not answered a broadcast.
    """

    def __init__(
        self,
        message: str,
        responses: list[Any] | None = None,
        missing: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(message)
        self.responses: list[Any] = [] if responses is None else responses
        self.missing = missing


class Disconnected(ArcwireError):
    """The socket is not connected (any more). `reason` is a `DisconnectReason`, or None."""

    def __init__(self, message: str, reason: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason


class EventDropped(ArcwireError):
    """An event that asks for an acknowledgement was not sent.

    It was volatile and the client could not take it, or too many others wait for their answers.
    """


class InvalidAnswer(ArcwireError):
    """What a client answered does not fit `emit_with_ack(..., returns=...)`.

    `path` says where, beginning with `answer`. `responses` holds the valid answers of other clients,
    if many were asked.
    """

    def __init__(self, message: str, path: str = "answer", responses: list[Any] | None = None) -> None:
        super().__init__(f"{message} at {path}")
        self.message = message
        self.path = path
        self.responses: list[Any] = [] if responses is None else responses


class BufferFull(ArcwireError):
    """Too much waits already: events for the connection to come back, or for a stream to be read.

    `limit` says of which limit, in the words of its option.
    """

    def __init__(self, message: str, limit: str = "") -> None:
        super().__init__(message)
        self.limit = limit


class PayloadTooLarge(ArcwireError, ValueError):
    """An event is larger than the server takes: it would end the connection. Nothing was sent.

    `size` and `limit` are in bytes.
    """

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"the event takes {size} bytes, and the server takes messages of {limit} at most")
        self.size = size
        self.limit = limit


class ConnectError(ArcwireError):
    """A client could not connect. The message says to where, and why not.

    `url` is where to, without credentials and query.
    """

    def __init__(self, message: str, url: str = "") -> None:
        super().__init__(message)
        self.url = url


class ResolveError(ConnectError):
    """The name of the host has no address, or nobody could tell (DNS)."""


class Unreachable(ConnectError):
    """Nothing accepts connections there, or there is no way to it."""


class TlsError(ConnectError):
    """No encrypted connection that can be trusted: the certificate, the version of the protocol."""


class ConnectTimeout(ConnectError, TimeoutError):
    """Connecting took longer than `timeout`."""


class ProxyError(ConnectError):
    """The proxy in between cannot be used or refuses. `status` is its HTTP status, if it sent one."""

    def __init__(self, message: str, url: str = "", status: int | None = None) -> None:
        super().__init__(message, url)
        self.status = status


class HandshakeRejected(ConnectError):
    """The answer was an HTTP error, with `status`.

    `code` and `message` are what an Engine.IO server says about it (None and "" where something else
    answered), `body` the beginning of the answer.
    """

    def __init__(
        self,
        text: str,
        url: str = "",
        *,
        status: int,
        code: int | None = None,
        message: str = "",
        body: str = "",
    ) -> None:
        super().__init__(text, url)
        self.status = status
        self.code = code
        self.message = message
        self.body = body


class NotAnEngine(ConnectError):
    """What answers does not speak Engine.IO, or another revision: it may be a page to log in to a network.

    `status` is that of HTTP, `body` the beginning of the answer.
    """

    def __init__(self, text: str, url: str = "", *, status: int | None = None, body: str = "") -> None:
        super().__init__(text, url)
        self.status = status
        self.body = body


class TransportUnavailable(ConnectError):
    """No transport is left. `attempts` are those that were tried, each with its error."""

    def __init__(
        self, message: str, url: str = "", attempts: Sequence[tuple[str, ConnectError]] = ()
    ) -> None:
        super().__init__(message, url)
        self.attempts = tuple(attempts)


class ConnectRefused(ConnectError):
    """The namespace did not let the client in, which does not try again by itself.

    `message` and `data` are those of the server's `ConnectionRefused`.
    """

    def __init__(self, message: str, data: object = None, namespace: str = "/") -> None:
        super().__init__(f"the namespace {namespace!r} refused the connection: {message}")
        self.message = message
        self.data = data
        self.namespace = namespace
