"""The client's side of one session: the state machine.

It begins when the server has announced the session. Every input takes the time (`now` of a monotonic
clock, and `wall` where a suspension of the machine matters, both absolute seconds) and returns the notices
that follow from it, in order. `deadline` is when `handle_deadline` wants to be called; it may move with
every input. Nothing here raises for what a server does.

    OPEN ──close()──▶ CLOSING (polling only: what waits is posted) ──▶ CLOSED
      └──── server closed, broke the rules, or fell silent ──────────────▲

A move from polling to a WebSocket goes like this:

    begin_probe: "2probe" ──▶ "3probe" arrives: no new poll and no new post begin, sends wait
        ──▶ the last poll and post have ended: "5", then what waited; the WebSocket carries the session

and when the probe is lost on the way, polling goes on where it was.

The path of a plain message over a WebSocket does not come through here: see `EngineConnection`.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from enum import Enum

from arcwire.engineio.protocol import packet as packets
from arcwire.engineio.protocol.announcement import Announcement
from arcwire.engineio.protocol.client_heartbeat import Verdict
from arcwire.engineio.protocol.dialect import V4, Dialect
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
from arcwire.engineio.protocol.payload import PayloadError
from arcwire.engineio.protocol.reasons import CloseReason

CLOSE_TIMEOUT = 5.0
"""Seconds for which a closed polling session tries to deliver what was sent before."""

MAX_PACKETS = 16
"""Packets of one post. python-socketio's servers end the session for more, unless they are told
otherwise; JavaScript's do not mind any number."""

_PROBE = b"2probe"
_OVERHEAD = 12
"""Bytes that a packet takes in a payload beside its own, at most."""

_NOTHING: tuple[ClientNotice, ...] = ()


class State(Enum):
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


class _Probe(Enum):
    """How far an upgrade is."""

    NONE = "none"
    SENT = "sent"
    PAUSING = "pausing"


