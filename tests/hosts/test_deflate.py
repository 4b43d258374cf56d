"""permessage-deflate without connections: the handshake, and what becomes of messages."""

import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcwire.engineio.deflate import PerMessageDeflate
from arcwire.engineio.link import PreparedMessage
from arcwire.hosts.deflate import Agreement, Corrupt, Inflater, TooLarge, deflate, largest_deflated, negotiate

DEFAULT = PerMessageDeflate()
WIDE = PerMessageDeflate(server_max_window_bits=15, client_max_window_bits=15)
FORGETFUL = PerMessageDeflate(server_no_context_takeover=True, client_no_context_takeover=True)
ROOM = 100_000
TAIL = b"\x00\x00\xff\xff"

# RFC 7692 section 7.2.3: "Hello" in ways that differ.
HELLO = bytes.fromhex("f248cdc9c90700")
HELLO_AGAIN = bytes.fromhex("f200110000")
HELLO_STORED = bytes.fromhex("000500faff48656c6c6f00")
HELLO_FINAL = bytes.fromhex("f348cdc9c9070000")
HELLO_IN_TWO_BLOCKS = bytes.fromhex("f24805000000ffffcac9c90700")


def agree(offer: str = "permessage-deflate", options: PerMessageDeflate = DEFAULT) -> Agreement:
    agreed = negotiate([offer.encode()], options)
    assert agreed is not None
    return agreed[1]


def inflate(inflater: Inflater, *fragments: bytes, room: int = ROOM) -> bytes:
    """A message of these fragments."""
    message = b""
    for number, fragment in enumerate(fragments, 1):
        message += inflater.inflate(fragment, room - len(message), last=number == len(fragments))
    return message


# -- the handshake -------------------------------------------------------------------


@pytest.mark.parametrize(
    "offers, options, answer",
    [
        ("permessage-deflate", WIDE, ""),
        ("permessage-deflate", DEFAULT, "server_max_window_bits=12"),
        ("permessage-deflate; client_max_window_bits", WIDE, "client_max_window_bits=15"),
        # What browsers send.
        (
            "permessage-deflate; client_max_window_bits",
            DEFAULT,
            "server_max_window_bits=12; client_max_window_bits=12",
        ),
        ("permessage-deflate; client_max_window_bits=10", WIDE, "client_max_window_bits=10"),
        ("permessage-deflate; client_max_window_bits=8", WIDE, "client_max_window_bits=8"),
        (
            "permessage-deflate; client_max_window_bits=15",
            DEFAULT,
            "server_max_window_bits=12; client_max_window_bits=12",
        ),
        ("permessage-deflate; server_max_window_bits=10", DEFAULT, "server_max_window_bits=10"),
        ("permessage-deflate; server_max_window_bits=15", DEFAULT, "server_max_window_bits=12"),
        ('permessage-deflate; server_max_window_bits="10"', DEFAULT, "server_max_window_bits=10"),
        ("permessage-deflate;server_max_window_bits=9", WIDE, "server_max_window_bits=9"),
        ("permessage-deflate ;\tserver_max_window_bits = 9 ", WIDE, "server_max_window_bits=9"),
        ("permessage-deflate; server_no_context_takeover", WIDE, "server_no_context_takeover"),
        ("permessage-deflate; client_no_context_takeover", WIDE, "client_no_context_takeover"),
        (
            "permessage-deflate",
            FORGETFUL,
            "server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12",
        ),
        # The first that can be met counts.
        (
            "x-webkit-deflate-frame, permessage-deflate; server_max_window_bits=8, permessage-deflate",
            WIDE,
            "",
        ),
        (
            "permessage-deflate; client_max_window_bits=9, permessage-deflate; server_max_window_bits=9",
            WIDE,
            "client_max_window_bits=9",
        ),
    ],
)
def test_offers_that_are_met(offers, options, answer):
    agreed = negotiate([offers.encode()], options)
    assert agreed is not None
    assert agreed[0].decode() == "; ".join(["permessage-deflate", *filter(None, [answer])])


