"""Clients that ask for text in place of binary frames (`b64` in the query)."""

from arcwire import Server, Socket
from support.memory import MemoryClient


async def test_binary_values_travel_as_base64_text() -> None:
    io = Server()

    @io.on("blob")
    async def blob(socket: Socket, data: bytes) -> bytes:
        io.emit("all", data)
        return data

    client, other = MemoryClient(io, query="&b64=1"), MemoryClient(io)
    await client.connect()
    await other.connect()
    client.send('51-1["blob",{"_placeholder":true,"num":0}]')
    client.link.receiver.receive_text("bAQIDBA==")
    await client.wait_for(lambda data: data == '61-1[{"_placeholder":true,"num":0}]')
    assert client.link.sent[-4:] == [
        '451-["all",{"_placeholder":true,"num":0}]',
        "bAQIDBA==",
        '461-1[{"_placeholder":true,"num":0}]',
        "bAQIDBA==",
    ]
    assert other.link.sent[-1] == b"\x01\x02\x03\x04"
