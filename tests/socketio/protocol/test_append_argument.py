"""One more argument for an event that is encoded already."""

import json
from typing import Any

import pytest

from arcwire import JsonCodec, MsgpackCodec
from arcwire.socketio.protocol.codec import Codec, PacketCodec
from arcwire.socketio.protocol.packet import Packet

NAMESPACES = ["/", "/chat", "/¤data", "/" + "n" * 30, "/" + "n" * 31, "/" + "n" * 300, "/" + "é" * 40_000]
ARGUMENTS: list[tuple[Any, ...]] = [
    *((), (1,), ("text", None), ({"a": [1, "]"]},), ([],), ("é漢🎉",)),
    *(tuple(range(count)) for count in (13, 14, 15, 16, 65_533, 65_534, 65_535)),
]


class TextCodec(PacketCodec):
    """A codec of one's own, in text."""

    binary = False

    def encode(self, packet: Packet) -> bytes:
        return json.dumps([packet.type, packet.namespace, packet.id, packet.data]).encode()

    def decode(self, data: str | bytes) -> Packet:
        kind, namespace, id, content = json.loads(data)
        return Packet(kind, namespace, id, data=content)


class BinaryCodec(TextCodec):
    """The same in binary messages."""

    binary = True


@pytest.mark.parametrize("codec", [JsonCodec(), MsgpackCodec(), TextCodec(), BinaryCodec()], ids=type)
@pytest.mark.parametrize("namespace", NAMESPACES, ids=lambda name: f"{len(name)}")
@pytest.mark.parametrize("args", ARGUMENTS, ids=lambda args: f"{len(args)}")
def test_is_as_if_it_had_been_there(codec: Codec, namespace: str, args: tuple[Any, ...]) -> None:
    message, attachments = codec.encode_event(namespace, "event", args)
    appended = codec.append_argument(message, "aBc-17")
    assert (appended, attachments) == codec.encode_event(namespace, "event", (*args, "aBc-17"))


def test_attachments_stay_as_they_are() -> None:
    codec = JsonCodec()
    args = (b"one", {"two": b"two"})
    message, attachments = codec.encode_event("/chat", "event", args)
    appended = codec.append_argument(message, "aBc-17")
    assert (appended, attachments) == codec.encode_event("/chat", "event", (*args, "aBc-17"))
