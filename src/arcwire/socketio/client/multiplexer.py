"""Many namespaces over one connection, on the client's side."""

import logging
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Protocol

from arcwire.engineio.link import PreparedMessage
from arcwire.engineio.protocol.reasons import CloseReason
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

if TYPE_CHECKING:
    from arcwire.socketio.client.manager import Manager
    from arcwire.socketio.client.membership import Membership

logger = logging.getLogger("arcwire.socketio")


class ClientConnection(Protocol):
    """What a manager needs of an Engine.IO connection; see `EngineConnection`."""

    @property
    def sid(self) -> str: ...
    @property
    def transport(self) -> str: ...
    @property
    def protocol(self) -> int: ...
    @property
    def is_open(self) -> bool: ...
    @property
    def max_payload(self) -> int | None: ...
    @property
    def writable(self) -> bool: ...
    @property
    def buffered_bytes(self) -> int: ...
    @property
    def ping_expired(self) -> bool: ...
    def send_text(self, payload: bytes) -> None: ...
    def send_binary(self, payload: bytes) -> None: ...
    def send_prepared(self, message: PreparedMessage) -> None: ...
    def check_size(self, payload: bytes, *, binary: bool = False) -> None: ...
    async def drain(self) -> None: ...
    def close(self) -> None: ...
    async def wait_closed(self) -> None: ...


class _Standing(Enum):
    """How this client stands with the server in a namespace that it asked for."""

    ASKED = auto()
    """The server has not answered yet."""
    LEFT = auto()
    """Nor has it here, but whoever asked has left. No server of JavaScript's understands a DISCONNECT before
    its answer, and some close the connection for it: it is sent after the answer."""
    IN = auto()


_ASKED = _Standing.ASKED
_LEFT = _Standing.LEFT
_IN = _Standing.IN


