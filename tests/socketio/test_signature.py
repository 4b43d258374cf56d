"""What handlers promise, and what reaches them."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import msgspec
import pytest

from arcwire import Ack, Namespace, Socket
from arcwire.socketio.callables import is_async
from arcwire.socketio.decoding import InvalidPayload, holds_bytes
from arcwire.socketio.handlers import EventHandler
from arcwire.socketio.protocol.packet import EVENT, Packet, PacketError


class Message(msgspec.Struct):
    text: str
    price: float = 0.0


class Tree(msgspec.Struct):
    children: list["Tree"] = []


class Blobs(msgspec.Struct):
    next: "Blobs | None"
    blob: bytes


@dataclass
class Point:
    x: int
    y: int


class Options(TypedDict, total=False):
    quiet: bool


class Unknown:
    pass


def handler(function: Callable[..., Any]) -> EventHandler:
    namespace = Namespace("/")
    namespace.on("say", function)
    (registered,) = namespace.event_handlers.take("say")
    return registered


def bind(function: Callable[..., Any], json: str, ack: Ack | None = None) -> tuple[Any, ...]:
    return handler(function).bind(Packet(EVENT, name="say", json=json), "the socket", ack)


async def one_text(socket: Socket, text: str) -> None: ...
async def no_annotations(socket, text) -> None: ...  # type: ignore[no-untyped-def]
async def message(socket: Socket, message: Message, times: int = 1) -> None: ...
async def point(socket: Socket, point: Point) -> None: ...
async def options(socket: Socket, options: Options) -> None: ...
async def tree(socket: Socket, tree: Tree) -> None: ...
async def numbers(socket: Socket, *numbers: int) -> None: ...
async def nothing(socket: Socket) -> None: ...
async def data(socket: Socket, data: bytes) -> None: ...
async def choice(socket: Socket, choice: Literal["a", "b"] | int) -> None: ...
async def anything(socket: Socket, value: object) -> None: ...
async def ack_in_the_middle(socket: Socket, first: int, ack: Ack, second: int = 5) -> None: ...


@pytest.mark.parametrize(
    "function,json,expected",
    [
        (one_text, '["say","hi"]', ("hi",)),
        (one_text, '["say","\\ud83d\\ude00 \\ud800"]', ("\U0001f600 \ufffd",)),
        (no_annotations, '["say",{"a":[1]}]', ({"a": [1]},)),
        (message, '["say",{"text":"a"}]', (Message("a"), 1)),
        (message, '["say",{"text":"a","price":2},3]', (Message("a", 2.0), 3)),
        (point, '["say",{"x":1,"y":2}]', (Point(1, 2),)),
        (options, '["say",{"quiet":true}]', ({"quiet": True},)),
        (tree, '["say",{"children":[{}]}]', (Tree([Tree()]),)),
        (numbers, '["say"]', ()),
        (numbers, '["say",1,2,3]', (1, 2, 3)),
        (nothing, '["say"]', ()),
        (choice, '["say","b"]', ("b",)),
        (anything, '["say",null]', (None,)),
    ],
)
def test_arguments_are_decoded_by_annotation(
    function: Callable[..., Any], json: str, expected: tuple[Any, ...]
) -> None:
    assert bind(function, json) == ("the socket", *expected)


@pytest.mark.parametrize(
    "function,json,path,text",
    [
        (one_text, '["say",1]', "text", "Expected `str`, got `int`"),
        (one_text, '["say"]', "text", "Expected 1 argument, got 0"),
        (one_text, '["say","a","b"]', "[1]", "Expected 1 argument, got 2"),
        (message, '["say",{"text":"a","price":"x"}]', "message.price", "Expected `float`, got `str`"),
        (message, '["say",{},1]', "message", "Object missing required field `text`"),
        (message, '["say",{"text":"a"},"x"]', "times", "Expected `int`, got `str`"),
        (message, '["say",{"text":"a"},1,2]', "[2]", "Expected 1 to 2 arguments, got 3"),
        (
            tree,
            '["say",{"children":[{"children":[1]}]}]',
            "tree.children[0].children[0]",
            "Expected `object`",
        ),
        (numbers, '["say",1,"x"]', "numbers", "Expected `int`, got `str`"),
        (nothing, '["say",1]', "[0]", "Expected 0 arguments, got 1"),
        (data, '["say","AAEC"]', "data", "Expected `bytes`, got `str`"),
        (choice, '["say","c"]', "choice", "Invalid enum value 'c'"),
        (ack_in_the_middle, '["say"]', "first", "Expected 1 to 2 arguments, got 0"),
    ],
)
def test_what_does_not_fit_says_where(function: Callable[..., Any], json: str, path: str, text: str) -> None:
    with pytest.raises(InvalidPayload) as caught:
        bind(function, json)
    assert caught.value.path == path
    assert text in caught.value.message


@pytest.mark.parametrize("function", [one_text, message, numbers, data, ack_in_the_middle])
@pytest.mark.parametrize("json", ['["say",', '["say",}]', '["say" "x"]', "[" * 100_000])
def test_what_is_not_json_is_an_error_of_the_protocol(function: Callable[..., Any], json: str) -> None:
    with pytest.raises(PacketError):
        bind(function, json)


def test_binary_values_reach_handlers_that_want_them() -> None:
    packet = Packet(EVENT, name="say", data=["say", b"\x00\x01"])
    assert handler(data).bind(packet, "the socket", None) == ("the socket", b"\x00\x01")
    with pytest.raises(InvalidPayload):
        handler(one_text).bind(packet, "the socket", None)


def test_the_ack_is_passed_where_it_is_declared() -> None:
    ack = Ack(None, None, 1)  # type: ignore[arg-type]
    assert bind(ack_in_the_middle, '["say",1]', ack) == ("the socket", 1, ack, 5)
    assert bind(ack_in_the_middle, '["say",1,2]', ack) == ("the socket", 1, ack, 2)


def no_socket(text: str) -> None: ...
def no_parameters() -> None: ...
def keyword(socket: Socket, *, loud: bool) -> None: ...
def keywords(socket: Socket, **options: str) -> None: ...
def unknown(socket: Socket, what: Unknown) -> None: ...
def unresolved(socket: Socket, what: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    "function,text",
    [
        (
            no_socket,
            r"passes the socket first, but no_socket\(text: str\).*'text' as str; write \(socket: Socket",
        ),
        (no_parameters, r"calls its handler with socket, but no_parameters\(\).*takes 0 arguments; write"),
        (keyword, r"positional arguments only; remove 'loud' or give it a default"),
        (keywords, r"positional arguments only; remove 'options'"),
        (unknown, r"'what' of unknown\(.*Unknown is not a type that JSON can be decoded into; use a msgspec"),
        (unresolved, r"name 'Nowhere' is not defined; import that name at module level"),
        ("text", r"needs a function, got 'text'"),
    ],
)
def test_wrong_signatures_fail_at_registration_and_say_how_to_mend_them(function: Any, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        Namespace("/").on("say", function)


@pytest.mark.parametrize("event", ["connect", "disconnect", "connect_error", "disconnecting", "newListener"])
def test_lifecycle_names_are_not_events(event: str) -> None:
    with pytest.raises(ValueError, match="part of a socket's lifecycle"):
        Namespace("/").on(event, one_text)


def test_connect_says_what_to_use_instead() -> None:
    with pytest.raises(ValueError, match="register it with on_connect"):
        Namespace("/").on("connect")
    with pytest.raises(TypeError, match="an event is named by a string"):
        Namespace("/").on(one_text)  # type: ignore[arg-type]


def test_lifecycle_handlers_take_what_they_are_called_with() -> None:
    namespace = Namespace("/")

    def wants_more(socket: Socket, auth: dict[str, str], more: int) -> None: ...
    def four(socket: Socket, reason: str, description: str, more: str) -> None: ...
    def two(socket: Socket, more: int) -> None: ...

    with pytest.raises(TypeError, match="with the socket and the client's auth; it wants more"):
        namespace.on_connect(wants_more)
    with pytest.raises(TypeError, match="with socket, reason and description; it wants more"):
        namespace.on_disconnect(four)
    with pytest.raises(TypeError, match="with the socket only"):
        namespace.use(two)


def test_what_runs_on_the_loop() -> None:
    class Callable_:
        async def __call__(self, socket: Socket) -> None: ...

    assert is_async(one_text)
    assert is_async(functools.partial(one_text, text="a"))
    assert is_async(Callable_())
    assert not is_async(keyword)
    assert handler(Callable_()).is_async


def test_types_that_hold_bytes() -> None:
    assert holds_bytes(bytes)
    assert holds_bytes(Blobs)
    assert holds_bytes(dict[str, list[bytearray | None]])
    assert not holds_bytes(Tree)
    assert not holds_bytes(Any)
