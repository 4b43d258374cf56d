"""Many namespaces over one connection."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.engineio.server import Connection
from arcwire.errors import ConnectionRefused
from arcwire.socketio.deduplication import read_retry
from arcwire.socketio.protocol.codec import PartialPacket
from arcwire.socketio.protocol.dialect import DIALECTS, Dialect
from arcwire.socketio.protocol.packet import (
    ACK,
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENT,
    Packet,
    PacketError,
)
from arcwire.socketio.protocol.reasons import DisconnectReason
from arcwire.socketio.server.socket import MAX_BACKLOG, Socket

if TYPE_CHECKING:
    from arcwire.socketio.server.namespace import Namespace
    from arcwire.socketio.server.server import Server

MAX_SEEKING = 100
"""Namespaces that one connection may wait for while predicates decide."""

logger = logging.getLogger("arcwire.socketio")


class Multiplexer:
    """Receives the messages of one connection and hands packets to the socket of their namespace.

    A packet that the protocol forbids ends the connection, as a client that sends one cannot be
    understood any more.
    """

    __slots__ = (
        "_left",
        "_others",
        "_partial",
        "_root",
        "_seeking",
        "_server",
        "connection",
        "dialect",
        "issued",
        "timer_slot",
    )

    def __init__(self, server: "Server", connection: Connection) -> None:
        self.connection = connection
        self.dialect: Dialect = DIALECTS[connection.protocol]
        """What the client expects."""
        self.issued = time.time()
        self.timer_slot = 0
        self._server = server
        self._partial: PartialPacket | None = None
        # Most connections have the root namespace and no other: no dict for them.
        self._root: Socket | None = None
        self._others: dict[str, Socket] | None = None
        # Namespaces that are looked for, and what arrived for them meanwhile.
        self._seeking: dict[str, list[Packet]] | None = None
        # Namespaces that the server ended: packets for them may still be on their way.
        self._left: set[str] | None = None

    # -- MessageReceiver ----------------------------------------------------------

    def receive_text(self, data: str) -> None:
        try:
            if self._partial is not None:
                raise PacketError("text in the middle of a binary packet")
            packet = self._server.codec.decode_text(data)
            if type(packet) is Packet:
                # Hot: an event of the root namespace.
                if packet.type == EVENT and packet.namespace == "/" and self._root is not None:
                    self._root.receive_event(packet)
                else:
                    self._receive(packet)
            else:
                self._partial = packet  # type: ignore[assignment]
        except PacketError as error:
            self._fail(str(error))

    def receive_binary(self, data: bytes) -> None:
        try:
            if self._partial is None:
                packet: Packet | PartialPacket | None = self._server.codec.decode_binary(data)
            else:
                packet = self._partial.add(data)
                if packet is None:
                    return
                self._partial = None
            if type(packet) is Packet:
                self._receive(packet)
            else:
                self._partial = packet  # type: ignore[assignment]
        except PacketError as error:
            self._fail(str(error))

    def connection_closed(self, reason: CloseReason, description: str) -> None:
        self._server.engine.timers.cancel(self)
        self._server.drop(self)
        for socket in self.sockets:
            socket.end(DisconnectReason(reason.value), description)
        self._root = self._others = self._seeking = None

    # -- for sockets --------------------------------------------------------------

    @property
    def sockets(self) -> list[Socket]:
        """The sockets of this connection, those that are still connecting too."""
        sockets = [] if self._root is None else [self._root]
        return sockets if self._others is None else [*sockets, *self._others.values()]

    @property
    def is_waiting(self) -> bool:
        """Whether the client owes an acknowledgement, or something is on its way to it."""
        return self.connection.buffered_bytes > 0 or any(socket.owes_ack for socket in self.sockets)

    def send_control(self, kind: int, namespace: str, data: object = None) -> None:
        """Send CONNECT, DISCONNECT or CONNECT_ERROR."""
        codec = self._server.codec
        payload = codec.encode_control(kind, namespace, data)
        if codec.binary:
            self.connection.send_binary(payload)
        else:
            self.connection.send_text(payload)

    def new_id(self, namespace: str) -> str:
        """The id of a socket in this namespace."""
        id_of = self.dialect.id_of
        return self._server.new_id() if id_of is None else id_of(namespace, self.connection.sid)

    def send_connect(self, namespace: str, data: dict[str, object]) -> None:
        """Tell the client that it is in, and what it has to know."""
        self.send_control(CONNECT, namespace, data if self.dialect.answers_with_id else None)

    def send_refusal(self, namespace: str, message: str, data: object) -> None:
        """Tell the client that it is not let in."""
        self.send_control(CONNECT_ERROR, namespace, self.dialect.refusal(message, data))

    def join_root(self) -> None:
        """Join the root namespace for a client that does not ask; harmless once it is gone."""
        if self.connection.is_open and self._root is None:
            self._connect(Packet(CONNECT))

    def entered(self) -> None:
        """A namespace let a socket in: the connection may stay."""
        self._server.engine.timers.cancel(self)

    def expel(self, socket: Socket) -> None:
        """The server ends a namespace for this client; the connection stays."""
        self._remove(socket)
        if self._left is None:
            self._left = set()
        self._left.add(socket.namespace.name)

    def guard(self, function: Callable[[Packet], None], packet: Packet) -> None:
        """Handle a packet outside of the receiving of messages: a bad one ends the connection."""
        try:
            function(packet)
        except PacketError as error:
            self._fail(str(error))

    def handle_deadline(self, now: float) -> float | None:
        """See `Timed`: no namespace let the client in within `connect_timeout`."""
        self._fail("no namespace was joined in time")
        return None

    # -- inside -------------------------------------------------------------------

    def _remove(self, socket: Socket) -> None:
        if socket is self._root:
            self._root = None
        elif self._others is not None:
            self._others.pop(socket.namespace.name, None)

    def _receive(self, packet: Packet) -> None:
        name = packet.namespace
        if name == "/":
            socket = self._root
        else:
            socket = None if self._others is None else self._others.get(name)
        kind = packet.type
        if kind == EVENT and socket is not None:
            socket.receive_event(packet)
        elif kind == ACK and socket is not None:
            socket.receive_ack(packet)
        elif socket is None and self._seeking is not None and name in self._seeking:
            self._wait(packet, self._seeking)
        elif kind == CONNECT and socket is None:
            self._connect(packet)
        elif kind == DISCONNECT and socket is not None:
            self._remove(socket)
            socket.end(DisconnectReason.CLIENT_NAMESPACE_DISCONNECT, "the client left the namespace")
        elif socket is not None or kind == CONNECT_ERROR or not self._has_left(name):
            # A second CONNECT, a CONNECT_ERROR, or a packet for a namespace that was not joined.
            raise PacketError(f"unexpected packet of type {kind} for namespace {name!r}")

    def _is_joined(self, name: str) -> bool:
        return any(name in names for names in (self._others, self._seeking) if names is not None)

    def _has_left(self, name: str) -> bool:
        return self._left is not None and name in self._left

    def _connect(self, packet: Packet) -> None:
        read = self.dialect.read_connect
        if read is not None:
            packet = read(packet)
            if self._is_joined(packet.namespace):
                raise PacketError(f"a second CONNECT for namespace {packet.namespace!r}")
        namespaces = self._server.namespaces
        namespace = namespaces.get(packet.namespace)
        if namespace is not None:
            self._join(namespace, packet)
        elif namespaces.dynamic:
            if self._seeking is None:
                self._seeking = {}
            if len(self._seeking) >= MAX_SEEKING:
                raise PacketError("too many namespaces are asked for at once")
            waiting: list[Packet] = []
            self._seeking[packet.namespace] = waiting
            self._server.start(self._seek(packet, waiting))
        else:
            self._refuse(packet, "Invalid namespace")

    def _join(self, namespace: "Namespace", packet: Packet) -> None:
        socket = namespace.new_socket(self, packet.data if isinstance(packet.data, dict) else {})
        if packet.namespace == "/":
            self._root = socket
        else:
            if self._others is None:
                self._others = {}
            self._others[packet.namespace] = socket
        namespace.admit(socket)

    def _refuse(self, packet: Packet, message: str, data: object = None) -> None:
        error = {"message": message} if data is None else {"message": message, "data": data}
        self.send_control(CONNECT_ERROR, packet.namespace, error)

    async def _seek(self, packet: Packet, waiting: list[Packet]) -> None:
        """Join a namespace that may have to be made, and that predicates decide about."""
        namespace, refusal = None, ConnectionRefused("Invalid namespace")
        auth = read_retry(packet.data)[1] if isinstance(packet.data, dict) else {}
        try:
            async with asyncio.timeout(self._server.connect_timeout):
                namespace = await self._server.namespaces.find(packet.namespace, auth)
        except ConnectionRefused as error:
            refusal = error
        except TimeoutError:
            logger.warning("nothing decided in time about the namespace %r", packet.namespace)
            refusal = ConnectionRefused("timeout")
        if self._seeking is None or self._seeking.get(packet.namespace) is not waiting:
            return  # the client has left meanwhile
        del self._seeking[packet.namespace]
        if namespace is None:
            self._refuse(packet, refusal.message, refusal.data)
            return
        self._join(namespace, packet)
        for each in waiting:
            self.guard(self._receive, each)

    def _wait(self, packet: Packet, seeking: dict[str, list[Packet]]) -> None:
        """A packet for a namespace that is looked for."""
        if packet.type == DISCONNECT:
            del seeking[packet.namespace]
        elif packet.type == EVENT and len(seeking[packet.namespace]) < MAX_BACKLOG:
            seeking[packet.namespace].append(packet)
        else:
            raise PacketError(f"unexpected packet of type {packet.type} before the namespace was joined")

    def _fail(self, description: str) -> None:
        logger.debug("connection %s is closed: %s", self.connection.sid, description)
        self._partial = None
        self.connection.close()
