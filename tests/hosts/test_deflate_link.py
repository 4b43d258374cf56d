"""Links with permessage-deflate: frame by frame, and with the clients that others wrote."""

import asyncio
import gc
import random
import ssl
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
import websockets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from arcwire import Server, Socket
from arcwire.engineio.deflate import PerMessageDeflate
from arcwire.engineio.link import PreparedMessage, WebSocketLink
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.hosts.deflate_link import DeflateLink
from arcwire.hosts.picows import PicowsLink
from support.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Frame,
    FrameClient,
    close_payload,
    frame,
    websocket,
)
from support.raw_http import PATIENCE, until
from support.uvicorn_server import running

ON_BOTH_LOOPS = True

RSV1, RSV2, RSV3 = 4, 2, 1

LIMIT = 100_000
TAIL = b"\x00\x00\xff\xff"
HELLO = bytes.fromhex("f248cdc9c90700")  # RFC 7692 section 7.2.3.1
OFFER = b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
ALL = PerMessageDeflate(threshold=0)
FORGETFUL = PerMessageDeflate(threshold=0, server_no_context_takeover=True, client_no_context_takeover=True)
LONG = b"All work and no play makes Jack a dull boy. " * 40


class Receiver:
    """Remembers everything, and sends messages back."""

    def __init__(self, link: WebSocketLink) -> None:
        self.link = link
        self.received: list[str | bytes] = []
        self.closed: list[tuple[CloseReason, str]] = []

    def receive_text(self, packet: str) -> None:
        self.received.append(packet)
        self.link.send_packet(packet.encode())

    def receive_binary(self, data: bytes) -> None:
        self.received.append(data)
        self.link.send_binary(data)

    def link_drained(self) -> None: ...

    def link_closed(self, reason: CloseReason, description: str) -> None:
        self.closed.append((reason, description))

    async def end(self) -> tuple[CloseReason, str]:
        await until(lambda: self.closed)
        (closed,) = self.closed
        return closed


class Site:
    """A server whose application takes every link."""

    def __init__(self, options: PerMessageDeflate | None) -> None:
        self.options = options
        self.receivers: list[Receiver] = []
        self.url = ""
        self.tls: ssl.SSLContext | None = None

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        await receive()
        scope["extensions"]["arcwire.link"]["take"](LIMIT, self._open, self.options)
        await send({"type": "websocket.accept"})

    def _open(self, link: WebSocketLink) -> Receiver:
        receiver = Receiver(link)
        self.receivers.append(receiver)
        return receiver

    @asynccontextmanager
    async def frames(self, offer: bytes = OFFER) -> AsyncIterator[tuple[FrameClient, Receiver]]:
        """A new client that makes its own frames, and the receiver on the other side."""
        async with websocket(self.url, headers=offer, tls=self.tls) as client:
            yield client, self.receivers[-1]

    def client(self, **options: Any) -> Any:
        """A client of websockets."""
        url = self.url.replace("http", "ws", 1) + "/"
        return websockets.connect(url, ssl=self.tls, **{"max_size": None, "compression": None, **options})


@asynccontextmanager
async def serving(options: PerMessageDeflate | None = ALL, **server: Any) -> AsyncIterator[Site]:
    site = Site(options)
    async with running(site, lifespan="off", **server) as started:
        site.url = started.url
        yield site


class Codec:
    """The other end, on zlib alone."""

    def __init__(self, window_bits: int = 12) -> None:
        self._compressor = zlib.compressobj(wbits=-window_bits)
        self._decompressor = zlib.decompressobj(wbits=-15)

    def deflate(self, data: bytes) -> bytes:
        return (self._compressor.compress(data) + self._compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]

    def inflate(self, frame: Frame) -> bytes:
        assert frame.rsv1
        return self._decompressor.decompress(frame.payload + TAIL)


# The handshake


