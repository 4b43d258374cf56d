"""The Engine.IO side of a server, in memory, for clients whose every byte a test wants to decide.

server = MemoryServer()
client = server.client()              # a Client that connects to it
connecting = asyncio.create_task(client.connect())
connection = await server.accept()    # its connection: `sent`, `receive`, `drop`
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from arcwire import Client, ClientSocket
from arcwire.engineio.client import EngineClientConfig, MessageReceiver
from arcwire.engineio.link import PreparedMessage
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.errors import ConnectError, PayloadTooLarge

PATIENCE = 10.0


class MemoryConnection:
    """Implements what a manager needs of a connection; keeps what is sent, decoded if text."""

    def __init__(self, receiver: MessageReceiver, config: EngineClientConfig, sid: str) -> None:
        self.receiver = receiver
        self.config = config
        self.sid = sid
        self.transport = "websocket"
        self.protocol = int(config.protocol)
        self.max_payload: int | None = 1_000_000
        self.sent: list[str | bytes] = []
        self.uncompressed: list[str | bytes] = []
        self.is_open = True
        self.writable = True
        self.ping_expired = False
        self.buffered_bytes = 0
        self.drained = asyncio.Event()

    # -- what the client calls --------------------------------------------------------

    def send_text(self, payload: bytes) -> None:
        self.check_size(payload)
        if self.is_open:
            self.sent.append(payload.decode())

    def send_binary(self, payload: bytes) -> None:
        self.check_size(payload, binary=True)
        if self.is_open:
            self.sent.append(bytes(payload))

    def send_prepared(self, message: PreparedMessage) -> None:
        assert not message.compress
        self.uncompressed.append(message.payload if message.binary else message.payload.decode())
        (self.send_binary if message.binary else self.send_text)(message.payload)

    def check_size(self, payload: bytes, *, binary: bool = False) -> None:
        size = len(payload) + (not binary)
        if self.max_payload is not None and size > self.max_payload:
            raise PayloadTooLarge(size, self.max_payload)

    async def drain(self) -> None:
        if self.buffered_bytes and self.is_open:
            await self.drained.wait()

    def close(self) -> None:
        if self.is_open:
            self._end(CloseReason.FORCED_CLOSE, "closed by the client")

    async def wait_closed(self) -> None:
        assert not self.is_open

    # -- what the test does -------------------------------------------------------------

    def receive(self, *messages: str | bytes) -> None:
        """Messages of the server."""
        for message in messages:
            if isinstance(message, str):
                self.receiver.receive_text(message)
            else:
                self.receiver.receive_binary(message)

    def let_in(self, namespace: str = "/", sid: str = "s1", **greeting: Any) -> None:
        """Answer a CONNECT."""
        head = "0" if namespace == "/" else f"0{namespace},"
        self.receive(head + json.dumps({"sid": sid, **greeting}))

    def drop(self, reason: CloseReason = CloseReason.TRANSPORT_CLOSE) -> None:
        """The connection is lost."""
        self._end(reason, "dropped by the test")

    async def sends(self, message: str | bytes) -> None:
        """Wait until the client has sent this."""
        await until(lambda: message in self.sent)

    def _end(self, reason: CloseReason, description: str) -> None:
        self.is_open = False
        self.drained.set()
        self.receiver.connection_closed(reason, description)


class MemoryServer:
    """Where such connections lead to. `failures` are raised by the next attempts to connect."""

    def __init__(self) -> None:
        self.connections: list[MemoryConnection] = []
        self.failures: list[Exception | None] = []
        self.attempts = 0
        self.unreachable: ConnectError | None = None
        """Raised by all attempts, while it is set."""
        self.early: list[str | bytes] = []
        """What arrives before the opening returns."""
        self.max_payload: int | None = 1_000_000
        self.clients: list[Client] = []
        self._accepted = 0

    async def join(self, **options: Any) -> tuple[ClientSocket, MemoryConnection]:
        """A connected socket of the root namespace, and its connection."""
        client = self.client(**options)
        connecting = client.connect()
        connection = await self.accept()
        connection.let_in()
        await connecting
        return client.socket, connection

    def client(self, url: str = "http://server.test", **options: Any) -> Client:
        """A client whose connections lead here; it does not wait long before it tries again."""
        options = {"reconnection_delay": 0.001, "reconnection_delay_max": 0.001, **options}
        client = Client(url, **options)
        client.manager.open_connection = self.open
        self.clients.append(client)
        return client

    async def open(self, url: str, receiver: MessageReceiver, config: EngineClientConfig) -> MemoryConnection:
        """See `EngineConnection.open`."""
        self.attempts += 1
        await asyncio.sleep(0)
        failure = self.failures.pop(0) if self.failures else None
        if failure or self.unreachable:
            raise failure or self.unreachable
        connection = MemoryConnection(receiver, config, f"engine{len(self.connections) + 1}")
        connection.max_payload = self.max_payload
        self.connections.append(connection)
        connection.receive(*self.early)
        return connection

    async def accept(self) -> MemoryConnection:
        """The next connection, once the client uses it."""
        self._accepted += 1
        await until(lambda: len(self.connections) >= self._accepted)
        connection = self.connections[self._accepted - 1]
        await until(lambda: connection.sent or connection.protocol == 3 or not connection.is_open)
        return connection


async def until(condition: Callable[[], object]) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0)
