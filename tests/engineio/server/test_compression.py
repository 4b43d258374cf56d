import gzip
import json
import zlib

import pytest

from arcwire.engineio.config import EngineConfig
from arcwire.engineio.link import PreparedMessage
from arcwire.engineio.server.compression import choose_encoding, compress
from support.links import MemoryExchange
from support.recorder import RecordedEngine
from support.requests import request_with


@pytest.mark.parametrize(
    "accepted, encoding",
    [
        ("gzip, deflate, br, zstd", "gzip"),
        ("deflate, gzip", "gzip"),
        ("deflate", "deflate"),
        ("gzip;q=0.5, deflate", "deflate"),
        ("gzip; q=0, deflate;q=0", None),
        ("gzip;q=0, *", "deflate"),
        ("*", "gzip"),
        ("*;q=0", None),
        ("x-gzip", "gzip"),
        ("GZIP", "gzip"),
        ("br", None),
        ("identity", None),
        ("", None),
        ("gzip;q=nonsense", None),
        (";;,;q=", None),
    ],
)
def test_the_encoding_that_a_client_prefers(accepted, encoding):
    assert choose_encoding(accepted) == encoding


@pytest.mark.parametrize("encoding, decompress", [("gzip", gzip.decompress), ("deflate", zlib.decompress)])
@pytest.mark.parametrize("body", [b"", b"x", b"4hello\x1e" * 5000])
def test_what_is_compressed_comes_out_again(encoding, decompress, body):
    assert decompress(compress(body, encoding)) == body


def poll(engine: RecordedEngine, accepted: str = "gzip, deflate", **query: str) -> MemoryExchange:
    exchange = MemoryExchange(request_with("GET", {"accept-encoding": accepted}, **query))
    engine.handle_request(exchange)
    return exchange


def open_session(engine: RecordedEngine) -> str:
    return json.loads(poll(engine).body[1:])["sid"]


def content_encoding(exchange: MemoryExchange) -> bytes | None:
    assert exchange.response is not None
    return dict(exchange.response.headers).get(b"content-encoding")


@pytest.mark.parametrize(
    "option, size, compressed",
    [
        (True, 1024, True),
        (True, 1023, False),
        (100, 100, True),
        (100, 99, False),
        (0, 1, True),
        (False, 100_000, False),
    ],
)
async def test_answers_are_compressed_from_a_size_on(option: bool | int, size: int, compressed: bool) -> None:
    engine = RecordedEngine(EngineConfig(http_compression=option))
    # The answer that opens a session is one like others; take it without compression.
    sid = json.loads(poll(engine, "identity").body[1:])["sid"]
    engine.recorded[sid].connection.send_text(b"x" * (size - 1))
    answer = poll(engine, sid=sid)
    assert answer.response is not None
    assert content_encoding(answer) == (b"gzip" if compressed else None)
    body = gzip.decompress(answer.response.body) if compressed else answer.response.body
    assert body == b"4" + b"x" * (size - 1)


async def test_messages_that_are_not_to_be_compressed() -> None:
    engine = RecordedEngine()
    sid = open_session(engine)
    connection = engine.recorded[sid].connection
    plain = PreparedMessage(b"x" * 2000, compress=False)
    binary = PreparedMessage(b"x" * 2000, binary=True, compress=False)

    connection.send_prepared(plain)
    connection.send_prepared(binary)
    assert content_encoding(poll(engine, sid=sid)) is None

    # One of many may be compressed, so all are, as in the reference.
    connection.send_prepared(plain)
    connection.send_text(b"y")
    assert content_encoding(poll(engine, sid=sid)) == b"gzip"


async def test_a_poll_that_waits_is_compressed_for_its_client() -> None:
    engine = RecordedEngine()
    sid = open_session(engine)
    waiting = poll(engine, "deflate", sid=sid)
    engine.recorded[sid].connection.send_text(b"x" * 2000)
    assert content_encoding(waiting) == b"deflate"


async def test_no_error_is_compressed() -> None:
    engine = RecordedEngine(EngineConfig(http_compression=1))
    assert content_encoding(poll(engine, transport="pigeon")) is None
