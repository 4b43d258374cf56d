"""WebSocket links on the client's side: those of the hosts, with frames that are masked."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, cast

from picows import WSTransport

from arcwire.engineio.link import PreparedMessage
from arcwire.hosts.deflate import Agreement, deflate
from arcwire.hosts.deflate_link import DeflateLink
from arcwire.hosts.picows import PicowsLink
from arcwire.hosts.picows_parser import Masker, Parser, make_client_parser, masker

_TEXT: Final = 1
_BINARY: Final = 2


class _Masking(PicowsLink):
    """What differs from a server's link."""

    __slots__ = ()

    _masker: Masker

    def send_text(self, payload: bytes) -> None:
        self._send(_TEXT, b"4" + payload)

    def send_binary(self, payload: bytes) -> None:
        self._send(_BINARY, payload)

    def send_prepared(self, message: PreparedMessage) -> None:
        if message.binary:
            self._send(_BINARY, message.payload)
        else:
            self._send(_TEXT, b"4" + message.payload)

    def start(self) -> Parser:
        parser = make_client_parser(self, self._largest_frame())
        self._transport.set_protocol(parser)
        return parser

    def on_ws_connected(self, transport: WSTransport) -> None:
        # Made up by the parser, both: nothing to keep.
        transport.request.headers = transport.response.headers = cast("Any", None)

    def _frame(self, packet: bytes, compress: bool) -> bytes:
        return self._mask(_TEXT, packet, compress)

    def _send(self, opcode: int, content: bytes) -> None:
        if not self._state:
            self._queue(self._mask(opcode, content, True))

    def _mask(self, opcode: int, content: bytes, compress: bool) -> bytes:
        self._masker.mask(opcode, content)
        return self._masker.take()

    def _queue_control(self, first_byte: int, payload: bytes) -> None:
        self._masker.mask(first_byte & 0x0F, payload)
        self._queue(self._masker.take())


class ClientLink(_Masking):
    """One WebSocket that this side has opened. It behaves as `PicowsLink` says."""

    __slots__ = ("_masker",)

    def __init__(
        self,
        transport: asyncio.Transport,
        max_payload: int,
        on_lost: Callable[[PicowsLink], object] | None,
    ) -> None:
        super().__init__(transport, max_payload, on_lost)
        self._masker = masker()

    def send_text(self, payload: bytes) -> None:
        if not self._state:
            # Hot: `_send`, without the calls.
            masker = self._masker
            masker.mask(_TEXT, b"4" + payload)
            frame = masker.take()
            if not self._frames:
                self._announce()
            self._frames.append(frame)
            self._queued += len(frame)


class ClientDeflateLink(_Masking, DeflateLink):
    """The same with permessage-deflate. In the agreement this side stands where the server stood."""

    __slots__ = ("_masker",)

    def __init__(
        self,
        agreement: Agreement,
        transport: asyncio.Transport,
        max_payload: int,
        on_lost: Callable[[PicowsLink], object] | None,
    ) -> None:
        super().__init__(agreement, transport, max_payload, on_lost)
        self._masker = masker()

    def _mask(self, opcode: int, content: bytes, compress: bool) -> bytes:
        if not compress or len(content) < self._agreement.threshold:
            return super()._mask(opcode, content, compress)
        compressor = self._compressor or self._agreement.encoding.compressor()
        if self._agreement.server_takeover:
            self._compressor = compressor
        self._masker.mask(opcode, deflate(compressor, content), True, True)
        return self._masker.take()
