"""A connection to a server: one Engine.IO session, seen from the client."""

import asyncio
import sys
from collections.abc import Sequence
from typing import Self, assert_never, cast

from arcwire.engineio.client.address import Address, read_url
from arcwire.engineio.client.clocks import clocks
from arcwire.engineio.client.config import EngineClientConfig
from arcwire.engineio.client.websocket import open_websocket
from arcwire.engineio.link import LinkReceiver, WebSocketLink
from arcwire.engineio.protocol.announcement import AnnouncementError, read_announcement
from arcwire.engineio.protocol.client_session import ClientSession
from arcwire.engineio.protocol.notices import (
    ClientNotice,
    Closed,
    Discarded,
    MessageReceived,
    PacketsSent,
    PollWanted,
    PostWanted,
    ProbeAnswered,
    ProbeDropped,
    Upgraded,
)
from arcwire.engineio.protocol.packet import Binary
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.engineio.server.connection import MessageReceiver
from arcwire.errors import ConnectTimeout, NotAnEngine, PayloadTooLarge

HIGH_WATER = 64 * 1024
"""Bytes that may wait for the server before awaiting a send means waiting."""

_NO_STATUS = 1005


class _Deaf:
    """Receives for connections that are closed, so that no message needs a check of the state."""

    def receive_text(self, data: str) -> None: ...
    def receive_binary(self, data: bytes) -> None: ...
    def connection_closed(self, reason: CloseReason, description: str) -> None: ...


_DEAF = _Deaf()


