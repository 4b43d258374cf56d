"""Values that a codec cannot, or can barely, send."""

import pytest

from arcwire import MsgpackCodec
from arcwire.socketio.protocol.json_codec import JsonCodec
from arcwire.socketio.protocol.packet import CONNECT

CYCLIC = []
CYCLIC.append(CYCLIC)
GAPS = memoryview(b"abcdef")[::2]


def deep():
    value = 1
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize("codec", [JsonCodec(), MsgpackCodec()], ids=["json", "msgpack"])
@pytest.mark.parametrize("value", [CYCLIC, deep(), [b"bytes", CYCLIC]], ids=["cyclic", "deep", "binary"])
def test_what_is_nested_too_deeply(codec, value):
    for encode in (
        lambda: codec.encode_event("/", "a", (value,)),
        lambda: codec.encode_ack("/", 1, (value,)),
        lambda: codec.encode_control(CONNECT, "/", {"a": value}),
    ):
        with pytest.raises(ValueError, match="nested too deeply"):
            encode()


def test_a_memoryview_with_gaps_is_bytes():
    codec = MsgpackCodec()
    for value in (GAPS, [GAPS], {"a": GAPS}):
        payload, _ = codec.encode_event("/", "a", (value,))
        assert b"ace" in payload
    assert codec.decode_binary(codec.encode_event("/", "a", (GAPS,))[0]).data == ["a", b"ace"]
    assert JsonCodec().encode_event("/", "a", (GAPS,))[1] == [b"ace"]
    with pytest.raises(ValueError, match="contiguous"):
        JsonCodec().encode_control(CONNECT, "/", {"a": GAPS})
