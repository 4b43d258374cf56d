"""Servers that speak MessagePack, or a codec of one's own."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from arcwire import JsonCodec, MsgpackCodec, Server, Socket
from arcwire.codecs import ACK, CONNECT, EVENT, Codec, Packet, PacketCodec, PacketError
from support.memory import MemoryClient, until


class LinesCodec(PacketCodec):
    """Packets as JSON objects in text messages, like `socket.io-json-parser`."""

    binary = False

    def encode(self, packet: Packet) -> bytes:
        fields = {"type": packet.type, "nsp": packet.namespace, "data": packet.data, "id": packet.id}
        return msgspec.json.encode({key: value for key, value in fields.items() if value is not None})

    def decode(self, data: str | bytes) -> Packet:
        if isinstance(data, bytes):
            raise PacketError("this codec speaks text")
        fields = json.loads(data)
        if not isinstance(fields, dict):
            raise PacketError("a packet is an object")
        return Packet(
            fields.get("type", -1), fields.get("nsp", "/"), fields.get("id"), data=fields.get("data")
        )


class PackedClient(MemoryClient):
    """Speaks packets as dicts through a codec."""

    def __init__(self, io: Server, codec: Codec) -> None:
        super().__init__(io)
        self.codec = codec

    @property
    def packets(self) -> list[Packet]:
        decode: Any = self.codec.decode_binary if self.codec.binary else self.codec.decode_text
        return [decode(message) for message in self.inbox]

    def transmit(self, message: bytes) -> None:
        self.send(message if self.codec.binary else message.decode())

    async def packet(self, type: int, id: int | None = None) -> Packet:
        await until(lambda: any((p.type, p.id) == (type, id) for p in self.packets))
        return next(p for p in self.packets if (p.type, p.id) == (type, id))


CODECS = {"msgpack": MsgpackCodec(), "lines": LinesCodec()}


@pytest.fixture(params=CODECS)
def codec(request: pytest.FixtureRequest) -> Codec:
    return CODECS[request.param]


@pytest.fixture
def io(codec: Codec) -> Server:
    return Server(codec=codec)


@pytest.fixture
async def client(io: Server, codec: Codec) -> PackedClient:
    client = PackedClient(io, codec)
    client.transmit(codec.encode_control(CONNECT, "/", {"token": "t"}))
    await client.packet(CONNECT)
    return client


class Order(msgspec.Struct):
    id: int
    tags: list[str] = []


async def test_auth_and_id(io: Server, client: PackedClient) -> None:
    (socket,) = io.sockets.values()
    assert socket.handshake.auth == {"token": "t"}
    assert (await client.packet(CONNECT)).data == {"sid": socket.id}


async def test_typed_events_and_acknowledgements(io: Server, client: PackedClient, codec: Codec) -> None:
    @io.on("order")
    async def order(socket: Socket, order: Order, note: str = "none") -> Order:
        assert isinstance(order, Order)
        return Order(order.id + 1, [*order.tags, note])

    client.transmit(codec.encode_event("/", "order", ({"id": 1, "tags": ["a"]},), 7)[0])
    assert (await client.packet(ACK, 7)).data == [{"id": 2, "tags": ["a", "none"]}]
    client.transmit(codec.encode_event("/", "order", ({"id": "x"},), 8)[0])
    assert (await client.packet(ACK, 8)).data[0]["error"] == {
        "code": "invalid",
        "message": "Expected `int`, got `str`",
        "path": "order.id",
    }
    client.transmit(codec.encode_event("/", "nobody", (), 9)[0])
    assert (await client.packet(ACK, 9)).data[0]["error"]["code"] == "unknown_event"


async def test_the_server_asks(io: Server, client: PackedClient, codec: Codec) -> None:
    (socket,) = io.sockets.values()
    asked = socket.timeout(5).emit_with_ack("ask", 1)
    await until(lambda: any(packet.type == EVENT for packet in client.packets))
    event = client.packets[-1]
    assert (event.name, event.data) == ("ask", ["ask", 1])
    assert event.id is not None
    client.transmit(codec.encode_ack("/", event.id, ("fine",))[0])
    assert await asked == "fine"


async def test_broadcasts(io: Server, client: PackedClient, codec: Codec) -> None:
    other = PackedClient(io, codec)
    other.transmit(codec.encode_control(CONNECT, "/"))
    await other.packet(CONNECT)
    io.emit("news", {"a": [1]})
    for each in (client, other):
        assert (await each.packet(EVENT)).data == ["news", {"a": [1]}]
    assert type(client.link.sent[-1]) is (bytes if codec.binary else str)


async def test_a_namespace_included_later_speaks_the_same(
    io: Server, client: PackedClient, codec: Codec
) -> None:
    io.of("/late")
    client.transmit(codec.encode_control(CONNECT, "/late"))
    await until(lambda: client.packets[-1].namespace == "/late")
    io.of("/late").emit("x")
    assert client.packets[-1].data == ["x"]


@pytest.mark.parametrize(
    "junk",
    [
        "text",
        b"\xc1",
        "[1]",
        b"\x90",
        '{"type": 2}',
        '{"type": 9, "data": []}',
        '{"type": 2, "nsp": ["/"], "data": ["x"]}',
        '{"type": 2, "id": [1], "data": ["x"]}',
    ],
)
async def test_junk_ends_the_connection(client: PackedClient, junk: str | bytes) -> None:
    client.send(junk)
    assert client.closed


async def test_dates_reach_handlers_as_what_they_ask_for() -> None:
    codec = MsgpackCodec()
    io = Server(codec=codec)
    moment = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    seen: list[object] = []

    @io.on("at")
    async def at(socket: Socket, when: datetime, data: bytes, rest: Any) -> None:
        seen.extend([when, data, rest])

    client = PackedClient(io, codec)
    client.transmit(codec.encode_control(CONNECT, "/"))
    await client.packet(CONNECT)
    client.transmit(codec.encode_event("/", "at", (moment, b"\x01", {"when": moment}))[0])
    await until(lambda: seen)
    assert seen == [moment, b"\x01", {"when": moment}]


async def test_more_attachments_than_usual() -> None:
    io = Server(codec=JsonCodec(max_attachments=12))
    seen: list[object] = []

    @io.on("many")
    async def many(socket: Socket, *parts: bytes) -> None:
        seen.append(parts)

    client = MemoryClient(io)
    await client.connect()
    for count in (12, 13):
        holders = [{"_placeholder": True, "num": number} for number in range(count)]
        parts = [bytes((number,)) for number in range(count)]
        client.send(f"5{count}-{json.dumps(['many', *holders])}")
        if count == 12:
            client.send(*parts)
            await until(lambda: seen)
            assert seen == [tuple(parts)]
    assert client.closed
