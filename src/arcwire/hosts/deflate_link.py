"""WebSocket links with permessage-deflate (RFC 7692). Links without it have nothing of this."""

import asyncio
from collections.abc import Callable

from picows import WSFrame, WSMsgType, WSTransport

from arcwire.engineio.link import PreparedMessage, compressed_frame
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.hosts.deflate import (
    Agreement,
    Compressor,
    Corrupt,
    Inflater,
    TooLarge,
    deflate,
    largest_deflated,
)
from arcwire.hosts.picows import PicowsLink


class DeflateLink(PicowsLink):
    """A link whose messages are compressed: by this side from a size on, by the peer as it likes.

    A message to this peer alone is compressed in the context of those before it. A frame that many
    links share is compressed once, without a context; as it is not part of the one at hand, that is
    given up. So links that get only such frames keep nothing.
    """

    __slots__ = ("_agreement", "_compressor", "_inflater", "_inflating")

    def __init__(
        self,
        agreement: Agreement,
        transport: asyncio.Transport,
        max_payload: int,
        on_lost: Callable[[PicowsLink], object] | None,
    ) -> None:
        super().__init__(transport, max_payload, on_lost)
        self._agreement = agreement
        self._compressor: Compressor | None = None
        self._inflater: Inflater | None = None
        self._inflating = False  # the message that is being received is compressed

    # The engine's side: WebSocketLink

    def send_text(self, payload: bytes) -> None:
        if self._state or len(payload) < self._agreement.threshold:
            super().send_text(payload)
        else:
            self._queue(self._compressed(b"4" + payload, binary=False))

    def send_binary(self, payload: bytes) -> None:
        if self._state or len(payload) < self._agreement.threshold:
            super().send_binary(payload)
        else:
            self._queue(self._compressed(payload, binary=True))

    def send_prepared(self, message: PreparedMessage) -> None:
        if self._state or not message.compress or len(message.payload) < self._agreement.threshold:
            super().send_prepared(message)
        else:
            self._compressor = None
            self._queue(message.compressed(self._agreement.encoding))

    def _frame(self, packet: bytes, compress: bool) -> bytes:
        if not compress or len(packet) < self._agreement.threshold:
            return super()._frame(packet, compress)
        return self._compressed(packet, binary=False)

    def _compressed(self, payload: bytes, *, binary: bool) -> bytes:
        compressor = self._compressor or self._agreement.encoding.compressor()
        if self._agreement.server_takeover:
            self._compressor = compressor
        return compressed_frame(deflate(compressor, payload), binary=binary)

    # picows' side: WSListener

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        # picows lets more pass than a message may have, for what compressing can add to it.
        if frame.payload_size > self._max_payload and not (frame.rsv1 or self._inflating):
            self._fail_size()
        else:
            super().on_ws_frame(transport, frame)

    # Receiving

    def _receive_special(self, frame: WSFrame) -> None:
        if not frame.rsv1 or frame.rsv2 or frame.rsv3 or self.ended:
            super()._receive_special(frame)
        elif frame.msg_type is not WSMsgType.TEXT and frame.msg_type is not WSMsgType.BINARY:
            # Section 6.1
            self._fail_protocol("a frame that does not begin a message is marked as compressed")
        elif self._message is not None:
            self._receive_data(frame)  # in a wrong place
        else:
            self._inflating = True
            self._begin_message(frame)

    def _extend(self, message: bytearray, frame: WSFrame) -> bool:
        if not self._inflating:
            return super()._extend(message, frame)
        if self._inflater is None:
            self._inflater = Inflater(self._agreement)
        data = frame.get_payload_as_memoryview()
        try:
            message += self._inflater.inflate(data, self._max_payload - len(message), last=frame.fin)
        except TooLarge:
            self._fail_size()
            return False
        except Corrupt:
            # RFC 7692 names no code. That of RFC 6455 for data that is not what its message says it
            # is (section 7.4.1) fits, and is what the reference server's implementation uses.
            self.fail(1007, CloseReason.TRANSPORT_ERROR, "message cannot be decompressed")
            return False
        self._inflating = not frame.fin
        return True

    def _largest_frame(self) -> int:
        return largest_deflated(self._max_payload)

    def _end(self, reason: CloseReason, description: str, code: int, text: str = "") -> None:
        self._compressor = self._inflater = None
        super()._end(reason, description, code, text)
