"""permessage-deflate (RFC 7692): what is agreed on in the handshake, and how messages are deflated.

No sockets and no frames of a peer here; `hosts/deflate_link.py` puts the two together. Memory of zlib,
in bytes: a compressor has 2^(window bits + 2) + 2^(memory level + 9), a decompressor 2^(window bits),
both and about 8 KiB more. They are made when a first message needs them.
"""

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

from arcwire.engineio.deflate import PerMessageDeflate
from arcwire.engineio.link import PreparedMessage, compressed_frame

_TAIL: Final = b"\x00\x00\xff\xff"  # section 7.2.1: the end of every message, which is not sent
_MOST_STREAMS: Final = 8
_LARGEST_WINDOW: Final = 15

_TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_PARAMETER: Final = re.compile(
    rb"[ \t]*(%b)[ \t]*(?:=[ \t]*(?:(%b)|\"(%b)\")[ \t]*)?" % (_TOKEN, _TOKEN, _TOKEN)
)
_WINDOW_BITS: Final = {b"%d" % bits: bits for bits in range(8, _LARGEST_WINDOW + 1)}


class Compressor(Protocol):
    """What `zlib.compressobj` returns; the type has no public name before Python 3.14."""

    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self, mode: int, /) -> bytes: ...


class Decompressor(Protocol):
    """What `zlib.decompressobj` returns."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes | memoryview, max_length: int, /) -> bytes: ...


class TooLarge(Exception):
    """A message is larger than its receiver allows."""


class Corrupt(Exception):
    """What should be a compressed message is none."""


class Encoding:
    """How this side compresses. There is one object for each way, so that links can share frames."""

    __slots__ = ("_level", "_memory_level", "_window_bits")

    def __init__(self, window_bits: int, level: int, memory_level: int) -> None:
        self._window_bits = window_bits
        self._level = level
        self._memory_level = memory_level

    def compressor(self) -> Compressor:
        """A compressor that knows of no message yet."""
        return zlib.compressobj(self._level, zlib.DEFLATED, -self._window_bits, self._memory_level)

    def frame(self, message: PreparedMessage) -> bytes:
        """The frame of a message for receivers of which nothing else is known."""
        payload = message.payload if message.binary else b"4" + message.payload
        return compressed_frame(deflate(self.compressor(), payload), binary=message.binary)


@dataclass(frozen=True, eq=False, slots=True)
class Agreement:
    """What both sides of a connection agreed on; connections with the same terms share it."""

    encoding: Encoding
    threshold: int
    server_takeover: bool
    client_takeover: bool
    client_window_bits: int


def deflate(compressor: Compressor, payload: bytes) -> bytes:
    """The compressed form of a message that is not empty (section 7.2.1).

    Not for empty ones: zlib does not flush twice without data in between.
    """
    return (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH))[: -len(_TAIL)]


class Inflater:
    """Inflates the messages of one peer."""

    __slots__ = ("_stream", "_streams", "_takeover", "_window_bits")

    def __init__(self, agreement: Agreement) -> None:
        self._takeover = agreement.client_takeover
        self._window_bits = agreement.client_window_bits
        self._stream: Decompressor | None = None
        self._streams = 0  # ended within the current message

    def inflate(self, data: bytes | memoryview, room: int, *, last: bool) -> bytes:
        """Take a fragment, the `last` one or another; what came out of it.

        Raises TooLarge if that is more than `room` bytes, of which no more than one byte beyond is
        ever made, and Corrupt. After either this object is of no use.
        """
        try:
            inflated = self._inflate(data, room)
            if last:
                # A stream that has ended here takes no more; what comes next begins a new one.
                if self._stream is not None:
                    inflated += self._inflate(_TAIL, room - len(inflated))
                if not self._takeover:
                    self._stream = None
                self._streams = 0
        except zlib.error as error:
            raise Corrupt(str(error)) from None
        return inflated

    def _inflate(self, data: bytes | memoryview, room: int) -> bytes:
        inflated = b""
        while data:
            stream = self._stream
            if stream is None:
                stream = self._stream = zlib.decompressobj(-self._window_bits)
            # As `room` is less than what may be made, all of `data` has been used if it suffices.
            part = stream.decompress(data, room + 1)
            room -= len(part)
            if room < 0:
                raise TooLarge
            inflated += part
            if not stream.eof:
                break
            # A peer may end a stream anywhere (section 7.2.3.4). One that ends thousands of them
            # in a message wants to keep us busy.
            self._stream = None
            self._streams += 1
            if self._streams > _MOST_STREAMS:
                raise Corrupt("too many streams in a message")
            data = stream.unused_data
        return inflated


def largest_deflated(size: int) -> int:
    """What a message of `size` bytes may take when it does not shrink: zlib's own bound for the
    smallest window and memory level."""
    return size + (size + 7) // 8 + (size + 63) // 64 + 16


def negotiate(offers: Iterable[bytes], options: PerMessageDeflate) -> tuple[bytes, Agreement] | None:
    """The value of the answer's Sec-WebSocket-Extensions, and what it stands for; None if nothing fits.

    `offers` are the values of the fields of that name in the request. The first offer that can be met
    counts (section 5). One that cannot be read or met is passed over: the WebSocket opens without.
    """
    for offer in b",".join(offers).split(b","):
        parameters = parse_parameters(offer)
        if parameters is not None:
            agreed = _accept(parameters, options)
            if agreed is not None:
                return agreed
    return None


def parse_parameters(offer: bytes) -> dict[bytes, bytes | None] | None:
    """The parameters of an offer of permessage-deflate, or of the answer to one; None for anything else.

    Quoted values hold a token (RFC 6455 section 9.1), so no comma or semicolon is ever part of one.
    """
    name, *rest = offer.split(b";")
    if name.strip(b" \t") != b"permessage-deflate":
        return None
    parameters: dict[bytes, bytes | None] = {}
    for part in rest:
        match = _PARAMETER.fullmatch(part)
        if match is None or match[1] in parameters:
            return None
        parameters[match[1]] = match[2] or match[3]
    return parameters


def _accept(offered: dict[bytes, bytes | None], options: PerMessageDeflate) -> tuple[bytes, Agreement] | None:
    """Section 7.1. None for an offer that has to be declined."""
    answer = b"permessage-deflate"
    takeover = []
    for name, forgo in (
        (b"server_no_context_takeover", options.server_no_context_takeover),
        (b"client_no_context_takeover", options.client_no_context_takeover),
    ):
        forgone = forgo or name in offered
        if offered.pop(name, None) is not None:
            return None
        takeover.append(not forgone)
        if forgone:
            answer += b"; " + name

    server_bits = options.server_max_window_bits
    if b"server_max_window_bits" in offered:
        asked = _WINDOW_BITS.get(offered.pop(b"server_max_window_bits") or b"")
        # zlib cannot compress with a window of 8 bits and without a header.
        if asked is None or asked == 8:
            return None
        server_bits = min(server_bits, asked)
        answer += b"; server_max_window_bits=%d" % server_bits
    elif server_bits < _LARGEST_WINDOW:
        answer += b"; server_max_window_bits=%d" % server_bits

    client_bits = _LARGEST_WINDOW
    if b"client_max_window_bits" in offered:
        value = offered.pop(b"client_max_window_bits")
        hint = _LARGEST_WINDOW if value is None else _WINDOW_BITS.get(value)
        if hint is None:
            return None
        client_bits = min(options.client_max_window_bits, hint)
        answer += b"; client_max_window_bits=%d" % client_bits

    if offered:
        return None
    return answer, _agreement(options, server_bits, client_bits, takeover[0], takeover[1])


@lru_cache(maxsize=1024)
def _agreement(
    options: PerMessageDeflate,
    server_bits: int,
    client_bits: int,
    server_takeover: bool,
    client_takeover: bool,
) -> Agreement:
    return Agreement(
        encoding(server_bits, options.level, options.memory_level),
        max(options.threshold, 1),
        server_takeover,
        client_takeover,
        client_bits,
    )


@lru_cache(maxsize=1024)
def encoding(window_bits: int, level: int, memory_level: int) -> Encoding:
    """The one object for this way to compress."""
    return Encoding(window_bits, level, memory_level)