class EngineConnection:
    """Drives one `ClientSession`: feeds it, and does what it says.

    Sends keep their order over an upgrade and never block; on a closed connection they are ignored. All
    methods are for the loop's thread.
    """

    __slots__ = (
        "__weakref__",
        "_clocks",
        "_drained",
        "_limit",
        "_link",
        "_loop",
        "_plain",
        "_receiver",
        "_session",
        "timer_slot",
        "url",
    )

    def __init__(
        self,
        address: Address,
        session: ClientSession,
        receiver: MessageReceiver,
        link: WebSocketLink | None,
    ) -> None:
        self.url = str(address)
        """Where it leads to, without credentials and query."""
        self.timer_slot = 0
        self._loop = asyncio.get_running_loop()
        self._clocks = clocks()
        self._session = session
        self._receiver = receiver
        # The open WebSocket that carries the session; None while it polls and once it is closed.
        self._link = link
        # Whether binary messages are WebSocket frames as they are: nearly always.
        self._plain = not session.base64 and not session.dialect.binary_prefix
        self._limit = session.max_payload or sys.maxsize
        self._drained: asyncio.Future[None] | None = None
        self._clocks.add(self)
        self._rearm()

    @classmethod
    async def open(
        cls, url: str, receiver: MessageReceiver, config: EngineClientConfig | None = None
    ) -> Self:
        """Connect to the server at `url`: `http(s)://`, `ws(s)://` or `unix:/path/of/socket`.

        Returns when the server has opened a session. What it sends at once may reach `receiver` a little
        earlier, and it may even have closed the session already. Raises a ConnectError; ValueError for a
        URL that cannot be one. Cancelling it leaves nothing behind.
        """
        config = config or EngineClientConfig()
        address = read_url(url)
        try:
            async with asyncio.timeout(config.timeout):
                return await cls._open_websocket(address, config.of("websocket"), receiver)
        except TimeoutError as error:
            if isinstance(error, ConnectTimeout):
                raise
            where = str(address)
            raise ConnectTimeout(f"{where} did not answer within {config.timeout:g} seconds", where) from None

    @classmethod
    async def _open_websocket(
        cls, address: Address, config: EngineClientConfig, receiver: MessageReceiver
    ) -> Self:
        opening = _Opening(address, config, receiver)
        try:
            await open_websocket(address, config, opening.begin)
            return cast("Self", await opening.opened)
        except BaseException:
            opening.cancel()
            raise

    # -- for the application ----------------------------------------------------

    @property
    def sid(self) -> str:
        """The session id. A secret: whoever knows it can act for this client."""
        return self._session.sid

    @property
    def transport(self) -> str:
        """The current transport: "polling" or "websocket"."""
        return self._session.transport

    @property
    def protocol(self) -> int:
        """The revision of Engine.IO that is spoken: 4 or 3."""
        return self._session.dialect.revision

    @property
    def is_open(self) -> bool:
        """False once the connection is closing or closed."""
        return self._session.is_open

    @property
    def max_payload(self) -> int | None:
        """Bytes of the largest message that the server takes; None if it does not say."""
        return self._session.max_payload

    @property
    def ping_interval(self) -> float:
        """Seconds between the server's pings (protocol 3: between this client's)."""
        return self._session.heartbeat.interval

    @property
    def ping_timeout(self) -> float:
        """Seconds that a ping or its answer may be late."""
        return self._session.heartbeat.timeout

    @property
    def ping_expired(self) -> bool:
        """Whether the server has been silent for too long, by the clock on the wall too: the machine may
        have been suspended. The connection closes then, right after the call that asked."""
        session = self._session
        if not session.is_open or not session.heartbeat.overdue(self._clocks.now(), self._clocks.wall()):
            return False
        self._loop.call_soon(self.wake)
        return True

    def send_text(self, payload: bytes) -> None:
        """Send a text message; `payload` is UTF-8. Raises PayloadTooLarge."""
        if len(payload) >= self._limit:
            raise PayloadTooLarge(len(payload) + 1, self._limit)
        link = self._link
        if link is not None:
            link.send_text(payload)
        else:
            self._act(self._session.send(b"4" + payload))

    def send_binary(self, payload: bytes) -> None:
        """Send a binary message. Raises PayloadTooLarge."""
        link = self._link
        if link is not None and self._plain:
            if len(payload) > self._limit:
                raise PayloadTooLarge(len(payload), self._limit)
            link.send_binary(payload)
        else:
            self.check_size(payload, binary=True)
            self._act(self._session.send(Binary(payload)))

    def check_size(self, payload: bytes, *, binary: bool = False) -> None:
        """Raise PayloadTooLarge if the server does not take such a message; for messages that belong
        together, before the first is sent."""
        size = self._session.size(Binary(payload)) if binary else len(payload) + 1
        if size > self._limit:
            raise PayloadTooLarge(size, self._limit)

    def close(self) -> None:
        """Close after what was sent before; the reason is FORCED_CLOSE. Harmless when closed."""
        self._act(self._session.close(self._clocks.now()))
        self._rearm()

    @property
    def buffered_bytes(self) -> int:
        """Bytes sent that the operating system, or the next post, has not taken yet."""
        if self._link is not None:
            return self._link.buffered_bytes()
        return self._session.queued_bytes

    @property
    def writable(self) -> bool:
        """Whether a message sent now leaves soon: a post may begin, or at most `HIGH_WATER` bytes wait."""
        if self._link is not None:
            return self._link.buffered_bytes() <= HIGH_WATER
        return self._session.is_open and not self._session.posting

    async def drain(self) -> None:
        """Wait until at most `HIGH_WATER` bytes are buffered, or the connection is closed.

        Cancelling it loses nothing.
        """
        if self.buffered_bytes <= HIGH_WATER:
            return
        # Links write at the end of the tick, and tell nothing when all went at once.
        await asyncio.sleep(0)
        while self.is_open and self.buffered_bytes > HIGH_WATER:
            if self._drained is None:
                self._drained = self._loop.create_future()
            await asyncio.shield(self._drained)

    def __repr__(self) -> str:
        state = self._session.state.value
        return f"<EngineConnection to {self.url}: {state}, {self.transport}, protocol {self.protocol}>"

    # -- for the clocks -----------------------------------------------------------

    def handle_deadline(self, now: float) -> float | None:
        """See `Timed`."""
        deadline = self._session.deadline
        if deadline is not None and now >= deadline:
            self._act(self._session.handle_deadline(now))
            deadline = self._session.deadline
        return deadline

    def wake(self) -> None:
        """The machine may have been suspended: end the session if the server has given it up."""
        self._act(self._session.check_silence(self._clocks.now(), self._clocks.wall()))

    # -- LinkReceiver: the WebSocket that carries the session -----------------------

    @property
    def link_receiver(self) -> LinkReceiver:
        """What receives from the WebSocket that carries the session."""
        prefix = self._session.dialect.binary_prefix
        return _TypedFrames(self, prefix) if prefix else self

    def receive_text(self, packet: str) -> None:
        # The sanctioned shortcut for plain messages: no notice, no state, no clock.
        if packet[:1] == "4":
            self._session.heartbeat.heard = True
            self._receiver.receive_text(packet[1:])
        else:
            self._act(self._session.receive(packet, self._clocks.now(), self._clocks.wall()))
            self._rearm()

    def receive_binary(self, data: bytes) -> None:
        self._session.heartbeat.heard = True
        self._receiver.receive_binary(data)

    def link_drained(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)

    def link_closed(self, reason: CloseReason, description: str) -> None:
        self._link = None
        self.abort(reason, description)

    def abort(self, reason: CloseReason, description: str) -> None:
        """End the session at once, for this reason."""
        self._act(self._session.abort(reason, description))

    def disown(self) -> None:
        """End it at once, and tell the receiver nothing."""
        self._receiver = _DEAF
        link = self._link
        self.abort(CloseReason.FORCED_CLOSE, "opening was cancelled")
        if link is not None:
            link.abort()

    # -- inside -------------------------------------------------------------------

    def _act(self, notices: Sequence[ClientNotice]) -> None:  # noqa: C901, PLR0912 - one branch a notice
        for notice in notices:
            match notice:
                case MessageReceived(data):
                    if isinstance(data, str):
                        self._receiver.receive_text(data)
                    else:
                        self._receiver.receive_binary(data)
                case PacketsSent(packets):
                    self._send_packets(packets)
                case PollWanted():
                    pass
                case PostWanted():
                    pass
                case ProbeAnswered():
                    pass
                case ProbeDropped():
                    pass
                case Upgraded():
                    pass
                case Closed(reason, description):
                    receiver, self._receiver = self._receiver, _DEAF
                    receiver.connection_closed(reason, description)
                case Discarded():
                    self._discard()
                case _:
                    assert_never(notice)

    def _rearm(self) -> None:
        deadline = self._session.deadline
        if deadline is not None:
            self._clocks.timers.schedule(self, deadline)

    def _send_packets(self, packets: list[bytes]) -> None:
        link = self._link
        if link is None:
            return
        for packet in packets:
            if not isinstance(packet, Binary):
                link.send_packet(packet)
            elif self._session.base64:
                link.send_packet(self._session.dialect.encode_binary(packet))
            else:
                link.send_binary(self._session.dialect.binary_prefix + packet)

    def _discard(self) -> None:
        self._clocks.remove(self)
        link, self._link = self._link, None
        if link is not None:
            link.close(_NO_STATUS, "")
        self.link_drained()