def test_offers_in_several_fields():
    agreed = negotiate([b"foo", b"permessage-deflate; bar, permessage-deflate"], WIDE)
    assert agreed is not None
    assert agreed[0] == b"permessage-deflate"


@pytest.mark.parametrize(
    "parameters",
    [
        "unknown",
        "unknown=1",
        "server_no_context_takeover=1",
        "client_no_context_takeover=true",
        "server_no_context_takeover; server_no_context_takeover",
        "client_max_window_bits; client_max_window_bits=10",
        "server_max_window_bits",
        "server_max_window_bits=",
        "server_max_window_bits=7",
        "server_max_window_bits=8",  # zlib cannot
        "server_max_window_bits=16",
        "server_max_window_bits=010",
        "server_max_window_bits=+9",
        "server_max_window_bits=1_0",
        "server_max_window_bits=\u0661\u0662",
        "client_max_window_bits=7",
        "client_max_window_bits=16",
        "client_max_window_bits=x",
        "",
        ";",
        "=10",
        'server_max_window_bits="10',
        'server_max_window_bits="1,0"',
        'server_max_window_bits="10"; "',
        "server_max_window_bits 10",
    ],
)
def test_offers_that_are_passed_over(parameters):
    assert negotiate([f"permessage-deflate; {parameters}".encode()], WIDE) is None


@pytest.mark.parametrize("offers", [[], [b""], [b","], [b"permessage-bzip2"], [b"Permessage-Deflate2"]])
def test_nothing_that_fits(offers):
    assert negotiate(offers, WIDE) is None


@given(st.lists(st.binary() | st.text('permessage-deflate;=" ,128').map(str.encode), max_size=4))
def test_no_offer_does_harm(offers):
    agreed = negotiate(offers, DEFAULT)
    assert agreed is None or agreed[0].startswith(b"permessage-deflate")


def test_connections_with_the_same_terms_share_them():
    offer = "permessage-deflate; client_max_window_bits"
    assert agree(offer) is agree(offer)
    assert agree(offer) is not agree()
    # What differs is about the other direction: frames can still be shared.
    assert agree(offer).encoding is agree().encoding
    assert agree().encoding is not agree(options=WIDE).encoding


# -- messages of the peer ------------------------------------------------------------


@pytest.mark.parametrize(
    "fragments",
    [
        [HELLO],
        [HELLO[:3], HELLO[3:]],
        [b"", HELLO, b""],
        [HELLO_STORED],
        [HELLO_FINAL],
        [HELLO_IN_TWO_BLOCKS],
    ],
)
def test_the_examples_of_the_specification(fragments):
    inflater = Inflater(agree())
    assert inflate(inflater, *fragments) == b"Hello"
    assert inflate(inflater, *fragments) == b"Hello"


def test_a_message_in_the_context_of_another():
    inflater = Inflater(agree())
    assert inflate(inflater, HELLO) == b"Hello"
    assert inflate(inflater, HELLO_AGAIN) == b"Hello"
    forgetful = Inflater(agree("permessage-deflate; client_no_context_takeover"))
    inflate(forgetful, HELLO)
    with pytest.raises(Corrupt):
        inflate(forgetful, HELLO_AGAIN)


def test_streams_that_end_within_a_message():
    inflater = Inflater(agree())
    assert inflate(inflater, HELLO_FINAL[:-1] + HELLO_FINAL[:-1] + HELLO) == b"HelloHelloHello"
    assert inflate(inflater, HELLO_FINAL[:-1]) == b"Hello", "without the last empty block"
    assert inflate(inflater, HELLO_FINAL[:-1], HELLO_STORED) == b"HelloHello"
    for _ in range(20):
        assert inflate(inflater, HELLO_FINAL) == b"Hello"
    # Each costs more than the two bytes that it takes.
    with pytest.raises(Corrupt):
        inflate(inflater, b"\x03\x00" * 500_000)


