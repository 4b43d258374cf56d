"""Sockets of clients that send events again: no handler runs twice, and answers are repeated."""

from typing import TYPE_CHECKING, Any

from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.engineio.server import Engine
from arcwire.socketio.deduplication import (
    Acknowledgement,
    Inbox,
    Inboxes,
    RetryRequest,
    Standing,
    read_retry,
)
from arcwire.socketio.protocol.packet import Packet, PacketError
from arcwire.socketio.protocol.reasons import DisconnectReason
from arcwire.socketio.selection import check_timeout
from arcwire.socketio.server.recoverable import RecoverableSocket
from arcwire.socketio.server.socket import MAX_BACKLOG, Socket

if TYPE_CHECKING:
    from arcwire.socketio.server.multiplexer import Multiplexer
    from arcwire.socketio.server.namespace import Namespace

RETENTION = 120.0
"""Seconds that a client is remembered after it went away, unless the server's option says otherwise."""

_LOST = {"error": {"code": "answer_lost", "message": "handled already; the answer is not kept any more"}}


class Deduplicator:
    """The inboxes of a server's clients, and the timer that empties them. All on the loop's thread."""

    __slots__ = ("_engine", "inboxes", "timer_slot")

    def __init__(self, engine: Engine, retention: float) -> None:
        self._engine = engine
        self.inboxes = Inboxes(retention)
        self.timer_slot = 0

    def open(self, namespace: str, request: RetryRequest) -> Inbox:
        """The inbox of a client that wants to connect."""
        return self.inboxes.open(namespace, request, self._engine.now())

    def release(self, inbox: Inbox, socket: Socket) -> None:
        """A socket is gone; its client may come back."""
        self.inboxes.release(inbox, socket, self._engine.now())
        deadline = self.inboxes.deadline
        if deadline is not None:
            self._engine.timers.schedule(self, deadline)

    def close(self) -> None:
        """The server is closed: nothing is kept."""
        self.inboxes.clear()
        if self.timer_slot:
            self._engine.timers.cancel(self)

    def handle_deadline(self, now: float) -> float | None:
        """See `Timed`."""
        self.inboxes.purge(now)
        return self.inboxes.deadline


def open_deduplicator(engine: Engine, option: bool | float) -> Deduplicator | None:
    """What the server's option says. Raises ValueError for what is no positive number of seconds."""
    if option is False:
        return None
    return Deduplicator(engine, RETENTION if option is True else check_timeout(option))


