"""Batches between a client and servers, on real sockets."""

import asyncio
import json

import pytest

from arcwire.engineio.protocol.reasons import CloseReason
from support.engine_client import connecting, engine_server
from support.raw_http import until
from support.stub_server import StubConnection, stub_server
from support.vectors import vectors

ON_BOTH_LOOPS = True

TEXT = 1
OPEN = {"sid": "s", "upgrades": [], "pingInterval": 25000, "pingTimeout": 20000, "maxPayload": 1_000_000}
EACH_WAY = pytest.mark.parametrize(
    "options",
    [{"transports": ["websocket"]}, {"transports": ["polling", "websocket"]}],
    ids=["at once", "upgrade"],
)


class Frames:
    """A server that notes the messages of its client, unmasked."""

    def __init__(self, *sends: str, **said: object) -> None:
        self.received: list[bytes] = []
        self._first = json.dumps(OPEN | said)
        self._sends = sends

    async def __call__(self, stub: StubConnection) -> None:
        stub.accept()
        stub.send_frame(TEXT, b"0" + self._first.encode())
        for text in self._sends:
            stub.send_frame(TEXT, text.encode())
        while True:
            first, length = await stub.reader.readexactly(2)
            size = length & 0x7F
            if size == 126:
                size = int.from_bytes(await stub.reader.readexactly(2), "big")
            mask = await stub.reader.readexactly(4)
            masked = await stub.reader.readexactly(size)
            if first == 0x88:
                return
            self.received.append(bytes(byte ^ mask[index % 4] for index, byte in enumerate(masked)))


@EACH_WAY
async def test_everything_arrives_in_order(options):
    """Texts and bytes, small and large, in bursts, both ways, while the transport changes."""
    content = [
        data
        for number in range(200)
        for data in (f"{number}", f"€{number}", f"{number}" * 9000, b"%d" % number)[: 1 + number % 4]
    ]
    async with engine_server() as server, connecting(server.url, **options) as (connection, heard):
        recorder = server.of(connection)
        for number, data in enumerate(content):
            for side in (connection, recorder.connection):
                if isinstance(data, str):
                    side.send_text(data.encode())
                else:
                    side.send_binary(data)
            if number % 20 == 0:
                await asyncio.sleep(0)
        await until(lambda: len(recorder.messages) == len(heard.messages) == len(content))
        assert recorder.messages == heard.messages == content
        await until(lambda: connection.transport == "websocket")


async def test_two_messages_of_a_tick_and_then_the_others():
    serve = Frames(arcwire="batch")
    async with (
        stub_server(serve) as server,
        connecting(server.url, transports="websocket") as (connection, _),
    ):
        for text in ("a", "€", "", "b", "c"):
            connection.send_text(text.encode())
        connection.send_binary(b"\x01")
        connection.send_text(b"z")
        await until(lambda: len(serve.received) == 4)
        assert serve.received == ["\x1e4a\x1e4€".encode(), b"\x1e4\x1e4b\x1e4c", b"\x01", b"4z"]


@pytest.mark.parametrize("said", [{}, {"arcwire": "other"}, {"arcwire": True}])
async def test_other_servers_get_none(said):
    serve = Frames(**said)
    async with (
        stub_server(serve) as server,
        connecting(server.url, transports="websocket") as (connection, _),
    ):
        connection.send_text(b"a")
        connection.send_text(b"b")
        await until(lambda: len(serve.received) == 2)
        assert serve.received == [b"4a", b"4b"]


async def test_no_batch_is_larger_than_what_the_server_takes():
    serve = Frames(arcwire="batch", maxPayload=20)
    async with (
        stub_server(serve) as server,
        connecting(server.url, transports="websocket") as (connection, _),
    ):
        for _ in range(7):
            connection.send_text(b"12345")
        await until(lambda: sum(message.count(b"12345") for message in serve.received) == 7)
        batch = b"\x1e412345\x1e412345"
        assert serve.received == [batch, batch, batch, b"412345"]


@pytest.mark.parametrize(
    "row", [*vectors("engineio-batches", "valid"), *vectors("engineio-batches", "decode_only")]
)
async def test_reading(row):
    serve = Frames(row["batch"], arcwire="batch")
    texts = [packet[1:] for packet in row["packets"] if packet[0] == "4"]
    async with stub_server(serve) as server, connecting(server.url, transports="websocket") as (_, heard):
        await until(lambda: len(heard.messages) == len(texts))
        assert heard.messages == texts


@pytest.mark.parametrize("row", vectors("engineio-batches", "invalid"))
async def test_what_is_no_packet_ends_the_session(row):
    serve = Frames(row["batch"], arcwire="batch")
    async with stub_server(serve) as server, connecting(server.url, transports="websocket") as (_, heard):
        await until(lambda: heard.reason)
        assert heard.messages == [packet[1:] for packet in row["packets"]]
        assert heard.reason is CloseReason.PARSE_ERROR


async def test_compressed_as_one():
    options = {"transports": "websocket", "per_message_deflate": True}
    async with (
        engine_server({"per_message_deflate": True}) as server,
        connecting(server.url, **options) as (connection, heard),
    ):
        recorder = server.of(connection)
        for number in range(1000):
            connection.send_text(b"%d" % number)
            recorder.connection.send_text(b"%d" % number)
        await until(lambda: len(recorder.messages) == len(heard.messages) == 1000)
        assert recorder.messages == heard.messages == [str(number) for number in range(1000)]


@pytest.mark.parametrize("deflate", [False, True])
async def test_a_message_with_the_separator_in_it_arrives_whole(deflate):
    options = {"transports": "websocket", "per_message_deflate": deflate}
    async with (
        engine_server({"per_message_deflate": deflate}) as server,
        connecting(server.url, **options) as (connection, heard),
    ):
        content = ["a", "\x1e", "\x1e4b\x1e", "c"] * 3
        recorder = server.of(connection)
        for text in content:
            connection.send_text(text.encode())
            recorder.connection.send_text(text.encode())
        await until(lambda: len(recorder.messages) == len(heard.messages) == len(content))
        assert recorder.messages == heard.messages == content


async def test_waiting_ends_though_batches_wait():
    """`drain` counts what has not been joined yet."""
    async with engine_server() as server, connecting(server.url, transports="websocket") as (connection, _):
        recorder = server.of(connection)
        for _ in range(50):
            connection.send_text(b"x" * 5000)
            await asyncio.wait_for(connection.drain(), 20)
            connection.send_text(b"y")
        await until(lambda: len(recorder.messages) == 100)