class ClientSession:
    """One session. `transport` is "polling" or "websocket", `dialect` the revision that it speaks.

    `base64` says that the server was asked for no binary bodies and frames, and gets none; `batches` that
    several packets may share a WebSocket message. Of a polling session the first poll has ended: it brought
    the announcement.
    """

    __slots__ = (
        "_close_at",
        "_polling",
        "_posting",
        "_probe",
        "_probe_deadline",
        "_queue",
        "_queued_bytes",
        "base64",
        "batches",
        "dialect",
        "heartbeat",
        "max_payload",
        "sid",
        "state",
        "transport",
        "upgrades",
    )

    def __init__(
        self,
        announcement: Announcement,
        transport: str,
        *,
        now: float,
        wall: float,
        dialect: Dialect = V4,
        base64: bool = False,
    ) -> None:
        self.sid = announcement.sid
        self.upgrades = announcement.upgrades
        self.max_payload = announcement.max_payload
        self.batches = announcement.batches
        self.transport = transport
        self.dialect = dialect
        self.base64 = base64
        self.state = State.OPEN
        self.heartbeat = dialect.supervision(announcement.ping_interval, announcement.ping_timeout, now, wall)
        self._probe = _Probe.NONE
        self._probe_deadline = 0.0
        self._close_at = 0.0
        self._polling = False
        self._posting = False
        # Packets that wait for a post; allocated when there is one.
        self._queue: deque[bytes] | None = None
        self._queued_bytes = 0

    @property
    def is_open(self) -> bool:
        """Whether packets are still taken."""
        return self.state is State.OPEN

    @property
    def queued_bytes(self) -> int:
        """Bytes that wait for a post, before base64."""
        return self._queued_bytes

    @property
    def posting(self) -> bool:
        """Whether a post is under way."""
        return self._posting

    # -- time ----------------------------------------------------------------

    @property
    def deadline(self) -> float | None:
        """When `handle_deadline` has something to do; None once closed."""
        if self.state is State.OPEN:
            if self._probe is _Probe.NONE:
                return self.heartbeat.deadline
            return min(self.heartbeat.deadline, self._probe_deadline)
        return self._close_at if self.state is State.CLOSING else None

    def handle_deadline(self, now: float) -> Sequence[ClientNotice]:
        """Do what has become due at `now`; harmless when nothing has."""
        if self.state is State.CLOSING:
            return self._discard() if now >= self._close_at else _NOTHING
        if self.state is State.CLOSED:
            return _NOTHING
        notices: list[ClientNotice] = []
        if self._probe is not _Probe.NONE and now >= self._probe_deadline:
            notices += self._drop_probe()
        if now >= self.heartbeat.deadline:
            verdict = self.heartbeat.expire(now)
            if verdict is Verdict.GONE:
                notices += self._end(CloseReason.PING_TIMEOUT, self.heartbeat.MISSED)
            elif verdict is Verdict.PING:
                notices += self.send(packets.PING)
        return notices

    def check_silence(self, now: float, wall: float) -> Sequence[ClientNotice]:
        """End the session if the server is gone or has given this client up while the machine slept."""
        if self.state is not State.OPEN or not self.heartbeat.overdue(now, wall):
            return _NOTHING
        return self._end(CloseReason.PING_TIMEOUT, self.heartbeat.MISSED)

    # -- sending -------------------------------------------------------------

    def send(self, packet: bytes) -> Sequence[ClientNotice]:
        """Send a packet (`Binary` for a binary message); dropped unless the session is open."""
        if self.state is not State.OPEN:
            return _NOTHING
        if self.transport == "websocket":
            return [PacketsSent([packet])]
        return self._enqueue(packet)

    def size(self, packet: bytes) -> int:
        """What counts against `max_payload` if this packet leaves now: alone, in a frame or a body."""
        if isinstance(packet, Binary) and (self.base64 or self.transport == "polling"):
            return 1 + (len(packet) + 2) // 3 * 4
        return len(packet)

    def close(self, now: float) -> Sequence[ClientNotice]:
        """Close from this side, after what was sent before.

        A polling session posts the rest and then a close packet, within `CLOSE_TIMEOUT` seconds. An
        upgrade that has not been completed is given up.
        """
        if self.state is not State.OPEN:
            return _NOTHING
        if self.transport == "websocket":
            return self._end(CloseReason.FORCED_CLOSE, "closed by this client")
        notices: list[ClientNotice] = [*self._drop_probe(), *self._enqueue(packets.CLOSE)]
        self.state = State.CLOSING
        self._close_at = now + CLOSE_TIMEOUT
        notices.append(Closed(CloseReason.FORCED_CLOSE, "closed by this client"))
        return notices

    def abort(self, reason: CloseReason, description: str) -> Sequence[ClientNotice]:
        """A request or the connection was lost, or the application gives up."""
        if self.state is State.CLOSING:
            return self._discard()
        return self._end(reason, description)

    # -- polling -------------------------------------------------------------

    def resume(self) -> Sequence[ClientNotice]:
        """What has to be done next: where a polling session begins, and where polling goes on."""
        return [*self._want_poll(), *self._want_post()]

    def poll_ended(
        self, body: bytes, now: float, wall: float, *, binary: bool = False
    ) -> Sequence[ClientNotice]:
        """The answer to the poll arrived, with status 200.

        `binary` tells a body of the type `application/octet-stream`. What a payload holds before the
        packet that ends the session is delivered.
        """
        self._polling = False
        if self.state is not State.OPEN:
            # The close packet has been posted, and this is what the server says to it.
            return _NOTHING
        decode = self.dialect.decode_binary_payload if binary else self.dialect.decode_payload
        if decode is None:
            return self._end(CloseReason.PARSE_ERROR, "an answer with binary content")
        self.heartbeat.heard = True
        notices = self.receive_packets(decode(body), now, wall)
        if self._probe is _Probe.PAUSING:
            # First the WebSocket: what is sent in reply to these messages goes there already.
            return [*self._pause(), *notices]
        notices += self._want_poll()
        return notices

    def receive_packets(self, arrived: Iterable[str | bytes], now: float, wall: float) -> list[ClientNotice]:
        """Packets of a payload arrived; PayloadError of `arrived` ends the session."""
        notices: list[ClientNotice] = []
        try:
            for data in arrived:
                if isinstance(data, bytes):
                    notices.append(MessageReceived(data))
                elif data[0] == "4":
                    notices.append(MessageReceived(data[1:]))
                else:
                    notices += self._control(data, now, wall)
                    if self.state is not State.OPEN:
                        break
        except PayloadError as error:
            notices += self._end(CloseReason.PARSE_ERROR, str(error))
        return notices

    def take_post(self) -> tuple[bytes, bool] | None:
        """The body of the next post and whether it is binary; None while nothing may be posted.

        It holds as many packets as the server takes: `max_payload` says so, and MAX_PACKETS. `post_ended`
        has to follow.
        """
        queue = self._queue
        if not queue or self._posting or self._probe is _Probe.PAUSING or self.state is State.CLOSED:
            return None
        room = self.max_payload
        batch = [queue.popleft()]
        taken = self.size(batch[0]) + _OVERHEAD
        while queue and len(batch) < MAX_PACKETS:
            taken += self.size(queue[0]) + _OVERHEAD
            if room is not None and taken > room:
                break
            batch.append(queue.popleft())
        self._queued_bytes -= sum(map(len, batch))
        self._posting = True
        return self.dialect.encode_payload(batch, self.base64)

    def post_ended(self) -> Sequence[ClientNotice]:
        """The post was answered with status 200."""
        self._posting = False
        if self.state is State.CLOSING:
            return self._want_post() if self._queue else self._discard()
        return self._pause() if self._probe is _Probe.PAUSING else self._want_post()

    # -- WebSocket -----------------------------------------------------------

    def receive(self, packet: str, now: float, wall: float) -> Sequence[ClientNotice]:
        """A text packet arrived on the session's WebSocket."""
        if self.state is not State.OPEN:
            return _NOTHING
        self.heartbeat.heard = True
        if packet[:1] == "4":
            return [MessageReceived(packet[1:])]
        if packet[:1] == "b":
            try:
                return [MessageReceived(self.dialect.decode_binary(packet))]
            except PayloadError as error:
                return self._end(CloseReason.PARSE_ERROR, str(error))
        return self._control(packet, now, wall)

    # -- upgrade -------------------------------------------------------------

    def begin_probe(self, timeout: float, now: float) -> Sequence[ClientNotice]:
        """A WebSocket for this session is open; within `timeout` seconds it has to take over.

        ProbeDropped follows at once if there is nothing to take over any more.
        """
        if self.state is not State.OPEN or self.transport != "polling":
            return [ProbeDropped()]
        self._probe = _Probe.SENT
        self._probe_deadline = now + timeout
        return [ProbeAnswered(_PROBE)]

    def receive_probe(self, packet: str) -> Sequence[ClientNotice]:
        """A text packet arrived on the probing WebSocket."""
        if self._probe is _Probe.NONE:
            return _NOTHING
        if self._probe is _Probe.SENT and packet == "3probe":
            self._probe = _Probe.PAUSING
            return self._pause()
        return self._drop_probe()

    def lose_probe(self) -> Sequence[ClientNotice]:
        """The probing WebSocket is gone; polling goes on as if it had never been."""
        if self._probe is _Probe.NONE:
            return _NOTHING
        self._probe = _Probe.NONE
        return self.resume()

    # -- inside --------------------------------------------------------------

    def _control(self, packet: str, now: float, wall: float) -> Sequence[ClientNotice]:
        kind = packet[:1]
        if kind == self.heartbeat.EXPECTS:
            answer = self.heartbeat.beat(now, wall)
            return _NOTHING if answer is None else self._send_heartbeat(answer)
        if kind == "1":
            return self._end(CloseReason.TRANSPORT_CLOSE, "the server sent a close packet")
        if kind and kind in packets.TYPES:
            return _NOTHING  # a noop, or without meaning here; the reference ignores them too
        return self._end(CloseReason.PARSE_ERROR, f"unknown packet type {kind!r}")

    def _send_heartbeat(self, packet: bytes) -> Sequence[ClientNotice]:
        # One pong answers all pings that came while none could be posted.
        if self._queue and self._queue[-1] == packet:
            return _NOTHING
        return self.send(packet)

    def _enqueue(self, packet: bytes) -> Sequence[ClientNotice]:
        first = not self._queue
        if self._queue is None:
            self._queue = deque()
        self._queue.append(packet)
        self._queued_bytes += len(packet)
        return self._want_post() if first else _NOTHING

    def _want_poll(self) -> Sequence[ClientNotice]:
        if self.state is not State.OPEN or self.transport != "polling" or self._polling:
            return _NOTHING
        if self._probe is _Probe.PAUSING:
            return _NOTHING
        self._polling = True
        return [PollWanted()]

    def _want_post(self) -> Sequence[ClientNotice]:
        if self._queue and not self._posting and self._probe is not _Probe.PAUSING:
            return [PostWanted()]
        return _NOTHING

    def _pause(self) -> Sequence[ClientNotice]:
        """No poll and no post begins any more: upgrade once those under way have ended."""
        if self._polling or self._posting:
            return _NOTHING
        self._probe = _Probe.NONE
        self.transport = "websocket"
        queue, self._queue = self._queue or (), None
        self._queued_bytes = 0
        return [Upgraded([packets.UPGRADE, *queue])]

    def _drop_probe(self) -> Sequence[ClientNotice]:
        if self._probe is _Probe.NONE:
            return _NOTHING
        return [ProbeDropped(), *self.lose_probe()]

    def _end(self, reason: CloseReason, description: str) -> Sequence[ClientNotice]:
        if self.state is not State.OPEN:
            return _NOTHING
        self.state = State.CLOSED
        return [*self._drop_probe(), Closed(reason, description), *self._discard()]

    def _discard(self) -> Sequence[ClientNotice]:
        self.state = State.CLOSED
        self._queue = None
        self._queued_bytes = 0
        return [*self._drop_probe(), Discarded()]
