"""Namespaces as classes."""

from typing import Any

import pytest

from arcwire import ConnectionRefused, Namespace, ParentNamespace, Server, Socket, on
from support.memory import MemoryClient, until


class Chat(Namespace):
    def __init__(self, name: str, limit: int) -> None:
        self.limit = limit
        self.seen: list[str] = []
        super().__init__(name)

    @on.middleware
    async def check(self, socket: Socket) -> None:
        if socket.auth.get("banned"):
            raise ConnectionRefused("banned")

    @on.connect
    async def welcome(self, socket: Socket) -> None:
        self.seen.append("connect")

    @on("say")
    async def say(self, socket: Socket, text: str) -> str:
        return text[: self.limit]

    @on("shout")
    @on("yell: loud!")
    def shout(self, socket: Socket, text: str) -> str:
        return text.upper()

    @on.disconnect
    async def bye(self, socket: Socket, reason: str) -> None:
        self.seen.append(reason)


class Louder(Chat):
    @on("more")
    async def more(self, socket: Socket) -> str:
        return "more"

    async def say(self, socket: Socket, text: str) -> str:
        return text + "!"


async def ask(client: MemoryClient, namespace: str, id: int, event: str, text: str) -> Any:
    client.send(f'2{namespace},{id}["{event}","{text}"]')
    head = f"3{namespace},{id}"
    answer = await client.wait_for(lambda data: isinstance(data, str) and data.startswith(head))
    return str(answer)[len(head) :]


async def test_methods_handle() -> None:
    io = Server()
    chat = Chat("/chat", 3)
    io.include(chat)
    client, other = MemoryClient(io), MemoryClient(io)
    await client.connect("/chat")
    assert await ask(client, "/chat", 1, "say", "hello") == '["hel"]'
    assert await ask(client, "/chat", 2, "shout", "a") == '["A"]'
    assert await ask(client, "/chat", 3, "yell: loud!", "b") == '["B"]'
    other.send('0/chat,{"banned":true}')
    await until(lambda: other.inbox)
    assert other.inbox == ['4/chat,{"message":"banned"}']
    client.drop()
    await until(lambda: len(chat.seen) == 2)
    assert chat.seen == ["connect", "transport close"]
    await io.close()


async def test_two_objects_of_a_class_are_two_namespaces() -> None:
    io = Server()
    io.include(Chat("/a", 1))
    io.include(Chat("/b", 2))
    client = MemoryClient(io)
    await client.connect("/a")
    await client.connect("/b")
    assert await ask(client, "/a", 1, "say", "hello") == '["h"]'
    assert await ask(client, "/b", 2, "say", "hello") == '["he"]'
    await io.close()


async def test_subclasses_add_and_override() -> None:
    io = Server()
    io.include(Louder("/loud", 3))
    client = MemoryClient(io)
    await client.connect("/loud")
    assert await ask(client, "/loud", 1, "say", "hello") == '["hello!"]'
    assert await ask(client, "/loud", 2, "shout", "a") == '["A"]'
    client.send('2/loud,3["more"]')
    await client.wait_for(lambda data: data == '3/loud,3["more"]')
    await io.close()


async def test_a_parent_may_be_a_class() -> None:
    class Board(ParentNamespace):
        @on("where")
        async def where(self, socket: Socket, text: str) -> str:
            return f"{text} {socket.namespace.params['id']} {self.name}"

    io = Server()
    io.include(Board("/board-{id:int}"))
    client = MemoryClient(io)
    await client.connect("/board-7")
    assert await ask(client, "/board-7", 1, "where", "at") == '["at 7 /board-{id:int}"]'
    await io.close()


async def test_a_server_may_be_a_class() -> None:
    class App(Server):
        @on("ping")
        async def ping(self, socket: Socket) -> str:
            return f"pong from {self.name}"

    io = App()
    client = MemoryClient(io)
    await client.connect()
    assert await client.ask(1, "ping") == ["pong from /"]
    await io.close()


def test_marks_that_cannot_work_fail_early() -> None:
    with pytest.raises(ValueError, match="register it with on_connect"):
        on("connect")
    with pytest.raises(TypeError, match=r"on\.connect marks methods, got 'x'"):
        on.connect("x")  # type: ignore[type-var]

    class Wrong(Namespace):
        @on("say")
        async def say(self, text: str) -> None: ...

    with pytest.raises(TypeError, match=r"passes the socket first"):
        Wrong("/wrong")


def test_handlers_of_a_class_can_be_removed() -> None:
    chat = Chat("/chat", 1)
    chat.off("say", chat.say)
    assert chat.event_handlers.take("say") == ()
