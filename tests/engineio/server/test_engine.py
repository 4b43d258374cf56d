"""Who is let in, what requests are answered, and that nothing is left of a session."""

import json
import re

import pytest

from arcwire.engineio.config import EngineConfig
from arcwire.engineio.link import Admission, Request, Response
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.engineio.server import Connection, Engine
from arcwire.engineio.server.admission import generate_id
from support.links import MemoryClient, MemoryExchange, MemoryLink, admit, open_link, request
from support.recorder import RecordedEngine

REFUSALS = {
    0: "Transport unknown",
    1: "Session ID unknown",
    2: "Bad handshake method",
    3: "Bad request",
    5: "Unsupported protocol version",
}


@pytest.fixture
def engine() -> RecordedEngine:
    return RecordedEngine(EngineConfig(max_payload=1000))


def ask(engine: Engine, of: Request, body: bytes = b"") -> MemoryExchange:
    exchange = MemoryExchange(of, body)
    engine.handle_request(exchange)
    return exchange


def assert_refused(exchange: MemoryExchange, code: int) -> None:
    assert exchange.response is not None
    assert exchange.status == 400
    assert json.loads(exchange.body) == {"code": code, "message": REFUSALS[code]}
    assert exchange.response.headers == [(b"content-type", b"application/json")]


