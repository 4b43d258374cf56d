"""Clients of protocol 3, and those that poll by script elements, against an engine."""

import asyncio
import json
import logging
from urllib.parse import quote

import pytest

from arcwire.engineio.config import EngineConfig
from arcwire.engineio.link import PreparedMessage, Request
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.engineio.server import Engine
from support.links import MemoryExchange, MemoryLink, open_link
from support.links import request as request_v4
from support.raw_http import until
from support.recorder import RecordedEngine, Recorder


def request(method: str = "GET", content_type: str | None = None, **query: str) -> Request:
    made = request_v4(method, **{"EIO": "3", **query})
    if content_type is None:
        return made
    return Request(
        method=method,
        path=made.path,
        query_string=made.query_string.encode(),
        headers=[(b"content-type", content_type.encode())],
        client=made.client,
        secure=False,
    )


@pytest.fixture
def engine() -> RecordedEngine:
    return RecordedEngine(EngineConfig(allow_eio3=True))


def ask(engine: Engine, of: Request, body: bytes = b"") -> MemoryExchange:
    exchange = MemoryExchange(of, body)
    engine.handle_request(exchange)
    return exchange


def body(exchange: MemoryExchange) -> bytes:
    assert exchange.response is not None
    return exchange.response.body


def fields(exchange: MemoryExchange) -> dict[bytes, bytes]:
    assert exchange.response is not None
    return dict(exchange.response.headers)


def open_polling(engine: RecordedEngine, **query: str) -> tuple[str, Recorder]:
    """A session; its id, and what it receives."""
    assert ask(engine, request(transport="polling", **query)).status == 200
    sid = next(reversed(engine.recorded))
    return sid, engine.recorded[sid]


def open_websocket(engine: RecordedEngine, **query: str) -> tuple[MemoryLink, Recorder]:
    link = open_link(engine, request(transport="websocket", **query))
    (opening,) = link.take()
    assert isinstance(opening, str)
    return link, engine.recorded[json.loads(opening[1:])["sid"]]


# -- admission -----------------------------------------------------------------------