@pytest.mark.parametrize(
    "options, offer, answer",
    [
        (ALL, OFFER, "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"),
        (ALL, b"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=8\r\n", None),
        (ALL, b"", None),
        (None, OFFER, None),
    ],
)
async def test_what_is_agreed_on(options: PerMessageDeflate | None, offer: bytes, answer: str | None) -> None:
    async with (
        serving(options, ws_per_message_deflate=True) as site,
        site.frames(offer) as (client, receiver),
    ):
        assert client.headers.get("sec-websocket-extensions") == answer
        assert type(receiver.link) is (DeflateLink if answer else PicowsLink)
        client.send(TEXT, b"plain")
        assert (await client.receive()).rsv1 is (answer is not None)


@pytest.mark.parametrize("option", [False, True, PerMessageDeflate(threshold=0, server_max_window_bits=15)])
async def test_the_option_of_a_server(option: PerMessageDeflate | bool) -> None:
    io = Server(per_message_deflate=option)
    received: asyncio.Queue[str] = asyncio.Queue()

    @io.on_connect
    async def connected(socket: Socket) -> None:
        socket.emit("small", "a")
        io.emit("large", "a" * 2000)
        socket.compress(False).emit("plain", "a" * 2000)

    @io.on("text")
    async def text(socket: Socket, text: str) -> None:
        received.put_nowait(text)

    path = "/socket.io/?EIO=4&transport=websocket"
    async with running(io.asgi()) as server, websocket(server.url, path, headers=OFFER) as client:
        agreed = client.headers.get("sec-websocket-extensions", "")
        assert ("server_max_window_bits=12" in agreed) is (option is True)
        compressed = [(await client.receive()).rsv1]
        client.send(TEXT, b"40")
        compressed += [(await client.receive()).rsv1 for _ in range(4)]
        all_of_them = isinstance(option, PerMessageDeflate)
        assert compressed == [all_of_them, all_of_them, all_of_them, option is not False, False]
        event = b'42["text","%b"]' % (b"b" * 5000)
        client.send(TEXT, Codec().deflate(event) if option else event, rsv=RSV1 if option else 0)
        async with asyncio.timeout(PATIENCE):
            assert await received.get() == "b" * 5000


# Receiving


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
async def test_messages_compressed_and_plain(opcode: int) -> None:
    codec = Codec()
    async with serving() as site, site.frames() as (client, receiver):
        for size in (0, 1, 125, 126, 65_536, LIMIT):
            data = b"x" * size
            client.send(opcode, codec.deflate(data) if data else b"\x00", rsv=4)
            answer = await client.receive()
            assert answer.opcode == opcode
            assert answer.payload == data if size == 0 else codec.inflate(answer) == data
            client.send(opcode, data)
            answer = await client.receive()
            assert answer.payload == data if size == 0 else codec.inflate(answer) == data
        assert len(receiver.received) == 12


async def test_fragments() -> None:
    codec = Codec()
    data = codec.deflate("Käse €😀".encode() * 10)
    async with serving() as site, site.frames() as (client, receiver):
        for cut in range(len(data) + 1):
            client.send(TEXT, data[:cut], fin=False, rsv=4)
            client.send(PING, b"?")
            client.send(CONTINUATION, b"", fin=False)
            client.send(CONTINUATION, data[cut:])
            # In between, one that is not compressed.
            client.send(BINARY, b"\x01", fin=False)
            client.send(CONTINUATION, b"\x02")
            assert await client.receive() == Frame(PONG, b"?")
            assert codec.inflate(await client.receive()).decode() == "Käse €😀" * 10
            assert codec.inflate(await client.receive()) == b"\x01\x02"
            # The context of later messages has grown; the same text is now other bytes.
            data = codec.deflate("Käse €😀".encode() * 10)
            if cut >= len(data):
                break
        assert receiver.closed == []