class DeduplicatingSocket(Socket):
    """A socket of a client with `retries`, on a server with `deduplicate_retries`.

    Answers go to the connection that its client has when they are given. Events that the client's
    previous socket has not handled yet come before those of this one, where order is promised.
    """

    __slots__ = ()

    _delivery: "_Delivery"  # a slot of the classes below, as Python cannot merge slots of two bases

    def attach(self) -> None:
        """Be the one through whom the client of this inbox is reached."""
        self._delivery.deduplicator.inboxes.hold(self._delivery.inbox, self)
        self._inherit()

    @property
    def greeting(self) -> dict[str, object]:
        """See `Socket`."""
        return {**super().greeting, "retry": True}

    def receive_event(self, packet: Packet) -> None:
        """See `Socket`. An event counts as seen once it goes to its handlers or middlewares."""
        if self._backlog is not None:
            super().receive_event(packet)
        elif self._delivery.parked or _is_busy(self._delivery.inbox.previous):
            if len(self._delivery.parked) >= MAX_BACKLOG:
                raise PacketError("too many events before those of the last connection were done")
            self._delivery.parked.append(packet)
        else:
            self._receive(packet)

    def send_ack(self, id: int, args: tuple[object, ...]) -> None:
        """See `Socket`. Kept, for the case that the client asks again."""
        payload, attachments = self.server.codec.encode_ack(self.namespace.name, id, args)
        self.namespace.on_loop(self._answer, id, Acknowledgement(payload, attachments))

    def end(self, reason: DisconnectReason, description: str) -> None:
        """See `Socket`."""
        if not self.gone:
            inbox = self._delivery.inbox
            if not _is_busy(inbox.previous):
                inbox.previous = self if self.lanes or self.queue is not None else None
            self._delivery.deduplicator.release(inbox, self)
            self._delivery.parked = []
        super().end(reason, description)

    def announce_end(self) -> None:
        """See `Socket`: the events that waited for a middleware are handled now."""
        super().announce_end()
        holder: DeduplicatingSocket | None = self._delivery.inbox.holder
        if holder is not None and holder is not self and self._delivery.inbox.previous is self:
            holder._unpark()

    # -- inside -----------------------------------------------------------------------

    def _receive(self, packet: Packet) -> None:
        if packet.id is None:
            super().receive_event(packet)
            return
        before = self._delivery.inbox.receive(packet.id)
        if before is Standing.NEW:
            try:
                super().receive_event(packet)
            except PacketError:
                self._delivery.inbox.forget(packet.id)
                raise
        elif isinstance(before, Acknowledgement):
            self._send(before.payload, before.attachments)
        elif before is Standing.LOST:
            super().send_ack(packet.id, (_LOST,))

    def _inherit(self) -> None:
        """Wait in the lanes of the previous socket, so that order holds over both."""
        previous: Socket | None = self._delivery.inbox.previous
        if previous is not None and self.lanes is None:
            self.lanes = previous.lanes

    def _unpark(self) -> None:
        self._inherit()
        parked, self._delivery.parked = self._delivery.parked, []
        for packet in parked:
            if not self.gone:
                self._multiplexer.guard(self._receive, packet)

    def _answer(self, id: int, answer: Acknowledgement) -> None:
        self._delivery.deduplicator.inboxes.answer(self._delivery.inbox, id, answer)
        holder: Socket | None = self._delivery.inbox.holder
        if holder is not None:
            holder._send(answer.payload, answer.attachments)


def _is_busy(previous: Socket | None) -> bool:
    """Whether a socket that is gone has events that still wait for a middleware."""
    return previous is not None and previous.queue is not None


class _Delivery:
    """What a `DeduplicatingSocket` has beside what others have."""

    __slots__ = ("deduplicator", "inbox", "parked")

    def __init__(self, deduplicator: Deduplicator, inbox: Inbox) -> None:
        self.deduplicator = deduplicator
        self.inbox = inbox
        # Events that wait until the previous socket is done with its own.
        self.parked: list[Packet] = []


class _Plain(DeduplicatingSocket):
    __slots__ = ("_delivery",)


class _Recoverable(DeduplicatingSocket, RecoverableSocket):
    __slots__ = ("_delivery",)


def open_socket(namespace: "Namespace", multiplexer: "Multiplexer", auth: dict[str, Any]) -> Socket:
    """The socket of a client that may send events again, for whom `auth` has the key "retry".

    Handlers do not see what belongs to the protocol, also where repeated events are not sorted out.
    """
    request, auth = read_retry(auth)
    recovering = namespace.server.recovery is not None
    deduplicator = namespace.server.deduplicator
    if request is None or deduplicator is None:
        opened = RecoverableSocket.open if recovering else Socket
        return opened(namespace, multiplexer, auth)
    inbox = deduplicator.open(namespace.name, request)
    twin: Socket | None = inbox.holder
    if twin is not None:
        # The client knows that the connection is lost, this server does not yet.
        twin.connection.abort(CloseReason.TRANSPORT_CLOSE, "the client came back on another connection")
    socket: _Plain | _Recoverable
    if recovering:
        socket = _Recoverable.open(namespace, multiplexer, auth)
    else:
        socket = _Plain(namespace, multiplexer, auth)
    socket._delivery = _Delivery(deduplicator, inbox)
    socket.attach()
    return socket
