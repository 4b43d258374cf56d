"""WebSocket links on the client's side, frame by frame: RFC 6455 from the other end."""

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from arcwire.engineio.client import EngineClientConfig, EngineConnection
from arcwire.engineio.protocol.reasons import CloseReason
from support.engine_client import Heard, connecting
from support.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_payload
from support.raw_http import until
from support.stub_server import StubConnection, stub_server

ON_BOTH_LOOPS = True

ANNOUNCED = b'0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}'
LIMIT = 100_000
SIZES = (0, 1, 124, 125, 126, 127, 65_534, 65_535, 65_536, LIMIT)


@asynccontextmanager
async def linked() -> AsyncIterator[tuple[StubConnection, EngineConnection, Heard]]:
    """A connection, and the server's end of its WebSocket."""
    done = asyncio.Event()

    async def serve(stub: StubConnection) -> None:
        stub.accept()
        stub.send_frame(TEXT, ANNOUNCED)
        await done.wait()

    options = {"transports": "websocket", "max_message_size": LIMIT}
    async with stub_server(serve) as server, connecting(server.url, **options) as (connection, heard):
        yield server.requests[0], connection, heard
        connection.close()
        done.set()


@pytest.mark.parametrize("size", SIZES)
async def test_frames_of_all_sizes_are_masked(size):
    async with linked() as (server, connection, _):
        text, binary = b"x" * size, bytes(range(256)) * (size // 256 + 1)
        connection.send_text(text)
        connection.send_binary(binary[:size])
        assert await server.receive_frame() == (TEXT, b"4" + text)
        assert await server.receive_frame() == (BINARY, binary[:size])


@pytest.mark.parametrize("size", SIZES)
async def test_messages_of_all_sizes(size):
    async with linked() as (server, _, heard):
        server.send_frame(TEXT, b"4" + b"x" * max(size - 1, 0))
        server.send_frame(BINARY, b"y" * size)
        await until(lambda: len(heard.messages) == 2)
        assert heard.messages == ["x" * max(size - 1, 0), b"y" * size]


async def test_masks_differ():
    async with linked() as (server, connection, _):
        masks = set()
        for _ in range(20):
            connection.send_text(b"")
        for _ in range(20):
            await server.reader.readexactly(2)
            masks.add(await server.reader.readexactly(4))
            await server.reader.readexactly(1)
        assert len(masks) > 15


async def test_frames_of_one_tick_leave_in_one_write():
    async with linked() as (server, connection, _):
        link = connection._link
        writes = []
        transport = link._transport

        class Watched:
            def __getattr__(self, name):
                return getattr(transport, name)

            def write(self, data):
                writes.append(len(data))
                transport.write(data)

        link._transport = Watched()
        for _ in range(10):
            connection.send_text(b"x")
        for _ in range(10):
            assert await server.receive_frame() == (TEXT, b"4x")
        assert len(writes) == 1
        link._transport = transport


async def test_fragments():
    async with linked() as (server, _, heard):
        server.send_frame(TEXT, "4€".encode()[:2], fin=False)
        server.send_frame(PING, b"between")
        server.send_frame(CONTINUATION, "4€".encode()[2:], fin=False)
        server.send_frame(CONTINUATION, b"", fin=True)
        server.send_frame(BINARY, b"a", fin=False)
        server.send_frame(CONTINUATION, b"b")
        await until(lambda: len(heard.messages) == 2)
        assert heard.messages == ["€", b"ab"]
        assert await server.receive_frame() == (PONG, b"between")


@pytest.mark.parametrize(
    "frames, code, reason",
    [
        pytest.param([(TEXT, b"4\xff", {})], 1007, CloseReason.TRANSPORT_ERROR, id="no UTF-8"),
        pytest.param([(TEXT, b"4", {"rsv": 4})], 1002, CloseReason.TRANSPORT_ERROR, id="RSV1"),
        pytest.param([(TEXT, b"4", {"rsv": 1})], 1002, CloseReason.TRANSPORT_ERROR, id="RSV3"),
        pytest.param([(CONTINUATION, b"", {})], 1002, CloseReason.TRANSPORT_ERROR, id="continues nothing"),
        pytest.param(
            [(TEXT, b"4", {"fin": False}), (TEXT, b"4", {})], 1002, CloseReason.TRANSPORT_ERROR, id="inside"
        ),
        pytest.param([(3, b"", {})], 1002, CloseReason.TRANSPORT_ERROR, id="unknown opcode"),
        pytest.param([(PING, bytes(126), {})], 1002, CloseReason.TRANSPORT_ERROR, id="large ping"),
        pytest.param([(CLOSE, b"\x03", {})], 1002, CloseReason.TRANSPORT_ERROR, id="half a code"),
        pytest.param(
            [(CLOSE, close_payload(1005), {})], 1002, CloseReason.TRANSPORT_ERROR, id="no code to send"
        ),
        pytest.param([(BINARY, bytes(LIMIT + 1), {})], 1009, CloseReason.PAYLOAD_TOO_LARGE, id="too large"),
        pytest.param(
            [(BINARY, bytes(LIMIT), {"fin": False}), (CONTINUATION, b"x", {})],
            1009,
            CloseReason.PAYLOAD_TOO_LARGE,
            id="too large in parts",
        ),
    ],
)
async def test_servers_that_break_the_rules(frames, code, reason):
    async with linked() as (server, connection, heard):
        server.send_frame(TEXT, b"4before")
        for opcode, payload, options in frames:
            server.send_frame(opcode, payload, **options)
        opcode, payload = await server.receive_frame()
        assert (opcode, int.from_bytes(payload[:2], "big")) == (CLOSE, code)
        await until(lambda: heard.reason)
        assert heard.reason is reason
        assert heard.messages == ["before"]
        assert not connection.is_open


async def test_masked_frame_of_a_server():
    async with linked() as (server, _, heard):
        server.writer.write(b"\x81\x81\x00\x00\x00\x004")
        opcode, payload = await server.receive_frame()
        assert (opcode, payload[:2]) == (CLOSE, close_payload(1002))
        await until(lambda: heard.reason)
        assert heard.reason is CloseReason.TRANSPORT_ERROR


@pytest.mark.parametrize(
    "payload", [b"", close_payload(1000), close_payload(1001, b"bye"), close_payload(4000)]
)
async def test_server_closes(payload):
    async with linked() as (server, connection, heard):
        server.send_frame(CLOSE, payload)
        assert await server.receive_frame() == (CLOSE, payload)
        await until(lambda: heard.reason)
        assert heard.reason is CloseReason.TRANSPORT_CLOSE
        code = int.from_bytes(payload[:2], "big") if payload else 1005
        assert heard.closed[0][1] == f"close code {code}"
        await connection.wait_closed()


async def test_client_closes():
    async with linked() as (server, connection, heard):
        connection.send_text(b"last")
        connection.close()
        assert heard.reason is CloseReason.FORCED_CLOSE
        assert await server.receive_frame() == (TEXT, b"4last")
        assert await server.receive_frame() == (CLOSE, b"")
        server.send_frame(CLOSE)
        await connection.wait_closed()


async def test_connection_is_lost():
    async with linked() as (server, connection, heard):
        server.writer.transport.abort()
        await until(lambda: heard.reason)
        assert heard.reason in (CloseReason.TRANSPORT_ERROR, CloseReason.TRANSPORT_CLOSE)
        await connection.wait_closed()


async def test_connection_ends_without_a_close_frame():
    async with linked() as (server, connection, heard):
        server.writer.write_eof()
        await until(lambda: heard.reason)
        assert heard.reason is CloseReason.TRANSPORT_CLOSE
        await connection.wait_closed()


async def test_large_messages_leave_no_large_buffers():
    def buffer_size() -> int:
        return len(connection._link._transport.get_protocol().get_buffer(-1))

    async with linked() as (server, connection, heard):
        server.send_frame(BINARY, bytes(LIMIT))
        await until(lambda: heard.messages)
        assert buffer_size() > LIMIT, "it stays for the next one"
        server.send_frame(TEXT, b"2")
        await until(lambda: buffer_size() < 4096)


async def test_memory_of_an_idle_connection():
    """What Python allocates; the event loop's own memory is beyond it."""
    done = asyncio.Event()

    async def serve(stub: StubConnection) -> None:
        stub.accept()
        stub.send_frame(TEXT, ANNOUNCED)
        stub.writer.transport.pause_reading()
        await done.wait()

    async with stub_server(serve) as server:
        connections = [await _open(server.url) for _ in range(20)]
        gc.collect()
        tracemalloc.start(1)
        connections += [await _open(server.url) for _ in range(50)]
        gc.collect()
        snapshot = tracemalloc.take_snapshot().filter_traces(
            [tracemalloc.Filter(True, "*/arcwire/engineio/*"), tracemalloc.Filter(True, "*/arcwire/hosts/*")]
        )
        tracemalloc.stop()
        size = sum(trace.size for trace in snapshot.traces) / 50
        done.set()
        for connection in connections:
            connection.close()
        await asyncio.gather(*(connection.wait_closed() for connection in connections))
    assert size < 9000, size


async def _open(url: str) -> EngineConnection:
    return await EngineConnection.open(url, Heard(), EngineClientConfig(transports="websocket"))
