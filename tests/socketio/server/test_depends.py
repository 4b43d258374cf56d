"""Parameters that the server fills."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any, NewType

import msgspec
import pytest

from arcwire import (
    Auth,
    ConnectionRefused,
    Depends,
    EventError,
    Namespace,
    Param,
    ParentNamespace,
    Server,
    Socket,
    on,
)
from support.memory import MemoryClient, until

ProjectId = NewType("ProjectId", int)


class Credentials(msgspec.Struct):
    token: str


class Log(list[str]):
    pass


LOG = Log()


@pytest.fixture(autouse=True)
def _empty_log() -> None:
    LOG.clear()


async def get_user(socket: Socket, credentials: Annotated[Credentials, Auth()]) -> str:
    LOG.append("user")
    return f"{credentials.token}@{socket.namespace.name}"


User = Annotated[str, Depends(get_user)]


async def get_session(user: User) -> AsyncIterator[str]:
    LOG.append("open")
    try:
        yield f"session of {user}"
    except EventError:
        LOG.append("failed")
        raise
    finally:
        LOG.append("close")


def get_file(session: Annotated[str, Depends(get_session)]) -> Iterator[str]:
    LOG.append(f"enter in {'loop' if threading.current_thread() is threading.main_thread() else 'thread'}")
    yield f"file of {session}"
    LOG.append(f"exit in {'loop' if threading.current_thread() is threading.main_thread() else 'thread'}")


def get_number() -> int:
    return 5


async def connected(io: Server) -> MemoryClient:
    client = MemoryClient(io)
    await client.connect(auth={"token": "ada"})
    return client


async def test_values_are_filled_in_wherever_they_stand() -> None:
    io = Server()

    @io.on("before")
    async def before(user: User, socket: Socket, text: str) -> list[str]:
        return [user, socket.id, text]

    @io.on("between")
    def between(socket: Socket, a: int, number: Annotated[int, Depends(get_number)], b: int = 2) -> list[int]:
        return [a, number, b]

    @io.on("rest")
    async def rest(socket: Socket, user: User, *numbers: int) -> list[object]:
        return [user, *numbers]

    client = await connected(io)
    (sid,) = io.sockets
    assert await client.ask(1, "before", "x") == [["ada@/", sid, "x"]]
    assert await client.ask(2, "between", 1) == [[1, 5, 2]]
    assert await client.ask(3, "between", 1, 3) == [[1, 5, 3]]
    assert await client.ask(4, "rest", 7, 8) == [["ada@/", 7, 8]]
    assert await client.ask(5, "between", "x") == [
        {"error": {"code": "invalid", "message": "Expected `int`, got `str`", "path": "a"}}
    ]
    await io.close()


async def test_generators_clean_up_after_the_handler_in_reverse_order() -> None:
    io = Server()

    @io.on("read")
    async def read(
        socket: Socket, file: Annotated[str, Depends(get_file)], session: Annotated[str, Depends(get_session)]
    ) -> str:
        LOG.append("handler")
        return f"{file}, {session}"

    client = await connected(io)
    assert await client.ask(1, "read") == ["file of session of ada@/, session of ada@/"]
    assert LOG == ["user", "open", "enter in thread", "handler", "exit in thread", "close"]
    await io.close()


async def test_generators_see_what_the_handler_raised() -> None:
    io = Server()

    @io.on("fail")
    async def fail(socket: Socket, session: Annotated[str, Depends(get_session)]) -> None:
        raise EventError("denied")

    client = await connected(io)
    assert await client.ask(1, "fail") == [{"error": {"code": "denied"}}]
    assert LOG == ["user", "open", "failed", "close"]
    await io.close()


async def test_a_generator_in_a_thread_sees_it_too_and_may_replace_it() -> None:
    io = Server()

    def transaction() -> Iterator[None]:
        try:
            yield
        except KeyError as error:
            LOG.append("rolled back")
            raise EventError("missing") from error

    @io.on("fail")
    async def fail(socket: Socket, nothing: Annotated[None, Depends(transaction)]) -> None:
        raise KeyError

    client = await connected(io)
    assert await client.ask(1, "fail") == [{"error": {"code": "missing"}}]
    assert LOG == ["rolled back"]
    await io.close()


async def test_a_failing_clean_up_is_an_error_of_the_handler(caplog: pytest.LogCaptureFixture) -> None:
    io = Server()

    async def leaky() -> AsyncIterator[int]:
        yield 1
        raise OSError("cannot commit")

    @io.on("x")
    async def x(socket: Socket, one: Annotated[int, Depends(leaky)]) -> int:
        return one

    client = await connected(io)
    with caplog.at_level(logging.ERROR):
        assert await client.ask(1, "x") == [{"error": {"code": "internal"}}]
    assert "cannot commit" in caplog.text
    await io.close()


async def test_each_function_is_called_once_an_event() -> None:
    io = Server()
    calls: list[int] = []

    async def count() -> int:
        calls.append(1)
        return len(calls)

    Count = Annotated[int, Depends(count)]

    async def twice(count: Count) -> int:
        return count * 2

    @io.on("x")
    async def x(socket: Socket, a: Count, b: Count, c: Annotated[int, Depends(twice)]) -> list[int]:
        return [a, b, c]

    client = await connected(io)
    assert await client.ask(1, "x") == [[1, 1, 2]]
    assert await client.ask(2, "x") == [[2, 2, 4]]
    await io.close()


async def test_clean_up_runs_when_the_server_ends() -> None:
    io = Server()
    started = asyncio.Event()

    @io.on("wait")
    async def wait(socket: Socket, session: Annotated[str, Depends(get_session)]) -> None:
        started.set()
        await asyncio.Event().wait()

    client = await connected(io)
    client.send('2["wait"]')
    await started.wait()
    await io.close(grace=0.01)
    assert LOG == ["user", "open", "close"]


async def test_classes_and_callable_objects() -> None:
    io = Server()

    class Repository:
        def __init__(self, number: Annotated[int, Depends(get_number)]) -> None:
            self.number = number

    class Adder:
        def __init__(self, by: int) -> None:
            self.by = by

        async def __call__(self, number: Annotated[int, Depends(get_number)], extra: int = 0) -> int:
            return number + self.by + extra

    @io.on("x")
    async def x(
        socket: Socket, repo: Annotated[Repository, Depends()], sum_: Annotated[int, Depends(Adder(2))]
    ) -> list[int]:
        return [repo.number, sum_]

    @io.on("bare")
    async def bare(socket: Socket, repo: Annotated[Repository, Depends]) -> int:
        return repo.number

    client = await connected(io)
    assert await client.ask(1, "x") == [[5, 7]]
    assert await client.ask(2, "bare") == [5]
    await io.close()


async def test_an_auth_that_does_not_fit_is_an_invalid_event() -> None:
    io = Server()

    @io.on("x")
    async def x(socket: Socket, user: User) -> str:
        return user

    client = MemoryClient(io)
    await client.connect(auth={"token": 5})
    assert await client.ask(1, "x") == [
        {"error": {"code": "invalid", "message": "Expected `str`, got `int`", "path": "auth.token"}}
    ]
    await io.close()


async def test_lifecycle_handlers_and_middlewares_have_dependencies() -> None:
    io = Server()

    async def check(credentials: Annotated[Credentials, Auth()]) -> str:
        if credentials.token != "ada":
            raise ConnectionRefused("who?")
        return credentials.token

    @io.use
    async def use(socket: Socket, token: Annotated[str, Depends(check)]) -> None:
        LOG.append(f"use {token}")

    @io.on_connect
    async def connect(socket: Socket, number: Annotated[int, Depends(get_number)], auth: Credentials) -> None:
        LOG.append(f"connect {number} {auth.token}")

    @io.on_disconnect
    async def gone(socket: Socket, number: Annotated[int, Depends(get_number)], reason: str) -> None:
        LOG.append(f"gone {number} {reason}")

    client = await connected(io)
    other = MemoryClient(io)
    other.send('0{"token":"eve"}')
    await until(lambda: other.inbox)
    assert other.inbox == ['4{"message":"who?"}']
    client.send("1")
    await until(lambda: len(LOG) == 3)
    assert LOG == ["use ada", "connect 5 ada", "gone 5 client namespace disconnect"]
    await io.close()


async def test_handlers_of_a_socket_and_methods_have_dependencies() -> None:
    io = Server()

    class Chat(Namespace):
        @on("who")
        async def who(self, socket: Socket, user: User, text: str) -> str:
            return f"{user} {text} {self.name}"

        @on.connect
        async def welcome(self, socket: Socket) -> None:
            @socket.on("own")
            async def own(user: User, text: str) -> str:
                return f"{user} {text}"

            @socket.on("with socket")
            async def with_socket(text: str, socket: Socket, user: User) -> str:
                return f"{text} {socket.namespace.name} {user}"

    io.include(Chat("/chat"))
    client = MemoryClient(io)
    await client.connect("/chat", {"token": "ada"})
    for id, event, answer in (
        (1, "who", "ada@/chat x /chat"),
        (2, "own", "ada@/chat x"),
        (3, "with socket", "x /chat ada@/chat"),
    ):
        client.send(f'2/chat,{id}["{event}","x"]')
        expected = f'3/chat,{id}["{answer}"]'
        await client.wait_for(lambda data, expected=expected: data == expected)
    await io.close()


async def test_a_handler_with_dependencies_can_be_removed() -> None:
    io = Server()

    async def x(socket: Socket, user: User) -> str:
        return user

    io.on("x", x)
    io.off("x", x)
    client = await connected(io)
    assert "unknown_event" in str(await client.ask(1, "x"))
    await io.close()


async def test_names_of_dynamic_namespaces_are_filled_in() -> None:
    io = Server()
    projects = ParentNamespace("/{team}/project-{id:int}")

    async def describe(id: Annotated[int, Param()], team: Annotated[str, Param]) -> str:
        return f"{team} {id}"

    @projects.on("where")
    async def where(
        socket: Socket,
        number: Annotated[ProjectId, Param("id")],
        text: Annotated[str, Depends(describe)],
        suffix: str,
    ) -> list[object]:
        return [number, text, suffix]

    io.include(projects)
    client = MemoryClient(io)
    await client.connect("/red/project-7")
    client.send('2/red/project-7,1["where","x"]')
    await client.wait_for(lambda data: data == '3/red/project-7,1[[7,"red 7","x"]]')
    await io.close()


async def depends_on_itself(a: "Annotated[int, Depends(depends_on_itself)]") -> int:
    return a


async def wants_text(text: str) -> str:
    return text


async def wants_keyword(*, session: Annotated[str, Depends(get_session)]) -> str:
    return session


NUMBER = Depends(get_number)


async def wants_late(number: int = 1, user: User = "") -> str:
    return user


async def itself(socket: Socket, a: Annotated[int, Depends(depends_on_itself)]) -> None: ...
async def text(socket: Socket, a: Annotated[str, Depends(wants_text)]) -> None: ...
async def late(socket: Socket, a: Annotated[str, Depends(wants_late)]) -> None: ...
async def keyword(socket: Socket, a: Annotated[str, Depends(wants_keyword)]) -> None: ...
async def nested(socket: Socket, user: Annotated[str, Depends(get_user)] | None = None) -> None: ...
async def starred(socket: Socket, *users: User) -> None: ...
async def named(socket: Socket, *, user: User = "") -> None: ...
async def default(socket: Socket, a: Any = NUMBER) -> None: ...
async def lock(socket: Socket, a: Annotated[threading.Thread, Auth()]) -> None: ...
async def no_such(socket: Socket, key: Annotated[int, Param()]) -> None: ...
async def wrong_type(socket: Socket, id: Annotated[str, Param()]) -> None: ...


@pytest.mark.parametrize(
    "handler,message",
    [
        (itself, r"depends_on_itself\(.*depends on itself"),
        (text, r"cannot fill 'text' of the dependency wants_text\(.*annotate it with Socket, or with"),
        (late, r"cannot fill 'user' of the dependency wants_late.*before those with defaults"),
        (keyword, r"cannot fill 'session' of the dependency wants_keyword"),
        (nested, r"cannot fill 'user' of nested\(.*go around the whole type: Annotated\[int \| None"),
        (starred, r"fills positional parameters only: 'users' of starred\("),
        (named, r"fills positional parameters only: 'user' of named\("),
        (default, r"write a: Annotated\[\.\.\., Depends\(\.\.\.\)\] in default\("),
        (lock, r"cannot decode parameter 'a' of lock\(.*Thread is not a type that JSON can be decoded into"),
        (no_such, r"there is no 'key' for no_such\(.*has only id"),
        (wrong_type, r"'id' of wrong_type\(.*is declared as str, but the name of the namespace has a int"),
    ],
)
def test_what_cannot_be_filled_fails_at_registration(handler: Callable[..., Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        ParentNamespace("/a-{id:int}").on("x", handler)


def test_static_namespaces_have_no_parameters() -> None:
    with pytest.raises(TypeError, match="has no parameters"):
        Namespace("/a").on("x", no_such)
    with pytest.raises(TypeError, match="Depends needs a function, got 5"):
        Depends(5)  # type: ignore[arg-type]


def test_events_between_servers_know_no_dependencies() -> None:
    async def handler(user: User) -> None: ...

    with pytest.raises(TypeError, match="knows no dependencies: remove 'user'"):
        Server().on_server_event("x")(handler)
