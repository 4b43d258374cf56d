"""What type checkers know of acknowledgements. A line marked E is to be rejected."""

from typing import Any, assert_type

from msgspec import Struct

from arcwire import Reply, Server, Socket


class Receipt(Struct):
    id: int


async def one(socket: Socket) -> int:
    assert_type(await socket.emit_with_ack("q"), Any)
    receipt = await socket.emit_with_ack("q", 1, 2, returns=Receipt)
    assert_type(receipt, Receipt)
    assert_type(await socket.timeout(5).emit_with_ack("q", returns=list[int]), list[int])
    assert_type(await socket.volatile.timeout(5).emit_with_ack("q", returns=Receipt), Receipt)
    receipt.idd = 5  # E: attr-defined
    text: str = await socket.emit_with_ack("q", returns=Receipt)  # E: arg-type
    return len(text) + socket.emit_with_ack("q", returns=int).result()


def in_a_thread(socket: Socket) -> int:
    return socket.emit_with_ack("q", returns=Receipt).result()  # E: return-value


async def many(io: Server) -> list[int]:
    assert_type(await io.to("a").timeout(5).emit_with_ack("q"), list[Any])
    assert_type(await io.to("a").emit_with_ack("q", returns=Receipt), list[Receipt])
    assert_type(await io.emit_with_ack("q", returns=Receipt), list[Receipt])
    answers = io.emit_with_ack("q", returns=Receipt)
    async for reply in answers:
        assert_type(reply, Reply[Receipt])
        assert_type(reply.value.id, int)
        reply.value.idd = 5  # E: attr-defined
    assert_type([error.path for error in answers.invalid.values()], list[str])
    return await answers  # E: return-value


async def to_and_from(io: Server, socket: Socket) -> None:
    await io.to("a", "b").except_("c").emit("x", 1)
    io.to(["a"]).emit("x")  # E: arg-type
    socket.emit(5)  # E: arg-type
    socket.timeout("5")  # E: arg-type
