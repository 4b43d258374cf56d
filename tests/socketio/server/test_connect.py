"""How sockets come in, and how they are kept out."""

import asyncio
import logging

import msgspec
import pytest

from arcwire import ConnectionRefused, Disconnected, Namespace, Server, Socket
from support.memory import MemoryClient, until


async def test_connect_answers_with_an_id_of_its_own() -> None:
    io = Server()
    client = MemoryClient(io)
    sid = await client.connect()
    assert len(sid) == 20
    assert client.inbox == [f'0{{"sid":"{sid}"}}']
    socket = io.sockets[sid]
    assert socket.connected
    assert sid != socket.connection.sid
    assert socket.rooms == {sid}


async def test_handshake_tells_how_the_connection_was_opened() -> None:
    io = Server()
    client = MemoryClient(io, query="&a=1&a=2", headers={"user-agent": "test", "origin": "http://x"})
    socket = await client.enter(auth={"token": "t"})
    handshake = socket.handshake
    assert handshake.auth == {"token": "t"}
    assert handshake.query == {"EIO": "4", "transport": "websocket", "a": "2"}
    assert handshake.headers == {"user-agent": "test", "origin": "http://x"}
    assert handshake.address == "192.0.2.7"
    assert handshake.url == "/socket.io/?EIO=4&transport=websocket&a=1&a=2"
    assert handshake.xdomain
    assert not handshake.secure
    assert handshake.time.timestamp() == pytest.approx(handshake.issued)


async def test_unknown_namespaces_are_refused_and_the_connection_stays() -> None:
    io = Server()
    client = MemoryClient(io)
    client.send("0/nowhere,")
    assert client.inbox == ['4/nowhere,{"message":"Invalid namespace"}']
    await client.connect()
    assert not client.closed


async def test_several_namespaces_share_a_connection() -> None:
    io = Server()
    chat = Namespace("/chat")
    heard: list[tuple[str, str]] = []

    @chat.on("say")
    async def in_chat(socket: Socket, text: str) -> None:
        heard.append((socket.namespace.name, text))

    @io.on("say")
    async def in_root(socket: Socket, text: str) -> None:
        heard.append((socket.namespace.name, text))

    io.include(chat)
    assert io.of("/chat") is chat
    assert io.of("chat") is chat
    assert io.of("/") is io
    client = MemoryClient(io)
    root, other = await client.connect(), await client.connect("/chat")
    assert root != other
    client.send('2/chat,["say","a"]', '2["say","b"]')
    await until(lambda: len(heard) == 2)
    assert heard == [("/chat", "a"), ("/", "b")]
    client.send("1/chat,")
    assert not chat.sockets
    assert len(io.sockets) == 1


def test_a_namespace_belongs_to_one_server_and_one_name() -> None:
    chat = Namespace("chat")
    assert chat.name == "/chat"
    io = Server()
    io.include(chat)
    io.include(chat)
    with pytest.raises(ValueError, match="there is a namespace '/chat' already"):
        io.include(Namespace("/chat"))
    with pytest.raises(ValueError, match="belongs to another server"):
        Server().include(chat)
    with pytest.raises(ValueError, match="a path without commas"):
        Namespace("/a,b")


async def test_a_lonely_namespace_can_emit_to_nobody() -> None:
    chat = Namespace("/chat")
    chat.to("a").emit("x", 1)
    assert await chat.emit_with_ack("x") == []
    with pytest.raises(RuntimeError, match="not included in a server"):
        chat.server  # noqa: B018


async def test_connection_handlers_may_refuse_with_data() -> None:
    io = Server()
    gone: list[str] = []

    @io.on_connect
    async def connected(socket: Socket, auth: dict[str, str]) -> None:
        socket.join("lobby")
        socket.emit("never", "seen")
        if auth.get("token") != "t":
            raise ConnectionRefused("not authorized", data={"retry": False})

    @io.on_disconnect
    async def disconnected(socket: Socket) -> None:
        gone.append(socket.id)

    client = MemoryClient(io)
    client.send("0{}")
    await until(lambda: client.inbox)
    assert client.inbox == ['4{"message":"not authorized","data":{"retry":false}}']
    assert not io.sockets
    io.to("lobby").emit("x")
    assert len(client.inbox) == 1
    # Events that were on their way to the refused socket do not end the connection.
    client.send('2["late"]')
    assert not client.closed
    # It may try again on the same connection.
    await client.connect(auth={"token": "t"})
    assert client.inbox[2:] == ['2["never","seen"]']
    client.drop()
    await until(lambda: gone)
    assert len(gone) == 1


async def test_auth_is_decoded_by_annotation() -> None:
    class Credentials(msgspec.Struct):
        user: str

    io = Server()
    users: list[str] = []

    async def connected(socket: Socket, auth: Credentials) -> None:
        users.append(auth.user)

    connected.__annotations__["auth"] = Credentials
    io.on_connect(connected)
    client = MemoryClient(io)
    await client.connect(auth={"user": "ann"})
    assert users == ["ann"]
    other = MemoryClient(io)
    other.send('0{"user":1}')
    await until(lambda: other.inbox)
    assert other.inbox == [
        '4{"message":"invalid auth","data":{"code":"invalid",'
        '"message":"Expected `str`, got `int`","path":"auth.user"}}'
    ]


async def test_middlewares_run_in_order_before_the_handlers_and_may_refuse() -> None:
    io = Server()
    calls: list[str] = []

    @io.use
    async def first(socket: Socket) -> None:
        calls.append("first")
        await asyncio.sleep(0)

    @io.use
    def second(socket: Socket) -> None:
        calls.append("second")
        if socket.handshake.auth.get("bad"):
            raise ConnectionRefused("no")

    @io.on_connect
    async def connected(socket: Socket) -> None:
        calls.append("handler")

    await MemoryClient(io).connect()
    assert calls == ["first", "second", "handler"]
    refused = MemoryClient(io)
    refused.send('0{"bad":1}')
    await until(lambda: refused.inbox)
    assert refused.inbox == ['4{"message":"no"}']
    assert calls[3:] == ["first", "second"]
    await io.close()


