"""The limit of the tools does the works that it is measured by, for a client that knows nothing of it."""

import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from peers import SERVERS
from processes import free_port, server

from arcwire import Client
from arcwire.socketio.client.socket import ClientSocket

ORDER = {"id": 7, "item": "tea", "quantity": 3, "price": 12.5, "express": True, "tags": ["a", "b"]}


@pytest.fixture
async def socket() -> AsyncIterator[ClientSocket]:
    port = free_port()
    command = [sys.executable, SERVERS / "bare_server.py", str(port), "echo"]
    with server(command, port, graceful=False):
        async with Client(f"http://127.0.0.1:{port}", transports=["websocket"]) as client:
            yield client


async def answer(socket: ClientSocket, event: str, name: str, *args: Any) -> list[Any]:
    answers = socket.events(event)
    await socket.emit(name, *args)
    return (await anext(answers)).args


@pytest.mark.parametrize("size", [1, 32, 118, 126, 4096, 65536, 200_000])
async def test_texts_come_back(socket: ClientSocket, size: int) -> None:
    assert await answer(socket, "echo", "echo", "é" * size) == ["é" * size]


async def test_many_at_once_are_answered_in_order(socket: ClientSocket) -> None:
    calls = [socket.emit_with_ack("ack", str(number)) for number in range(100)]
    assert [await call for call in calls] == [str(number) for number in range(100)]


async def test_attachments_come_back(socket: ClientSocket) -> None:
    for data in (b"", b"\x00\xff", bytes(range(256)) * 300):
        assert await answer(socket, "binary", "binary", data) == [data]


async def test_broadcasts_reach_all(socket: ClientSocket) -> None:
    assert await answer(socket, "news", "broadcast", "hi") == ["hi"]


async def test_orders_are_checked(socket: ClientSocket) -> None:
    receipt = await socket.emit_with_ack("order", ORDER)
    assert receipt == {"id": 7, "item": "tea", "total": 37.5, "express": True}
    refused = await socket.emit_with_ack("order", {**ORDER, "quantity": "many"})
    assert "quantity" in refused["error"]
