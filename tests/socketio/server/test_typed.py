"""Types of the application: `socket.data`, what acknowledgements carry, what handlers take."""

import asyncio
import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Generic, Literal, NewType, TypedDict, TypeVar

import msgspec
import pydantic
import pytest

from arcwire import AckTimeout, InvalidAnswer, Namespace, ParentNamespace, Server, Socket
from support.memory import MemoryClient, until

T = TypeVar("T")
UserId = NewType("UserId", int)


@dataclass
class UserData:
    name: str = "nobody"
    tags: list[str] = field(default_factory=list)


class AdminData(UserData):
    pass


class Notes(TypedDict, total=False):
    text: str


class Needs(msgspec.Struct):
    name: str


class Receipt(msgspec.Struct):
    id: int
    day: date | None = None


class Model(pydantic.BaseModel):
    id: int


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Circle(msgspec.Struct, tag=True):
    radius: float


class Square(msgspec.Struct, tag=True):
    side: float


class Page(msgspec.Struct, Generic[T]):
    rows: list[T]


Short = Annotated[str, msgspec.Meta(max_length=3)]


# -- socket.data ------------------------------------------------------------------------


async def test_data_is_a_dict_until_told() -> None:
    io = Server()
    assert (await MemoryClient(io).enter()).data == {}
    await io.close()


async def test_data_of_a_server_is_that_of_its_namespaces() -> None:
    io = Server(data=UserData)
    io.of("/room-{name}")
    client = MemoryClient(io)
    other = await MemoryClient(io).enter()
    for name in ("/", "/static", "/room-a"):
        if name == "/static":
            io.of(name)
        socket: Socket[UserData] = await client.enter(name)
        assert socket.data == UserData()
        assert socket.data is socket.data
        socket.data.tags.append("x")
        assert other.data.tags == []
    await io.close()


async def test_annotations_say_it_for_their_namespace() -> None:
    io = Server()
    chat = Namespace("/chat")

    @chat.on("name")
    async def name(socket: Socket[UserData], name: str) -> None:
        socket.data.name = name

    @chat.on_connect
    async def connected(socket: Socket[Any]) -> None: ...

    @io.on("x")
    async def x(socket: Socket) -> None: ...

    @io.on("y")
    async def y(socket: Socket[UserData | None]) -> None: ...

    io.include(chat)
    client = MemoryClient(io)
    assert (await client.enter()).data == {}
    assert (await client.enter("/chat")).data == UserData()
    await io.close()


async def test_a_namespace_may_have_other_data_than_its_server() -> None:
    io = Server(data=UserData)
    notes = io.of("/notes")

    @notes.on("x")
    async def x(socket: Socket[Notes]) -> None: ...

    admins = ParentNamespace("/admin-{id:int}", data=AdminData)
    io.include(admins)

    @admins.on("x")
    async def y(socket: Socket[UserData]) -> None: ...

    client = MemoryClient(io)
    assert (await client.enter("/notes")).data == {}
    assert type((await client.enter("/admin-1")).data) is AdminData
    await io.close()


def test_handlers_that_disagree_fail_at_registration() -> None:
    namespace = Namespace("/a")

    @namespace.on("user")
    async def user(socket: Socket[UserData]) -> None: ...

    with pytest.raises(TypeError, match=r"on\('x'\) takes a Socket\[Notes\], but socket.data is a UserData"):

        @namespace.on("x")
        async def notes(socket: Socket[Notes]) -> None: ...

    with pytest.raises(TypeError, match=r"takes a Socket\[AdminData\], but socket.data is a UserData"):

        @namespace.on_disconnect
        async def admin(socket: Socket[AdminData]) -> None: ...


def test_data_that_cannot_be_made_fails_at_once() -> None:
    with pytest.raises(TypeError, match=r"Needs is to be made for each socket.*give 'name' a default"):
        Server(data=Needs)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"names the class of socket\.data, got 5"):
        Namespace("/a", data=5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="give 'name' a default"):

        @Namespace("/a").on("x")
        async def x(socket: Socket[Needs]) -> None: ...


# -- returns ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "returns,answer,expected",
    [
        (Receipt, '[{"id":5,"day":"2026-01-02"}]', Receipt(5, date(2026, 1, 2))),
        (Model, '[{"id":5}]', Model(id=5)),
        (list[int], "[[1,2]]", [1, 2]),
        (int | None, "[null]", None),
        (None, "[]", None),
        (Color, '["red"]', Color.RED),
        (tuple[int, str], '[1,"a"]', (1, "a")),
        (Circle | Square, '[{"type":"Square","side":2}]', Square(2.0)),
        (Page[Receipt], '[{"rows":[{"id":1}]}]', Page([Receipt(1)])),
        (UserId, "[3]", 3),
        (Any, '[{"x":1}]', {"x": 1}),
    ],
)
async def test_answers_are_decoded(returns: Any, answer: str, expected: object) -> None:
    io = Server()
    client = MemoryClient(io)
    socket = await client.enter()
    pending = socket.emit_with_ack("q", returns=returns)
    later = socket.timeout(5).emit_with_ack("q", returns=returns)
    many = io.timeout(5).emit_with_ack("q", returns=returns)
    for packet in client.inbox[-3:]:
        id = str(packet)[1:].partition("[")[0]
        client.send(f"3{id}{answer}")
    assert await pending == expected
    assert await later == expected
    assert await many == [expected]
    await io.close()


