"""A connection as the application sees it: one Engine.IO session, over whichever transport."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, assert_never

from arcwire.engineio.batching import BatchingLink
from arcwire.engineio.link import Headers, HttpExchange, LinkReceiver, PreparedMessage, Request, WebSocketLink
from arcwire.engineio.protocol.batch import SEPARATOR, split_batch
from arcwire.engineio.protocol.dialect import Dialect
from arcwire.engineio.protocol.jsonp import read_form
from arcwire.engineio.protocol.notices import (
    Closed,
    Discarded,
    MessageReceived,
    Notice,
    PacketsSent,
    PollAnswered,
    ProbeAnswered,
    ProbeDropped,
    Upgraded,
)
from arcwire.engineio.protocol.packet import Binary, Uncompressed, UncompressedBinary
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.engineio.protocol.session import ServerSession
from arcwire.engineio.receivers import Probe, TypedFrames
from arcwire.engineio.server.polling import poll_response
from arcwire.engineio.server.repeats import PollAnswer, Repeats

if TYPE_CHECKING:
    from arcwire.engineio.server.engine import Engine

HIGH_WATER = 64 * 1024
"""Bytes that may wait for a client before awaiting a send means waiting."""

_NO_STATUS = 1005


class MessageReceiver(Protocol):
    """What the application gives for each connection. Called on the loop's thread, in order."""

    def receive_text(self, data: str) -> None:
        """A text message arrived. Must not raise."""

    def receive_binary(self, data: bytes) -> None:
        """A binary message arrived. Must not raise."""

    def connection_closed(self, reason: CloseReason, description: str) -> None:
        """The connection ended; called exactly once, nothing follows."""


class _Deaf:
    """Receives for connections that are closed, so that no message needs a check of the state."""

    def receive_text(self, data: str) -> None: ...
    def receive_binary(self, data: bytes) -> None: ...
    def connection_closed(self, reason: CloseReason, description: str) -> None: ...


_DEAF = _Deaf()