class _TypedFrames:
    """Receives for a connection where binary frames begin with the type of the packet (protocol 3)."""

    __slots__ = ("_connection", "_prefix")

    def __init__(self, connection: EngineConnection, prefix: bytes) -> None:
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


class _Opening:
    """Receives from a WebSocket until the server has opened a session on it."""

    def __init__(self, address: Address, config: EngineClientConfig, receiver: MessageReceiver) -> None:
        self.opened: asyncio.Future[EngineConnection] = asyncio.get_running_loop().create_future()
        self._address = address
        self._config = config
        self._receiver = receiver
        self._link: WebSocketLink

    def begin(self, link: WebSocketLink) -> LinkReceiver:
        """The WebSocket is open."""
        self._link = link
        return self

    def cancel(self) -> None:
        """Nobody waits any more."""
        if self.opened.done() and not self.opened.cancelled() and self.opened.exception() is None:
            self.opened.result().disown()
        else:
            self.opened.cancel()

    def receive_text(self, packet: str) -> None:
        try:
            announcement = read_announcement(packet)
        except AnnouncementError as error:
            self._fail(str(error))
            return
        clock = clocks()
        session = ClientSession(
            announcement,
            "websocket",
            now=clock.now(),
            wall=clock.wall(),
            dialect=self._config.dialect,
            base64=self._config.force_base64,
        )
        connection = EngineConnection(self._address, session, self._receiver, self._link)
        self._link.receiver = connection.link_receiver
        self.opened.set_result(connection)

    def receive_binary(self, data: bytes) -> None:
        self._fail("the first packet is a binary message")

    def link_drained(self) -> None:
        """Nothing waits."""

    def link_closed(self, reason: CloseReason, description: str) -> None:
        self._fail(f"the WebSocket ended before a session was opened: {description}")

    def _fail(self, problem: str) -> None:
        where = str(self._address)
        if not self.opened.done():
            self.opened.set_exception(NotAnEngine(f"{where} does not speak this Engine.IO: {problem}", where))
            self._link.close(_NO_STATUS, "")
