"""A WebSocket whose text messages leave in batches; on both sides."""

import asyncio

from arcwire.engineio.link import LinkReceiver, PreparedMessage, WebSocketLink
from arcwire.engineio.protocol.batch import LIMIT, OVERHEAD, encode_batch


class BatchingLink:
    """Stands before the link of a session that agreed on batches; see `WebSocketLink`.

    The text messages of one tick of the event loop wait here for its end, and then leave as one message. What
    is sent in another way keeps its place: what waits goes first. Batches have at most `limit` bytes.

    The first `ahead` messages of a tick do not wait for the others: so a peer that has nothing else to do,
    as a server may for its only client, has work while the rest of the tick goes on.
    """

    __slots__ = ("_ahead", "_count", "_limit", "_loop", "_size", "_waiting", "link")

    def __init__(self, link: WebSocketLink, limit: int = LIMIT, *, ahead: int = 0) -> None:
        self.link = link
        self._ahead = ahead
        self._count = 0  # text messages of this tick
        self._limit = min(limit, LIMIT)
        self._loop = asyncio.get_running_loop()
        self._waiting: list[bytes] = []
        self._size = 0  # bytes of the batch that they would make

    @property
    def receiver(self) -> LinkReceiver:
        return self.link.receiver

    @receiver.setter
    def receiver(self, receiver: LinkReceiver) -> None:
        self.link.receiver = receiver

    def send_text(self, payload: bytes) -> None:
        size = len(payload) + OVERHEAD
        if not self._count:
            self._loop.call_soon(self._end_tick)
        elif self._size + size > self._limit:
            self._pass_on()
        self._waiting.append(payload)
        self._size += size
        self._count += 1
        if self._count == self._ahead:
            self._write()

    def send_packet(self, packet: bytes, *, compress: bool = True) -> None:
        self._pass_on()
        self.link.send_packet(packet, compress=compress)

    def send_binary(self, payload: bytes) -> None:
        self._pass_on()
        self.link.send_binary(payload)

    def send_prepared(self, message: PreparedMessage) -> None:
        if self._waiting and message.compress and not message.binary:
            self.send_text(message.payload)
        else:
            # With nothing to join, the frame that it shares with other links is the cheaper one.
            self._pass_on()
            self.link.send_prepared(message)

    def write_packet(self, packet: bytes) -> None:
        self._pass_on()
        self.link.write_packet(packet)

    def close(self, code: int, reason: str) -> None:
        self._pass_on()
        self.link.close(code, reason)

    def abort(self) -> None:
        self._waiting.clear()
        self._size = 0
        self.link.abort()

    def buffered_bytes(self) -> int:
        size = self.link.buffered_bytes()
        if self._size and size + self._size > self._limit:
            # Whoever waits for less is told by the link, which has to know of all of it.
            self._pass_on()
            return self.link.buffered_bytes()
        return size + self._size

    def _pass_on(self) -> None:
        """Before the end of the tick: the link writes then."""
        packet = self._join()
        if packet is not None:
            self.link.send_packet(packet)

    def _end_tick(self) -> None:
        self._count = 0
        self._write()

    def _write(self) -> None:
        packet = self._join()
        if packet is not None:
            self.link.write_packet(packet)

    def _join(self) -> bytes | None:
        """What waits as one packet or batch; None if nothing does, or it had to go as it was."""
        waiting = self._waiting
        if not waiting:
            return None
        self._waiting = []
        self._size = 0
        if len(waiting) == 1:
            return b"4" + waiting[0]
        batch = encode_batch(waiting)
        if batch is None:
            for payload in waiting:
                self.link.send_text(payload)
        return batch


_conforms: type[WebSocketLink] = BatchingLink
