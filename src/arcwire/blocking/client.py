"""The client, for code without an event loop."""

from types import TracebackType
from typing import Any

from arcwire.blocking.portal import Portal
from arcwire.blocking.socket import AuthSource, Socket
from arcwire.socketio.client import Client as AsyncClient


class Client:
    """A client of a Socket.IO server: `with arcwire.blocking.Client(url) as socket`.

    Takes what `arcwire.Client` takes, with the same meaning. Handlers may be registered before connecting, on
    `client.socket`, or behind the `with`: what the server sends right with the connection waits for the
    thread that connected to register them, until it waits itself. The connection lives on a thread that all
    blocking clients of the process share; it starts with the first of them. A client may be made before the
    process forks, but not connected: each process connects its own.
    """

    def __init__(self, url: str, **options: Any) -> None:
        """Raises ValueError or TypeError for a URL or an option that cannot work."""
        self.asynchronous = AsyncClient(url, **options)
        """The asynchronous client behind it; only for the loop's thread."""
        self._portal = Portal(self.asynchronous.close)
        self._sockets: dict[str, Socket] = {}
        self.socket = self._socket(self.asynchronous.socket)
        """The socket of the namespace that the URL names."""

    def __repr__(self) -> str:
        return f"<blocking {self.asynchronous!r}>"

    def connect(self) -> Socket:
        """Connect, and return the socket when its namespace is usable.

        Raises why it is not: ConnectRefused, another ConnectError, Disconnected once this is closed.
        """
        return self.socket.connect()

    def of(self, namespace: str, *, auth: AuthSource = None) -> Socket:
        """The socket of another namespace, over the same connection; `connect()` it."""
        return self._socket(self._portal.call(self.asynchronous.of, namespace, auth=auth))

    def close(self) -> None:
        """Leave all namespaces, send what was emitted, wait for handlers, and keep nothing.

        In a handler of this client it only begins to. Raises RuntimeError on the loop's thread.
        """
        self._portal.close()

    def __enter__(self) -> Socket:
        try:
            return self.connect()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _socket(self, socket: Any) -> Socket:
        name = socket.namespace.name
        return self._sockets.setdefault(name, Socket(self._portal, socket))
