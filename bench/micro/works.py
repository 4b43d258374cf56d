"""The works that are counted. Each is made once; `run(count)` is what is measured.

`codec` and `frame` works call one function of Arcwire; a commit that does not have it is left out of
the comparison. All others go from bytes that a peer sends to bytes that it gets.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from memory import Host, Transport, client_frame

from arcwire import Server, Socket

TEXT = "0123456789abcdef0123456789abcdef"
BATCH = 8


class Order(msgspec.Struct):
    """Six fields, as in the benchmark's typed work."""

    id: int
    item: str
    quantity: int
    price: float
    tags: list[str]
    express: bool


ORDER = Order(7, TEXT, 3, 9.5, ["new", "blue"], True)


class Work:
    """`run(count)` takes `count` turns, of so many `messages` (or connections) each; `prepare(count)`
    comes before it and is not measured."""

    def __init__(
        self,
        count: int,
        run: Callable[[int], Awaitable[object]],
        prepare: Callable[[int], Awaitable[object]] | None = None,
        messages: int = 1,
    ) -> None:
        self.count = count
        self.run = run
        self.prepare = prepare
        self.messages = messages


def make_server() -> Server:
    io = Server(ping_interval=3600.0)

    @io.on("silent")
    async def silent(socket: Socket, text: str) -> None: ...

    @io.on("echo")
    async def echo(socket: Socket, text: str) -> None:
        socket.emit("echo", text)

    @io.on("ack")
    async def ack(socket: Socket, text: str) -> str:
        return text

    @io.on("typed")
    async def typed(socket: Socket, order: Order) -> Order:
        return order

    @io.on("news")
    async def news(socket: Socket, text: str) -> None:
        io.emit("news", text)

    return io


# -- one function ---------------------------------------------------------------


def repeated(function: Callable[..., object], *args: Any) -> Work:
    async def run(count: int) -> None:
        for _ in range(count):
            function(*args)

    return Work(200, run)


async def decode_plain() -> Work:
    return repeated(make_server().codec.decode_text, f'2["echo","{TEXT}"]')


async def decode_ack() -> Work:
    return repeated(make_server().codec.decode_text, f'212["ack","{TEXT}"]')


async def encode_plain() -> Work:
    return repeated(make_server().codec.encode_event, "/", "echo", (TEXT,))


async def encode_ack() -> Work:
    return repeated(make_server().codec.encode_ack, "/", 12, (TEXT,))


async def encode_typed() -> Work:
    return repeated(make_server().codec.encode_event, "/", "typed", (ORDER,))


async def frame_short() -> Work:
    from arcwire.engineio.link import message_frame

    return repeated(message_frame, b'2["echo","%b"]' % TEXT.encode())


async def frame_long() -> Work:
    from arcwire.engineio.link import message_frame

    return repeated(message_frame, b"x" * 4096)


# -- messages: bytes in, bytes out -------------------------------------------------


async def messages(packets: str, batch: int, count: int = 100) -> Work:
    """Packets that come in one read, `batch` of them, each with one answer if it has any."""
    host = Host(make_server().asgi())
    client = await host.open_websocket()
    data = b"".join([client_frame(packets.replace("ID", str(number)).encode()) for number in range(batch)])

    async def run(count: int) -> None:
        for _ in range(count):
            client.feed(data)
            await asyncio.sleep(0)
            client.take()

    return Work(count, run, messages=batch)


async def dispatch() -> Work:
    return await messages(f'42["silent","{TEXT}"]', BATCH)


async def echo() -> Work:
    return await messages(f'42["echo","{TEXT}"]', 1)


async def echo_batch() -> Work:
    return await messages(f'42["echo","{TEXT}"]', BATCH)


async def ack_batch() -> Work:
    return await messages(f'42ID["ack","{TEXT}"]', BATCH)


async def typed_batch() -> Work:
    return await messages(f'42ID["typed",{msgspec.json.encode(ORDER).decode()}]', BATCH)


async def text_4k() -> Work:
    return await messages(f'42["echo","{TEXT * 40}"]', 1, 400)


async def broadcast() -> Work:
    host = Host(make_server().asgi())
    clients = [await host.open_websocket() for _ in range(100)]
    data = client_frame(f'42["news","{TEXT}"]'.encode())

    async def run(count: int) -> None:
        for _ in range(count):
            clients[0].feed(data)
            await asyncio.sleep(0)
            for client in clients:
                client.take()

    return Work(10, run)


# -- connections -------------------------------------------------------------------


async def connect_websocket() -> Work:
    """From the TCP connection to the answer to CONNECT."""
    host = Host(make_server().asgi())
    open_: list[Transport] = []

    async def run(count: int) -> None:
        open_.extend([await host.open_websocket() for _ in range(count)])

    async def clear(count: int) -> None:
        while open_:
            open_.pop().drop()

    return Work(10, run, clear)


async def disconnect_websocket() -> Work:
    """The loss of a connection."""
    host = Host(make_server().asgi())
    open_: list[Transport] = []

    async def prepare(count: int) -> None:
        open_[:] = [await host.open_websocket() for _ in range(count)]

    async def run(count: int) -> None:
        while open_:
            open_.pop().drop()

    return Work(10, run, prepare)


async def connect_polling() -> Work:
    """Handshake, CONNECT and its answer: three requests."""
    host = Host(make_server().asgi())

    async def run(count: int) -> None:
        for _ in range(count):
            await host.open_polling()

    return Work(5, run)


async def polling() -> Work:
    """A POST with an event, and the GET that takes the answer."""
    client = await Host(make_server().asgi()).open_polling()
    packet = f'42["echo","{TEXT}"]'

    async def run(count: int) -> None:
        for _ in range(count):
            await client.exchange(packet, TEXT.encode())

    return Work(50, run)


WORKS: dict[str, Callable[[], Awaitable[Work]]] = {
    "decode-plain": decode_plain,
    "decode-ack": decode_ack,
    "encode-plain": encode_plain,
    "encode-ack": encode_ack,
    "encode-typed": encode_typed,
    "frame-50": frame_short,
    "frame-4096": frame_long,
    "dispatch-8": dispatch,
    "echo-1": echo,
    "echo-8": echo_batch,
    "ack-8": ack_batch,
    "typed-8": typed_batch,
    "echo-1280": text_4k,
    "broadcast-100": broadcast,
    "connect-websocket": connect_websocket,
    "disconnect-websocket": disconnect_websocket,
    "connect-polling": connect_polling,
    "polling": polling,
}
"""By name; a broadcast counts as one message."""
