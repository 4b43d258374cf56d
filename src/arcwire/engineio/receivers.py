"""What stands between a link and a connection where frames are not simply messages; on both sides."""

from typing import Protocol

from arcwire.engineio.link import LinkReceiver, WebSocketLink
from arcwire.engineio.protocol.reasons import CloseReason


class Abortable(LinkReceiver, Protocol):
    """A connection that can be ended because of what the peer sent."""

    def abort(self, reason: CloseReason, description: str) -> None:
        """End it."""


class TypedFrames:
    """Receives for a connection where binary frames begin with the type of the packet (protocol 3)."""

    __slots__ = ("_connection", "_prefix")

    def __init__(self, connection: Abortable, prefix: bytes) -> None:
        self._connection = connection
        self._prefix = prefix

    def receive_text(self, packet: str) -> None:
        self._connection.receive_text(packet)

    def receive_binary(self, data: bytes) -> None:
        if data.startswith(self._prefix):
            self._connection.receive_binary(data[len(self._prefix) :])
        else:
            self._connection.abort(CloseReason.PARSE_ERROR, "a binary packet that is no message")

    def link_drained(self) -> None:
        self._connection.link_drained()

    def link_closed(self, reason: CloseReason, description: str) -> None:
        self._connection.link_closed(reason, description)


class Upgradable(Protocol):
    """A connection that a WebSocket may take over."""

    def receive_probe(self, probe: "Probe", packet: str) -> None:
        """A text packet arrived on a probing WebSocket."""

    def lose_probe(self, probe: "Probe", description: str) -> None:
        """A probing WebSocket is gone."""


class Probe:
    """Receives from a WebSocket that wants to take over a session, until it does."""

    __slots__ = ("_connection", "link")

    def __init__(self, connection: Upgradable, link: WebSocketLink) -> None:
        self._connection = connection
        self.link = link

    def receive_text(self, packet: str) -> None:
        self._connection.receive_probe(self, packet)

    def receive_binary(self, data: bytes) -> None:
        # Never part of a probe: it ends it as a wrong text packet does.
        self._connection.receive_probe(self, "")

    def link_drained(self) -> None:
        """Nothing waits for a probe."""

    def link_closed(self, reason: CloseReason, description: str) -> None:
        self._connection.lose_probe(self, description)
