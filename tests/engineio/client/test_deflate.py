"""permessage-deflate from the client's side: the offer, answers to it, and compressed messages both ways."""

import random
import zlib

import pytest

from arcwire.engineio.client import EngineClientConfig, EngineConnection
from arcwire.engineio.client.deflate import make_offer, read_answer
from arcwire.engineio.client.link import ClientDeflateLink, ClientLink
from arcwire.engineio.deflate import PerMessageDeflate
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.errors import NotAnEngine
from arcwire.hosts.deflate import negotiate
from support.engine_client import Heard, connecting, engine_server
from support.frames import CONTINUATION, TEXT
from support.raw_http import until
from support.stub_server import StubConnection, stub_server

ON_BOTH_LOOPS = True

ANNOUNCED = b'0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000}'
SMALL = PerMessageDeflate(threshold=10)
LARGE = PerMessageDeflate(server_max_window_bits=15, client_max_window_bits=15)
FORGETFUL = PerMessageDeflate(threshold=10, server_no_context_takeover=True, client_no_context_takeover=True)


@pytest.mark.parametrize(
    "options, offer",
    [
        (LARGE, "permessage-deflate; client_max_window_bits"),
        (
            SMALL,
            "permessage-deflate; client_max_window_bits; server_max_window_bits=12, "
            "permessage-deflate; client_max_window_bits",
        ),
        (
            PerMessageDeflate(
                server_max_window_bits=15, server_no_context_takeover=True, client_no_context_takeover=True
            ),
            "permessage-deflate; client_max_window_bits; client_no_context_takeover;"
            " server_no_context_takeover",
        ),
    ],
)
def test_offers(options, offer):
    assert make_offer(options) == offer


@pytest.mark.parametrize("mine", [SMALL, LARGE, FORGETFUL])
@pytest.mark.parametrize("theirs", [SMALL, LARGE, FORGETFUL])
def test_both_sides_understand_each_other(mine, theirs):
    agreed = negotiate([make_offer(mine).encode()], theirs)
    assert agreed is not None
    answer, server = agreed
    client = read_answer(answer.decode(), mine)
    assert client.client_window_bits >= server.encoding._window_bits
    assert server.client_window_bits >= client.encoding._window_bits
    assert client.server_takeover <= server.client_takeover
    assert client.client_takeover >= server.server_takeover
    assert read_answer(answer.decode(), mine) is client


@pytest.mark.parametrize(
    "answer",
    [
        "permessage-bzip2",
        "permessage-deflate; unknown",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; client_max_window_bits=0",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
        "permessage-deflate, permessage-deflate",
    ],
)
def test_answers_that_were_not_offered(answer):
    with pytest.raises(ValueError, match="the server"):
        read_answer(answer, SMALL)


def test_window_that_zlib_does_not_have_means_nothing_is_compressed():
    assert read_answer("permessage-deflate; client_max_window_bits=8", SMALL).threshold > 2**31


def carrier(connection):
    """The link below the batches."""
    return connection._link.link


@pytest.mark.parametrize("theirs", [SMALL, LARGE, FORGETFUL])
@pytest.mark.parametrize("mine", [SMALL, FORGETFUL])
async def test_messages_both_ways(mine, theirs):
    noise = random.Random(0).randbytes(5000)
    content = ["short", "long " * 3000, b"x" * 9, b"y" * 20_000, noise, "€" * 5000]
    async with engine_server({"per_message_deflate": theirs}) as server:
        options = {"transports": "websocket", "per_message_deflate": mine}
        async with connecting(server.url, **options) as (connection, heard):
            assert type(carrier(connection)) is ClientDeflateLink
            recorder = server.of(connection)
            for _ in range(3):
                for message in content:
                    if isinstance(message, str):
                        connection.send_text(message.encode())
                        recorder.connection.send_text(message.encode())
                    else:
                        connection.send_binary(message)
                        recorder.connection.send_binary(message)
            await until(lambda: len(recorder.messages) == len(heard.messages) == 3 * len(content))
            assert recorder.messages == heard.messages == 3 * content


async def test_messages_get_smaller():
    received = []

    async def serve(stub: StubConnection) -> None:
        assert "permessage-deflate" in stub.headers["sec-websocket-extensions"]
        stub.accept("Sec-WebSocket-Extensions: permessage-deflate\r\n")
        stub.send_frame(TEXT, ANNOUNCED)
        first, length = await stub.reader.readexactly(2)
        mask = await stub.reader.readexactly(4)
        masked = await stub.reader.readexactly(length & 0x7F)
        received.append((first, bytes(byte ^ mask[index % 4] for index, byte in enumerate(masked))))
        await stub.reader.read()

    options = {"transports": "websocket", "per_message_deflate": True}
    async with stub_server(serve) as server, connecting(server.url, **options) as (connection, _):
        connection.send_text(b"x" * 2000)
        await until(lambda: received)
        ((first, payload),) = received
        assert first == 0xC1
        assert len(payload) < 60
        inflated = zlib.decompressobj(-15).decompress(payload + b"\x00\x00\xff\xff")
        assert inflated == b"4" + b"x" * 2000


async def test_no_compression_where_the_server_does_not_want_it():
    async with engine_server() as server:
        options = {"transports": "websocket", "per_message_deflate": True}
        async with connecting(server.url, **options) as (connection, _):
            assert type(carrier(connection)) is ClientLink


async def test_answer_that_was_not_offered_opens_nothing():
    async def serve(stub: StubConnection) -> None:
        stub.accept("Sec-WebSocket-Extensions: permessage-deflate; mystery\r\n")
        await stub.reader.read()

    config = EngineClientConfig(transports="websocket", per_message_deflate=True)
    async with stub_server(serve) as server:
        with pytest.raises(NotAnEngine, match="not offered"):
            await EngineConnection.open(server.url, Heard(), config)


@pytest.mark.parametrize(
    "payload, reason",
    [
        (zlib.compress(bytes(10_000_000), wbits=-15), CloseReason.PAYLOAD_TOO_LARGE),
        (b"\xff\xff\xff", CloseReason.TRANSPORT_ERROR),
    ],
)
async def test_compressed_messages_that_are_none(payload, reason):
    async def serve(stub: StubConnection) -> None:
        stub.accept("Sec-WebSocket-Extensions: permessage-deflate\r\n")
        stub.send_frame(TEXT, ANNOUNCED)
        stub.send_frame(TEXT, payload[:10], fin=False, rsv=4)
        stub.send_frame(CONTINUATION, payload[10:])
        await stub.reader.read()

    options = {"transports": "websocket", "per_message_deflate": True, "max_message_size": 100_000}
    async with stub_server(serve) as server, connecting(server.url, **options) as (_, heard):
        await until(lambda: heard.reason)
        assert heard.reason is reason