async def test_binary_answers_are_decoded() -> None:
    io = Server()
    client = MemoryClient(io)
    socket = await client.enter()
    pending = socket.emit_with_ack("q", returns=dict[str, bytes])
    client.send('61-0[{"a":{"_placeholder":true,"num":0}}]', b"\xff")
    assert await pending == {"a": b"\xff"}
    await io.close()


@pytest.mark.parametrize(
    "returns,answer,path,message",
    [
        (Receipt, '[{"id":"x"}]', "answer.id", "Expected `int`, got `str`"),
        (Receipt, "[]", "answer", "Expected `object`, got `null`"),
        (Model, '[{"id":"x"}]', "answer.id", "Input should be a valid integer"),
        (list[Receipt], '[[{"id":1},{}]]', "answer[1]", "Object missing required field `id`"),
        (int, "[1,2]", "answer", "Expected `int`, got `array`"),
    ],
)
async def test_answers_that_do_not_fit_say_where(returns: Any, answer: str, path: str, message: str) -> None:
    io = Server()
    client = MemoryClient(io)
    socket = await client.enter()
    pending = socket.emit_with_ack("q", returns=returns)
    client.send(f"30{answer}")
    with pytest.raises(InvalidAnswer) as caught:
        await pending
    assert caught.value.path == path
    assert message in caught.value.message
    assert not client.closed
    await io.close()


async def test_one_bad_answer_leaves_the_others() -> None:
    io = Server()
    clients = [MemoryClient(io) for _ in range(3)]
    ids = [await client.connect() for client in clients]
    answers = io.emit_with_ack("q", returns=int)
    clients[0].send("30[1]")
    clients[1].send('30["x"]')
    assert not answers.settled
    clients[2].send("30[3]")
    seen = [reply.value async for reply in answers]
    assert seen == [1, 3]
    assert list(answers.invalid) == [ids[1]]
    with pytest.raises(InvalidAnswer, match="Expected `int`, got `str` at answer") as caught:
        await answers
    assert caught.value.responses == [1, 3]
    await io.close()


async def test_the_time_is_up_before_a_bad_answer_counts() -> None:
    io = Server()
    one, two = MemoryClient(io), MemoryClient(io)
    await one.connect()
    await two.connect()
    answers = io.timeout(0.05).emit_with_ack("q", returns=int)
    one.send('30["x"]')
    with pytest.raises(AckTimeout) as caught:
        await answers
    assert caught.value.responses == []
    await io.close()


async def test_returns_in_threads() -> None:
    io = Server()
    client = MemoryClient(io)
    socket = await client.enter()
    call = asyncio.get_running_loop().run_in_executor(
        None, lambda: socket.emit_with_ack("q", returns=Receipt).result()
    )
    await client.wait_for(lambda data: data == '20["q"]')
    client.send('30[{"id":7}]')
    assert await call == Receipt(7)
    await io.close()


async def test_types_that_cannot_be_returned_fail_before_sending() -> None:
    io = Server()
    client = MemoryClient(io)
    socket = await client.enter()
    count = len(client.inbox)
    with pytest.raises(TypeError, match=r"cannot decode into returns=<object.*not supported"):
        socket.emit_with_ack("q", returns=object())
    with pytest.raises(TypeError, match=r"cannot decode into returns=<class .*is not a type that JSON"):
        io.emit_with_ack("q", returns=asyncio.Lock)
    assert len(client.inbox) == count
    await io.close()


# -- what handlers take -----------------------------------------------------------------


async def color(socket: Socket, value: Color) -> None: ...
async def shape(socket: Socket, value: Circle | Square) -> None: ...
async def page(socket: Socket, value: Page[Color]) -> None: ...
async def user(socket: Socket, value: UserId) -> None: ...
async def short(socket: Socket, value: Short) -> None: ...
async def shorts(socket: Socket, value: list[Short] | Literal[0]) -> None: ...


@pytest.mark.parametrize(
    "handler,good,bad,path",
    [
        (color, '"red"', '"green"', "value"),
        (shape, '{"type":"Circle","radius":1}', '{"type":"Oval"}', "value.type"),
        (page, '{"rows":["red"]}', '{"rows":["x"]}', "value.rows[0]"),
        (user, "5", '"5"', "value"),
        (short, '"abc"', '"abcd"', "value"),
        (shorts, '["abc"]', '["abcd"]', "value[0]"),
    ],
)
async def test_enums_unions_generics_new_types_and_constraints(
    handler: Callable[..., Any], good: str, bad: str, path: str
) -> None:
    io = Server()
    io.on("x", handler)
    client = MemoryClient(io)
    await client.connect()
    client.send(f'21["x",{good}]', f'22["x",{bad}]')
    await until(lambda: len(client.inbox) == 3)
    assert "31[]" in client.inbox
    (error,) = [data for data in client.inbox if str(data).startswith("32")]
    assert f'"path":"{path}"' in str(error)
    await io.close()
