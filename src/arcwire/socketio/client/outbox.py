"""What a client's socket sends: now, when there is a connection, or until it is acknowledged."""

import asyncio
import itertools
import logging
from collections.abc import Callable
from functools import partial
from threading import Lock, get_ident
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

_NO_LIMIT = 1 << 62

logger = logging.getLogger("arcwire.socketio")


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
        "emission",
        "retries",
    )

    def __init__(self, socket: "ClientSocket", manager: "Manager", options: SocketOptions) -> None:
        self._socket = socket
        self._manager = manager
        self._namespace = socket.namespace.name
        self._options = options
        self._connection: ClientConnection | None = None
        self._look_closer = _NO_LIMIT
        self._ids = itertools.count()
        self._acks: dict[int, SingleAnswer[Any]] = {}
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

    @property
    def owed(self) -> int:
        """How many acknowledgements are waited for, without those of retries."""
        return len(self._acks)

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
        decode = answer_decoder(returns)
        timeout = self._options.ack_timeout if flags.timeout is None else flags.timeout
        if self.retries is not None and not flags.volatile:
            answer: SingleAnswer[Any] = SingleAnswer(manager.loop, None, decode)
            self._attempt(self.retries, flags, event, args, answer)
            return answer
        id = next(self._ids)
        payload, attachments = manager.codec.encode_event(self._namespace, event, args, id)
        answer = SingleAnswer(manager.loop, timeout, decode)
        connection = self._connection
        if (
            connection is not None
            and attachments is None
            and (flags is DEFAULT_FLAGS or (flags.compress and not flags.volatile))
            and len(self._acks) < MAX_PENDING_ACKS
            and get_ident() == manager.thread
            and not self._socket.hooks.watches
            and not connection.ping_expired
        ):
            # What nearly every question comes to.
            if manager.codec.binary:
                connection.send_binary(payload)
            else:
                connection.send_text(payload)
            self._expect(id, answer, timeout)
            return answer
        outgoing = Outgoing(event, args, payload, attachments, flags.compress, id, answer)
        self._check_size(outgoing)
        manager.on_loop(self._ask, flags, outgoing, timeout)
        return answer

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
        # Base64 takes a third more; below that nothing is too large.
        self._look_closer = (connection.max_payload or _NO_LIMIT) // 2
        if self.retries is not None:
            self.retries.connected()
        for outgoing in self._buffer.take_all():
            self.transmit(outgoing)
        self.announce_room()

    def lose(self, reason: str, description: str) -> None:
        """The connection is gone, and with it the answers to what was sent over it."""
        self._connection = None
        buffered = {outgoing.id for outgoing in self._buffer}
        error = Disconnected(f"the connection was lost: {description}", reason)
        for id, answer in list(self._acks.items()):
            if id not in buffered:
                answer.settle(error=error)
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
        if not isinstance(args, list):
            raise PacketError("invalid payload: an acknowledgement is a list")
        id = packet.id
        if id is None or (self.retries is not None and self.retries.acknowledge(id, args)):
            return
        answer = self._acks.get(id)
        if answer is not None:
            answer.receive(self._socket, args)

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

    def _emit(self, flags: Flags, outgoing: Outgoing) -> None:
        connection = self._connection
        if connection is not None and not connection.ping_expired:
            if not flags.volatile or connection.writable:
                self.transmit(outgoing)
        elif not flags.volatile:
            self._buffer.add(outgoing)

    def _ask(self, flags: Flags, outgoing: Outgoing, timeout: float | None) -> None:
        answer = outgoing.answer
        assert answer is not None
        assert outgoing.id is not None
        connection = self._connection
        if connection is not None and connection.ping_expired:
            connection = None
        if flags.volatile and (connection is None or not connection.writable):
            answer.drop(self, "a volatile event that could not leave")
        elif self._is_over():
            answer.settle(error=self._over())
        elif len(self._acks) >= MAX_PENDING_ACKS:
            answer.drop(self, f"{MAX_PENDING_ACKS} acknowledgements of the server are missing")
        elif connection is not None:
            self._expect(outgoing.id, answer, timeout)
            self.transmit(outgoing)
        else:
            self._buffer.add(outgoing)
            if not answer.settled:  # as it is when it was dropped
                self._expect(outgoing.id, answer, timeout)
                answer.on_settled(partial(self._buffer.remove, outgoing))

    def _is_over(self) -> bool:
        """Whether the socket was connected, or tried to, and does not any more."""
        return not self._socket.active and bool(self._socket.state.description)

    def _over(self) -> Disconnected:
        state = self._socket.state
        return Disconnected(f"the socket is closed: {state.description}", state.reason)

    def _expect(self, id: int, answer: SingleAnswer[Any], timeout: float | None) -> None:
        self._acks[id] = answer
        answer.on_settled(partial(self._forget, id))
        if timeout is not None:
            self.timers.schedule(answer, self.now() + timeout)

    def _forget(self, id: int) -> None:
        """The question is settled."""
        answer = self._acks.pop(id, None)
        if answer is not None and answer.timer_slot:
            self.timers.cancel(answer)

    def _attempt(
        self,
        retries: RetryQueue,
        flags: Flags,
        event: str,
        args: tuple[object, ...],
        answer: SingleAnswer[Any] | None,
    ) -> Attempt:
        if self._manager.thread in (None, get_ident()):
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
