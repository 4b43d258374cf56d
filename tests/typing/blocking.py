"""What type checkers know of the blocking client. A line marked E is to be rejected."""

from typing import Any, assert_type

from msgspec import Struct

from arcwire import State
from arcwire.blocking import Client, Emission, Events, FlaggedSocket, Socket
from arcwire.socketio.client import StreamedEvent


class Receipt(Struct):
    number: int


client = Client("http://localhost", auth={"token": "x"}, transports=["websocket"], retries=3)
assert_type(client.connect(), Socket)
assert_type(client.of("/admin", auth=lambda: {"token": "x"}), Socket)
client.of(1)  # E: arg-type

with client as socket:
    assert_type(socket, Socket)
    assert_type(socket.emit("say", 1, {"a": b""}), Emission)
    socket.emit("say").wait()
    assert_type(socket.emit_with_ack("say", 1), Any)
    assert_type(socket.emit_with_ack("say", 1, returns=Receipt), Receipt)
    assert_type(socket.timeout(5), FlaggedSocket)
    assert_type(socket.timeout(5).volatile.emit_with_ack("say", returns=int), int)
    socket.emit(1)  # E: arg-type
    socket.timeout("5")  # E: arg-type
    socket.emit_with_ack("say", return_=int)  # E: call-overload
    assert_type(socket.events("a", "b"), Events)
    assert_type(socket.events().get(timeout=1), StreamedEvent)
    for event in socket.events("a", overflow="drop_oldest"):
        assert_type(event, StreamedEvent)
        assert_type(event.name, str)
    for state in socket.states():
        assert_type(state, State)
    socket.events(overflow="drop_all")  # E: arg-type
    assert_type(socket.id, str | None)

    @socket.on("said")
    def said(receipt: Receipt) -> str:
        return str(receipt.number)

    assert_type(said(Receipt(1)), str)

    @socket.on_disconnect
    def gone(reason: str) -> None: ...

    socket.on("said", 1)  # E: call-overload
