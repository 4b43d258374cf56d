"""What a client's socket sends: now, when there is a connection, or until it is acknowledged."""

import asyncio
import itertools
import logging
from asyncio import _get_running_loop
from collections.abc import Callable
from functools import partial
from threading import Lock
from time import time
from typing import TYPE_CHECKING, Any

from arcwire.engineio.timers import Timers
from arcwire.errors import ArcwireError, Disconnected, PayloadTooLarge
from arcwire.socketio.acks import SingleAnswer
from arcwire.socketio.broadcast import Emission
from arcwire.socketio.client.buffer import Buffer, Outgoing
from arcwire.socketio.client.flagged import ClientEmission
from arcwire.socketio.client.multiplexer import ClientConnection
from arcwire.socketio.client.options import SocketOptions
from arcwire.socketio.client.retries import Attempt, RetriedEmission, RetryQueue
from arcwire.socketio.interception import watch
from arcwire.socketio.outgoing import OutgoingEvent, prepare
from arcwire.socketio.protocol.json_codec import decode_json
from arcwire.socketio.protocol.packet import Packet, PacketError
from arcwire.socketio.returns import answer_decoder
from arcwire.socketio.selection import DEFAULT_FLAGS, Flags

if TYPE_CHECKING:
    from arcwire.socketio.client.manager import Manager
    from arcwire.socketio.client.socket import ClientSocket

HIGH_WATER = 64 * 1024
"""Bytes that may wait before awaiting an emit means waiting."""

MAX_PENDING_ACKS = 100_000
"""Acknowledgements that the server may owe: if it never answers, that must not fill the memory."""

ACK_TIMEOUT = 20.0
"""Seconds for the acknowledgement of a try, where there are `retries` and no `ack_timeout`."""

TRUST = 1.0
"""Seconds for which a connection that was found alive counts as such, by the clock on the wall. That goes on
while the machine is suspended, so after a suspension the first event that leaves finds out."""

_NO_LIMIT = 1 << 62

logger = logging.getLogger("arcwire.socketio")


class _Question(SingleAnswer[Any]):
    """What the acknowledgement with this id answers."""

    __slots__ = ("id", "outbox")

    # Set by the outbox: questions are many, and another `__init__` is a call.
    id: int
    outbox: "Outbox"

    def settle(self, value: Any = None, error: Exception | None = None) -> None:
        """See `Answer`: whatever the reason is, no acknowledgement is waited for any more."""
        self.outbox.forget(self)
        super().settle(value, error)


