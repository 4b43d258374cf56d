"""`Client`: what an application uses to talk to a Socket.IO server."""

from types import TracebackType
from typing import Unpack

from arcwire.engineio.client import EngineClientConfig
from arcwire.engineio.client.address import read_url
from arcwire.socketio.client.address import namespace_of
from arcwire.socketio.client.buffer import OfflineBuffer
from arcwire.socketio.client.manager import Manager
from arcwire.socketio.client.membership import AuthSource, Connecting
from arcwire.socketio.client.options import ConnectionOptions, ReconnectionOptions, SocketOptions
from arcwire.socketio.client.retries import WINDOW
from arcwire.socketio.client.socket import ClientSocket
from arcwire.socketio.protocol.codec import Codec
from arcwire.socketio.protocol.json_codec import JsonCodec

_DEFAULT_CODEC = JsonCodec()

GRACE = 5.0
"""Seconds for handlers that still run when a client is closed."""


class Client:
    """A client of a Socket.IO server.

        async with Client("https://example.com/chat?room=1", auth={"token": "..."}) as socket:
            ...

    The path of the URL, as it is written, is the namespace; its query is sent with every request. Entering
    connects and gives the socket of that namespace, or raises why it cannot; leaving closes everything.
    Without `async with`: `await client.connect()`, `client.socket`, `await client.close()`.

    A client belongs to the event loop in which it connects. Durations are seconds, sizes bytes. Raises
    ValueError or TypeError for an option or a URL that cannot work.

    - `auth`: what is shown to namespaces: a dict, or a function, `async` or not, that gives one each time.
    - `retry_connect`: whether a first attempt to connect that fails is followed by others; without, it
      raises. Connections that were there come back in any case.
    - `reconnection`, `reconnection_attempts` (None: no limit), `reconnection_delay`,
      `reconnection_delay_max`, `randomization_factor`: whether lost connections are made anew, and when:
      the delay doubles up to its maximum, and the factor of it is random.
    - `timeout`: for an attempt to connect, then for a function that gives `auth`, and then for the answer of
      a namespace; None for no limit.
    - `ack_timeout`: for acknowledgements, where `timeout(...)` of a socket says nothing else.
    - `retries`: how often an event is sent again until it is acknowledged, each within `ack_timeout` (here
      20 seconds by default); `retry_window`: how many may be unacknowledged. See docs/client.md.
    - `offline_buffer`: how many events wait while there is no connection; an `OfflineBuffer`.
    - `codec`: how packets become messages; that of the server.
    - `path`: where the server answers.
    - `protocol`: 4, or 3 for servers of Socket.IO 2. There `auth` travels in the query of the URL.
    - all others: those of `EngineClientConfig`: `transports`, `query`, `extra_headers`, `cookies`,
      `ca_file`, `client_certificate`, `insecure`, `proxy`, ...
    """

    def __init__(  # noqa: PLR0913 - options, all by name
        self,
        url: str,
        *,
        auth: AuthSource = None,
        retry_connect: bool = False,
        reconnection: bool = True,
        reconnection_attempts: int | None = None,
        reconnection_delay: float = 1.0,
        reconnection_delay_max: float = 5.0,
        randomization_factor: float = 0.5,
        timeout: float | None = 20.0,
        ack_timeout: float | None = None,
        retries: int = 0,
        retry_window: int = WINDOW,
        offline_buffer: OfflineBuffer | None = None,
        codec: Codec | None = None,
        path: str = "/socket.io",
        **connection: Unpack[ConnectionOptions],
    ) -> None:
        namespace = namespace_of(url)
        read_url(url)
        self.manager = Manager(
            url,
            EngineClientConfig(path=path, timeout=timeout, **connection),
            _DEFAULT_CODEC if codec is None else codec,
            ReconnectionOptions(
                reconnection=reconnection,
                reconnection_attempts=reconnection_attempts,
                reconnection_delay=reconnection_delay,
                reconnection_delay_max=reconnection_delay_max,
                randomization_factor=randomization_factor,
            ),
            SocketOptions(
                ack_timeout=ack_timeout,
                retries=retries,
                retry_window=retry_window,
                offline_buffer=OfflineBuffer() if offline_buffer is None else offline_buffer,
                retry_connect=retry_connect,
                timeout=timeout,
            ),
            auth,
        )
        self.socket = self.manager.socket(namespace)
        """The socket of the namespace that the URL names."""

    def __repr__(self) -> str:
        connection = self.manager.connection
        how = "closed" if self.manager.closed else "not connected"
        if connection is not None:
            how = f"open over {connection.transport}"
        namespaces = ", ".join(f"{name} {socket.state.name}" for name, socket in self.manager.sockets.items())
        return f"<Client of {read_url(self.manager.url)}, {how}; {namespaces}>"

    def of(self, namespace: str, *, auth: AuthSource = None) -> ClientSocket:
        """The socket of another namespace, over the same connection; made on first use.

        `await socket.connect()` joins the namespace. `auth` is the client's unless it is given here; `{}`
        is nothing at all.
        """
        return self.manager.socket(namespace, auth=auth)

    def connect(self, *, retry: bool | None = None) -> Connecting:
        """Connect the socket of the URL's namespace, and give it; see `ClientSocket.connect`."""
        return self.socket.connect(retry=retry)

    async def close(self, *, grace: float = GRACE) -> None:
        """Leave all namespaces and close the connection, for good; harmless when closed.

        What was emitted is sent before, where there is a connection; what is buffered is dropped, and
        who waits for an acknowledgement gets Disconnected. Handlers that need more than `grace` seconds
        are cancelled. After it, nothing is left: no task, no timer, no connection. A second call waits
        for the same end; cancelling one of several calls cancels that call alone. Raises RuntimeError in
        another event loop than that in which it connected.
        """
        await self.manager.close(grace)

    async def __aenter__(self) -> ClientSocket:
        try:
            return await self.connect()
        except BaseException:
            await self.close(grace=0)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close(grace=GRACE if error is None else 0)
