"""One kit for all hosts: the rules of Engine.IO over the wire, then a pass of Socket.IO.

Every test runs against a server process of every host, and afterwards nothing may be left there: no
session, no task, no open file. What a host cannot do by its nature is in `Nature`, not skipped.

The order of checks, the codes and the answers are those of the reference server; where Arcwire
differs on purpose, the test says so.
"""

import asyncio
import gzip
import json
import math
import re
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple

import pytest

from support.conformance_app import MAX_PAYLOAD, PAGE
from support.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_payload, frame
from support.raw_http import Answer, RawClient
from support.servers import ServerProcess, running
from support.wire import Polling, Socket, Wire, lower, request, target

APP = "support.conformance_app:app"


class Nature(NamedTuple):
    """What differs between hosts because their HTTP servers do."""

    link: str = "AsgiLink"
    """What carries a session over a WebSocket."""
    empty_close: int = 1000
    """The code of a close frame that should have none: ASGI knows no close frame without a code."""
    sees_resets: bool = False
    """Whether a lost connection is told from one that the peer ended; ASGI servers do not tell."""
    ends_refused: bool = True
    """Whether the connection of a refused WebSocket is closed; HTTP permits to go on with it."""
    stop: str = "close frame"
    """What a WebSocket sees when the server is stopped: a close frame, the "end" of the connection,
    or nothing, because the server "waits" for clients to go (hypercorn, on Python 3.12 and newer)."""
    heads_websockets: bool = True
    """Whether header fields of the application go with the 101 answer; granian leaves them out."""
    lingers: bool = False
    """Whether the server keeps what belongs to a connection for a while after its end (hypercorn:
    for its keep-alive time). Then it has to be gone after all tests instead of after each."""


HOSTS = {
    "uvicorn-asgi": Nature(),
    "uvicorn-wsproto": Nature(),
    "uvicorn-fast": Nature(link="PicowsLink", empty_close=1005, sees_resets=True),
    "hypercorn": Nature(lingers=True, stop="waits"),
    "granian": Nature(heads_websockets=False, ends_refused=False, stop="end"),
}


class Host(NamedTuple):
    name: str
    nature: Nature
    server: ServerProcess
    tasks: int
    """Tasks of the server at rest, the one of the report among them."""
    files: int


@pytest.fixture(scope="module", params=HOSTS)
def host(request: pytest.FixtureRequest) -> Iterator[Host]:
    name: str = request.param
    with running(name, APP) as server:
        # The first request may start things that stay.
        asyncio.run(Wire(server.url).report())
        rest = asyncio.run(Wire(server.url).report())
        yield Host(name, HOSTS[name], server, rest["tasks"], rest["files"])
        asyncio.run(Wire(server.url).settle(rest["tasks"], rest["files"]))
        assert "Traceback" not in server.output(), server.output()


@pytest.fixture
async def wire(host: Host) -> AsyncIterator[Wire]:
    wire = Wire(host.server.url)
    try:
        yield wire
        if host.nature.lingers:
            await wire.settle(math.inf, math.inf)
        else:
            await wire.settle(host.tasks, host.files)
    finally:
        await wire.close()


# -- requests that are refused -----------------------------------------------------------

MESSAGES = (
    "Transport unknown",
    "Session ID unknown",
    "Bad handshake method",
    "Bad request",
    "Forbidden",
    "Unsupported protocol version",
)


def assert_refused(answer: Answer, code: int) -> None:
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/json"
    assert answer.body == b'{"code":%d,"message":"%b"}' % (code, MESSAGES[code].encode())


@pytest.mark.parametrize(
    "method, query, code",
    [
        ("GET", "", 0),
        ("GET", "EIO=4", 0),
        ("GET", "EIO=4&transport=", 0),
        ("GET", "EIO=4&transport=pigeon", 0),
        ("GET", "EIO=4&transport=webtransport", 0),
        ("GET", "EIO=4&transport=polling&sid=unknown", 1),
        ("POST", "EIO=4&transport=polling&sid=unknown", 1),
        ("POST", "EIO=4&transport=polling", 2),
        ("PUT", "EIO=4&transport=polling", 2),
        ("DELETE", "EIO=4&transport=polling", 2),
        ("OPTIONS", "EIO=4&transport=polling", 2),
        ("GET", "EIO=4&transport=websocket", 3),
        ("GET", "transport=polling", 5),
        ("GET", "EIO=3&transport=polling", 5),
        ("GET", "EIO=5&transport=polling", 5),
        ("GET", "EIO=abc&transport=polling", 5),
        # Of several faults the first counts: transport, session, method, transport, revision.
        ("POST", "EIO=3&transport=pigeon&sid=unknown", 0),
        ("POST", "EIO=3&transport=polling&sid=unknown", 1),
        ("POST", "EIO=3&transport=polling", 2),
        ("POST", "EIO=3&transport=websocket", 2),
        ("GET", "EIO=3&transport=websocket", 3),
        # Of a key that is there twice the last counts.
        ("GET", "EIO=4&transport=polling&transport=pigeon", 0),
        ("GET", "EIO=4&EIO=3&transport=polling", 5),
    ],
)
async def test_a_bad_request_gets_its_code(wire: Wire, method: str, query: str, code: int) -> None:
    assert_refused(await wire.ask(method, f"/engine.io/?{query}", b"" if method == "POST" else None), code)


async def test_an_answer_to_head_has_no_body(wire: Wire) -> None:
    answer = await wire.ask("HEAD", target("/engine.io", transport="polling"))
    assert answer.status == 400