async def test_frames_split_at_every_byte() -> None:
    codec = Codec()
    sent = (
        frame(TEXT, codec.deflate(b"one " * 20), rsv=4)
        + frame(BINARY, codec.deflate(b"two " * 20)[:3], fin=False, rsv=4)
        + frame(PING, b"!")
        + frame(CONTINUATION, b"")
    )
    async with serving() as site:
        for cut in range(1, len(sent)):
            async with site.frames() as (client, _):
                client.raw.send(sent[:cut])
                await asyncio.sleep(0)
                client.raw.send(sent[cut:])
                answers = [await client.receive() for _ in range(2)]
                assert Codec().inflate(answers[0]) == b"one " * 20
                assert answers[1] == Frame(PONG, b"!")


TOO_LARGE = Codec().deflate(random.Random(5).randbytes(LIMIT + 1))
HALVES = TOO_LARGE[: LIMIT // 2], TOO_LARGE[LIMIT // 2 :]


@pytest.mark.parametrize(
    "frames, code",
    [
        # RFC 7692 section 6.1
        ([frame(PING, b"", rsv=RSV1)], 1002),
        ([frame(PONG, HELLO, rsv=RSV1)], 1002),
        ([frame(CLOSE, close_payload(1000), rsv=RSV1)], 1002),
        ([frame(CONTINUATION, HELLO, rsv=RSV1)], 1002),
        ([frame(TEXT, HELLO[:2], fin=False, rsv=RSV1), frame(CONTINUATION, HELLO[2:], rsv=RSV1)], 1002),
        ([frame(TEXT, b"a", fin=False), frame(CONTINUATION, b"b", rsv=RSV1)], 1002),
        # RFC 6455
        ([frame(TEXT, HELLO, rsv=RSV1 | RSV2)], 1002),
        ([frame(TEXT, HELLO, rsv=RSV1 | RSV3)], 1002),
        ([frame(TEXT, b"a", rsv=RSV2)], 1002),
        ([frame(TEXT, HELLO, fin=False, rsv=RSV1), frame(TEXT, HELLO, rsv=RSV1)], 1002),
        ([frame(TEXT, HELLO, fin=False, rsv=RSV1), frame(TEXT, b"a")], 1002),
        ([frame(TEXT, b"a", fin=False), frame(BINARY, HELLO, rsv=RSV1)], 1002),
        ([frame(TEXT, HELLO, rsv=RSV1, masked=False)], 1002),
        ([frame(TEXT, HELLO, rsv=RSV1), frame(CONTINUATION, b"")], 1002),
        # What is no message
        ([frame(BINARY, b"\xff\xff", rsv=RSV1)], 1007),
        ([frame(BINARY, HELLO + b"\x01", rsv=RSV1)], 1007),
        ([frame(BINARY, HELLO, fin=False, rsv=RSV1), frame(CONTINUATION, b"\x01")], 1007),
        ([frame(BINARY, b"\x03\x00" * 40_000, rsv=RSV1)], 1007),
        ([frame(TEXT, Codec().deflate(b"\xff"), rsv=RSV1)], 1007),
        ([frame(TEXT, Codec().deflate("€".encode()[:2]), rsv=RSV1)], 1007),
        # What is too large
        ([frame(BINARY, Codec().deflate(bytes(LIMIT + 1)), rsv=RSV1)], 1009),
        ([frame(BINARY, HALVES[0], fin=False, rsv=RSV1), frame(CONTINUATION, HALVES[1])], 1009),
        ([frame(BINARY, bytes(LIMIT + 1))], 1009),
        ([frame(BINARY, b"a", fin=False), frame(CONTINUATION, bytes(LIMIT))], 1009),
        ([frame(BINARY, bytes(2 * LIMIT), rsv=RSV1)], 1009),
    ],
)
async def test_violations(frames: list[bytes], code: int) -> None:
    async with serving() as site, site.frames() as (client, receiver):
        client.raw.send(b"".join(frames) + frame(TEXT, b"ignored") + frame(TEXT, HELLO, rsv=RSV1))
        answer = await client.receive()
        if answer.opcode == TEXT:  # what came before
            answer = await client.receive()
        assert answer.opcode == CLOSE
        assert int.from_bytes(answer.payload[:2], "big") == code
        assert await client.ended()
        reason, _ = await receiver.end()
        assert reason is (CloseReason.PAYLOAD_TOO_LARGE if code == 1009 else CloseReason.TRANSPORT_ERROR)
        assert "ignored" not in receiver.received


async def test_a_marked_frame_on_a_link_without_compression() -> None:
    async with serving(None) as site, site.frames() as (client, _):
        client.send(TEXT, HELLO, rsv=RSV1)
        assert (await client.receive_close())[0] == 1002


@pytest.mark.parametrize("cut", [0, 1, LIMIT])
async def test_a_message_of_the_largest_size_that_does_not_shrink(cut: int) -> None:
    noise = random.Random(1).randbytes(LIMIT)
    compressor = zlib.compressobj(9, zlib.DEFLATED, -9, 1)
    data = (compressor.compress(noise) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]
    assert len(data) > LIMIT + 1
    async with serving() as site, site.frames() as (client, receiver):
        client.send(BINARY, data[:cut], fin=False, rsv=RSV1)
        client.send(CONTINUATION, data[cut:])
        await client.receive()
        assert receiver.received == [noise]


def bomb(size: int) -> bytes:
    """A message of so many zeros, whole MiB."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -12)
    start = compressor.compress(bytes(1 << 20)) + compressor.flush(zlib.Z_FULL_FLUSH)
    block = compressor.compress(bytes(1 << 20)) + compressor.flush(zlib.Z_FULL_FLUSH)
    return (start + block * ((size >> 20) - 1))[:-4]


@pytest.mark.parametrize("fragments", [1, 100])
async def test_a_bomb(fragments: int) -> None:
    """The limit holds while it is inflated."""
    data = bomb(64 << 20 if fragments == 1 else 1 << 30)
    assert len(data) < LIMIT or fragments > 1
    step = len(data) // fragments + 1
    parts = [data[start : start + step] for start in range(0, len(data), step)]
    sent = b"".join(
        frame(
            CONTINUATION if number else BINARY,
            part,
            fin=number == len(parts) - 1,
            rsv=0 if number else RSV1,
        )
        for number, part in enumerate(parts)
    )
    async with serving() as site, site.frames() as (client, receiver):
        gc.collect()
        tracemalloc.start()
        client.raw.send(sent)
        assert (await client.receive_close())[0] == 1009
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert await receiver.end() == (CloseReason.PAYLOAD_TOO_LARGE, f"message of more than {LIMIT} bytes")
        assert receiver.received == []
        assert peak < len(sent) + 10 * LIMIT


async def test_messages_after_this_side_has_closed() -> None:
    codec = Codec()
    async with serving() as site, site.frames() as (client, receiver):
        receiver.link.close(1000, "")
        client.send(TEXT, codec.deflate(b"late"), rsv=RSV1)
        client.send(TEXT, codec.deflate(b"late too"), fin=False, rsv=RSV1)
        client.send(PING, b"")
        client.send(CONTINUATION, b"")
        client.send(CLOSE, close_payload(1000))
        assert await client.receive_close() == (1000, b"")
        assert await client.ended()
        await receiver.end()
        assert receiver.received == []
        receiver.link.send_text(LONG)
        receiver.link.send_prepared(PreparedMessage(LONG))


# Sending


async def test_the_threshold() -> None:
    codec = Codec()
    async with serving(PerMessageDeflate(threshold=100)) as site, site.frames() as (client, receiver):
        link = receiver.link
        for size in (0, 1, 99):
            content = b"x" * size
            link.send_packet(content)
            link.send_text(content)
            link.send_binary(content)
            link.send_prepared(PreparedMessage(content))
            link.send_prepared(PreparedMessage(content, binary=True))
            assert await client.receive() == Frame(TEXT, content)
            assert await client.receive() == Frame(TEXT, b"4" + content)
            assert await client.receive() == Frame(BINARY, content)
            assert await client.receive() == Frame(TEXT, b"4" + content)
            assert await client.receive() == Frame(BINARY, content)
        content = b"x" * 100
        link.send_packet(content)
        link.send_text(content)
        link.send_binary(content)
        link.send_prepared(PreparedMessage(content))
        link.send_prepared(PreparedMessage(content, binary=True))
        answers = [await client.receive() for _ in range(5)]
        assert [answer.opcode for answer in answers] == [TEXT, TEXT, BINARY, TEXT, BINARY]
        assert [codec.inflate(answer) for answer in answers] == [
            *(content, b"4" + content, content, b"4" + content, content)
        ]


async def test_a_message_that_is_not_to_be_compressed() -> None:
    """The reference server does not pass that on (its 6.6.9 at least)."""
    codec = Codec()
    async with serving() as site, site.frames() as (client, receiver):
        link = receiver.link
        link.send_text(LONG)
        link.send_packet(LONG, compress=False)
        link.send_prepared(PreparedMessage(LONG, compress=False))
        link.send_prepared(PreparedMessage(LONG, binary=True, compress=False))
        link.send_text(LONG)
        assert codec.inflate(await client.receive()) == b"4" + LONG
        assert await client.receive() == Frame(TEXT, LONG)
        assert await client.receive() == Frame(TEXT, b"4" + LONG)
        assert await client.receive() == Frame(BINARY, LONG)
        again = await client.receive()
        assert len(again.payload) < 50, "the context is still there"
        assert codec.inflate(again) == b"4" + LONG


NOISE = random.Random(2).randbytes(1000)  # only worth compressing where it is known already


@pytest.mark.parametrize("options", [ALL, FORGETFUL])
async def test_the_context_of_earlier_messages(options: PerMessageDeflate) -> None:
    async with serving(options) as site, site.frames() as (client, receiver):
        codec = Codec()
        sizes = []
        for _ in range(3):
            receiver.link.send_binary(NOISE)
            answer = await client.receive()
            sizes.append(len(answer.payload))
            assert codec.inflate(answer) == NOISE
        assert sizes[0] > 1000
        assert all(size < 100 for size in sizes[1:]) is (options is ALL)


async def test_shared_frames_between_others() -> None:
    """Everybody gets the same bytes, whatever else was sent to each."""
    async with serving() as site, site.frames() as (first, one), site.frames() as (second, two):
        between = random.Random(4).randbytes(700)
        shared = PreparedMessage(between, binary=True)
        one.link.send_binary(NOISE[::-1])
        one.link.send_binary(NOISE)
        for receiver in (one, two):
            receiver.link.send_prepared(shared)
            receiver.link.send_binary(NOISE)
            receiver.link.send_prepared(PreparedMessage(LONG))
        codec, other = Codec(), Codec()
        assert codec.inflate(await first.receive()) == NOISE[::-1]
        assert codec.inflate(await first.receive()) == NOISE
        frames = [await first.receive(), await second.receive()]
        assert frames[0] == frames[1]
        assert codec.inflate(frames[0]) == other.inflate(frames[1]) == between
        for client, decoder in ((first, codec), (second, other)):
            assert decoder.inflate(await client.receive()) == NOISE
            assert decoder.inflate(await client.receive()) == b"4" + LONG


async def test_memory_of_connections() -> None:
    """As `PerMessageDeflate` says, after messages; next to nothing before and at the end."""
    count = 20

    def traced() -> int:
        gc.collect()
        return tracemalloc.get_traced_memory()[0] // count

    async with serving(PerMessageDeflate()) as site, asyncio.timeout(PATIENCE):
        contexts = [site.frames() for _ in range(count)]
        clients = [await context.__aenter__() for context in contexts]
        gc.freeze()  # the whole of pytest need not be looked through each time
        tracemalloc.start()
        try:
            for client, _ in clients:
                client.send(TEXT, b"small")
                await client.receive()
            plain = traced()
            for client, _ in clients:
                client.send(TEXT, Codec().deflate(LONG), rsv=RSV1)
                await client.receive()
            used = traced()
            for client, receiver in clients:
                receiver.received.clear()
                receiver.link.send_prepared(PreparedMessage(LONG))
                await client.receive()
            shared = traced()
            for client, _ in clients:
                client.send(CLOSE, close_payload(1000))
            for _, receiver in clients:
                await receiver.end()
            ended = traced()
        finally:
            tracemalloc.stop()
            gc.unfreeze()
        for context in contexts:
            await context.__aexit__(None, None, None)
    assert plain < 5_000
    assert 30_000 < used - plain < 56_000
    assert shared - plain < 16_000, "no more than what the peer's messages need"
    assert ended < plain + 2_000


# Clients of others


OPTIONS = {
    "default": PerMessageDeflate(threshold=0),
    "wide": PerMessageDeflate(threshold=0, server_max_window_bits=15, client_max_window_bits=15),
    "narrow": PerMessageDeflate(
        threshold=0, server_max_window_bits=9, client_max_window_bits=9, memory_level=1
    ),
    "forgetful": FORGETFUL,
}
OFFERS: dict[str, dict[str, Any]] = {
    "default": {},
    "no hint": {"client_max_window_bits": None},
    "narrow": {"server_max_window_bits": 9, "client_max_window_bits": 9},
    "forgetful": {"server_no_context_takeover": True, "client_no_context_takeover": True},
}


def sample() -> list[str | bytes]:
    noise = random.Random(3)
    return [
        *("Käse", b"\x00\xff", "", b"", "x" * LIMIT, bytes(LIMIT), noise.randbytes(LIMIT)),
        *(LONG, LONG.decode(), noise.randbytes(5000), LONG, NOISE * 20, NOISE),
    ]


@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize("options", OPTIONS)
async def test_the_client_of_websockets(options: str, offer: str) -> None:
    extensions = [ClientPerMessageDeflateFactory(**OFFERS[offer])]
    async with serving(OPTIONS[options]) as site, site.client(extensions=extensions) as ws:
        assert ws.protocol.extensions
        for message in sample() * 2:
            await ws.send(message)
            assert await ws.recv() == message
        await ws.send([LONG[:100], LONG[100:], b"", NOISE])
        assert await ws.recv() == LONG + NOISE
        await ws.send(bytes(LIMIT + 1))
        with pytest.raises(ConnectionClosed):
            await ws.recv()
        assert ws.close_code == 1009


async def test_over_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    pem = tmp_path / "server.pem"
    authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(pem)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    async with serving(ssl_certfile=str(pem)) as site:
        site.tls = trust
        async with site.client(extensions=[ClientPerMessageDeflateFactory()]) as ws:
            for message in sample():
                await ws.send(message)
                assert await ws.recv() == message


messages = st.lists(
    st.text() | st.binary() | st.builds(bytes.__mul__, st.binary(max_size=9), st.integers(0, 999))
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    sent=messages,
    options=st.builds(
        PerMessageDeflate,
        threshold=st.integers(0, 100),
        server_max_window_bits=st.integers(9, 15),
        client_max_window_bits=st.integers(9, 15),
        server_no_context_takeover=st.booleans(),
        client_no_context_takeover=st.booleans(),
        memory_level=st.integers(1, 9),
        level=st.integers(-1, 9),
    ),
)
def test_any_messages_survive(sent: list[str | bytes], options: PerMessageDeflate) -> None:
    async def exchange() -> None:
        extensions = [ClientPerMessageDeflateFactory()]
        async with serving(options) as site, site.client(extensions=extensions) as ws:
            assert ws.protocol.extensions
            (receiver,) = site.receivers
            for message in sent:
                await ws.send(message)
                receiver.link.send_prepared(PreparedMessage(LONG, binary=True, compress=len(message) % 3 > 0))
            received = [await ws.recv() for _ in range(2 * len(sent))]
            assert [message for message in received if message != LONG] == [m for m in sent if m != LONG]
            assert receiver.received == sent

    asyncio.run(exchange())
