"""Models of pydantic: as arguments, auth, and in what is sent."""

import subprocess
import sys
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

import msgspec
import pydantic
import pytest

from arcwire import MsgpackCodec, Namespace, Server, Socket
from support.memory import MemoryClient, until

T = TypeVar("T")


class Item(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(populate_by_name=True)

    name: Annotated[str, pydantic.Field(min_length=2)]
    price: float = pydantic.Field(default=0.0, ge=0, alias="unitPrice")
    when: datetime | None = None


class Order(pydantic.BaseModel):
    items: list[Item]


class Blob(pydantic.BaseModel):
    content: bytes
    inner: "Blob | None" = None


class Page(pydantic.BaseModel, Generic[T]):
    rows: list[T]


class Basket(msgspec.Struct):
    owner: str
    items: list[Item]


class Cat(pydantic.BaseModel):
    meow: int


class Dog(pydantic.BaseModel):
    bark: int


@pydantic.dataclasses.dataclass
class Checked:
    x: int


async def test_models_are_validated_before_the_handler_runs() -> None:
    io = Server()

    @io.on("order")
    async def order(socket: Socket, order: Order, times: int = 1) -> float:
        return sum(item.price for item in order.items) * times

    @io.on("page")
    async def page(socket: Socket, page: Page[int], item: Item | None) -> list[int]:
        assert item is None
        return page.rows

    @io.on("basket")
    async def basket(socket: Socket, baskets: dict[str, Basket]) -> str:
        return baskets["a"].items[0].name

    @io.on("pet")
    async def pet(socket: Socket, pet: Cat | Dog) -> str:
        return type(pet).__name__

    client = MemoryClient(io)
    await client.connect()
    good = {"items": [{"name": "ab", "unitPrice": 2}, {"name": "cd", "unitPrice": 3}]}
    assert await client.ask(1, "order", good, 2) == [10.0]
    assert await client.ask(2, "page", {"rows": [1, "2"]}, None) == [[1, 2]]
    assert await client.ask(3, "basket", {"a": {"owner": "x", "items": [{"name": "ab"}]}}) == ["ab"]
    assert await client.ask(4, "pet", {"bark": 1}) == ["Dog"]

    async def error(id: int, event: str, *args: object) -> tuple[str, str]:
        ((answer,)) = await client.ask(id, event, *args)  # type: ignore[misc]
        details: dict[str, Any] = answer["error"]  # type: ignore[has-type]
        assert details["code"] == "invalid"
        return details["path"], details["message"]

    bad = {"items": [{"name": "ab"}, {"name": "a"}]}
    assert await error(5, "order", bad) == (
        "order.items[1].name",
        "String should have at least 2 characters",
    )
    assert (await error(6, "order", 5))[0] == "order"
    assert (await error(7, "order", good, "x"))[0] == "times"
    assert (await error(8, "page", {"rows": ["x"]}, None))[0] == "page.rows[0]"
    path, message = await error(
        9, "basket", {"a": {"owner": "x", "items": [{"name": "ab", "unitPrice": -1}]}}
    )
    assert path == "baskets[...].items[0].unitPrice"
    assert message == "Input should be greater than or equal to 0"
    assert (await error(10, "pet", {"moo": 1}))[0].startswith("pet.Cat")
    await io.close()


async def test_auth_may_be_a_model() -> None:
    io = Server()

    @io.on_connect
    async def connected(socket: Socket, auth: Item) -> None:
        socket.data["name"] = auth.name

    client = MemoryClient(io)
    assert (await client.enter(auth={"name": "ada"})).data == {"name": "ada"}
    other = MemoryClient(io)
    other.send('0{"name":"a"}')
    await until(lambda: other.inbox)
    assert '"path":"auth.name"' in str(other.inbox[0])
    await io.close()


async def test_models_are_sent_by_their_wire_names() -> None:
    io = Server()

    @io.on("item")
    async def item(socket: Socket) -> Item:
        return Item(name="ab", price=2, when=datetime(2026, 1, 1, tzinfo=UTC))

    client = MemoryClient(io)
    socket = await client.enter()
    assert await client.ask(1, "item") == [{"name": "ab", "unitPrice": 2.0, "when": "2026-01-01T00:00:00Z"}]
    socket.emit("items", {"all": [Order(items=[Item(name="ab")])]})
    assert client.inbox[-1] == '2["items",{"all":[{"items":[{"name":"ab","unitPrice":0.0,"when":null}]}]}]'
    await io.close()


async def test_bytes_in_models_are_attachments() -> None:
    io = Server()

    @io.on("blob")
    async def blob(socket: Socket, blob: Blob) -> bytes:
        return blob.content

    client = MemoryClient(io)
    socket = await client.enter()
    socket.emit("blob", Blob(content=b"\xff", inner=Blob(content=b"\x01")))
    assert client.inbox[-3:] == [
        '52-["blob",{"content":{"_placeholder":true,"num":0},'
        '"inner":{"content":{"_placeholder":true,"num":1},"inner":null}}]',
        b"\xff",
        b"\x01",
    ]
    client.send('51-7["blob",{"content":{"_placeholder":true,"num":0}}]', b"\xfe")
    await client.wait_for(lambda data: data == b"\xfe")
    assert client.inbox[-2:] == ['61-7[{"_placeholder":true,"num":0}]', b"\xfe"]
    await io.close()


def test_models_in_messagepack() -> None:
    payload, _ = MsgpackCodec().encode_event("/", "x", (Blob(content=b"\xff"), Item(name="ab")))
    assert msgspec.msgpack.decode(payload)["data"] == [
        "x",
        {"content": b"\xff", "inner": None},
        {"name": "ab", "unitPrice": 0.0, "when": None},
    ]


async def checked(socket: Socket, value: Checked) -> None: ...
async def constrained(socket: Socket, value: list[Annotated[int, pydantic.Field(gt=0)]]) -> None: ...


@pytest.mark.parametrize(
    "handler,text",
    [
        (checked, "Checked is a dataclass of pydantic; make it a pydantic.BaseModel"),
        (constrained, "is only checked within pydantic models; use msgspec.Meta"),
    ],
)
def test_what_would_not_be_checked_fails_at_registration(handler: Any, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        Namespace("/").on("x", handler)


def test_pydantic_is_not_imported_by_arcwire() -> None:
    code = "import sys, arcwire; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