@pytest.mark.parametrize(
    "path, query, code",
    [
        ("/engine.io", "EIO=4", 0),
        ("/engine.io", "EIO=4&transport=pigeon", 0),
        ("/engine.io", "EIO=4&transport=websocket&sid=unknown", 1),
        # The reference opens this one, and closes it at once.
        ("/engine.io", "EIO=4&transport=polling", 3),
        # The reference opens these, and writes HTTP into them.
        ("/engine.io", "transport=websocket", 5),
        ("/engine.io", "EIO=3&transport=websocket", 5),
        ("/engine.io", "EIO=5&transport=websocket", 5),
        ("/polling", "EIO=4&transport=websocket", 0),
    ],
)
async def test_a_bad_websocket_is_refused_before_it_opens(
    wire: Wire, host: Host, path: str, query: str, code: int
) -> None:
    client, answer = await wire.upgrade_request(f"{path}/?{query}")
    assert_refused(answer, code)
    if host.nature.ends_refused:
        assert await client.rest() == b""


async def test_a_websocket_of_another_revision_than_its_session_is_refused(wire: Wire) -> None:
    session = await wire.poll_session()
    _, answer = await wire.upgrade_request(session.socket_target.replace("EIO=4", "EIO=3"))
    assert_refused(answer, 3)
    assert_refused(await wire.ask("GET", session.target.replace("EIO=4", "EIO=3")), 3)
    assert await wire.is_open(session.sid)


async def test_a_transport_that_is_switched_off_is_unknown(wire: Wire) -> None:
    assert_refused(await wire.ask("GET", target("/websocket", transport="polling")), 0)
    assert (await wire.poll_session("/polling")).opened["upgrades"] == []


async def test_requests_that_do_not_fit_the_transport_of_the_session(wire: Wire) -> None:
    """The last of them the reference never answers."""
    websocket = await wire.websocket_session()
    polling = target("/engine.io", transport="polling", sid=websocket.sid)
    assert_refused(await wire.ask("GET", polling), 3)
    assert_refused(await wire.ask("POST", polling, b"4x"), 3)
    assert_refused(await wire.ask("GET", target("/engine.io", transport="websocket", sid=websocket.sid)), 3)
    websocket.say("4still here")
    assert await websocket.text() == "4still here"


async def test_an_origin_that_is_no_header_value_is_refused(wire: Wire) -> None:
    answer = await wire.ask(
        "GET", target("/engine.io", transport="polling"), headers=("Origin: http://\x01",)
    )
    assert answer.status == 400


async def test_paths_are_compared_by_prefix(wire: Wire) -> None:
    inside = await wire.ask("GET", "/engine.io/anything?EIO=4&transport=polling&sid=unknown")
    assert_refused(inside, 1)
    for path in ("/engine.io?EIO=4&transport=polling", "/engine.ios/?EIO=4&transport=polling", "/"):
        assert "sessions" in json.loads((await wire.ask("GET", path)).body)


# -- who is let in, and what answers carry -------------------------------------------------

ORIGIN = f"Origin: {PAGE}"
FOREIGN = "Origin: https://foreign.example"


async def open_guarded(wire: Wire, *headers: str) -> tuple[Polling, Answer]:
    """Open a session over polling; the session and the answer."""
    answer = await wire.ask("GET", target("/guarded", transport="polling"), headers=headers)
    assert answer.status == 200, answer
    opened, _, welcome = answer.body.decode().partition("\x1e")
    assert welcome == "4welcome"
    session = Polling(wire, "/guarded", json.loads(opened[1:])["sid"], json.loads(opened[1:]))
    wire.opened.append(session)
    return session, answer


def assert_forbidden(answer: Answer, message: str) -> None:
    assert (answer.status, json.loads(answer.body)) == (403, {"code": 4, "message": message})


async def test_every_answer_has_the_fields_that_browsers_and_applications_want(wire: Wire) -> None:
    session, opened = await open_guarded(wire, ORIGIN)
    poll = await session.start_poll()
    answers = [
        opened,
        await session.post(b"4hello", ORIGIN),
        lower(await poll.answer()),
        await wire.ask("PUT", session.target, headers=(ORIGIN,)),
        await wire.ask("GET", target("/guarded", transport="polling", sid="unknown"), headers=(ORIGIN,)),
        await wire.ask("GET", target("/guarded", transport="polling", token="wrong"), headers=(ORIGIN,)),
        await session.post(b"4" + b"x" * MAX_PAYLOAD, ORIGIN),
    ]
    assert [answer.status for answer in answers] == [200, 200, 200, 400, 400, 403, 413]
    for answer in answers:
        assert answer.raw.lower().count(b"access-control-allow-origin:") == 1
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert "origin" in answer.headers["vary"].lower()
        assert answer.headers["x-served"] == "polling"


async def test_foreign_origins_are_refused_over_both_transports(wire: Wire) -> None:
    answer = await wire.ask("GET", target("/guarded", transport="polling"), headers=(FOREIGN,))
    assert_forbidden(answer, "Origin not allowed")
    assert "access-control-allow-origin" not in answer.headers
    _, answer = await wire.upgrade_request(target("/guarded", transport="websocket"), FOREIGN)
    assert_forbidden(answer, "Origin not allowed")
    session, _ = await open_guarded(wire)
    _, answer = await wire.upgrade_request(session.socket_target, FOREIGN)
    assert_forbidden(answer, "Origin not allowed")
    assert await wire.is_open(session.sid)