async def test_a_failing_handler_refuses_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    io = Server()

    @io.on_connect
    async def connected(socket: Socket) -> None:
        raise TypeError("a bug")

    client = MemoryClient(io)
    with caplog.at_level(logging.ERROR):
        client.send("0")
        await until(lambda: client.inbox)
    assert client.inbox == ['4{"message":"internal error"}']
    assert len(caplog.records) == 1


async def test_events_wait_for_the_connection_handler() -> None:
    io = Server()
    go = asyncio.Event()
    heard: list[int] = []

    @io.on_connect
    async def connected(socket: Socket) -> None:
        await go.wait()

        @socket.on("number")
        async def number(value: int) -> None:
            heard.append(value)

    client = MemoryClient(io)
    client.send("0", *(f'2["number",{i}]' for i in range(5)))
    await asyncio.sleep(0)
    assert heard == []
    assert client.inbox == []
    go.set()
    await until(lambda: len(heard) == 5)
    assert heard == [0, 1, 2, 3, 4]


async def test_what_is_emitted_meanwhile_arrives_after_connect_in_order() -> None:
    io = Server()

    @io.on_connect
    async def connected(socket: Socket) -> None:
        socket.join("lobby")
        socket.emit("first", b"\x01")
        io.to("lobby").emit("second")
        io.emit("everyone", socket.connected, len(io.sockets))
        assert await io.timeout(5).emit_with_ack("only those that can answer") == []
        await asyncio.sleep(0)
        socket.emit("third")

    client = MemoryClient(io)
    sid = await client.connect()
    assert client.inbox == [
        f'0{{"sid":"{sid}"}}',
        '51-["first",{"_placeholder":true,"num":0}]',
        b"\x01",
        '2["second"]',
        '2["everyone",false,0]',
        '2["third"]',
    ]


async def test_asking_the_client_in_a_connection_handler_lets_it_in() -> None:
    io = Server()
    answers: list[object] = []

    @io.on_connect
    async def connected(socket: Socket) -> None:
        answers.append(await socket.timeout(5).emit_with_ack("who"))
        raise ConnectionRefused("changed my mind")

    client = MemoryClient(io)
    await client.connect()
    client.send('30["ann"]')
    await until(lambda: client.inbox[-1] == "1")
    assert answers == ["ann"]
    assert not io.sockets


async def test_a_client_that_goes_during_its_connection_handler() -> None:
    io = Server()
    go = asyncio.Event()
    log: list[str] = []

    @io.on_connect
    async def connected(socket: Socket) -> None:
        log.append("connecting")
        await go.wait()
        socket.join("lobby")
        log.append("connected")

    @io.on_disconnect
    async def disconnected(socket: Socket, reason: str) -> None:
        log.append(reason)

    client = MemoryClient(io)
    client.send("0")
    await until(lambda: log)
    client.drop()
    await asyncio.sleep(0)
    assert log == ["connecting"]
    go.set()
    await until(lambda: len(log) == 3)
    assert log == ["connecting", "connected", "transport close"]
    assert not io.sockets
    io.to("lobby").emit("x")
    assert io.engine.clients_count == 0
    assert "lobby" not in io.adapter._rooms


async def test_handlers_that_never_end_do_not_keep_anything() -> None:
    io = Server(connect_timeout=0.1)

    @io.use
    async def stuck(socket: Socket) -> None:
        await asyncio.Event().wait()

    vanished = MemoryClient(io)
    vanished.send("0")
    vanished.drop()
    waiting = MemoryClient(io)
    waiting.send("0")
    await until(lambda: waiting.closed or waiting.inbox)
    await io.close()
    assert not io._tasks
    assert not io.sockets


async def test_a_connection_that_joins_nothing_is_closed() -> None:
    io = Server(connect_timeout=0.05)
    idle = MemoryClient(io)
    joined = MemoryClient(io)
    await joined.connect()
    await until(lambda: idle.closed)
    assert not joined.closed
    assert io.engine.clients_count == 1


@pytest.mark.parametrize(
    "packet",
    ["0", "0{}", '2["x"]', "1", '30["x"]'],
    ids=["second connect", "second connect with auth", "event", "disconnect", "ack"],
)
async def test_one_socket_a_namespace_and_connection(packet: str) -> None:
    io = Server()
    go = asyncio.Event()

    @io.on_connect
    async def connected(socket: Socket) -> None:
        await go.wait()

    client = MemoryClient(io)
    client.send("0", packet)
    assert client.closed == packet.startswith("0")
    go.set()
    await io.close()
    assert io.engine.clients_count == 0


async def test_too_many_events_before_the_handlers_are_done() -> None:
    io = Server()

    @io.on_connect
    async def connected(socket: Socket) -> None:
        await asyncio.sleep(5)

    client = MemoryClient(io)
    client.send("0", *['2["x"]'] * 1000)
    assert not client.closed
    client.send('2["x"]')
    assert client.closed


async def test_emitting_to_a_socket_that_is_gone() -> None:
    io = Server()
    client = MemoryClient(io)
    socket = await client.enter()
    client.drop()
    await socket.emit("x")
    socket.join("a")
    socket.leave("a")
    socket.disconnect()
    assert socket.rooms == {socket.id}
    with pytest.raises(Disconnected) as caught:
        await socket.emit_with_ack("x")
    assert caught.value.reason == "transport close"