class Outbox:
    """Events of one socket on their way to the server, and the acknowledgements that are waited for.

    Unless a method says otherwise it is for the loop's thread.
    """

    __slots__ = (
        "_acks",
        "_buffer",
        "_connection",
        "_ids",
        "_lock",
        "_look_closer",
        "_manager",
        "_namespace",
        "_on_the_way",
        "_options",
        "_room",
        "_socket",
        "direct",
        "emission",
        "retries",
        "trusted",
    )

    def __init__(self, socket: "ClientSocket", manager: "Manager", options: SocketOptions) -> None:
        self._socket = socket
        self._manager = manager
        self._namespace = socket.namespace.name
        self._options = options
        self._connection: ClientConnection | None = None
        self.direct: ClientConnection | None = None
        """The connection, where what is emitted leaves over it at once: not with retries."""
        self.trusted = 0.0
        """When the connection was last found alive, by the clock on the wall."""
        self._look_closer = _NO_LIMIT
        self._ids = itertools.count()
        self._acks: dict[int, _Question] = {}
        self._buffer = Buffer(options.offline_buffer)
        self.retries: RetryQueue | None = None
        if options.retries:
            self.retries = RetryQueue(self, options.retries, options.retry_window, options.offline_buffer)
        # Ids of events that other threads emitted and that are not in the queue yet.
        self._on_the_way: set[int] = set()
        self._lock = Lock()
        self._room: asyncio.Future[None] | None = None
        self.emission = ClientEmission(socket)

    def __len__(self) -> int:
        """How many events wait: for a connection, or, with retries, for their acknowledgement."""
        return len(self._buffer) + (0 if self.retries is None else len(self.retries))

    # -- sending; from any thread -----------------------------------------------------------

    def emit(self, flags: Flags, event: str, args: tuple[object, ...]) -> Emission:
        """Send an event as its flags say. Raises what `ClientSocket.emit` raises."""
        if self.retries is not None and not flags.volatile:
            return RetriedEmission(self._attempt(self.retries, flags, event, args, None))
        payload, attachments = self._manager.codec.encode_event(self._namespace, event, args)
        outgoing = Outgoing(event, args, payload, attachments, flags.compress)
        self._check_size(outgoing)
        self._manager.on_loop(self._emit, flags, outgoing)
        return self.emission

    def ask(self, flags: Flags, event: str, args: tuple[object, ...], returns: Any) -> SingleAnswer[Any]:
        """Send an event as its flags say, and wait for its acknowledgement."""
        manager = self._manager
        decode = None if returns is Any else answer_decoder(returns)
        timeout = self._options.ack_timeout if flags.timeout is None else flags.timeout
        if self.retries is not None and not flags.volatile:
            manager.check_open()
            answer: SingleAnswer[Any] = SingleAnswer(manager.loop, None, decode)
            self._attempt(self.retries, flags, event, args, answer)
            return answer
        id = next(self._ids)
        payload, attachments = manager.codec.encode_event(self._namespace, event, args, id)
        question = _Question(manager.loop, timeout, decode)
        question.id = id
        question.outbox = self
        connection = self.direct
        if (
            connection is None
            or attachments is not None
            or (flags is not DEFAULT_FLAGS and (flags.volatile or not flags.compress))
            or len(self._acks) >= MAX_PENDING_ACKS
            or _get_running_loop() is not manager.loop
            or self._socket.hooks.watches
            or not 0 <= time() - self.trusted < TRUST
        ):
            manager.check_open()
            outgoing = Outgoing(event, args, payload, attachments, flags.compress, id, question)
            self._check_size(outgoing)
            manager.on_loop(self._ask, flags, outgoing, question)
            return question
        # What nearly every question comes to.
        if manager.codec.binary:
            connection.send_binary(payload)
        else:
            connection.send_text(payload)
        self._acks[id] = question
        if timeout is not None:
            self.timers.schedule(question, self.now() + timeout)
        return question

    async def drain(self) -> None:
        """See `ClientSocket.drain`."""
        while True:
            connection = self._connection
            if connection is not None:
                await connection.drain()
                if self._connection is connection or not self._socket.active:
                    return
            elif not self._socket.active or not self._is_high():
                return
            else:
                await self.room(lambda: self._connection is not None or not self._is_high())

    # -- what becomes of the socket -------------------------------------------------------------

    def greet(self) -> dict[str, Any]:
        """What a server that leaves out repeated events has to know."""
        if self.retries is None:
            return {}
        with self._lock:
            lowest = min([self.retries.lowest(), *self._on_the_way])
        return {"retry": {"id": self.retries.id, "from": lowest}}

    def open(self, connection: ClientConnection) -> None:
        """There is a connection: send what waits."""
        self._connection = connection
        if self.retries is None:
            self.direct = connection
        self.trusted = 0.0
        # Base64 takes a third more; below that nothing is too large.
        self._look_closer = (connection.max_payload or _NO_LIMIT) // 2
        if self.retries is not None:
            self.retries.connected()
        # A listener that leaves meanwhile leaves the others for the next connection.
        while self._connection is connection and (outgoing := self._buffer.take()) is not None:
            self.transmit(outgoing)
        self.announce_room()

    def lose(self, reason: str, description: str) -> None:
        """The connection is gone, and with it the answers to what was sent over it."""
        self._connection = self.direct = None
        buffered = {outgoing.id for outgoing in self._buffer}
        error = Disconnected(f"the connection was lost: {description}", reason)
        for question in list(self._acks.values()):
            if question.id not in buffered:
                question.settle(error=error)
        if self.retries is not None:
            self.retries.lost(reason)

    def end(self, error: ArcwireError, *, for_good: bool) -> None:
        """The socket is closed: whoever waits for an answer is told, the other events stay or go too."""
        if self.retries is not None:
            self.retries.close(error, for_good=for_good)
        for outgoing in self._buffer:
            if for_good or outgoing.answer is not None:
                self._buffer.remove(outgoing)
                outgoing.fail(error)
        self.announce_room()

    def acknowledge(self, packet: Packet) -> None:
        """An acknowledgement arrived; ignored when nobody waits for it. Raises PacketError."""
        args = packet.data if packet.json is None else decode_json(packet.json)
        if type(args) is not list:
            raise PacketError("invalid payload: an acknowledgement is a list")
        id = packet.id
        if id is None:
            return
        question = self._acks.pop(id, None)
        if question is not None:
            if question.timer_slot:
                self.timers.cancel(question)
            question.receive(self._socket, args)
        elif self.retries is not None:
            self.retries.acknowledge(id, args)

    def forget(self, question: _Question) -> None:
        """Nobody waits for this acknowledgement any more."""
        self._acks.pop(question.id, None)
        if question.timer_slot:
            self.timers.cancel(question)

    def send_ack(self, payload: bytes, attachments: list[bytes] | None) -> None:
        """Send an acknowledgement. Raises PayloadTooLarge."""
        if self._connection is not None:
            self.send_all(self._connection, payload, attachments or [])

    def send_all(self, connection: ClientConnection, payload: bytes, attachments: list[bytes]) -> None:
        """Send a packet with its attachments. Raises PayloadTooLarge, before any part of it is sent."""
        connection.check_size(payload, binary=self._manager.codec.binary)
        for attachment in attachments:
            connection.check_size(attachment, binary=True)
        self._send(connection, payload, attachments)

    # -- Sender, for retries ------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Whether events can be sent."""
        return self._connection is not None

    @property
    def timers(self) -> Timers:
        """Deadlines of acknowledgements."""
        return self._manager.timers

    def now(self) -> float:
        """The time of the loop."""
        return self._manager.now()

    def transmit(self, event: Outgoing) -> bool:
        """Send an event over the connection, which is there; False when the server would not take it."""
        connection = self._connection
        assert connection is not None
        try:
            self._check_size(event)
        except PayloadTooLarge as error:
            if event.answer is None:
                logger.error("event %r of %r is dropped: %s", event.name, self._socket, error)
            event.fail(error)
            return False
        if event.compress:
            self._send(connection, event.payload, event.attachments)
        else:
            for message in prepare(self._manager.codec, event.payload, event.attachments, compress=False):
                connection.send_prepared(message)
        if self._socket.hooks.watches:
            watch(self._socket, OutgoingEvent(event.name, event.args, ()))
        return True

    async def room(self, has_room: Callable[[], bool]) -> None:
        """Wait until there is room, or the socket is closed."""
        while not has_room() and self._socket.active:
            if self._room is None:
                self._room = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._room)

    def announce_room(self) -> None:
        """There may be room."""
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)

    # -- inside -------------------------------------------------------------------------------

    def _is_high(self) -> bool:
        return self._buffer.size > HIGH_WATER or self._buffer.is_high

    def _check_size(self, outgoing: Outgoing) -> None:
        """Raise PayloadTooLarge for what the server would not take; before any part of it is sent."""
        connection = self._connection
        if connection is not None and outgoing.size > self._look_closer:
            connection.check_size(outgoing.payload, binary=self._manager.codec.binary)
            for attachment in outgoing.attachments or ():
                connection.check_size(attachment, binary=True)

    def _send(self, connection: ClientConnection, payload: bytes, attachments: list[bytes] | None) -> None:
        if self._manager.codec.binary:
            connection.send_binary(payload)
        else:
            connection.send_text(payload)
        for attachment in attachments or ():
            connection.send_binary(attachment)

    def _alive(self) -> ClientConnection | None:
        """The connection, unless the server has been silent for too long: it ends then."""
        connection = self._connection
        if connection is None or connection.ping_expired:
            return None
        self.trusted = time()
        return connection

    def _emit(self, flags: Flags, outgoing: Outgoing) -> None:
        connection = self._alive()
        if connection is not None:
            if not flags.volatile or connection.writable:
                self.transmit(outgoing)
        elif not flags.volatile:
            self._buffer.add(outgoing)

    def _ask(self, flags: Flags, outgoing: Outgoing, question: _Question) -> None:
        connection = self._alive()
        if flags.volatile and (connection is None or not connection.writable):
            question.drop(self, "a volatile event that could not leave")
        elif self._is_over():
            question.settle(error=self._over())
        elif len(self._acks) >= MAX_PENDING_ACKS:
            question.drop(self, f"{MAX_PENDING_ACKS} acknowledgements of the server are missing")
        elif connection is not None:
            self._expect(question)
            self.transmit(outgoing)
        else:
            self._buffer.add(outgoing)
            if not question.settled:  # as it is when it was dropped
                self._expect(question)
                question.on_settled(partial(self._buffer.remove, outgoing))

    def _is_over(self) -> bool:
        """Whether the socket was connected, or tried to, and does not any more."""
        return not self._socket.active and bool(self._socket.state.description)

    def _over(self) -> Disconnected:
        state = self._socket.state
        return Disconnected(f"the socket is closed: {state.description}", state.reason)

    def _expect(self, question: _Question) -> None:
        self._acks[question.id] = question
        if question.timeout is not None:
            self.timers.schedule(question, self.now() + question.timeout)

    def _attempt(
        self,
        retries: RetryQueue,
        flags: Flags,
        event: str,
        args: tuple[object, ...],
        answer: SingleAnswer[Any] | None,
    ) -> Attempt:
        if self._manager.is_here:
            id = next(self._ids)
        else:
            with self._lock:
                id = next(self._ids)
                self._on_the_way.add(id)
        try:
            payload, attachments = self._manager.codec.encode_event(self._namespace, event, args, id)
            timeout = flags.timeout or self._options.ack_timeout or ACK_TIMEOUT
            attempt = Attempt(retries, event, args, payload, attachments, flags.compress, id, answer, timeout)
            self._check_size(attempt)
        except BaseException:
            self._on_the_way.discard(id)
            raise
        self._manager.on_loop(self._queue, retries, attempt)
        return attempt

    def _queue(self, retries: RetryQueue, attempt: Attempt) -> None:
        try:
            if attempt.answer is not None and self._is_over():
                attempt.answer.settle(error=self._over())
            else:
                retries.add(attempt)
        finally:
            if attempt.id is not None:
                self._on_the_way.discard(attempt.id)