@pytest.mark.parametrize("data", [b"\xff\xff\xff", b"\x07", HELLO + b"\x01", HELLO_AGAIN])
def test_what_is_not_compressed(data):
    with pytest.raises(Corrupt):
        inflate(Inflater(agree()), data)


@given(st.lists(st.binary(max_size=30), min_size=1, max_size=4))
def test_garbage_is_corrupt_or_some_message(fragments):
    inflater = Inflater(agree())
    try:
        for fragment in fragments:
            assert len(inflater.inflate(fragment, 1000, last=True)) <= 1000
    except (Corrupt, TooLarge):
        pass


@pytest.mark.parametrize("cuts", [1, 2, 7])
@pytest.mark.parametrize("size", [1, 100, 40_000, 100_000])
@pytest.mark.parametrize("content", ["zeros", "noise"])
def test_the_room_for_a_message(size, content, cuts):
    message = bytes(size) if content == "zeros" else random.Random(size).randbytes(size)
    compressor = zlib.compressobj(wbits=-12)
    data = deflate(compressor, message)
    step = len(data) // cuts + 1
    fragments = [data[start : start + step] for start in range(0, len(data), step)]
    assert inflate(Inflater(agree()), *fragments, room=size) == message
    with pytest.raises(TooLarge):
        inflate(Inflater(agree()), *fragments, room=size - 1)


def test_a_window_of_8_bits():
    # zlib before 1.2.9 took 9 when it was asked for 8, and looked back no further.
    inflater = Inflater(agree("permessage-deflate; client_max_window_bits=8", WIDE))
    compressor = zlib.compressobj(wbits=-9)
    noise = random.Random(1).randbytes(250)
    for message in (noise, noise + noise, noise, bytes(1000), noise):
        assert inflate(inflater, deflate(compressor, message)) == message


@pytest.mark.parametrize("memory_level", [1, 9])
@pytest.mark.parametrize("window_bits", [9, 15])
@pytest.mark.parametrize("level", [0, 1, 9])
@pytest.mark.parametrize("size", [0, 1, 1000, 65_536, 1_000_000])
def test_what_a_message_may_take_that_does_not_shrink(size, level, window_bits, memory_level):
    message = random.Random(size).randbytes(size)
    compressor = zlib.compressobj(level, zlib.DEFLATED, -window_bits, memory_level)
    assert len(deflate(compressor, message)) <= largest_deflated(size)


# -- messages to the peer --------------------------------------------------------------


def unframed(frame: bytes) -> tuple[int, bytes]:
    length = frame[1]
    start = {126: 4, 127: 10}.get(length, 2)
    size = length if start == 2 else int.from_bytes(frame[2:start], "big")
    assert len(frame) == start + size
    return frame[0], frame[start:]


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("size", [1, 1000, 200_000, 10_000_000])
def test_a_prepared_message(size, binary):
    message = PreparedMessage(b"abcdefghij" * (size // 10 + 1), binary=binary)
    encoding = agree().encoding
    frame = message.compressed(encoding)
    first, data = unframed(frame)
    assert first == (0xC2 if binary else 0xC1)
    content = message.payload if binary else b"4" + message.payload
    assert zlib.decompressobj(-12).decompress(data + TAIL) == content
    assert message.compressed(encoding) is frame
    assert message.compressed(agree(options=WIDE).encoding) is not frame
    assert message.frame != frame


@given(st.lists(st.binary(min_size=1) | st.just(b"a" * 5000), max_size=8), st.integers(9, 15), st.booleans())
def test_any_messages_survive(messages, window_bits, shared):
    agreement = agree(f"permessage-deflate; server_max_window_bits={window_bits}", WIDE)
    compressor = agreement.encoding.compressor()
    peer = zlib.decompressobj(-window_bits)
    for message in messages:
        if shared:
            _, data = unframed(agreement.encoding.frame(PreparedMessage(message, binary=True)))
        else:
            data = deflate(compressor, message)
        assert peer.decompress(data + TAIL) == message
