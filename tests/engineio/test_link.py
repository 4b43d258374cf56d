from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcwire.engineio.link import (
    PreparedMessage,
    Request,
    binary_frame,
    message_frame,
    packet_frame,
    parse_query,
)
from arcwire.engineio.protocol.packet import Binary
from arcwire.engineio.protocol.payload import encode_payload
from support.vectors import vectors

FRAMES = {"packet": packet_frame, "message": message_frame, "binary": binary_frame}


# -- frames -------------------------------------------------------------------


@pytest.mark.parametrize("row", vectors("websocket-frames", "frames"))
def test_frames(row):
    content = b"x" * row["size"]
    frame = FRAMES[row["kind"]](content)
    assert frame[: len(frame) - len(content)].hex() == row["header"]
    assert frame[len(frame) - len(content) :] == content


@pytest.mark.parametrize("size", [*range(300), *range(65_530, 65_540)])
def test_a_message_is_framed_like_the_packet_that_carries_it(size):
    payload = bytes(range(256)) * (size // 256 + 1)
    assert message_frame(payload[:size]) == packet_frame(b"4" + payload[:size])


def test_prepared_text():
    message = PreparedMessage("€".encode())
    assert message.frame == b"\x81\x044\xe2\x82\xac"
    assert message.text == "4€"
    assert message.frame is message.frame
    assert message.text is message.text


def test_prepared_binary():
    message = PreparedMessage(b"\x01\x02", binary=True)
    assert message.frame == b"\x82\x02\x01\x02"
    assert message.frame is message.frame


@pytest.mark.parametrize("order", ["websocket first", "polling first"])
def test_one_binary_message_for_both_transports(order):
    # A cache of one encoded form for both made WebSocket clients get base64 or polls fail.
    message = PreparedMessage(b"\x01\x02\x03\x04", binary=True)

    def polling():
        return encode_payload([Binary(message.payload)])

    if order == "websocket first":
        frame, body = message.frame, polling()
    else:
        body, frame = polling(), message.frame
    assert frame == b"\x82\x04\x01\x02\x03\x04"
    assert body == b"bAQIDBA=="


# -- requests -------------------------------------------------------------------


def request(query_string=b"", headers=()):
    return Request(
        method="GET", path="/", query_string=query_string, headers=headers, client=None, secure=False
    )


def test_headers():
    many = request(
        headers=[(b"host", b"a:80"), (b"accept", b"x"), (b"accept", b"y"), (b"x-name", b"\xe9"), (b"x", b"")]
    )
    assert many.headers == {"host": "a:80", "accept": "x, y", "x-name": "é", "x": ""}
    assert many.header(b"host") == "a:80"
    assert many.header(b"accept") == "x"
    assert many.header(b"x") == ""
    assert many.header(b"ost") is None
    assert many.header(b"a") is None


def test_no_headers():
    assert request().headers == {}
    assert request().header(b"host") is None


@pytest.mark.parametrize(
    "query_string, query",
    [
        (b"", {}),
        (b"EIO=4&transport=polling", {"EIO": "4", "transport": "polling"}),
        (b"sid=a&sid=b", {"sid": "b"}),
        (b"sid=", {"sid": ""}),
        (b"a=%E2%82%AC+x%26y", {"a": "€ x&y"}),
        (b"a=%ff&b=%zz&&=&;", {"a": "\ufffd", "b": "%zz", "": "", ";": ""}),
    ],
)
def test_query(query_string, query):
    assert parse_query(query_string.decode("latin-1")) == query
    assert request(query_string).query == query
    assert request(query_string).query_string == query_string.decode()


@given(st.text(alphabet="ab=&;%+ 1", max_size=12))
def test_queries_are_decoded_as_everywhere(text):
    expected = dict(parse_qsl(text, keep_blank_values=True))
    assert parse_query(text) == expected