async def test_without_rules_a_websocket_is_for_pages_of_the_same_origin(wire: Wire) -> None:
    """The reference lets every page in."""
    where = target("/engine.io", transport="websocket")
    _, answer = await wire.upgrade_request(where, FOREIGN)
    assert_forbidden(answer, "Origin not allowed")
    for own in ("Origin: http://test", "Origin: https://test"):
        _, answer = await wire.upgrade_request(where, own)
        assert answer.status == 101
    answer = await wire.ask("OPTIONS", target("/engine.io", transport="polling"), headers=(FOREIGN,))
    assert_refused(answer, 2)


async def test_preflight_requests(wire: Wire) -> None:
    session, _ = await open_guarded(wire)
    asks = ("Access-Control-Request-Method: POST", "Access-Control-Request-Headers: x-token")
    for where in (session.target, target("/guarded", transport="polling")):
        answer = await wire.ask("OPTIONS", where, headers=(ORIGIN, *asks))
        assert (answer.status, answer.body) == (204, b"")
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert answer.headers["access-control-allow-methods"] == "GET,POST"
        assert answer.headers["access-control-allow-headers"] == "x-token"
        answer = await wire.ask("OPTIONS", where, headers=(FOREIGN, *asks))
        assert answer.status == 204
        assert "access-control-allow-origin" not in answer.headers
    assert await wire.is_open(session.sid)


async def test_defect_13_sessions_over_a_websocket_alone_have_a_cookie_too(wire: Wire, host: Host) -> None:
    session, opened = await open_guarded(wire)
    attributes = "Path=/; HttpOnly; SameSite=Lax"
    assert opened.headers["set-cookie"] == f"io={session.sid}; {attributes}"
    websocket = await wire.websocket(target("/guarded", transport="websocket"))
    sid = json.loads((await websocket.text())[1:])["sid"]
    assert await websocket.text() == "4welcome"
    if host.nature.heads_websockets:
        assert websocket.headers["x-served"] == "websocket"
        assert websocket.headers["set-cookie"] == f"io={sid}; {attributes}"
    assert "set-cookie" not in (await session.upgrade()).headers


async def test_the_application_refuses_with_a_message(wire: Wire) -> None:
    refused = await wire.ask("GET", target("/guarded", transport="polling", token="wrong"))
    assert_forbidden(refused, "wrong token")
    _, answer = await wire.upgrade_request(target("/guarded", transport="websocket", token="wrong"))
    assert_forbidden(answer, "wrong token")


async def test_a_path_without_a_slash(wire: Wire) -> None:
    answer = await wire.ask("GET", "/guarded?EIO=4&transport=pigeon")
    assert_refused(answer, 0)
    _, answer = await wire.upgrade_request("/guarded?EIO=4&transport=websocket")
    assert answer.status == 101
    assert "sessions" in json.loads((await wire.ask("GET", "/guardedly?EIO=4&transport=pigeon")).body)


async def test_polling_answers_are_compressed_where_that_helps(wire: Wire) -> None:
    session = await wire.poll_session()
    accepted = "Accept-Encoding: gzip, deflate, br"
    for size, encoding in ((1500, "gzip"), (500, None)):
        text = "x" * size
        await session.post(b"4" + text.encode())
        answer = await wire.ask("GET", session.target, headers=(accepted,))
        assert answer.headers.get("content-encoding") == encoding
        assert answer.headers["content-length"] == str(len(answer.body))
        body = gzip.decompress(answer.body) if encoding else answer.body
        assert body == b"4" + text.encode()
    await session.post(b"4" + b"y" * 1500)
    assert (await session.get()).body == b"4" + b"y" * 1500


async def test_the_address_behind_a_trusted_proxy(wire: Wire) -> None:
    plain, _ = await open_guarded(wire)
    assert (await wire.session(plain.sid))["address"] == "127.0.0.1"
    forwarded, _ = await open_guarded(wire, "X-Forwarded-For: 6.6.6.6, 203.0.113.7")
    assert (await wire.session(forwarded.sid))["address"] == "203.0.113.7"
    client, answer = await wire.upgrade_request(
        target("/guarded", transport="websocket"), 'Forwarded: for="[2001:db8::7]:4711"'
    )
    opened = await Socket(client, answer.headers).text()
    assert (await wire.session(json.loads(opened[1:])["sid"]))["address"] == "2001:db8::7"


# -- polling -----------------------------------------------------------------------------


async def test_the_handshake_over_polling(wire: Wire) -> None:
    answer = await wire.ask("GET", target("/engine.io", transport="polling"))
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; charset=UTF-8"
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers["cache-control"] == "no-store"
    found = re.fullmatch(
        r'0\{"sid":"([\w-]{20})","upgrades":\["websocket"\],"pingInterval":25000,"pingTimeout":20000,'
        rf'"maxPayload":{MAX_PAYLOAD}\}}',
        answer.body.decode(),
    )
    assert found
    await wire.ask("POST", target("/engine.io", transport="polling", sid=found[1]), b"1")


async def test_fractions_of_a_second_are_announced(wire: Wire) -> None:
    opened = (await wire.poll_session("/quick")).opened
    assert (opened["pingInterval"], opened["pingTimeout"]) == (500, 250)


async def test_messages_over_polling(wire: Wire) -> None:
    session = await wire.poll_session()
    answer = await session.post("4hello €\x1ebAQIDBA==\x1e4".encode())
    assert (answer.status, answer.body) == (200, b"ok")
    assert answer.headers["content-type"] == "text/html"
    assert answer.headers["content-length"] == "2"
    assert answer.headers["cache-control"] == "no-store"
    assert await session.packets() == ["4hello €", "bAQIDBA==", "4"]
    assert await wire.received(session.sid) == ["hello €", {"bytes": "01020304"}, ""]


