"""WebSocket links on the client's side: those of the hosts, with frames that are masked."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, cast

from picows import WSTransport

from arcwire.engineio.link import PreparedMessage
from arcwire.hosts.picows import PicowsLink
from arcwire.hosts.picows_parser import Parser, make_client_parser, masker

_TEXT: Final = 1
_BINARY: Final = 2


class ClientLink(PicowsLink):
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

    def send_packet(self, packet: bytes, *, compress: bool = True) -> None:
        self._send_masked(_TEXT, packet)

    def send_text(self, payload: bytes) -> None:
        self._send_masked(_TEXT, b"4" + payload)

    def send_binary(self, payload: bytes) -> None:
        self._send_masked(_BINARY, payload)

    def send_prepared(self, message: PreparedMessage) -> None:
        if message.binary:
            self._send_masked(_BINARY, message.payload)
        else:
            self._send_masked(_TEXT, b"4" + message.payload)

    def start(self) -> Parser:
        parser = make_client_parser(self, self._largest_frame())
        self._transport.set_protocol(parser)
        return parser

    def on_ws_connected(self, transport: WSTransport) -> None:
        # Made up by the parser, both: nothing to keep.
        transport.request.headers = transport.response.headers = cast("Any", None)

    def _send_masked(self, opcode: int, content: bytes, compressed: bool = False) -> None:
        if not self._state:
            masker = self._masker
            masker.mask(opcode, content, True, compressed)
            self._queue(masker.take())

    def _queue_control(self, first_byte: int, payload: bytes) -> None:
        self._masker.mask(first_byte & 0x0F, payload)
        self._queue(self._masker.take())
