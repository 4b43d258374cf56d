"""WebSocket links on picows, without ASGI in between.

picows finds and unmasks frames in C and is permissive on purpose; what RFC 6455 asks beyond that
(reserved bits, fragmentation, UTF-8, message size, the close handshake) is enforced here. The HTTP
handshake is the caller's: `open_link` takes over a transport on which the 101 answer was written.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final, TypeAlias
from weakref import WeakKeyDictionary

from picows import WSFrame, WSMsgType, WSTransport

from arcwire.engineio.link import (
    MESSAGE_HEADERS,
    LinkReceiver,
    PreparedMessage,
    binary_frame,
    message_frame,
    packet_frame,
)
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.hosts.picows_parser import HANDSHAKE, Drain, Listener, Parser, make_parser

logger = logging.getLogger("arcwire.hosts.picows")

CLOSE_GRACE: Final = 5.0
"""Seconds that a peer has to take what is queued and to finish the close handshake."""

SHUTDOWN_GRACE: Final = 1.0
"""The same when the server stops, which other connections and the operator wait for."""

HIGH_WATER: Final = 65536
"""Buffered bytes above which `buffered_bytes` promises a `link_drained`; that of the event loops."""

NO_CODE: Final = 1005
"""The close code that stands for a close frame without a code (RFC 6455 section 7.1.5)."""

_MAX_CLOSE_REASON: Final = 123
_JOINED: Final = 4096  # many frames of this average size are written as they are, smaller ones as one
_LARGE: Final = 65536  # frames above this size leave a read buffer that is given back
_SMALL: Final = 126  # no frame of a heartbeat is larger

_TEXT: Final = WSMsgType.TEXT
_BINARY: Final = WSMsgType.BINARY
_CONTINUATION: Final = WSMsgType.CONTINUATION
_PING: Final = WSMsgType.PING
_CLOSE: Final = WSMsgType.CLOSE

# States of a link. CLOSING: our close frame is queued or sent, the peer's is awaited. ENDED: the
# receiver has been told; what remains is the end of the TCP connection. GONE: that came, too.
_OPEN: Final = 0
_CLOSING: Final = 1
_ENDED: Final = 2
_GONE: Final = 3

_OnLost: TypeAlias = "Callable[[PicowsLink], object] | None"

# Links with frames to write, one list an event loop. The lists must not refer to their loop.
_outboxes: WeakKeyDictionary[asyncio.AbstractEventLoop, list["PicowsLink"]] = WeakKeyDictionary()


def open_link(
    transport: asyncio.Transport,
    max_payload: int,
    open_receiver: Callable[["PicowsLink"], LinkReceiver],
    *,
    early: bytes = b"",
    on_lost: _OnLost = None,
    make_link: Callable[[asyncio.Transport, int, _OnLost], "PicowsLink"] | None = None,
) -> "PicowsLink":
    """Take over `transport` as an open WebSocket whose messages have at most `max_payload` bytes.

    `open_receiver` is called at once and may send; then the frames in `early` are delivered, bytes
    that came before the takeover. `on_lost` is called with the link when the connection has ended,
    after the receiver's `link_closed`. If `open_receiver` raises, the link closes with code 1011
    and the exception is passed on. `make_link` makes a link of another kind.
    """
    link = (make_link or PicowsLink)(transport, max_payload, on_lost)
    parser = link.start()
    try:
        link.receiver = open_receiver(link)
    except BaseException:
        link.fail(1011, CloseReason.TRANSPORT_ERROR, "the link could not be opened")
        raise
    link.feed(parser, early)
    return link


class PicowsLink(Listener):
    """One WebSocket: what picows tells its listener, and the engine's `WebSocketLink`.

    The receiver's `link_closed` is called when the peer's close frame arrives, when the peer breaks
    the protocol, in `shutdown`, and else when the connection is lost; never from within a send,
    `close` or `abort`. `close_code` and `close_text` then tell the code and reason of the close
    frame that decided it (1006: there was none).
    """

    __slots__ = (
        "_frames",
        "_grown",
        "_loop",
        "_max_payload",
        "_message",
        "_message_is_text",
        "_on_lost",
        "_outbox",
        "_owed_pong",
        "_queued",
        "_refused",
        "_state",
        "_timer",
        "_transport",
        "_watched",
        "_write_paused",
        "close_code",
        "close_text",
        "on_pong",
        "receiver",
    )

    def __init__(
        self,
        transport: asyncio.Transport,
        max_payload: int,
        on_lost: _OnLost,
    ) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        outbox = _outboxes.get(self._loop)
        if outbox is None:
            outbox = _outboxes[self._loop] = []
        self._outbox = outbox
        # TLS transports would let more wait before they tell.
        transport.set_write_buffer_limits(HIGH_WATER)
        self._frames: list[bytes] = []
        self._queued = 0  # bytes in _frames
        self._watched = False  # someone was told of more than HIGH_WATER bytes
        self._max_payload = max_payload
        self._on_lost = on_lost
        self._state = _OPEN
        self._message: bytearray | None = None  # the fragments so far of an unfinished message
        self._message_is_text = False
        self._write_paused = False
        self._grown = False  # the read buffer is that of a large frame
        self._owed_pong: bytes | None = None
        self._refused = False
        self._timer: asyncio.TimerHandle | None = None
        self.receiver: LinkReceiver = _NO_RECEIVER
        self.on_pong: Callable[[bytes], None] | None = None
        self.close_code = 1006
        self.close_text = ""

    # The engine's side: WebSocketLink

    def send_packet(self, packet: bytes, *, compress: bool = True) -> None:
        if self._state == _OPEN:
            self._queue(self._frame(packet, compress))

    def write_packet(self, packet: bytes) -> None:
        if self._state == _OPEN:
            frame = self._frame(packet, True)
            self._frames.append(frame)
            self._queued += len(frame)
            self._flush()

    def send_text(self, payload: bytes) -> None:
        if self._state == _OPEN:
            # Hot: `message_frame` and `_queue`, without the calls.
            size = len(payload)
            frame = MESSAGE_HEADERS[size] + payload if size < 125 else message_frame(payload)
            if not self._frames:
                self._announce()
            self._frames.append(frame)
            self._queued += len(frame)

    def send_binary(self, payload: bytes) -> None:
        if self._state == _OPEN:
            self._queue(binary_frame(payload))

    def send_prepared(self, message: PreparedMessage) -> None:
        if self._state == _OPEN:
            # Hot: `_queue`, without the call.
            frame = message.frame
            if not self._frames:
                self._announce()
            self._frames.append(frame)
            self._queued += len(frame)

    def send_ping(self, payload: bytes) -> None:
        """Send a ping frame (at most 125 bytes); the answer goes to `on_pong`."""
        if self._state == _OPEN:
            self._queue_control(0x89, payload)

    def close(self, code: int, reason: str) -> None:
        """A reason longer than a close frame holds (123 bytes) is cut."""
        if self._state == _OPEN:
            self._state = _CLOSING
            self._queue_control(0x88, _close_payload(code, reason))
            self._drop_later(CLOSE_GRACE)

    def abort(self) -> None:
        if self._state == _GONE:
            return
        if self._state == _OPEN:
            self._state = _CLOSING
        self._forget_frames()
        self._transport.abort()

    def buffered_bytes(self) -> int:
        size = self._queued + self._transport.get_write_buffer_size()
        if size > HIGH_WATER:
            self._watched = True
        return size

    # The host's side

    @property
    def ended(self) -> bool:
        """Whether the receiver has been told of the end."""
        return self._state >= _ENDED

    def start(self) -> Parser:
        """Make a parser the protocol of the transport: what is read from now on comes here."""
        parser = make_parser(self, self._largest_frame())
        self.feed(parser, HANDSHAKE)
        self._transport.set_protocol(parser)
        return parser

    def feed(self, parser: Parser, data: bytes) -> None:
        """Let `parser` read what does not come from the transport."""
        rest = memoryview(data)
        while rest and not self._refused:
            buffer = parser.get_buffer(-1)
            size = min(len(buffer), len(rest))
            buffer[:size] = rest[:size]
            parser.buffer_updated(size)
            rest = rest[size:]

    def pause_reading(self) -> None:
        """Stop to read from the socket; the frames already read are still delivered."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def shutdown(self) -> None:
        """The server stops: tell the receiver, and the peer with code 1012."""
        if self._state == _GONE:
            return
        if self._state == _OPEN:
            self._state = _CLOSING
            self._queue_control(0x88, _close_payload(1012, ""))
        self._drop_later(SHUTDOWN_GRACE)
        self._end(CloseReason.SERVER_SHUTTING_DOWN, "the server is shutting down", 1012)

    def fail(self, code: int, reason: CloseReason, description: str) -> None:
        """End the WebSocket because of `description`: a close frame with `code`, then no more."""
        if self._state >= _ENDED:
            return
        if self._state == _OPEN:
            self._queue_control(0x88, _close_payload(code, description))
        self._flush()
        self._linger()
        self._end(reason, description, code, description)

    # picows' side: WSListener

    def on_ws_connected(self, transport: WSTransport) -> None:
        transport.request.headers = _NO_HEADERS

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        try:
            if (
                self._message is not None
                or not frame.fin
                or frame.rsv1
                or frame.rsv2
                or frame.rsv3
                or self._state
            ):
                self._receive_special(frame)
            elif frame.msg_type is _TEXT:
                try:
                    text = frame.get_payload_as_utf8_text()
                except UnicodeDecodeError:
                    self._fail_utf8()
                    return
                self.receiver.receive_text(text)
                if not 1 < len(text) <= _LARGE:
                    self._watch_buffer(frame)
            elif frame.msg_type is _BINARY:
                data = frame.get_payload_as_bytes()
                self.receiver.receive_binary(data)
                if len(data) > _LARGE:
                    self._watch_buffer(frame)
            else:
                self._receive_special(frame)
        except Exception:
            self._fail_receiver()

    def pause_writing(self) -> None:
        self._write_paused = True

    def resume_writing(self) -> None:
        self._write_paused = False
        if self._owed_pong is not None:
            pong, self._owed_pong = self._owed_pong, None
            self._answer_ping(pong)
        self._tell_drained()

    def connection_ended(self) -> None:
        """The peer ended its side of the TCP connection; the transport closes after what is queued."""
        self._flush()
        self._end(CloseReason.TRANSPORT_CLOSE, "the connection ended without a close frame", 1006)
        self._drop_later(CLOSE_GRACE)

    def connection_lost(self, error: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._forget_frames()
        self._message = None
        description = str(error) if error else "the connection was lost"
        self._end(CloseReason.TRANSPORT_ERROR, description, 1006)
        self._state = _GONE
        on_lost, self._on_lost = self._on_lost, None
        if on_lost is not None:
            on_lost(self)

    def refused(self, code: int) -> None:
        """picows rejects what comes next.

        It looks ahead: the frame before the bad one is delivered only after this call, so the end
        has to wait for it. Until then nothing more may reach picows, which would go on with the
        payload of a frame that it found too large.
        """
        self._refused = True
        if not self._transport.is_closing():
            self._transport.set_protocol(Drain(self))
        self._loop.call_soon(self._fail_refused, code)

    def _fail_refused(self, code: int) -> None:
        if code == 1009:
            self._fail_size()
        elif code == 1007:
            self.fail(1007, CloseReason.TRANSPORT_ERROR, "close reason is not UTF-8")
        else:
            self.fail(code, CloseReason.TRANSPORT_ERROR, "frame violates RFC 6455")

    # Receiving beyond the hot path

    def _receive_special(self, frame: WSFrame) -> None:
        if self._state >= _ENDED:
            # Closed twice, asyncio's TLS transport forgets how to abort.
            if frame.msg_type is _CLOSE and not self._transport.is_closing():
                self._transport.close()
            return
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            self._fail_protocol("reserved bit set, but no extension that was negotiated uses it")
            return
        kind = frame.msg_type
        if kind is _CONTINUATION:
            self._receive_continuation(frame)
        elif kind is _TEXT or kind is _BINARY:
            self._receive_data(frame)
        elif kind is _CLOSE:
            self._receive_close(frame.get_payload_as_bytes())
        elif kind is _PING:
            self._answer_ping(frame.get_payload_as_bytes())
        else:
            self._watch_buffer(frame)
            if self.on_pong is not None:
                self.on_pong(frame.get_payload_as_bytes())

    def _receive_data(self, frame: WSFrame) -> None:
        """A data frame that starts a fragmented message, or one in a wrong place."""
        if self._message is not None:
            self._fail_protocol("a new message began inside a fragmented one")
        elif not frame.fin:
            self._begin_message(frame)
        # Else the link is closing: whole messages are discarded.

    def _begin_message(self, frame: WSFrame) -> None:
        self._message = bytearray()
        self._message_is_text = frame.msg_type is _TEXT
        self._receive_continuation(frame)

    def _receive_continuation(self, frame: WSFrame) -> None:
        message = self._message
        if message is None:
            self._fail_protocol("continuation frame without a message")
            return
        if not self._extend(message, frame):
            self._message = None
            return
        if not frame.fin:
            return
        self._message = None
        if self._message_is_text:
            try:
                text = message.decode()
            except UnicodeDecodeError:
                self._fail_utf8()
                return
            if self._state == _OPEN:
                self.receiver.receive_text(text)
        elif self._state == _OPEN:
            self.receiver.receive_binary(bytes(message))
        self._watch_buffer(frame)

    def _extend(self, message: bytearray, frame: WSFrame) -> bool:
        """Add a fragment to its message; False if the link has failed instead."""
        if len(message) + frame.payload_size > self._max_payload:
            self._fail_size()
            return False
        # Empty fragments leave no trace, so that an endless run of them costs no memory.
        message += frame.get_payload_as_memoryview()
        return True

    def _largest_frame(self) -> int:
        """The payload beyond which a frame is refused by its header."""
        return self._max_payload

    def _receive_close(self, payload: bytes) -> None:
        code = int.from_bytes(payload[:2], "big") if payload else NO_CODE
        if len(payload) == 1 or (payload and not _may_be_received(code)):
            self._fail_protocol("invalid close code")
            return
        try:
            text = payload[2:].decode()
        except UnicodeDecodeError:
            self.fail(1007, CloseReason.TRANSPORT_ERROR, "close reason is not UTF-8")
            return
        if self._state == _OPEN:
            self._queue_control(0x88, payload)
        self._flush()
        self._transport.close()
        self._drop_later(CLOSE_GRACE)
        self._end(CloseReason.TRANSPORT_CLOSE, f"close code {code}", code, text)

    def _answer_ping(self, payload: bytes) -> None:
        if self._state != _OPEN:
            return
        if self._write_paused:
            # A peer that pings and does not read gets one pong later (RFC 6455 section 5.5.3).
            self._owed_pong = payload
        else:
            self._queue_control(0x8A, payload)

    def _watch_buffer(self, frame: WSFrame) -> None:
        """Give back the memory of large messages, when there are none any more.

        picows' read buffer doubles until a message fits, and never shrinks. It is kept for the next
        large message until the peer sends the packet of a heartbeat, or a pong.
        """
        if frame.payload_size > _LARGE:
            self._grown = True
        elif (
            self._grown
            and frame.payload_size < _SMALL
            and frame.last_in_buffer
            and not frame.tail_size
            and self._state == _OPEN
            and not self._refused
        ):
            self._grown = False
            self.start()

    # Endings

    def _fail_protocol(self, description: str) -> None:
        self.fail(1002, CloseReason.TRANSPORT_ERROR, description)

    def _fail_utf8(self) -> None:
        self.fail(1007, CloseReason.TRANSPORT_ERROR, "text message is not UTF-8")

    def _fail_size(self) -> None:
        description = f"message of more than {self._max_payload} bytes"
        self.fail(1009, CloseReason.PAYLOAD_TOO_LARGE, description)

    def _fail_receiver(self) -> None:
        logger.exception("The receiver of a WebSocket failed; closing it")
        self.fail(1011, CloseReason.TRANSPORT_ERROR, "internal error")

    def _end(self, reason: CloseReason, description: str, code: int, text: str = "") -> None:
        """Tell the receiver, once."""
        if self._state >= _ENDED:
            return
        self._state = _ENDED
        self.close_code = code
        self.close_text = text
        receiver, self.receiver = self.receiver, _NO_RECEIVER
        self.on_pong = None
        try:
            receiver.link_closed(reason, description)
        except Exception:
            logger.exception("The receiver of a WebSocket failed at its end")

    def _linger(self) -> None:
        """End our side and discard what the peer still sends.

        Closing a socket with unread data resets the connection, and the peer might never see the
        close frame.
        """
        self._drop_later(CLOSE_GRACE)
        transport = self._transport
        if transport.is_closing():
            return
        if transport.can_write_eof():
            transport.set_protocol(Drain(self))
            transport.resume_reading()
            transport.write_eof()
        else:
            transport.close()  # TLS: discards what comes in until the peer has closed, too

    def _drop_later(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(seconds, self._transport.abort)

    # Writing: the frames of one tick leave in one write

    def _frame(self, packet: bytes, compress: bool) -> bytes:
        """The frame of a text packet, compressed if this link does that."""
        return packet_frame(packet)

    def _queue(self, frame: bytes) -> None:
        if not self._frames:
            self._announce()
        self._frames.append(frame)
        self._queued += len(frame)

    def _announce(self) -> None:
        """There are frames to write, at the end of the tick."""
        outbox = self._outbox
        if not outbox:
            self._loop.call_soon(_flush_all, outbox)
        outbox.append(self)

    def _queue_control(self, first_byte: int, payload: bytes) -> None:
        self._queue(bytes((first_byte, len(payload))) + payload)

    def _flush(self) -> None:
        frames = self._frames
        if not frames:
            return
        transport = self._transport
        if not transport.is_closing():
            if len(frames) == 1:
                transport.write(frames[0])
            elif self._queued <= max(HIGH_WATER, _JOINED * len(frames)):
                transport.write(b"".join(frames))
            else:
                # Large frames may be shared by many links: no copies of them. The last goes by `write`,
                # since asyncio's `writelines` tells nobody that the buffer is full (CPython 3.12 and 3.13).
                last = frames.pop()
                transport.writelines(frames)
                transport.write(last)
        frames.clear()
        self._queued = 0
        if self._watched and not self._write_paused:
            self._tell_drained()

    def _forget_frames(self) -> None:
        self._frames.clear()
        self._queued = 0

    def _tell_drained(self) -> None:
        self._watched = False
        try:
            self.receiver.link_drained()
        except Exception:
            self._fail_receiver()


def _flush_all(outbox: list[PicowsLink]) -> None:
    links = outbox[:]
    outbox.clear()
    for link in links:
        link._flush()


class _NoReceiver:
    """Receives before and after a receiver is there."""

    def receive_text(self, packet: str) -> None: ...

    def receive_binary(self, data: bytes) -> None: ...

    def link_drained(self) -> None: ...

    def link_closed(self, reason: CloseReason, description: str) -> None: ...


_NO_RECEIVER: Final = _NoReceiver()
_NO_HEADERS: Final[Any] = None


def _close_payload(code: int, reason: str) -> bytes:
    if code == NO_CODE:
        return b""
    return code.to_bytes(2, "big") + reason.encode()[:_MAX_CLOSE_REASON].decode(errors="ignore").encode()


def _may_be_received(code: int) -> bool:
    """RFC 6455 section 7.4 and the IANA registry: 1004-1006 and 1015 never travel."""
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999