async def test_a_poll_waits_for_what_comes(wire: Wire) -> None:
    session = await wire.poll_session()
    poll = await session.start_poll()
    await session.post(b"4now")
    answer = lower(await poll.answer())
    assert (answer.status, answer.body) == (200, b"4now")


async def test_requests_one_after_the_other_on_one_connection(wire: Wire) -> None:
    session = await wire.poll_session()
    client = await wire.connect()
    for number in range(5):
        body = b"4%d" % number
        assert (await client.ask(request("POST", session.target, body))).body == b"ok"
        assert (await client.ask(request("GET", session.target))).body == body


async def test_a_post_may_hold_many_packets(wire: Wire) -> None:
    session = await wire.poll_session()
    messages = [str(number) for number in range(100)]
    assert (await session.post("\x1e".join("4" + message for message in messages).encode())).status == 200
    assert await wire.received(session.sid) == messages


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_another_method_leaves_the_session_alone(wire: Wire, method: str) -> None:
    """The reference answers 500."""
    session = await wire.poll_session()
    assert_refused(await wire.ask(method, session.target), 3)
    assert await wire.is_open(session.sid)


@pytest.mark.parametrize("body", [b"", b"abc", b"4x\x1e", b"b*", b"\xff\xfe"])
async def test_what_is_no_payload_ends_the_session(wire: Wire, body: bytes) -> None:
    """The reference answers 200 "ok"."""
    session = await wire.poll_session()
    answer = await session.post(body)
    assert (answer.status, answer.body) == (400, b"")
    assert await wire.end_of(session.sid) == "parse error"
    assert_refused(await session.get(), 1)


async def test_binary_content_is_of_another_revision(wire: Wire) -> None:
    session = await wire.poll_session()
    answer = await session.post(b"4x", "Content-Type: application/octet-stream")
    assert (answer.status, answer.body) == (400, b"")
    assert await wire.end_of(session.sid) == "transport error"


async def test_two_polls_at_once_end_the_session(wire: Wire) -> None:
    session = await wire.poll_session()
    polls = [await session.start_poll(), await session.start_poll()]
    answers = sorted([(answer.status, answer.body) for answer in [await poll.answer() for poll in polls]])
    assert answers == [(200, b"1"), (400, b"")]
    assert await wire.end_of(session.sid) == "transport error"


async def test_two_posts_at_once_end_the_session(wire: Wire) -> None:
    session = await wire.poll_session()
    first = await session.start_post(10, b"4hal")
    answer = await session.post(b"4whole")
    assert (answer.status, answer.body) == (400, b"")
    assert await wire.end_of(session.sid) == "transport error"
    first.send(b"f of i")
    assert (await first.answer()).status == 200
    assert await wire.received(session.sid) == []


async def test_a_post_of_the_largest_size(wire: Wire) -> None:
    session = await wire.poll_session()
    text = "x" * (MAX_PAYLOAD - 1)
    assert (await session.post(b"4" + text.encode())).status == 200
    assert await session.packets() == ["4" + text]


async def test_a_post_beyond_the_limit_ends_the_session(wire: Wire) -> None:
    """The reference keeps the session and tells nobody."""
    session = await wire.poll_session()
    poll = await session.start_poll()
    answer = await session.post(b"4" + b"x" * MAX_PAYLOAD)
    assert (answer.status, answer.body) == (413, b"")
    assert await wire.end_of(session.sid) == "payload too large"
    assert await wire.received(session.sid) == []
    assert (await poll.answer()).body == b"1"


async def test_an_announced_size_beyond_the_limit_is_refused_before_the_body(wire: Wire) -> None:
    session = await wire.poll_session()
    client = await session.start_post(3_000_000, b"")
    assert (await client.answer()).status == 413
    assert await wire.end_of(session.sid) == "payload too large"


