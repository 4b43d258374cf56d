"""What type checkers know of clients. A line marked E is to be rejected."""

import asyncio
from typing import Any, assert_type

from msgspec import Struct

from arcwire import Client, ClientSocket, DisconnectReason, MsgpackCodec, OfflineBuffer, State, StateName


class Receipt(Struct):
    id: int


async def get_token() -> dict[str, str]:
    return {"token": "x"}


async def main() -> None:
    async with Client("https://example.com/chat", auth=get_token, retries=3, codec=MsgpackCodec()) as socket:
        assert_type(socket, ClientSocket)

        @socket.on("said")
        async def said(receipt: Receipt) -> int:
            return receipt.id

        assert_type(await said(Receipt(1)), int)
        assert_type(await socket.emit("log", 1), None)
        assert_type(await socket.emit_with_ack("q"), Any)
        assert_type(await socket.emit_with_ack("q", returns=Receipt), Receipt)
        assert_type(await socket.timeout(5).volatile.emit_with_ack("q", returns=list[int]), list[int])
        text: str = await socket.emit_with_ack("q", returns=Receipt)  # E: arg-type
        text = socket.emit_with_ack("q", returns=Receipt).result().idd  # E: attr-defined
        async for event in socket.events("tick", limit=10, overflow="drop_oldest"):
            assert_type(event.args, list[Any])
            event.answer(text)
            text = event.data  # E: attr-defined
        async for state in socket.states():
            assert_type(state, State)
            assert_type(state.name, StateName)
            assert_type(state.reason, DisconnectReason | None)
        socket.events(overflow="block")  # E: arg-type
        async with socket.of("/admin", auth={"a": 1}) as admin:
            assert_type(admin, ClientSocket)
        assert_type(await socket.connect(retry=True), ClientSocket)
        assert_type(await asyncio.create_task(socket.connect()), ClientSocket)
        assert_type(await asyncio.create_task(socket.emit_with_ack("q", returns=Receipt)), Receipt)


def wrong() -> None:
    Client("https://example.com", transports="websocket", proxy=None, trust_env=False)
    Client("https://example.com", protocol=5)  # E: arg-type
    Client("https://example.com", tranports=("polling",))  # E: call-arg
    Client("https://example.com", offline_buffer=5)  # E: arg-type
    Client("https://example.com", auth="token")  # E: arg-type
    OfflineBuffer(overflow="never")  # E: arg-type
    Client("https://example.com", auth=lambda: {"token": "x"})
