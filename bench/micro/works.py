"""The works that are counted. Each is made once; `run(count)` is what is measured.

Works named `client-...` are the client's, all others the server's: `-batch` with a server that agrees to
batches. `codec` and `frame` works call one function of Arcwire; a commit that does not have it is left out
of the comparison. All others go from bytes that a peer sends to bytes that it gets.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from memory import Host, Transport, client_frame, open_client, server_frame

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


# -- the client: what it sends, and what it makes of the answers --------------------


async def calls(batch: int, count: int = 100, *, batches: bool = False) -> Work:
    """So many coroutines, each of which calls again when it has its answer; the answers come in one read."""
    client, transport = await open_client(batches=batches)
    answers: list[bytes] = []
    asked = 0

    async def prepare(count: int) -> None:
        nonlocal asked
        answers.clear()
        for _ in range(count):
            packets = [f'43{id}["{TEXT}"]'.encode() for id in range(asked, asked + batch)]
            asked += batch
            answers.append(in_frames(packets, batches=batches))

    async def call(count: int) -> None:
        for _ in range(count):
            await client.socket.emit_with_ack("ack", TEXT)

    async def run(count: int) -> None:
        transport.answer_with(answers)
        await asyncio.gather(*[call(count) for _ in range(batch)])

    return Work(count, run, prepare, messages=batch)


async def events(batch: int, count: int = 100, *, batches: bool = False) -> Work:
    """Events that come in one read, each answered by another."""
    client, transport = await open_client(batches=batches)

    @client.socket.on("echo")
    async def echo(text: str) -> None:
        client.socket.emit("echo", text)

    data = in_frames([f'42["echo","{TEXT}"]'.encode()] * batch, batches=batches)

    async def run(count: int) -> None:
        answered = transport.answer_with([data] * count)
        client.socket.emit("echo", TEXT)
        await answered

    return Work(count, run, messages=batch)


def in_frames(packets: list[bytes], *, batches: bool) -> bytes:
    """What a server sends: a frame for each packet, or one for all."""
    if batches and len(packets) > 1:
        return server_frame(b"".join([b"\x1e" + packet for packet in packets]))
    return b"".join([server_frame(packet) for packet in packets])


async def client_call() -> Work:
    return await calls(1)


async def client_call_agreed() -> Work:
    return await calls(1, batches=True)


async def client_call_batch() -> Work:
    return await calls(BATCH)


async def client_call_one_frame() -> Work:
    return await calls(BATCH, batches=True)


async def client_event() -> Work:
    return await events(1)


async def client_event_agreed() -> Work:
    return await events(1, batches=True)


async def client_event_batch() -> Work:
    return await events(BATCH)


async def client_event_one_frame() -> Work:
    return await events(BATCH, batches=True)


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
    "client-call-1": client_call,
    "client-call-1-batch": client_call_agreed,
    "client-call-8": client_call_batch,
    "client-call-8-batch": client_call_one_frame,
    "client-event-1": client_event,
    "client-event-1-batch": client_event_agreed,
    "client-event-8": client_event_batch,
    "client-event-8-batch": client_event_one_frame,
}
"""By name; a broadcast counts as one message."""