class Multiplexer:
    """Receives the messages of one connection and hands packets to the socket of their namespace.

    A packet that the protocol forbids ends the connection, which is then made anew.
    """

    __slots__ = (
        "_codec",
        "_early",
        "_failure",
        "_manager",
        "_partial",
        "_standings",
        "_waiting",
        "closed",
        "connection",
        "dialect",
        "sockets",
    )

    connection: ClientConnection
    """The Engine.IO connection below; set once it is open."""

    def __init__(self, manager: "Manager") -> None:
        self._manager = manager
        self._codec = manager.codec
        self._partial: PartialPacket | None = None
        # What arrives before the connection is used: a server of protocol 3 speaks first.
        self._early: list[str | bytes] | None = []
        self._failure: str | None = None
        self.dialect: Dialect = DIALECTS[manager.engine.protocol]
        """What the server expects."""
        # By namespace; none where the server was not asked, or where that is over.
        self._standings: dict[str, _Standing] = {"/": _ASKED} if self.dialect.joins_root else {}
        # Sockets of namespaces that were left: they enter once the server has answered what was asked before.
        self._waiting: dict[str, Membership] = {}
        self.closed: tuple[DisconnectReason, str] | None = None
        """How it ended, once it did."""
        self.sockets: dict[str, Membership] = {}
        """Those that use this connection, by namespace."""

    # -- MessageReceiver ----------------------------------------------------------------

    def receive_text(self, data: str) -> None:
        try:
            if self._early is not None:
                self._early.append(data)
                return
            if self._partial is not None:
                raise PacketError("text in the middle of a binary packet")
            packet = self._codec.decode_text(data)
            if type(packet) is Packet:
                # Hot: `_receive`, without the call, for what nearly all packets are.
                socket = self.sockets.get(packet.namespace)
                if socket is None:
                    self._receive(packet)
                elif packet.type == EVENT:
                    socket.receive_event(packet)
                elif packet.type == ACK:
                    socket.receive_ack(packet)
                else:
                    self._receive(packet)
            else:
                self._partial = packet  # type: ignore[assignment]
        except PacketError as error:
            self._fail(str(error))

    def receive_binary(self, data: bytes) -> None:
        try:
            if self._early is not None:
                self._early.append(data)
                return
            if self._partial is None:
                packet: Packet | PartialPacket | None = self._codec.decode_binary(data)
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
        if self._failure is None:
            self.closed = DisconnectReason(reason.value), description
        else:
            self.closed = DisconnectReason.PARSE_ERROR, self._failure
        self.sockets.update(self._waiting)  # they lose it too
        self._manager.connection_lost(self, *self.closed)

    # -- for the manager and the sockets ------------------------------------------------

    def begin(self) -> None:
        """Packets go to the sockets from now on."""
        early, self._early = self._early, None
        for data in early or ():
            if isinstance(data, str):
                self.receive_text(data)
            else:
                self.receive_binary(data)

    def enter(self, socket: "Membership") -> None:
        """A socket uses this connection: it is to ask the server, now or once that is possible."""
        name = socket.namespace.name
        standing = self._standings.get(name)
        if standing is _LEFT and not self._joins(name):
            self._waiting[name] = socket
            return
        self.sockets[name] = socket
        if standing is None:
            socket.introduce(self)
        elif standing is _IN:
            socket.receive_connect(None)  # the server joined it, and nobody here used it
        else:
            self._standings[name] = _ASKED

    def ask(self, namespace: str, content: dict[str, Any]) -> None:
        """Send CONNECT. Raises what the codec raises for content that has no form, and PayloadTooLarge."""
        self._send(CONNECT, *self.dialect.write_connect(namespace, content))
        self._standings[namespace] = _ASKED

    def remove(self, socket: "Membership") -> None:
        """A socket uses this connection no longer: the server is told, now or after its answer."""
        name = socket.namespace.name
        self.sockets.pop(name, None)
        if self._waiting.pop(name, None) is not None or self.closed is not None:
            return
        standing = self._standings.get(name)
        if standing is _ASKED:
            self._standings[name] = _LEFT
        elif standing is _IN:
            self._leave(name)

    def guard(self, socket: "Membership", packet: Packet) -> None:
        """Handle an event outside of the receiving of messages: a bad one ends the connection."""
        try:
            socket.handle_event(packet)
        except PacketError as error:
            self._fail(str(error))

    # -- inside -------------------------------------------------------------------------

    def _receive(self, packet: Packet) -> None:
        kind = packet.type
        if kind != EVENT and kind != ACK:
            self._receive_control(packet)
            return
        socket = self.sockets.get(packet.namespace)
        if socket is None:
            return  # of a namespace that nobody here uses, or that was just left
        if kind == EVENT:
            socket.receive_event(packet)
        else:
            socket.receive_ack(packet)

    def _receive_control(self, packet: Packet) -> None:
        kind, name = packet.type, packet.namespace
        standing = self._standings.pop(name, None)
        if kind == CONNECT and (standing is None or standing is _LEFT):
            self._leave(name)
        elif standing is not None:
            if kind == CONNECT or (kind == CONNECT_ERROR and standing is _IN):
                self._standings[name] = _IN
            socket = self.sockets.get(name)
            if socket is None:
                pass
            elif kind == CONNECT:
                socket.receive_connect(packet.data)
            elif kind == CONNECT_ERROR:
                socket.receive_refusal(packet.data)
            else:
                socket.receive_disconnect()
        waiting = self._waiting.pop(name, None)
        if waiting is not None:
            self.enter(waiting)

    def _joins(self, namespace: str) -> bool:
        """Whether the server joins it without being asked."""
        return self.dialect.joins_root and namespace == "/"

    def _leave(self, namespace: str) -> None:
        self._standings.pop(namespace, None)
        self._send(DISCONNECT, namespace)

    def _send(self, kind: int, namespace: str, data: object = None) -> None:
        payload = self._codec.encode_control(kind, namespace, data)
        if self._codec.binary:
            self.connection.send_binary(payload)
        else:
            self.connection.send_text(payload)

    def _fail(self, description: str) -> None:
        logger.warning("a message of the server is not Socket.IO, or not of this codec: %s", description)
        if self._failure is None:
            self._failure = description
        self._partial = None
        self.connection.close()
