"""A WebSocket client that sends exactly the frames it is told to, right or wrong."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from support.raw_http import PATIENCE, RawClient, connect

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

HANDSHAKE = (
    b"Host: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # the answer to that key, RFC 6455 section 1.3
_MASK = b"\x12\x34\x56\x78"


class Frame(NamedTuple):
    """One frame that came from the server."""

    opcode: int
    payload: bytes
    fin: bool = True
    rsv1: bool = False


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True) -> bytes:
    """A frame of a client; `rsv` has bits 4 (RSV1), 2 and 1."""
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    size = len(payload)
    if size < 126:
        length = bytes([size])
    elif size < 0x10000:
        length = b"\x7e" + size.to_bytes(2, "big")
    else:
        length = b"\x7f" + size.to_bytes(8, "big")
    if not masked:
        return bytes([first]) + length + payload
    mask = (_MASK * (size // 4 + 1))[:size]
    body = (int.from_bytes(payload, "big") ^ int.from_bytes(mask, "big")).to_bytes(size, "big")
    return bytes([first, length[0] | 0x80]) + length[1:] + _MASK + body


def close_payload(code: int, reason: bytes = b"") -> bytes:
    return code.to_bytes(2, "big") + reason


async def turns(count: int = 4) -> None:
    """Let the other side, in the same loop, read what was written; the next write is then a read of its
    own. After many turns in which nothing changed, nothing is going to."""
    for _ in range(count):
        await asyncio.sleep(0)


class FrameClient:
    """One connection whose handshake is done."""

    def __init__(self, raw: RawClient, headers: dict[str, str]) -> None:
        self.raw = raw
        self.headers = headers
        self._rsv = 0x30 if "sec-websocket-extensions" in headers else 0x70

    def send(self, opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0) -> None:
        self.raw.send(frame(opcode, payload, fin=fin, rsv=rsv))

    async def receive(self) -> Frame:
        """The next frame; server frames are never masked and use reserved bits only for an extension."""
        reader = self.raw.reader
        async with asyncio.timeout(PATIENCE):
            first, length = await reader.readexactly(2)
            assert not first & self._rsv
            assert not length & 0x80
            if length == 126:
                length = int.from_bytes(await reader.readexactly(2), "big")
            elif length == 127:
                length = int.from_bytes(await reader.readexactly(8), "big")
            payload = await reader.readexactly(length)
        return Frame(first & 0x0F, payload, bool(first & 0x80), bool(first & 0x40))

    async def receive_close(self) -> tuple[int, bytes]:
        """Code and reason of the close frame that must come next, then the end; 1005: no code."""
        answer = await self.receive()
        assert answer.opcode == CLOSE, answer
        payload = answer.payload
        return (int.from_bytes(payload[:2], "big") if payload else 1005, payload[2:])

    async def ended(self) -> bool:
        """Whether the connection ends with no more data."""
        return await self.raw.rest() == b""


@asynccontextmanager
async def websocket(
    url: str, path: str = "/", *, headers: bytes = b"", tls: ssl.SSLContext | None = None
) -> AsyncIterator[FrameClient]:
    """Connect and shake hands; `headers` are whole lines."""
    async with connect(url, tls) as raw:
        raw.send(b"GET " + path.encode() + b" HTTP/1.1\r\n" + HANDSHAKE + headers + b"\r\n")
        answer = await raw.answer()
        assert answer.status == 101, answer
        fields = {name.lower(): value for name, value in answer.headers.items()}
        assert fields["sec-websocket-accept"] == ACCEPT
        assert len(base64.b64decode(ACCEPT)) == 20
        yield FrameClient(raw, fields)
