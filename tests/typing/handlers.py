"""What type checkers know of servers, namespaces and handlers. A line marked E is to be rejected."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, assert_type

from msgspec import Struct

from arcwire import (
    Ack,
    Auth,
    Depends,
    DisconnectReason,
    EventError,
    Namespace,
    Param,
    ParentNamespace,
    Server,
    Socket,
    on,
)


@dataclass
class UserData:
    name: str = ""


class Needs(Struct):
    name: str


class Message(Struct):
    text: str


io = Server(data=UserData, ping_interval=20)
Server(data=Needs)  # E: arg-type
Server(ping_intervall=20)  # E: call-arg
Namespace("/a", data=UserData)
Namespace("/a", data=5)  # E: arg-type


@io.on("say", ordered=True, timeout=5)
async def say(socket: Socket[UserData], message: Message, ack: Ack) -> int:
    assert_type(socket.data, UserData)
    socket.data.nmae = "x"  # E: attr-defined
    socket.data["name"] = "x"  # E: index
    return len(message.text)


# Registering keeps the type of a handler.
assert_type(say, Callable[[Socket[UserData], Message, Ack], Awaitable[int]])  # E: assert-type
io.on("say", say)
io.on("say", concurrency="2")  # E: call-overload
io.on(say)  # E: call-overload
io.on("say", 5)  # E: call-overload
io.on("say", orderd=True)  # E: call-overload


@io.on_connect
async def connected(socket: Socket, auth: dict[str, Any]) -> None:
    socket.data["user"] = auth["user"]
    socket.join("a", 5)  # E: arg-type
    socket.emmit("x")  # E: attr-defined


@io.on_disconnect
async def gone(socket: Socket, reason: DisconnectReason) -> None:
    assert_type(reason, DisconnectReason)
    raise EventError(5)  # E: arg-type


# -- namespaces -------------------------------------------------------------------------

assert_type(io.of("/chat"), Namespace)
assert_type(io.of(re.compile("/chat")), ParentNamespace)


async def allowed(name: str, auth: dict[str, Any]) -> bool:
    return "token" in auth


async def wrong(name: str) -> bool:
    return True


assert_type(io.of(allowed), ParentNamespace)
io.of(wrong)  # E: arg-type
io.of(5)  # E: call-overload
io.include("/chat")  # E: arg-type


@io.on_new_namespace
def announce(namespace: Namespace) -> None:
    assert_type(namespace.params["id"], Any)
    namespace.params["id"] = 5  # E: index


class Chat(Namespace):
    @on.connect
    async def welcome(self, socket: Socket) -> None: ...

    @on("say", ordered=True)
    async def say(self, socket: Socket, text: str) -> int:
        return len(text)

    @on("x", ordred=True)  # E: call-arg
    async def x(self, socket: Socket) -> None: ...


async def call(chat: Chat, socket: Socket) -> int:
    await chat.say(socket, 5)  # E: arg-type
    return await chat.say(socket, "a")


# -- dependencies -----------------------------------------------------------------------


async def get_session(socket: Socket, credentials: Annotated[Message, Auth()]) -> AsyncIterator[str]:
    yield credentials.text


@io.on("read")
async def read(
    socket: Socket, session: Annotated[str, Depends(get_session)], id: Annotated[int, Param("id")]
) -> str:
    return session * id


Depends(5)  # E: arg-type
Param(5)  # E: arg-type