def test_ids_are_long_unique_and_fit_urls() -> None:
    ids = {generate_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{20}", id) for id in ids)


async def test_the_handshake_tells_the_settings_in_milliseconds_and_in_order() -> None:
    engine = RecordedEngine(EngineConfig(ping_interval=0.5, ping_timeout=0.25, max_payload=1234))
    exchange = ask(engine, request(transport="polling"))

    (sid,) = engine.recorded
    assert exchange.body == (
        f'0{{"sid":"{sid}","upgrades":["websocket"],"pingInterval":500,"pingTimeout":250,"maxPayload":1234}}'
    )
    assert exchange.response is not None
    assert exchange.response.sid == sid
    assert exchange.response.headers == [
        (b"content-type", b"text/plain; charset=UTF-8"),
        (b"cache-control", b"no-store"),
    ]


@pytest.mark.parametrize(
    "config",
    [EngineConfig(allow_upgrades=False), EngineConfig(transports=("polling",))],
    ids=["upgrades not allowed", "polling only"],
)
async def test_upgrades_are_offered_only_where_they_work(config: EngineConfig) -> None:
    assert '"upgrades":[]' in ask(RecordedEngine(config), request(transport="polling")).body


async def test_a_websocket_session_offers_no_upgrade(engine: RecordedEngine) -> None:
    link = open_link(engine, request(transport="websocket"))
    (first,) = link.take()
    assert isinstance(first, str)
    assert json.loads(first[1:])["upgrades"] == []


async def test_what_is_sent_while_a_connection_is_accepted_follows_the_handshake() -> None:
    class Greeter(RecordedEngine):
        def _record(self, connection: Connection):  # type: ignore[no-untyped-def]
            connection.send_text(b"welcome")
            connection.send_binary(b"\x01")
            return super()._record(connection)

    engine = Greeter()
    _, link = MemoryClient.over_websocket(engine)
    assert link.take() == ["4welcome", b"\x01"]
    assert MemoryClient.over_polling(engine).poll().body == "4welcome\x1ebAQ=="


@pytest.mark.parametrize(
    "method, query, code",
    [
        ("GET", {}, 0),
        ("GET", {"transport": "carrier-pigeon"}, 0),
        ("GET", {"transport": "webtransport"}, 0),
        ("GET", {"transport": "polling", "sid": "unknown"}, 1),
        ("POST", {"transport": "polling"}, 2),
        ("OPTIONS", {"transport": "polling"}, 2),
        ("GET", {"transport": "websocket"}, 3),
        ("GET", {"transport": "polling", "EIO": "3"}, 5),
        # With several faults, the first in the order of the reference.
        ("POST", {"transport": "carrier-pigeon", "sid": "unknown", "EIO": "3"}, 0),
        ("POST", {"transport": "polling", "sid": "unknown", "EIO": "3"}, 1),
        ("POST", {"transport": "websocket", "EIO": "3"}, 2),
        ("GET", {"transport": "websocket", "EIO": "3"}, 3),
    ],
)
async def test_refused_requests(
    engine: RecordedEngine, method: str, query: dict[str, str], code: int
) -> None:
    assert_refused(ask(engine, request(method, **query)), code)
    assert engine.clients_count == 0


@pytest.mark.parametrize(
    "query, code",
    [
        ({}, 0),
        ({"transport": "webtransport"}, 0),
        ({"transport": "websocket", "sid": "unknown"}, 1),
        ({"transport": "polling"}, 3),
        ({"transport": "websocket", "EIO": "3"}, 5),
        ({"transport": "websocket", "EIO": ""}, 5),
    ],
)
async def test_refused_websockets(engine: RecordedEngine, query: dict[str, str], code: int) -> None:
    response = admit(engine, request(**query))
    assert isinstance(response, Response)
    assert (response.status, json.loads(response.body)["code"]) == (400, code)


async def test_a_transport_that_is_switched_off_is_unknown() -> None:
    polling, websocket = (
        RecordedEngine(EngineConfig(transports=(name,))) for name in ("polling", "websocket")
    )
    assert isinstance(admit(polling, request(transport="websocket")), Response)
    assert_refused(ask(websocket, request(transport="polling")), 0)


async def test_requests_for_a_websocket_session_without_a_websocket(engine: RecordedEngine) -> None:
    client, link = MemoryClient.over_websocket(engine)
    assert_refused(client.poll(), 3)
    assert_refused(client.post(b"4x"), 3)
    # The reference never answers this one.
    assert_refused(ask(engine, request(transport="websocket", sid=client.sid)), 3)
    assert link.open


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
async def test_other_methods_do_not_touch_a_session(engine: RecordedEngine, method: str) -> None:
    client = MemoryClient.over_polling(engine)
    assert_refused(ask(engine, request(method, transport="polling", sid=client.sid)), 3)
    assert engine.recorded[client.sid].reason is None


async def test_a_session_keeps_its_protocol_revision(engine: RecordedEngine) -> None:
    client = MemoryClient.over_polling(engine)
    assert_refused(ask(engine, request(transport="polling", sid=client.sid, EIO="3")), 3)
    assert engine.recorded[client.sid].reason is None


async def test_a_post_is_answered_then_delivered_in_order(engine: RecordedEngine) -> None:
    client = MemoryClient.over_polling(engine)
    exchange = client.post(b"4one\x1ebAQID\x1e4\xe2\x82\xac")
    assert exchange.response is not None
    assert (exchange.status, exchange.body) == (200, "ok")
    assert exchange.response.headers == [(b"content-type", b"text/html"), (b"cache-control", b"no-store")]
    assert engine.recorded[client.sid].messages == ["one", b"\x01\x02\x03", "€"]


async def test_a_post_may_hold_many_packets(engine: RecordedEngine) -> None:
    client = MemoryClient.over_polling(engine)
    assert client.post(b"\x1e".join(b"4%d" % n for n in range(200))).status == 200
    assert engine.recorded[client.sid].messages == [str(n) for n in range(200)]


@pytest.mark.parametrize("body", [b"", b"abc", b"9", b"4a\x1e", b"\xff", b"b*", b"4\xc3\x28"])
async def test_a_post_that_is_no_payload_ends_the_session(engine: RecordedEngine, body: bytes) -> None:
    client = MemoryClient.over_polling(engine)
    poll = client.poll()
    exchange = client.post(body)
    assert (exchange.status, exchange.body) == (400, "")
    assert poll.body == "1"
    assert engine.recorded[client.sid].reason is CloseReason.PARSE_ERROR
    assert_refused(client.poll(), 1)


async def test_what_precedes_a_bad_packet_is_delivered(engine: RecordedEngine) -> None:
    client = MemoryClient.over_polling(engine)
    assert client.post(b"4one\x1ex\x1e4two").status == 400
    assert engine.recorded[client.sid].messages == ["one"]


async def test_a_post_beyond_the_limit_ends_the_session(engine: RecordedEngine) -> None:
    client = MemoryClient.over_polling(engine)
    assert client.post(b"4" + b"x" * 999).status == 200
    poll = client.poll()
    exchange = client.post(b"4" + b"x" * 1000)
    assert exchange.response is not None
    assert (exchange.status, exchange.body, exchange.response.close) == (413, "", True)
    assert poll.body == "1"
    assert engine.recorded[client.sid].reason is CloseReason.PAYLOAD_TOO_LARGE
    assert len(engine.recorded[client.sid].messages) == 1


async def test_binary_bodies_belong_to_another_revision(engine: RecordedEngine) -> None:
    client = MemoryClient.over_polling(engine)
    of = Request(
        method="POST",
        path="/engine.io/",
        query_string=f"EIO=4&transport=polling&sid={client.sid}".encode(),
        headers=[(b"content-type", b"application/octet-stream")],
        client=None,
        secure=True,
    )
    assert ask(engine, of, b"4x").status == 400
    assert engine.recorded[client.sid].reason is CloseReason.TRANSPORT_ERROR


async def test_two_polls_at_once_end_the_session(engine: RecordedEngine) -> None:
    client = MemoryClient.over_polling(engine)
    first, second = client.poll(), client.poll()
    assert (first.status, first.body) == (200, "1")
    assert (second.status, second.body) == (400, "")
    assert engine.recorded[client.sid].reason is CloseReason.TRANSPORT_ERROR
    assert engine.clients_count == 0


async def test_two_posts_at_once_end_the_session(engine: RecordedEngine) -> None:
    client = MemoryClient.over_polling(engine)
    first, second = client.post(None), client.post(b"4two")
    assert (second.status, second.body) == (400, "")
    assert engine.recorded[client.sid].reason is CloseReason.TRANSPORT_ERROR

    first.deliver(b"4one")
    assert first.status == 200
    assert engine.recorded[client.sid].messages == []


async def test_posts_one_after_the_other_are_fine(engine: RecordedEngine) -> None:
    client = MemoryClient.over_polling(engine)
    for body in (b"4a", b"4b"):
        exchange = client.post(None)
        exchange.deliver(body)
        assert exchange.status == 200
    assert engine.recorded[client.sid].messages == ["a", "b"]


@pytest.mark.parametrize("which", ["poll", "post"])
async def test_a_request_that_the_client_drops_ends_the_session(engine: RecordedEngine, which: str) -> None:
    client = MemoryClient.over_polling(engine)
    exchange = client.poll() if which == "poll" else client.post(None)
    exchange.vanish()
    assert engine.recorded[client.sid].closed == [
        (CloseReason.TRANSPORT_ERROR, f"the client dropped a {which}")
    ]
    assert engine.clients_count == 0


async def test_a_websocket_that_opens_for_a_session_that_has_ended_meanwhile(engine: RecordedEngine) -> None:
    client = MemoryClient.over_polling(engine)
    of = request(transport="websocket", sid=client.sid)
    assert isinstance(admit(engine, of), Admission)
    client.poll().vanish()

    link = MemoryLink()
    link.receiver = engine.open_link(of, link)
    assert link.close_frame == (1005, "")
    link.receive("2probe", b"\x01")
    link.vanish()
    assert link.frames == []


async def test_trust_ends_with_the_session(engine: RecordedEngine) -> None:
    client = MemoryClient.over_polling(engine)
    assert not engine.trusts(client.sid)
    engine.trust(client.sid)
    assert engine.trusts(client.sid)
    client.post(b"1")
    assert not engine.trusts(client.sid)
    engine.trust(client.sid)
    assert not engine.trusts(client.sid)


async def test_shutdown_ends_every_session(engine: RecordedEngine) -> None:
    idle = MemoryClient.over_polling(engine)
    polling = MemoryClient.over_polling(engine)
    poll = polling.poll()
    socket, link = MemoryClient.over_websocket(engine)
    upgrading = MemoryClient.over_polling(engine)
    probe = upgrading.probe()

    engine.shutdown()

    assert engine.clients_count == 0
    assert poll.body == "1"
    assert link.close_frame == (1005, "")
    assert probe.close_frame == (1005, "")
    for client in (idle, polling, socket, upgrading):
        assert engine.recorded[client.sid].reason is CloseReason.SERVER_SHUTTING_DOWN
    engine.shutdown()


async def test_an_engine_may_be_shut_down_before_its_first_connection() -> None:
    RecordedEngine().shutdown()