@pytest.mark.parametrize("query", [{}, {"EIO": "3"}, {"EIO": "5"}, {"EIO": ""}])
async def test_are_refused_unless_allowed_and_the_log_says_how_once(
    query: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    engine = RecordedEngine()
    with caplog.at_level(logging.WARNING, "arcwire.engineio"):
        for _ in range(2):
            exchange = ask(engine, request(transport="polling", **query))
            assert exchange.status == 400
            assert json.loads(exchange.body) == {"code": 5, "message": "Unsupported protocol version"}
    assert sum("allow_eio3=True" in record.getMessage() for record in caplog.records) == 1


async def test_the_handshake_has_its_length_in_front(engine: RecordedEngine) -> None:
    exchange = ask(engine, request(transport="polling"))
    (sid,) = engine.recorded
    opening = (
        f'0{{"sid":"{sid}","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,'
        '"maxPayload":1000000}'
    )
    assert body(exchange).decode() == f"{len(opening)}:{opening}"
    assert fields(exchange)[b"content-type"] == b"text/plain; charset=UTF-8"
    assert engine.recorded[sid].connection.protocol == 3


async def test_a_session_keeps_its_revision(engine: RecordedEngine) -> None:
    sid, _ = open_polling(engine)
    for query in ({"EIO": "4"}, {"EIO": "4", "transport": "websocket"}):
        of = request(**{"transport": "polling", "sid": sid, **query})
        if query.get("transport") is None:
            assert json.loads(ask(engine, of).body) == {"code": 3, "message": "Bad request"}
    # A revision that does not exist is 3 as well.
    assert ask(engine, request("POST", transport="polling", sid=sid, EIO="5"), b"2:4a").status == 200

    assert ask(engine, request_v4(transport="polling")).status == 200
    other = next(reversed(engine.recorded))
    assert engine.recorded[other].connection.protocol == 4
    assert json.loads(ask(engine, request(transport="polling", sid=other)).body)["code"] == 3


# -- messages ------------------------------------------------------------------------


async def test_messages_over_polling(engine: RecordedEngine) -> None:
    sid, recorder = open_polling(engine)
    assert ask(engine, request("POST", transport="polling", sid=sid), "2:4€6:b4AQI=".encode()).body == "ok"
    octets = request("POST", "application/octet-stream", transport="polling", sid=sid)
    assert ask(engine, octets, b"\x00\x02\xff4a\x01\x02\xff\x04\xff").body == "ok"
    assert recorder.messages == ["€", b"\x01\x02", "a", b"\xff"]

    recorder.connection.send_text("€".encode())
    poll = ask(engine, request(transport="polling", sid=sid))
    assert body(poll) == "2:4€".encode()
    assert fields(poll)[b"content-type"] == b"text/plain; charset=UTF-8"
    recorder.connection.send_binary(b"\x01")
    recorder.connection.send_prepared(PreparedMessage(b"\x02", binary=True))
    poll = ask(engine, request(transport="polling", sid=sid))
    assert body(poll) == b"\x01\x02\xff\x04\x01\x01\x02\xff\x04\x02"
    assert fields(poll)[b"content-type"] == b"application/octet-stream"


async def test_bodies_that_are_no_payloads_end_the_session(engine: RecordedEngine) -> None:
    for content_type in ("text/plain", "application/octet-stream"):
        sid, recorder = open_polling(engine)
        post = request("POST", content_type, transport="polling", sid=sid)
        assert ask(engine, post, b"4hello").status == 400
        assert recorder.reason is CloseReason.PARSE_ERROR
    assert engine.clients_count == 0


async def test_binary_frames_begin_with_the_type(engine: RecordedEngine) -> None:
    link, recorder = open_websocket(engine)
    link.receive("4a", b"\x04\x01\x02", b"\x04", "b4/w==")
    assert recorder.messages == ["a", b"\x01\x02", b"", b"\xff"]
    recorder.connection.send_text(b"a")
    recorder.connection.send_binary(b"\x01\x02")
    recorder.connection.send_prepared(PreparedMessage(b"\x03", binary=True))
    recorder.connection.send_prepared(PreparedMessage(b"\x04", binary=True, compress=False))
    recorder.connection.send_prepared(PreparedMessage(b"b"))
    assert link.take() == ["4a", b"\x04\x01\x02", b"\x04\x03", b"\x04\x04", "4b"]
    assert link.uncompressed == [b"\x04\x04"]


async def test_base64_is_sent_where_it_is_asked_for(engine: RecordedEngine) -> None:
    link, recorder = open_websocket(engine, b64="1")
    recorder.connection.send_binary(b"\x01\x02\x03\x04")
    recorder.connection.send_prepared(PreparedMessage(b"", binary=True))
    assert link.take() == ["b4AQIDBA==", "b4"]


@pytest.mark.parametrize("frame", [b"", b"\x01\x02", b"4a"])
async def test_a_binary_frame_of_another_type_ends_the_session(engine: RecordedEngine, frame: bytes) -> None:
    link, recorder = open_websocket(engine)
    link.receive(frame, b"\x04late")
    assert recorder.reason is CloseReason.PARSE_ERROR
    assert recorder.messages == []
    assert not link.open


async def test_a_websocket_that_is_lost_ends_the_session(engine: RecordedEngine) -> None:
    link, recorder = open_websocket(engine)
    link.vanish(CloseReason.TRANSPORT_CLOSE)
    assert recorder.reason is CloseReason.TRANSPORT_CLOSE
    assert engine.clients_count == 0


# -- heartbeat and upgrade -------------------------------------------------------------


async def test_stays_as_long_as_it_pings(engine: RecordedEngine) -> None:
    link, recorder = open_websocket(engine)
    for _ in range(3):
        await asyncio.sleep(44)
        assert recorder.reason is None
        link.receive("2")
        assert link.take() == ["3"]
    await asyncio.sleep(44)
    assert recorder.reason is None
    await asyncio.sleep(2)
    assert recorder.reason is CloseReason.PING_TIMEOUT
    assert engine.clients_count == 0


async def test_messages_keep_it_too(engine: RecordedEngine) -> None:
    link, recorder = open_websocket(engine)
    for frame in ("4a", b"\x04a"):
        await asyncio.sleep(44)
        link.receive(frame)
    await asyncio.sleep(44)
    assert recorder.reason is None


async def test_an_upgrade_moves_everything_and_supervision_goes_on(engine: RecordedEngine) -> None:
    sid, recorder = open_polling(engine)
    poll = ask(engine, request(transport="polling", sid=sid))
    link = open_link(engine, request(transport="websocket", sid=sid))
    link.receive("2probe")
    assert link.take() == ["3probe"]
    await until(lambda: poll.response)
    assert body(poll) == b"1:6"
    recorder.connection.send_binary(b"\x01")
    link.receive("5")
    link.receive(b"\x04\x02")
    assert link.take() == [b"\x04\x01"]
    assert recorder.messages == [b"\x02"]
    link.receive("2")
    assert link.take() == ["3"]
    await asyncio.sleep(46)
    assert recorder.reason is CloseReason.PING_TIMEOUT


# -- JSONP -----------------------------------------------------------------------------


def unwrap(script: str) -> str:
    head, tail = "___eio[0](", ");"
    assert script.startswith(head)
    assert script.endswith(tail)
    payload = json.loads(script.removeprefix(head).removesuffix(tail))
    assert isinstance(payload, str)
    return payload


@pytest.mark.parametrize("eio", ["3", "4"])
async def test_polling_by_scripts_and_forms(engine: RecordedEngine, eio: str) -> None:
    opening = ask(engine, request(transport="polling", EIO=eio, j="0"))
    (sid,) = engine.recorded
    recorder = engine.recorded[sid]
    assert f'"sid":"{sid}"' in unwrap(opening.body)
    assert fields(opening)[b"content-type"] == b"text/javascript; charset=UTF-8"
    assert fields(opening)[b"x-content-type-options"] == b"nosniff"

    payload = {"3": "6:4a\nb\\n7:4\u20ac\U0001f389", "4": "4a\nb\\n\x1e4\u20ac\U0001f389"}[eio]
    payload = payload.replace("7:4", "4:4")
    escaped = payload.replace("\\n", "\\\\n").replace("\n", "\\n")
    form = request("POST", "application/x-www-form-urlencoded", transport="polling", EIO=eio, sid=sid, j="0")
    assert ask(engine, form, f"d={quote(escaped)}".encode()).body == "ok"
    assert recorder.messages == ["a\nb\\n", "\u20ac\U0001f389"]

    recorder.connection.send_text('"\u2028</script>'.encode())
    recorder.connection.send_binary(b"\x01\x02\x03\x04")
    poll = ask(engine, request(transport="polling", EIO=eio, sid=sid, j="0"))
    assert (
        unwrap(poll.body)
        == {
            "3": '12:4"\u2028</script>10:b4AQIDBA==',
            "4": '4"\u2028</script>\x1ebAQIDBA==',
        }[eio]
    )
    assert "\u2028" not in poll.body


async def test_a_form_without_a_payload_is_ignored(engine: RecordedEngine) -> None:
    sid, recorder = open_polling(engine, j="7")
    assert ask(engine, request("POST", transport="polling", sid=sid, j="7"), b"e=1").body == "ok"
    assert recorder.reason is None
    assert ask(engine, request("POST", transport="polling", sid=sid, j="7"), b"d=abc").status == 400
    assert recorder.reason is CloseReason.PARSE_ERROR


@pytest.mark.parametrize(
    "site, status",
    [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200), (None, 200)],
)
async def test_scripts_of_pages_of_other_origins_are_refused(
    engine: RecordedEngine, site: str | None, status: int
) -> None:
    """They would come with the user's cookies, and past CORS."""
    made = request(transport="polling", j="0")
    headers = [(b"host", b"example.test")] + ([] if site is None else [(b"sec-fetch-site", site.encode())])
    of = Request(
        method="GET",
        path=made.path,
        query_string=made.query_string.encode(),
        headers=headers,
        client=made.client,
        secure=False,
    )
    exchange = ask(engine, of)
    assert exchange.status == status
    assert engine.clients_count == (status == 200)


async def test_scripts_are_for_those_that_allow_old_clients() -> None:
    engine = RecordedEngine()
    exchange = ask(engine, request_v4(transport="polling", j="0"))
    assert exchange.body.startswith("0{")
    assert fields(exchange)[b"content-type"] == b"text/plain; charset=UTF-8"