class Connection:
    """Drives one `ServerSession`: feeds it, and does what it says.

    Sends keep their order over an upgrade and never block; on a closed connection they are
    ignored. All methods are for the loop's thread.
    """

    __slots__ = (
        "_batches",
        "_drained",
        "_engine",
        "_link",
        "_plain",
        "_poll",
        "_probe",
        "_receiver",
        "_session",
        "fields",
        "repeats",
        "request",
        "timer_slot",
        "trusted",
    )

    def __init__(
        self,
        engine: "Engine",
        session: ServerSession,
        request: Request,
        link: WebSocketLink | None,
        *,
        batches: bool = False,
    ) -> None:
        self.request = request
        self.timer_slot = 0
        self.trusted = False
        self.fields: Headers = ()
        """Header fields of all answers of this session."""
        self.repeats: Repeats | None = None
        """Requests that may come again; from the first poll to the upgrade."""
        # Whether binary messages are WebSocket frames as they are: nearly always.
        self._plain = not session.base64 and not session.dialect.binary_prefix
        self._engine = engine
        self._session = session
        self._receiver: MessageReceiver = _DEAF
        # Whether several packets may share a WebSocket message.
        self._batches = batches
        # The open WebSocket that carries the session; None while it polls and once it is closed.
        self._link = None if link is None else self._carrier(link)
        self._probe: Probe | None = None
        self._poll: HttpExchange | None = None
        self._drained: asyncio.Future[None] | None = None

    # -- for the application ----------------------------------------------------

    @property
    def sid(self) -> str:
        """The session id, 20 characters. A secret: whoever knows it can act for the client."""
        return self._session.sid

    @property
    def transport(self) -> str:
        """The current transport: "polling" or "websocket"."""
        return self._session.transport

    @property
    def protocol(self) -> int:
        """The revision of Engine.IO that the client speaks: 4, or 3 (where `allow_eio3` is set)."""
        return self._session.dialect.revision

    @property
    def is_open(self) -> bool:
        """False once the connection is closing or closed."""
        return self._session.is_open

    def send_text(self, payload: bytes) -> None:
        """Send a text message; `payload` is UTF-8."""
        link = self._link
        if link is not None:
            link.send_text(payload)
        else:
            self._act(self._session.send(b"4" + payload))

    def send_binary(self, payload: bytes) -> None:
        """Send a binary message."""
        link = self._link
        if link is None:
            self._act(self._session.send(Binary(payload)))
        elif self._plain:
            link.send_binary(payload)
        else:
            self._send_packets([Binary(payload)])

    def send_prepared(self, message: PreparedMessage) -> None:
        """Send a message that was prepared once for many connections, or is not to be compressed."""
        link = self._link
        if link is None:
            self._act(self._session.send(_packet(message)))
        elif self._plain or not message.binary:
            link.send_prepared(message)
        else:
            self._send_packets([_packet(message)])

    def close(self) -> None:
        """Close after what was sent before; the reason is FORCED_CLOSE. Harmless when closed."""
        self._act(self._session.close(self._engine.now()))
        self._rearm()

    @property
    def buffered_bytes(self) -> int:
        """Bytes sent that the operating system, or the next poll, has not taken yet."""
        if self._link is not None:
            return self._link.buffered_bytes()
        return self._session.queued_bytes

    @property
    def writable(self) -> bool:
        """Whether a message sent now leaves soon: a poll waits, or at most `HIGH_WATER` bytes do."""
        if self._link is not None:
            return self._link.buffered_bytes() <= HIGH_WATER
        return self._poll is not None

    async def drain(self) -> None:
        """Wait until at most `HIGH_WATER` bytes are buffered, or the connection is closed.

        Cancelling it loses nothing.
        """
        if self.buffered_bytes <= HIGH_WATER:
            return
        # Hosts write at the end of the tick, and tell nothing when all went at once.
        await asyncio.sleep(0)
        while self.is_open and self.buffered_bytes > HIGH_WATER:
            if self._drained is None:
                self._drained = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._drained)

    # -- for the engine ---------------------------------------------------------

    @property
    def dialect(self) -> Dialect:
        """What the client speaks."""
        return self._session.dialect

    @property
    def script(self) -> str | None:
        """Which function of the client's gets payloads, where it polls by script elements (`jsonp`)."""
        return self.request.query.get("j") if self._engine.config.allow_eio3 else None

    @property
    def link_receiver(self) -> LinkReceiver:
        """What receives from the WebSocket that carries the session."""
        prefix = self._session.dialect.binary_prefix
        return TypedFrames(self, prefix) if prefix else self

    def start(self, receiver: MessageReceiver) -> None:
        """Begin: messages go to `receiver`."""
        self._receiver = receiver
        self._rearm()

    def poll(self, exchange: HttpExchange) -> bool:
        """Serve a GET. False: refused, because another one waits; the session ends."""
        notices = self._session.poll(self._engine.now())
        if notices is None:
            self.abort(CloseReason.TRANSPORT_ERROR, "two polls at once")
            return False
        self._poll = exchange
        exchange.on_abort = self._poll_aborted
        self._act(notices)
        self._rearm()
        return True

    def begin_post(self) -> bool:
        """A POST begins. False: refused, because another one runs; the session ends."""
        if self._session.begin_post():
            return True
        self.abort(CloseReason.TRANSPORT_ERROR, "two posts at once")
        return False

    def end_post(self, body: bytes, *, binary: bool) -> tuple[Sequence[Notice], bool]:
        """Its body is complete: what follows (for `act`), and whether it was a valid payload."""
        payload = body if self.script is None else read_form(body)
        return self._session.end_post(payload, self._engine.now(), binary=binary)

    def abort(self, reason: CloseReason, description: str) -> None:
        """End the session because of what the peer did or did not do."""
        self._act(self._session.abort(reason, description))

    def shutdown(self) -> None:
        """End the session because the server stops."""
        self._act(self._session.shutdown())

    def open_probe(self, link: WebSocketLink) -> LinkReceiver:
        """A WebSocket that wants to take over the session is open."""
        probe = Probe(self, link)
        if self._session.begin_upgrade(self._engine.now()):
            self._probe = probe
            self._rearm()
        else:
            link.close(_NO_STATUS, "")
        return probe

    def receive_probe(self, probe: Probe, packet: str) -> None:
        """A text packet arrived on a probing WebSocket."""
        if probe is self._probe:
            self._act(self._session.receive_probe(packet, self._engine.now()))
            self._rearm()

    def lose_probe(self, probe: Probe, description: str) -> None:
        """A probing WebSocket is gone."""
        if probe is self._probe:
            self._probe = None
            self._session.lose_probe()

    def handle_deadline(self, now: float) -> float | None:
        """See `Timed`."""
        deadline = self._session.deadline
        if deadline is not None and now >= deadline:
            self._act(self._session.handle_deadline(now))
            deadline = self._session.deadline
        return deadline

    def act(self, notices: Sequence[Notice]) -> None:
        """Do what the session says, in order."""
        self._act(notices)
        self._rearm()

    # -- LinkReceiver: the WebSocket that carries the session ---------------------

    def receive_text(self, packet: str) -> None:
        # The sanctioned shortcut for plain messages: no notice, no state, no clock.
        if packet[:1] == "4":
            if self._session.heartbeat.awaiting:
                self._session.heartbeat.sign_of_life(self._engine.now())
            self._receiver.receive_text(packet[1:])
        elif packet[:1] == SEPARATOR and self._batches:
            for part in split_batch(packet):
                if self._receiver is _DEAF:
                    break  # it ended within the batch
                self.receive_text(part)
        else:
            self._act(self._session.receive(packet, self._engine.now()))
            # The next ping may be due before the pong was: their times are set independently.
            self._rearm()

    def receive_binary(self, data: bytes) -> None:
        if self._session.heartbeat.awaiting:
            self._session.heartbeat.sign_of_life(self._engine.now())
        self._receiver.receive_binary(data)

    def link_drained(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)

    def link_closed(self, reason: CloseReason, description: str) -> None:
        self._link = None
        self.abort(reason, description)

    # -- inside -------------------------------------------------------------------

    def _act(self, notices: Sequence[Notice]) -> None:  # noqa: C901, PLR0912 - one branch a notice
        for notice in notices:
            match notice:
                case MessageReceived(data):
                    if isinstance(data, str):
                        self._receiver.receive_text(data)
                    else:
                        self._receiver.receive_binary(data)
                case PacketsSent(packets):
                    self._send_packets(packets)
                case PollAnswered(body, binary, compress):
                    self._answer_poll(body, binary, compress)
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
        return BatchingLink(link) if self._batches else link

    def _rearm(self) -> None:
        deadline = self._session.deadline
        if deadline is not None:
            self._engine.timers.schedule(self, deadline)

    def _answer_poll(self, body: bytes, binary: bool, compress: bool) -> None:
        exchange, self._poll = self._poll, None
        if exchange is not None:
            exchange.on_abort = None
            answer = PollAnswer(body, binary, compress)
            if self.repeats is not None:
                self.repeats.answered(answer)
            self.send_answer(exchange, answer)
        self.link_drained()

    def send_answer(self, exchange: HttpExchange, answer: PollAnswer) -> None:
        """Answer a poll."""
        response = poll_response(answer.body, binary=answer.binary, script=self.script)
        self._engine.answers.send(exchange, response, self.fields, may_compress=answer.compress)

    def _poll_aborted(self) -> None:
        self._poll = None
        self.abort(CloseReason.TRANSPORT_ERROR, "the client dropped a poll")

    def _upgrade(self, packets: list[bytes]) -> None:
        probe, self._probe = self._probe, None
        if probe is None:
            return
        self.repeats = None
        self._link = self._carrier(probe.link)
        self._link.receiver = self.link_receiver
        self._send_packets(packets)
        self.link_drained()

    def _drop_probe(self) -> None:
        probe, self._probe = self._probe, None
        if probe is not None:
            probe.link.close(_NO_STATUS, "")

    def _send_packets(self, packets: list[bytes]) -> None:
        link = self._link
        if link is None:
            return
        for packet in packets:
            compress = not isinstance(packet, Uncompressed)
            if not isinstance(packet, Binary):
                link.send_packet(packet, compress=compress)
            elif self._session.base64:
                link.send_packet(self.dialect.encode_binary(packet), compress=compress)
            else:
                content = self.dialect.binary_prefix + packet
                link.send_prepared(PreparedMessage(content, binary=True, compress=compress))

    def _discard(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close(_NO_STATUS, "")
        self.link_drained()
        self._engine.forget(self)


def _packet(message: PreparedMessage) -> bytes:
    """The packet of a message, for the queue of a polling session."""
    if message.binary:
        return Binary(message.payload) if message.compress else UncompressedBinary(message.payload)
    packet = b"4" + message.payload
    return packet if message.compress else Uncompressed(packet)
