"""The server's side of one session: the state machine.

Every input takes `now` (absolute seconds of one monotonic clock) and returns the notices that
follow from it, in order. `deadline` is when `handle_deadline` wants to be called; it may move
with every input. Nothing here raises for what a peer does.

    OPEN ──close()──▶ CLOSING (polling only: packets wait for one more poll) ──▶ CLOSED
      └───────── peer closed, broke the rules, or timed out ──────────────────────▲

The path of a plain message over a WebSocket does not come through here: see `SessionRunner`.
"""

from collections.abc import Sequence
from enum import Enum

from arcwire.engineio.protocol import packet as packets
from arcwire.engineio.protocol.dialect import V4, Dialect
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
from arcwire.engineio.protocol.payload import PayloadError
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.engineio.protocol.upgrade import Step, Upgrade

CLOSE_TIMEOUT = 30.0
"""Seconds for which a closed polling session keeps its last packets for the client."""

_NOTHING: tuple[Notice, ...] = ()


class State(Enum):
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


class ServerSession:
    """One session. `transport` is "polling" or "websocket", `dialect` the revision that it speaks.

    `base64` says that the client wants no binary bodies and frames.
    """

    __slots__ = (
        "_close_at",
        "_poll_waits",
        "_post_runs",
        "_queue",
        "_queued_bytes",
        "_upgrade",
        "_upgrade_timeout",
        "base64",
        "dialect",
        "heartbeat",
        "sid",
        "state",
        "transport",
    )

    def __init__(
        self,
        sid: str,
        transport: str,
        *,
        ping_interval: float,
        ping_timeout: float,
        upgrade_timeout: float,
        now: float,
        dialect: Dialect = V4,
        base64: bool = False,
    ) -> None:
        self.sid = sid
        self.transport = transport
        self.dialect = dialect
        self.base64 = base64
        self.state = State.OPEN
        self.heartbeat = dialect.heartbeat(ping_interval, ping_timeout, now)
        self._upgrade_timeout = upgrade_timeout
        self._upgrade: Upgrade | None = None
        self._close_at = 0.0
        self._poll_waits = False
        self._post_runs = False
        # Packets that wait for a poll; allocated when there is one.
        self._queue: list[bytes] | None = None
        self._queued_bytes = 0

    @property
    def is_open(self) -> bool:
        """Whether packets are still taken."""
        return self.state is State.OPEN

    @property
    def queued_bytes(self) -> int:
        """Bytes that wait for a poll, before base64."""
        return self._queued_bytes

    # -- time ----------------------------------------------------------------

    @property
    def deadline(self) -> float | None:
        """When `handle_deadline` has something to do; None once closed."""
        if self.state is State.OPEN:
            upgrade = self._upgrade
            if upgrade is None:
                return self.heartbeat.deadline
            soonest = min(self.heartbeat.deadline, upgrade.deadline)
            if self._poll_waits and upgrade.noop_at is not None:
                soonest = min(soonest, upgrade.noop_at)
            return soonest
        return self._close_at if self.state is State.CLOSING else None

    def handle_deadline(self, now: float) -> Sequence[Notice]:
        """Do what has become due at `now`; harmless when nothing has."""
        if self.state is State.CLOSING:
            return self._discard() if now >= self._close_at else _NOTHING
        if self.state is State.CLOSED:
            return _NOTHING
        notices: list[Notice] = []
        upgrade = self._upgrade
        if upgrade is not None:
            if now >= upgrade.deadline:
                self._upgrade = None
                notices.append(ProbeDropped())
            elif self._poll_waits:
                notices += self._release_poll(now)
        if now >= self.heartbeat.deadline:
            if self.heartbeat.expired(now):
                notices += self._end(CloseReason.PING_TIMEOUT, self.heartbeat.MISSED)
            else:
                notices += self._send_heartbeat(packets.PING)
        return notices

    # -- sending -------------------------------------------------------------

    def send(self, packet: bytes) -> Sequence[Notice]:
        """Send a packet (`Binary` for a binary message); dropped unless the session is open."""
        if self.state is not State.OPEN:
            return _NOTHING
        if self.transport == "websocket":
            return [PacketsSent([packet])]
        if self._queue is None:
            self._queue = [packet]
        else:
            self._queue.append(packet)
        self._queued_bytes += len(packet)
        return self._answer_poll() if self._poll_waits else _NOTHING

    def close(self, now: float) -> Sequence[Notice]:
        """Close from this side, after what was sent before.

        A polling client without a waiting poll gets the rest with its next poll and the close packet
        with the one after, within `CLOSE_TIMEOUT` seconds: JavaScript's client handles a close
        packet before the messages that came with it in one payload. If the client is about to
        upgrade instead, and so polls no more, it gets the rest over the WebSocket.
        """
        if self.state is not State.OPEN:
            return _NOTHING
        if self.transport == "websocket" or self._poll_waits:
            return self._end(CloseReason.FORCED_CLOSE, "closed by the server")
        self.state = State.CLOSING
        self._close_at = now + CLOSE_TIMEOUT
        return [Closed(CloseReason.FORCED_CLOSE, "closed by the server")]

    def shutdown(self) -> Sequence[Notice]:
        """Close because the server stops: nothing is kept for a later poll."""
        if self.state is State.CLOSING:
            return self._discard()
        return self._end(CloseReason.SERVER_SHUTTING_DOWN, "the server is being stopped")

    # -- polling -------------------------------------------------------------

    def poll(self, now: float) -> Sequence[Notice] | None:
        """A GET arrived: PollAnswered follows now or later.

        None refuses it with status 400: a second poll beside a waiting one. Only a broken client
        does that (protocol v4, "HTTP long-polling"), so the session ends; its notices are those
        of `abort`, which the caller must call. Not for a session that has left polling; `verify`
        keeps such requests away.
        """
        if self._poll_waits or self.state is State.CLOSED:
            return None
        self._poll_waits = True
        if self._queue:
            return self._answer_poll()
        if self.state is State.CLOSING:
            return [self._final_answer(), *self._discard()]
        return self._release_poll(now)

    def begin_post(self) -> bool:
        """A POST arrived. False refuses it, as above: the caller must call `abort`."""
        if self._post_runs:
            return False
        self._post_runs = True
        return True

    def end_post(
        self, body: bytes | None, now: float, *, binary: bool = False
    ) -> tuple[Sequence[Notice], bool]:
        """Its body is complete. The flag tells whether it was a valid payload (status 200 or 400).

        `binary` tells a body of the type `application/octet-stream`; None is a post without a payload.
        What a payload holds before the packet that ends the session is delivered, as it would
        have been one packet at a time; what comes after that packet is ignored.
        """
        self._post_runs = False
        if body is None or self.state is not State.OPEN:
            return _NOTHING, True
        decode = self.dialect.decode_binary_payload if binary else self.dialect.decode_payload
        if decode is None:
            return self._end(CloseReason.TRANSPORT_ERROR, "a post with binary content"), False
        self.heartbeat.sign_of_life(now)
        notices: list[Notice] = []
        try:
            for data in decode(body):
                if isinstance(data, bytes):
                    notices.append(MessageReceived(data))
                elif data[0] == "4":
                    notices.append(MessageReceived(data[1:]))
                else:
                    notices += self._control(data, now)
                    if not self.is_open:
                        break
        except PayloadError as error:
            notices += self._end(CloseReason.PARSE_ERROR, str(error))
            return notices, False
        return notices, True

    def abort(self, reason: CloseReason, description: str) -> Sequence[Notice]:
        """The peer broke the rules of the transport, or its request or connection was lost."""
        if self.state is State.CLOSING:
            return self._discard()
        return self._end(reason, description)

    # -- WebSocket -----------------------------------------------------------

    def receive(self, packet: str, now: float) -> Sequence[Notice]:
        """A text packet arrived on the session's WebSocket."""
        if self.state is not State.OPEN:
            return _NOTHING
        if packet[:1] == "4":
            self.heartbeat.sign_of_life(now)
            return [MessageReceived(packet[1:])]
        if packet[:1] == "b":
            # What clients send that are told to avoid binary frames (`forceBase64` in JavaScript).
            self.heartbeat.sign_of_life(now)
            try:
                return [MessageReceived(self.dialect.decode_binary(packet))]
            except PayloadError as error:
                return self._end(CloseReason.PARSE_ERROR, str(error))
        return self._control(packet, now)

    # -- upgrade -------------------------------------------------------------

    def begin_upgrade(self, now: float) -> bool:
        """A WebSocket for this session opened. False: it cannot upgrade (again), close it."""
        if self.state is not State.OPEN or self.transport != "polling" or self._upgrade:
            return False
        self._upgrade = Upgrade(self._upgrade_timeout, now)
        return True

    def receive_probe(self, packet: str, now: float) -> Sequence[Notice]:
        """A text packet arrived on the probing WebSocket."""
        upgrade = self._upgrade
        if upgrade is None:
            return _NOTHING
        step = upgrade.receive(packet, now)
        if step is Step.PROBED:
            # The poll is released a moment later: a client that had the noop first would poll again,
            # and move only when that poll is released, too.
            return [ProbeAnswered(packets.PROBE_PONG)]
        if step is Step.FAILED:
            return self._drop_probe()
        # A poll that still waits is released by a noop; the reference sends a close packet there,
        # which a client that has not paused would take for the end of the session.
        notices: list[Notice] = []
        if self._poll_waits:
            self._poll_waits = False
            notices.append(self._answer([packets.NOOP]))
        self._upgrade = None
        self.transport = "websocket"
        notices.append(Upgraded(self._take_queue()))
        if self.state is State.CLOSING:
            notices += self._discard()
        return notices

    def lose_probe(self) -> None:
        """The probing WebSocket is gone; polling goes on as if it had never been."""
        self._upgrade = None

    # -- inside --------------------------------------------------------------

    def _control(self, packet: str, now: float) -> Sequence[Notice]:
        kind = packet[:1]
        if kind == self.heartbeat.EXPECTS:
            answer = self.heartbeat.beat(now)
            return _NOTHING if answer is None else self._send_heartbeat(answer)
        if kind == "1":
            return self._end(CloseReason.TRANSPORT_CLOSE, "the client sent a close packet")
        if kind in ("2", "3"):
            return self._end(CloseReason.TRANSPORT_ERROR, "invalid heartbeat direction")
        if kind in ("0", "5", "6"):
            # Without meaning here; the reference ignores them too.
            self.heartbeat.sign_of_life(now)
            return _NOTHING
        return self._end(CloseReason.PARSE_ERROR, f"unknown packet type {kind!r}")

    def _send_heartbeat(self, packet: bytes) -> Sequence[Notice]:
        # A client that posts without polling gets one when it polls, however many are due: the queue
        # does not grow by what a client can send for nothing.
        if self._queue and self._queue[-1] == packet:
            return _NOTHING
        return self.send(packet)

    def _take_queue(self) -> list[bytes]:
        queue, self._queue = self._queue or [], None
        self._queued_bytes = 0
        return queue

    def _answer_poll(self) -> Sequence[Notice]:
        self._poll_waits = False
        return [self._answer(self._take_queue())]

    def _release_poll(self, now: float) -> Sequence[Notice]:
        upgrade = self._upgrade
        if upgrade is None or not self._poll_waits:
            return _NOTHING
        noop = upgrade.release(now)
        if noop is None:
            return _NOTHING
        self._poll_waits = False
        return [self._answer([noop])]

    def _final_answer(self) -> Notice:
        self._poll_waits = False
        return self._answer([packets.CLOSE])

    def _answer(self, batch: Sequence[bytes]) -> Notice:
        body, binary = self.dialect.encode_payload(batch, self.base64)
        compress = not all(isinstance(packet, packets.Uncompressed) for packet in batch)
        return PollAnswered(body, binary, compress)

    def _drop_probe(self) -> Sequence[Notice]:
        if self._upgrade is None:
            return _NOTHING
        self._upgrade = None
        return [ProbeDropped()]

    def _end(self, reason: CloseReason, description: str) -> Sequence[Notice]:
        if self.state is not State.OPEN:
            return _NOTHING
        self.state = State.CLOSED
        notices: list[Notice] = [*self._drop_probe()]
        if self._poll_waits:
            if reason is CloseReason.TRANSPORT_CLOSE:
                # The client closed: its poll only has to end.
                self._poll_waits = False
                notices.append(self._answer([packets.NOOP]))
            else:
                notices.append(self._final_answer())
        self._take_queue()
        notices += (Closed(reason, description), Discarded())
        return notices

    def _discard(self) -> Sequence[Notice]:
        self.state = State.CLOSED
        self._take_queue()
        return [*self._drop_probe(), Discarded()]