async def test_a_body_without_a_size_ends_where_the_limit_is(wire: Wire) -> None:
    session = await wire.poll_session()
    client = await wire.connect()
    client.send(
        f"POST {session.target} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    )
    chunk = b"3e8\r\n" + b"x" * 1000 + b"\r\n"
    client.send(b"3e9\r\n4" + chunk[5:] + chunk * 10)
    # The body goes on, and would for ever.
    assert (await client.answer()).status == 413
    assert await wire.end_of(session.sid) == "payload too large"


async def test_a_chunked_body_within_the_limit(wire: Wire) -> None:
    session = await wire.poll_session()
    client = await wire.connect()
    client.send(
        f"POST {session.target} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    )
    for byte in b"4hello":
        client.send(b"1\r\n%c\r\n" % byte)
    client.send(b"0\r\n\r\n")
    assert (await client.answer()).body == b"ok"
    assert await session.packets() == ["4hello"]


# -- WebSocket ---------------------------------------------------------------------------


async def test_the_handshake_over_a_websocket(wire: Wire, host: Host) -> None:
    websocket = await wire.websocket_session()
    assert list(websocket.opened) == ["sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"]
    assert websocket.opened["upgrades"] == []
    assert re.fullmatch(r"[\w-]{20}", websocket.sid)
    assert (await wire.session(websocket.sid))["link"] == host.nature.link


async def test_messages_over_a_websocket(wire: Wire) -> None:
    websocket = await wire.websocket_session()
    packets = ["4hello €", b"\x00\x01", "4", b"", "4" + "x" * (MAX_PAYLOAD - 1), b"x" * MAX_PAYLOAD]
    websocket.say(*packets)
    assert [await websocket.message() for _ in packets] == packets


async def test_a_message_in_fragments_with_a_ping_between(wire: Wire) -> None:
    websocket = await wire.websocket_session()
    websocket.send(TEXT, b"4\xe2", fin=False)
    websocket.send(PING, b"now")
    websocket.send(CONTINUATION, b"\x82\xac")
    answers = {await websocket.receive(), await websocket.receive()}
    assert {(answer.opcode, answer.payload) for answer in answers} == {(PONG, b"now"), (TEXT, "4€".encode())}


async def test_binary_as_base64_text(wire: Wire) -> None:
    """What clients send that are told to avoid binary frames."""
    websocket = await wire.websocket_session()
    websocket.say("bAQID")
    assert await websocket.message() == b"\x01\x02\x03"


@pytest.mark.parametrize("payload", [b"4" + b"x" * MAX_PAYLOAD, b"4" + "€".encode() * (MAX_PAYLOAD // 3 + 1)])
async def test_a_message_beyond_the_limit_ends_the_session(wire: Wire, payload: bytes) -> None:
    websocket = await wire.websocket_session()
    websocket.send(TEXT, payload)
    assert await websocket.closed() == 1009
    assert await wire.end_of(websocket.sid) == "payload too large"


async def test_fragments_beyond_the_limit_end_the_session(wire: Wire) -> None:
    websocket = await wire.websocket_session()
    websocket.send(BINARY, b"x" * 6000, fin=False)
    websocket.send(CONTINUATION, b"x" * 6000)
    assert await websocket.closed() == 1009
    assert await wire.end_of(websocket.sid) == "payload too large"


@pytest.mark.parametrize(
    "packet, reason",
    [
        ("", "parse error"),
        ("x", "parse error"),
        ("7", "parse error"),
        ("b*", "parse error"),
        ("2", "transport error"),
    ],
)
async def test_what_is_no_packet_ends_the_websocket(wire: Wire, host: Host, packet: str, reason: str) -> None:
    websocket = await wire.websocket_session()
    websocket.say("4before", packet, "4after")
    assert await websocket.text() == "4before"
    assert await websocket.closed() == host.nature.empty_close
    assert await wire.end_of(websocket.sid) == reason
    assert await wire.received(websocket.sid) == ["before"]


async def test_one_message_for_a_mixed_audience(wire: Wire) -> None:
    """Made once, it takes two forms, whoever is first."""
    websockets = [await wire.websocket_session()]
    polling = await wire.poll_session()
    websockets.append(await wire.websocket_session())
    poll = await polling.start_poll()
    websockets[0].say("4!all")
    for websocket in websockets:
        assert [await websocket.message(), await websocket.message()] == ["4€", b"\x01\x02"]
    packets = (await poll.answer()).body.decode().split("\x1e")
    assert packets + ([] if len(packets) == 2 else await polling.packets()) == ["4€", "bAQI="]


# -- heartbeat ---------------------------------------------------------------------------


async def test_heartbeat(wire: Wire, host: Host) -> None:
    """All at the same time, because it takes time."""
    async with asyncio.TaskGroup() as group:
        group.create_task(answer_over_a_websocket(wire))
        group.create_task(answer_over_polling(wire))
        group.create_task(upgrade_between_ping_and_pong(wire))
        group.create_task(fall_silent_over_a_websocket(wire, host))
        group.create_task(fall_silent_over_polling(wire))


async def answer_over_a_websocket(wire: Wire) -> None:
    websocket = await wire.websocket_session("/patient")
    for _ in range(3):
        assert await websocket.text() == "2"
        websocket.say("3")
    assert await wire.is_open(websocket.sid)


async def answer_over_polling(wire: Wire) -> None:
    session = await wire.poll_session("/patient")
    for _ in range(3):
        assert await session.packets() == ["2"]
        assert (await session.post(b"3")).body == b"ok"
    assert await wire.is_open(session.sid)


async def upgrade_between_ping_and_pong(wire: Wire) -> None:
    """In the reference such a session is never supervised again."""
    session = await wire.poll_session("/patient")
    assert await session.packets() == ["2"]
    websocket = await session.upgrade()
    for _ in range(2):
        websocket.say("3")
        assert await websocket.text() == "2"
    assert await wire.is_open(session.sid)


async def fall_silent_over_a_websocket(wire: Wire, host: Host) -> None:
    websocket = await wire.websocket_session("/quick")
    assert await websocket.text() == "2"
    assert await websocket.closed() == host.nature.empty_close
    assert await wire.end_of(websocket.sid) == "ping timeout"


async def fall_silent_over_polling(wire: Wire) -> None:
    session = await wire.poll_session("/quick")
    packets: list[str] = []
    while (answer := await session.get()).status == 200:
        packets += answer.body.decode().split("\x1e")
    # A poll that waits is told; one that comes too late finds no session.
    assert packets == ["2", "1"][: len(packets)]
    assert_refused(answer, 1)
    assert await wire.end_of(session.sid) == "ping timeout"


# -- upgrade -----------------------------------------------------------------------------


async def test_an_upgrade_beside_a_waiting_poll(wire: Wire, host: Host) -> None:
    """The reference answers that poll with a close packet."""
    session = await wire.poll_session()
    poll = await session.start_poll()
    websocket = await session.probe()
    websocket.say("2probe")
    assert await websocket.text() == "3probe"
    assert (await poll.answer()).body == b"6"
    last = await session.start_poll()
    websocket.say("5", "4up")
    assert await websocket.text() == "4up"
    assert (await last.answer()).body == b"6"
    assert_refused(await session.get(), 3)
    assert_refused(await session.post(b"4x"), 3)
    assert (await wire.session(session.sid))["link"] == host.nature.link
    websocket.say("4!close")
    assert await websocket.text() == "4bye"
    assert await websocket.closed() == host.nature.empty_close
    assert await wire.end_of(session.sid) == "forced close"


async def test_an_upgrade_takes_along_what_was_not_polled(wire: Wire) -> None:
    session = await wire.poll_session()
    await session.post("4a\x1ebAQI=\x1e4€".encode())
    websocket = await session.upgrade()
    websocket.say("4after")
    expected = ["4a", b"\x01\x02", "4€", "4after"]
    assert [await websocket.message() for _ in expected] == expected


async def test_polling_goes_on_during_a_probe(wire: Wire) -> None:
    session = await wire.poll_session()
    websocket = await session.probe()
    websocket.say("2probe")
    assert await websocket.text() == "3probe"
    await session.post(b"4meanwhile")
    packets: list[str] = []
    while "4meanwhile" not in packets:
        packets += await session.packets()
    assert set(packets) <= {"4meanwhile", "6"}
    websocket.say("5", "4up")
    assert await websocket.text() == "4up"


@pytest.mark.parametrize(
    "packets", [["5"], ["4hello"], ["2"], ["2probe", "4hello"], ["2probe", "2probe"], [b"\x01"]]
)
async def test_a_probe_that_says_something_else_is_closed(
    wire: Wire, host: Host, packets: list[str | bytes]
) -> None:
    session = await wire.poll_session()
    websocket = await session.probe()
    websocket.say(*packets)
    if packets[0] == "2probe":
        assert await websocket.text() == "3probe"
    assert await websocket.closed() == host.nature.empty_close
    await assert_polling_works(wire, session)
    await session.upgrade()


async def test_a_probe_that_stalls_is_closed(wire: Wire, host: Host) -> None:
    mute, halting = await wire.poll_session("/hasty"), await wire.poll_session("/hasty")
    websocket = await halting.probe()
    websocket.say("2probe")
    assert await websocket.text() == "3probe"
    for stalled in (websocket, await mute.probe()):
        assert await stalled.closed() == host.nature.empty_close
    for session in (mute, halting):
        await assert_polling_works(wire, session)


@pytest.mark.parametrize("packets", [[], ["2probe"]])
@pytest.mark.parametrize("how", ["close frame", "vanishes"])
async def test_a_probe_that_ends_does_not_wedge_polling(wire: Wire, packets: list[str], how: str) -> None:
    """Polls must not be answered with noops for ever, and the next upgrade must work."""
    session = await wire.poll_session()
    websocket = await session.probe()
    websocket.say(*packets)
    for _ in packets:
        assert await websocket.text() == "3probe"
    if how == "vanishes":
        websocket.raw.vanish()
    else:
        websocket.send(CLOSE, close_payload(1000))
        assert (await websocket.receive_close())[0] == 1000
    async with asyncio.timeout(5):
        while True:  # the server may not know yet
            second = await session.probe()
            second.say("2probe")
            if (await second.receive())[:2] == (TEXT, b"3probe"):
                break
    second.raw.vanish()
    await assert_polling_works(wire, session)


async def test_a_second_websocket_for_a_session_is_closed(wire: Wire, host: Host) -> None:
    session = await wire.poll_session()
    first = await session.probe()
    first.say("2probe")
    assert await first.text() == "3probe"
    second = await session.probe()
    assert await second.closed() == host.nature.empty_close
    first.say("5", "4up")
    assert await first.text() == "4up"
    third = await session.probe()
    assert await third.closed() == host.nature.empty_close
    first.say("4still")
    assert await first.text() == "4still"


async def test_a_session_that_ends_takes_its_probe_along(wire: Wire, host: Host) -> None:
    session = await wire.poll_session()
    websocket = await session.probe()
    await session.post(b"1")
    assert await websocket.closed() == host.nature.empty_close
    assert await wire.end_of(session.sid) == "transport close"


async def assert_polling_works(wire: Wire, session: Polling) -> None:
    url = session.target
    assert (await wire.ask("POST", url, b"4works")).body == b"ok"
    packets: list[str] = []
    while "4works" not in packets:
        packets += (await wire.ask("GET", url)).body.decode().split("\x1e")
    assert packets.count("6") <= 2
    poll = await wire.connect()
    poll.send(request("GET", url))
    assert (await wire.ask("POST", url, b"4again")).body == b"ok"
    answer = (await poll.answer()).body
    if answer == b"6":  # it belonged to the probe
        answer = (await wire.ask("GET", url)).body
    assert answer == b"4again"


# -- closing -----------------------------------------------------------------------------


async def test_a_client_closes_polling(wire: Wire) -> None:
    session = await wire.poll_session()
    poll = await session.start_poll()
    assert (await session.post(b"1")).body == b"ok"
    assert (await poll.answer()).body == b"6"
    assert await wire.end_of(session.sid) == "transport close"
    assert_refused(await session.get(), 1)


async def test_a_client_closes_a_websocket_by_packet(wire: Wire, host: Host) -> None:
    websocket = await wire.websocket_session()
    websocket.say("1")
    assert await websocket.closed() == host.nature.empty_close
    assert await wire.end_of(websocket.sid) == "transport close"


@pytest.mark.parametrize("code", [None, 1000, 1001, 3000, 4999])
async def test_a_client_closes_a_websocket_by_frame(wire: Wire, code: int | None) -> None:
    websocket = await wire.websocket_session()
    websocket.send(CLOSE, b"" if code is None else close_payload(code, b"done"))
    answer, _ = await websocket.receive_close()
    assert answer in (code or 1005, 1000)
    assert await websocket.ended()
    assert await wire.end_of(websocket.sid) == "transport close"


async def test_the_server_closes_a_websocket_after_what_it_sent(wire: Wire, host: Host) -> None:
    websocket = await wire.websocket_session()
    websocket.say("4!close")
    assert await websocket.text() == "4bye"
    assert await websocket.closed() == host.nature.empty_close
    assert await wire.end_of(websocket.sid) == "forced close"


async def test_the_server_closes_polling_with_the_poll_that_waits(wire: Wire) -> None:
    session = await wire.poll_session()
    poll = await session.start_poll()
    await session.post(b"4!close")
    packets = (await poll.answer()).body
    if packets == b"4bye":
        packets = (await session.get()).body
    assert packets.endswith(b"1")
    assert await wire.end_of(session.sid) == "forced close"
    assert_refused(await session.get(), 1)


async def test_the_server_closes_polling_with_the_next_poll(wire: Wire) -> None:
    session = await wire.poll_session()
    await session.post(b"4!close")
    assert await wire.end_of(session.sid) == "forced close"
    assert await session.packets() == ["4bye"]
    assert await session.packets() == ["1"]
    assert_refused(await session.get(), 1)


async def test_a_client_that_does_not_answer_the_close_frame(wire: Wire, host: Host) -> None:
    websocket = await wire.websocket_session()
    websocket.say("4!close")
    assert await websocket.text() == "4bye"
    assert (await websocket.receive_close())[0] == host.nature.empty_close
    assert await wire.end_of(websocket.sid) == "forced close"
    websocket.raw.vanish()


@pytest.mark.parametrize("name", HOSTS)
async def test_a_server_that_is_stopped_ends_its_sessions(name: str) -> None:
    with running(name, APP) as server:
        wire = Wire(server.url)
        websocket = await wire.websocket_session()
        upgraded = await wire.poll_session()
        await upgraded.upgrade()
        idle = await wire.poll_session()
        stopping = asyncio.create_task(asyncio.to_thread(server.stop))
        stop = HOSTS[name].stop
        if stop == "close frame":
            assert (await websocket.receive_close())[0] == 1012
        elif stop == "end":
            assert await websocket.ended()
        await wire.close()
        await stopping
        assert f"closed {idle.sid}: server shutting down" in server.output()
        # A server that says nothing ends a WebSocket before or after it announces its own end.
        reasons = "server shutting down" if stop == "close frame" else "server shutting down|transport close"
        for sid in (websocket.sid, upgraded.sid):
            assert re.search(f"closed {sid}: ({reasons})\n", server.output())
        assert "Traceback" not in server.output(), server.output()


# -- slow and vanishing peers ------------------------------------------------------------


@pytest.mark.parametrize(
    "part", [b"GET /engine.io/?EIO=4&tra", b"GET /engine.io/?EIO=4&transport=polling HTTP/1.1\r\nHost:"]
)
async def test_half_a_request(wire: Wire, part: bytes) -> None:
    client = await wire.connect()
    client.send(part)
    await assert_served(wire)
    client.vanish()


async def test_half_a_handshake_of_a_websocket(wire: Wire) -> None:
    client = await wire.connect()
    client.send(b"GET /engine.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: test\r\nUpgrade: webs")
    await assert_served(wire)
    client.vanish()


async def test_a_poll_that_is_dropped_ends_the_session(wire: Wire) -> None:
    session = await wire.poll_session()
    poll = await session.start_poll()
    poll.vanish()
    assert await wire.end_of(session.sid) == "transport error"
    assert_refused(await session.get(), 1)


async def test_a_post_that_is_dropped_ends_the_session(wire: Wire) -> None:
    session = await wire.poll_session()
    post = await session.start_post(100, b"4half of")
    await assert_served(wire)
    post.vanish()
    assert await wire.end_of(session.sid) == "transport error"
    assert await wire.received(session.sid) == []


@pytest.mark.parametrize("how", ["reset", "end"])
@pytest.mark.parametrize("part", [b"", frame(TEXT, b"4hello")[:3], frame(BINARY, b"x" * 5000)[:1000]])
async def test_a_websocket_that_is_cut(wire: Wire, host: Host, part: bytes, how: str) -> None:
    websocket = await wire.websocket_session()
    websocket.say("4before")
    assert await websocket.text() == "4before"
    websocket.raw.send(part)
    if how == "reset":
        reset(websocket.raw)
    else:
        websocket.raw.vanish()
    reason = await wire.end_of(websocket.sid)
    if how == "reset" and host.nature.sees_resets:
        assert reason == "transport error"
    elif how == "end" or not host.nature.sees_resets:
        assert reason == "transport close"
    assert await wire.received(websocket.sid) == ["before"]


async def test_a_websocket_whose_end_is_half_closed(wire: Wire) -> None:
    websocket = await wire.websocket_session()
    websocket.raw.writer.write_eof()
    assert await wire.end_of(websocket.sid) == "transport close"
    await websocket.raw.rest()


async def test_a_client_that_never_reads_blocks_nobody(wire: Wire) -> None:
    deaf = await wire.websocket_session()
    shrink(deaf.raw)
    deaf.say("4!many 1000 9999")
    await assert_served(wire)
    deaf.raw.vanish()
    assert await wire.end_of(deaf.sid) in ("transport close", "transport error")


async def test_a_client_that_reads_late_gets_everything(wire: Wire) -> None:
    late = await wire.websocket_session()
    late.say("4!many 500 9999", "4done")
    await assert_served(wire)
    for _ in range(500):
        assert len(await late.text()) == 10_000
    assert await late.text() == "4done"


async def test_garbage(wire: Wire) -> None:
    for data in (
        b"\x16\x03\x01\x00\xa5\x01\x00\x00",
        b"GET\r\n\r\n",
        b"\x00" * 100,
        b"GET / HTTP/9.9\r\n\r\n",
    ):
        client = await wire.connect()
        client.send(data)
        await assert_served(wire)
        client.vanish()
    websocket = await wire.websocket_session()
    websocket.raw.send(b"\xff" * 100)
    assert await wire.end_of(websocket.sid) in ("transport close", "transport error")


async def assert_served(wire: Wire) -> None:
    """Others are served."""
    session = await wire.poll_session()
    await session.post(b"4hello")
    assert await session.packets() == ["4hello"]
    websocket = await session.upgrade()
    websocket.say("4hello")
    assert await websocket.text() == "4hello"


def reset(client: RawClient) -> None:
    """End the connection with an RST."""
    raw = client.writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.vanish()


def shrink(client: RawClient) -> None:
    """Read nothing, and let little wait."""
    raw = client.writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)


# -- Socket.IO ---------------------------------------------------------------------------


async def enter(websocket: Socket, namespace: str = "/") -> str:
    """Join a namespace: the socket id."""
    prefix = "" if namespace == "/" else f"{namespace},"
    websocket.say(f'40{prefix}{{"token":"x"}}')
    answer = await websocket.text()
    assert answer.startswith(f"40{prefix}"), answer
    sid: str = json.loads(answer[2 + len(prefix) :])["sid"]
    return sid


async def socketio(wire: Wire, path: str = "/socket.io") -> Socket:
    return await wire.websocket_session(path)


async def test_socketio_over_a_websocket(wire: Wire) -> None:
    a, b = await socketio(wire), await socketio(wire)
    sid, _ = await enter(a), await enter(b)
    assert (await wire.report())["sessions"][sid] == {
        "namespace": "/",
        "auth": {"token": "x"},
        "reasons": [],
    }

    a.say('42["echo",1,"€"]')
    assert await a.text() == '42["echoed",1,"€"]'
    a.say('4213["echo",null]')
    assert {await a.text(), await a.text()} == {'42["echoed",null]', "4313[[null]]"}
    a.say('451-7["echo",{"_placeholder":true,"num":0}]', b"\x01\x02")
    answers = [await a.message() for _ in range(4)]
    assert answers == [
        '451-["echoed",{"_placeholder":true,"num":0}]',
        b"\x01\x02",
        '461-7[[{"_placeholder":true,"num":0}]]',
        b"\x01\x02",
    ]

    b.say('42["join","room"]', '421["echo"]')
    assert {await b.text(), await b.text()} == {'42["echoed"]', "431[[]]"}
    a.say('42["tell","room","hi"]')
    assert await b.text() == '42["told","hi"]'

    other = await enter(a, "/other")
    assert other != sid
    a.say('42/other,["echo",2]')
    assert await a.text() == '42/other,["echoed",2]'


async def test_socketio_over_polling_and_an_upgrade(wire: Wire) -> None:
    session = await wire.poll_session("/socket.io")
    await session.post(b"40")
    (packet,) = await session.packets()
    sid = json.loads(packet[2:])["sid"]
    await session.post('420["echo","€"]'.encode())
    assert set(await session.packets()) == {'42["echoed","€"]', '430[["€"]]'}
    websocket = await session.upgrade()
    websocket.say('42["echo",2]')
    assert await websocket.text() == '42["echoed",2]'
    websocket.say("41")
    assert await wire.end_of(sid) == "client namespace disconnect"


@pytest.mark.parametrize(
    "how, reason",
    [
        ("leaves", "client namespace disconnect"),
        ("is sent away", "server namespace disconnect"),
        ("is closed", "server namespace disconnect"),
        ("closes by packet", "transport close"),
        ("closes by frame", "transport close"),
        ("is cut", "transport close"),
        ("sends no packet", "parse error"),
        ("sends no Socket.IO packet", "forced close"),
        ("sends too much", "payload too large"),
        ("is silent", "ping timeout"),
    ],
)
async def test_why_a_socket_went(wire: Wire, how: str, reason: str) -> None:
    websocket = await socketio(wire, "/quick.io" if how == "is silent" else "/socket.io")
    sid = await enter(websocket)
    if how == "closes by frame":
        websocket.send(CLOSE, close_payload(1000))
    elif how == "is cut":
        websocket.raw.vanish()
    elif how != "is silent":
        websocket.say(
            {
                "leaves": "41",
                "is sent away": '42["leave me",false]',
                "is closed": '42["leave me",true]',
                "closes by packet": "1",
                "sends no packet": "x",
                "sends no Socket.IO packet": "4x",
                "sends too much": "4" + "x" * MAX_PAYLOAD,
            }[how]
        )
    assert await wire.end_of(sid) == reason
