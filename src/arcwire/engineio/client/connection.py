"""A connection to a server: one Engine.IO session, seen from the client."""

import asyncio
import logging
import sys
from collections.abc import Sequence
from typing import Self, assert_never, cast

from arcwire.engineio.batching import BatchingLink
from arcwire.engineio.client.address import Address, read_url
from arcwire.engineio.client.clocks import clocks
from arcwire.engineio.client.config import EngineClientConfig
from arcwire.engineio.client.latency import measure_latency
from arcwire.engineio.client.opening import open_session
from arcwire.engineio.client.poller import Poller, Requests
from arcwire.engineio.client.upgrader import Upgrader
from arcwire.engineio.link import LinkReceiver, PreparedMessage, WebSocketLink
from arcwire.engineio.protocol.batch import SEPARATOR, split_batch
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
from arcwire.engineio.receivers import Probe, TypedFrames
from arcwire.engineio.server.connection import MessageReceiver
from arcwire.errors import PayloadTooLarge

logger = logging.getLogger("arcwire.client")

HIGH_WATER = 64 * 1024
"""Bytes that may wait for the server before awaiting a send means waiting."""

_AHEAD = 2
"""Messages of a tick that leave before the others, where they leave in batches."""

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
        "_ended",
        "_heartbeat",
        "_limit",
        "_link",
        "_loop",
        "_parts",
        "_plain",
        "_poller",
        "_probe",
        "_receiver",
        "_session",
        "_upgrader",
        "timer_slot",
        "url",
    )

    def __init__(
        self,
        address: Address,
        config: EngineClientConfig,
        session: ClientSession,
        receiver: MessageReceiver,
        link: WebSocketLink | None,
        requests: Requests | None,
        upgrade: bool,
    ) -> None:
        self.url = str(address)
        """Where it leads to, without credentials and query."""
        self.timer_slot = 0
        self._loop = asyncio.get_running_loop()
        self._clocks = clocks()
        self._session = session
        self._heartbeat = session.heartbeat
        self._receiver = receiver
        self._limit = session.max_payload or sys.maxsize
        # The open WebSocket that carries the session; None while it polls and once it is closed.
        self._link = None if link is None else self._carrier(link)
        # Whether binary messages are WebSocket frames as they are: nearly always.
        self._plain = not session.base64 and not session.dialect.binary_prefix
        self._drained: asyncio.Future[None] | None = None
        # What is still connected: links, and what polls.
        self._parts = 1
        self._ended: asyncio.Future[None] | None = None
        self._probe: Probe | None = None
        self._poller: Poller | None = None
        self._upgrader: Upgrader | None = None
        if requests is not None:
            self._poller = Poller(self, address, requests, self._part_ended)
            if upgrade:
                self._upgrader = Upgrader(address, config, self)
        self._clocks.add(self)
        self._rearm()

    @classmethod
    async def open(
        cls, url: str, receiver: MessageReceiver, config: EngineClientConfig | None = None
    ) -> Self:
        """Connect to the server at `url`: `http(s)://`, `ws(s)://` or `unix:/path/of/socket`.

        Returns when the server has opened a session. What it sends at once may reach `receiver` a little
        earlier, and it may even have closed the session already: then `connection_closed` has been called.
        Raises a ConnectError, or ValueError for a URL that cannot be one; `receiver` is told nothing then.
        Cancelling it leaves nothing behind.
        """
        address = read_url(url)
        config = config or EngineClientConfig()

        def make(
            session: ClientSession, link: WebSocketLink | None, requests: Requests | None, upgrade: bool
        ) -> EngineConnection:
            return cls(address, config, session, receiver, link, requests, upgrade)

        return cast("Self", await open_session(address, config, make))

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

    def send_prepared(self, message: PreparedMessage) -> None:
        """Send a message that is not to be compressed, if it says so. Raises PayloadTooLarge."""
        link = self._link
        if link is not None and (self._plain or not message.binary):
            self.check_size(message.payload, binary=message.binary)
            link.send_prepared(message)
        elif message.binary:
            self.send_binary(message.payload)
        else:
            self.send_text(message.payload)

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

    async def measure_latency(self) -> float | None:
        """Seconds to the server and back, by a ping of the WebSocket; None while it polls.

        For one caller at a time, who has to set a limit: a connection that is lost meanwhile does not end it.
        """
        return await measure_latency(self._link)

    async def wait_closed(self) -> None:
        """Wait until nothing of a closed connection is left: what was sent has arrived or never will.

        That takes at most a few seconds. Cancelling it loses nothing.
        """
        while self._parts:
            if self._ended is None:
                self._ended = self._loop.create_future()
            await asyncio.shield(self._ended)

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
        return TypedFrames(self, prefix) if prefix else self

    def receive_text(self, packet: str) -> None:
        # The sanctioned shortcut for plain messages: no notice, no state, no clock.
        if packet[:1] == "4":
            self._heartbeat.heard = True
            self._receiver.receive_text(packet[1:])
        elif packet[:1] == SEPARATOR and self._session.batches:
            for part in split_batch(packet):
                if self._receiver is _DEAF:
                    break  # it ended within the batch
                self.receive_text(part)
        else:
            self._act(self._session.receive(packet, self._clocks.now(), self._clocks.wall()))
            self._rearm()

    def receive_binary(self, data: bytes) -> None:
        self._heartbeat.heard = True
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
        self.abort(CloseReason.FORCED_CLOSE, "opening was cancelled")

    def link_lost(self, link: object) -> None:
        """The connection of a link has ended, and `link_closed` was called before."""
        self._part_ended()

    # -- polling, as `Poller` and `open_session` drive it ---------------------------

    def begin(self, packets: list[str | bytes], now: float, wall: float) -> None:
        """These packets came with the announcement; go on."""
        self._act(self._session.receive_packets(packets, now, wall))
        self._act(self._session.resume())
        self._rearm()
        if self._upgrader is not None and self._session.is_open:
            self._upgrader.start(self._session.upgrades)

    def poll_answered(self, body: bytes, *, binary: bool) -> None:
        now, wall = self._clocks.now(), self._clocks.wall()
        self._act(self._session.poll_ended(body, now, wall, binary=binary))
        self._rearm()

    def take_post(self) -> tuple[bytes, bool] | None:
        return self._session.take_post()

    def post_answered(self) -> None:
        self._act(self._session.post_ended())
        if self.buffered_bytes <= HIGH_WATER:
            self.link_drained()

    # -- the upgrade, as `Upgrader` begins it ----------------------------------------

    def open_probe(self, link: WebSocketLink, timeout: float) -> LinkReceiver:
        """A WebSocket that is to take over the session is open."""
        self._parts += 1
        self._probe = probe = Probe(self, link)
        self._act(self._session.begin_probe(timeout, self._clocks.now()))
        self._rearm()
        return probe

    def receive_probe(self, probe: Probe, packet: str) -> None:
        """A text packet arrived on it."""
        if probe is self._probe:
            self._act(self._session.receive_probe(packet))
            self._rearm()

    def lose_probe(self, probe: Probe, description: str) -> None:
        """It is gone."""
        if probe is self._probe:
            self._probe = None
            logger.debug("No upgrade of the connection to %s: %s", self.url, description)
            self._act(self._session.lose_probe())

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
                    if self._poller is not None:
                        self._poller.poll()
                case PostWanted():
                    if self._poller is not None:
                        self._poller.post()
                case ProbeAnswered(packet):
                    if self._probe is not None:
                        self._probe.link.send_packet(packet)
                case ProbeDropped():
                    self._drop_probe()
                case Upgraded(packets):
                    self._upgrade(packets)
                case Closed(reason, description):
                    receiver, self._receiver = self._receiver, _DEAF
                    receiver.connection_closed(reason, description)
                case Discarded():
                    self._discard()
                case _:
                    assert_never(notice)

    def _carrier(self, link: WebSocketLink) -> WebSocketLink:
        return BatchingLink(link, self._limit, ahead=_AHEAD) if self._session.batches else link

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

    def _drop_probe(self) -> None:
        probe, self._probe = self._probe, None
        if probe is not None:
            probe.link.close(_NO_STATUS, "")

    def _upgrade(self, packets: list[bytes]) -> None:
        probe, self._probe = self._probe, None
        if probe is None:
            return
        self._link = self._carrier(probe.link)
        self._link.receiver = self.link_receiver
        self._send_packets(packets)
        self._stop_polling()
        self.link_drained()

    def _stop_polling(self) -> None:
        upgrader, self._upgrader = self._upgrader, None
        if upgrader is not None:
            upgrader.stop()
        poller, self._poller = self._poller, None
        if poller is not None:
            poller.stop()

    def _discard(self) -> None:
        self._clocks.remove(self)
        self._stop_polling()
        link, self._link = self._link, None
        if link is not None:
            link.close(_NO_STATUS, "")
        self.link_drained()

    def _part_ended(self) -> None:
        self._parts -= 1
        ended = self._ended
        if not self._parts and ended is not None and not ended.done():
            ended.set_result(None)
