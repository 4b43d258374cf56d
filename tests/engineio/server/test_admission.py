"""What an application decides about who is let in, and what it adds to answers."""

import asyncio
import contextlib
import json
from typing import Any

import pytest

from arcwire import ConnectionRefused
from arcwire.engineio.config import EngineConfig
from arcwire.engineio.link import Admission, Request, Response
from arcwire.engineio.server import Rejection
from support.links import MemoryClient, MemoryExchange, MemoryLink, admit, open_link
from support.recorder import RecordedEngine
from support.requests import request_with


async def ask(engine: RecordedEngine, method: str = "GET", /, **query: str) -> Response:
    """The answer to a request, for which the engine may wait for the application."""
    exchange = MemoryExchange(request_with(method, **query))
    engine.handle_request(exchange)
    async with asyncio.timeout(5):
        while exchange.response is None:
            await asyncio.sleep(0)
    return exchange.response


async def websocket(engine: RecordedEngine, **query: str) -> Admission | Response:
    return await engine.admit(request_with("GET", **{"transport": "websocket", **query}))


def error_of(outcome: object) -> dict[str, Any]:
    assert isinstance(outcome, Response)
    assert (b"content-type", b"application/json") in outcome.headers
    error: dict[str, Any] = json.loads(outcome.body)
    return {"status": outcome.status, **error}


def watch(engine: RecordedEngine) -> list[Rejection]:
    seen: list[Rejection] = []
    engine.on_connection_error(seen.append)
    return seen


# -- allow_request -----------------------------------------------------------------------


def plain(result: object) -> Any:
    def allow(request: Request) -> Any:
        if isinstance(result, Exception):
            raise result
        return result

    return allow


def awaited(result: object) -> Any:
    async def allow(request: Request) -> Any:
        await asyncio.sleep(0)
        return plain(result)(request)

    return allow


@pytest.mark.parametrize("make", [plain, awaited])
@pytest.mark.parametrize(
    "result, message",
    [
        (True, None),
        (False, "Forbidden"),
        (None, "Forbidden"),
        ("", "Forbidden"),
        ("Thou shall not pass", "Thou shall not pass"),
        (ConnectionRefused("not today"), "not today"),
        # What else goes wrong is nobody's business.
        (RuntimeError("password=hunter2"), "Forbidden"),
        (1, "Forbidden"),
    ],
)
async def test_the_application_decides(make: Any, result: object, message: str | None) -> None:
    engine = RecordedEngine(EngineConfig(allow_request=make(result)))
    seen = watch(engine)
    outcomes = [await ask(engine), await websocket(engine)]
    if message is None:
        assert isinstance(outcomes[0], Response)
        assert outcomes[0].status == 200
        assert isinstance(outcomes[1], Admission)
        assert seen == []
    else:
        for outcome in outcomes:
            assert error_of(outcome) == {"status": 403, "code": 4, "message": message}
        assert [(each.code, each.message) for each in seen] == [(4, message)] * 2
        assert engine.clients_count == 0


async def test_only_requests_that_open_a_session_are_asked_about() -> None:
    asked: list[str] = []

    async def allow(request: Request) -> bool:
        asked.append(request.query["transport"])
        return True

    engine = RecordedEngine(EngineConfig(allow_request=allow))
    sid = json.loads((await ask(engine)).body[1:])["sid"]
    client = MemoryClient(engine, sid)
    tasks = asyncio.all_tasks()
    # These are answered within the call, without a task.
    assert client.post(b"4x").status == 200
    waiting = client.poll()
    assert isinstance(admit_upgrade(engine, sid), Admission)
    assert asyncio.all_tasks() == tasks
    assert waiting.response is None
    # Neither are requests that are refused anyway.
    assert error_of(await ask(engine, transport="pigeon"))["code"] == 0
    assert error_of(await ask(engine, "POST"))["code"] == 2
    assert error_of(await ask(engine, sid="unknown"))["code"] == 1
    assert asked == ["polling"]


def admit_upgrade(engine: RecordedEngine, sid: str) -> Admission | Response:
    return admit(engine, request_with("GET", transport="websocket", sid=sid))


async def test_it_sees_the_address_behind_trusted_proxies() -> None:
    seen: list[object] = []

    def allow(request: Request) -> bool:
        seen.append(request.client)
        return True

    engine = RecordedEngine(EngineConfig(allow_request=allow, trusted_proxies=["192.0.2.1"]))
    engine.handle_request(MemoryExchange(request_with("GET", {"x-forwarded-for": "203.0.113.7"})))
    async with asyncio.timeout(5):
        while not seen:
            await asyncio.sleep(0)
    assert seen == [("203.0.113.7", 0)]


async def test_a_client_that_goes_away_is_not_waited_for() -> None:
    cancelled = asyncio.Event()

    async def allow(request: Request) -> bool:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return True

    engine = RecordedEngine(EngineConfig(allow_request=allow))
    exchange = MemoryExchange(request_with())
    engine.handle_request(exchange)
    await asyncio.sleep(0)
    exchange.vanish()
    await asyncio.wait_for(cancelled.wait(), 5)
    assert exchange.response is None
    assert engine.clients_count == 0


async def test_a_server_that_stops_answers_who_still_waits() -> None:
    async def allow(request: Request) -> bool:
        await asyncio.Event().wait()
        return True

    engine = RecordedEngine(EngineConfig(allow_request=allow))
    exchange = MemoryExchange(request_with())
    engine.handle_request(exchange)
    await asyncio.sleep(0)
    engine.shutdown()
    assert exchange.status == 503
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == 1
    assert engine.clients_count == 0


async def test_a_server_that_stops_just_when_a_request_was_let_in() -> None:
    engine = RecordedEngine(EngineConfig(allow_request=plain(True)))
    exchange = MemoryExchange(request_with())
    engine.handle_request(exchange)
    await asyncio.sleep(0)
    assert exchange.status == 200
    engine.shutdown()
    assert exchange.status == 200


async def test_a_function_that_ignores_its_cancellation() -> None:
    async def allow(request: Request) -> bool:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return True

    engine = RecordedEngine(EngineConfig(allow_request=allow))
    gone, stopped = MemoryExchange(request_with()), MemoryExchange(request_with())
    for exchange in (gone, stopped):
        engine.handle_request(exchange)
    await asyncio.sleep(0)
    gone.vanish()
    engine.shutdown()
    async with asyncio.timeout(5):
        while len(asyncio.all_tasks()) > 1:
            await asyncio.sleep(0)
    assert gone.response is None
    assert stopped.status == 503
    assert engine.clients_count == 0


async def test_two_requests_do_not_wait_for_each_other() -> None:
    go = asyncio.Event()

    async def allow(request: Request) -> bool:
        if "slow" in request.query:
            await go.wait()
        return True

    engine = RecordedEngine(EngineConfig(allow_request=allow))
    slow = MemoryExchange(request_with("GET", slow="1"))
    engine.handle_request(slow)
    assert (await ask(engine)).status == 200
    assert slow.response is None
    go.set()
    async with asyncio.timeout(5):
        while slow.response is None:
            await asyncio.sleep(0)


# -- generate_id -------------------------------------------------------------------------


@pytest.mark.parametrize("make", [plain, awaited])
async def test_ids_of_the_application(make: Any) -> None:
    engine = RecordedEngine(EngineConfig(generate_id=make("node-1.abc")))
    assert '"sid":"node-1.abc"' in (await ask(engine)).body.decode()
    assert "node-1.abc" in engine.recorded

    of = request_with("GET", transport="websocket")
    other = RecordedEngine(EngineConfig(generate_id=make("node-1.def")))
    admitted = await other.admit(of)
    assert isinstance(admitted, Admission)
    link = MemoryLink()
    link.receiver = other.open_link(of, link, admitted.sid)
    assert '"sid":"node-1.def"' in str(link.frames[0])


@pytest.mark.parametrize("result", [None, "", "a b", "a;b", "ä", "a" * 257, 7, RuntimeError("broken")])
async def test_ids_that_cannot_work(result: object) -> None:
    engine = RecordedEngine(EngineConfig(generate_id=plain(result)))
    seen = watch(engine)
    assert error_of(await ask(engine)) == {"status": 400, "code": 3, "message": "Bad request"}
    (rejection,) = seen
    assert rejection.context["name"] == "ID_GENERATION_ERROR"
    assert isinstance(rejection.context["error"], Exception)


async def test_an_id_is_given_away_once() -> None:
    engine = RecordedEngine(EngineConfig(generate_id=plain("same")))
    of = request_with("GET", transport="websocket")
    # Two WebSockets that were let in before the first opens.
    admitted = [await engine.admit(of), await engine.admit(of)]
    links = []
    for each in admitted:
        assert isinstance(each, Admission)
        link = MemoryLink()
        link.receiver = engine.open_link(of, link, each.sid)
        links.append(link)
    assert [link.open for link in links] == [True, False]
    assert error_of(await ask(engine))["code"] == 3
    assert error_of(await engine.admit(of))["code"] == 3
    assert engine.recorded["same"].reason is None


# -- middlewares -------------------------------------------------------------------------


async def test_middlewares_run_in_order_before_all_checks_and_share_what_they_find() -> None:
    engine = RecordedEngine()
    steps: list[str] = []

    @engine.use
    async def authenticate(request: Request) -> dict[str, str]:
        await asyncio.sleep(0)
        steps.append("first")
        request.state["user"] = "ada"
        return {"X-Node": "1"}

    @engine.use
    def look(request: Request) -> list[tuple[str, str]]:
        steps.append(request.state["user"])
        return [("set-cookie", "a=1"), ("set-cookie", "b=2")]

    answer = await ask(engine)
    assert answer.headers[2:] == [(b"x-node", b"1"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    admitted = await websocket(engine)
    assert isinstance(admitted, Admission)
    assert admitted.headers == [(b"x-node", b"1"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    assert error_of(await ask(engine, transport="pigeon"))["code"] == 0
    assert steps == ["first", "ada"] * 3
    (recorder,) = engine.recorded.values()
    assert recorder.connection.request.state == {"user": "ada"}


async def test_a_middleware_is_not_asked_again_in_a_session() -> None:
    engine = RecordedEngine()
    calls: list[str] = []

    @engine.use
    async def count(request: Request) -> None:
        calls.append(request.query["transport"])

    client = MemoryClient(engine, json.loads((await ask(engine)).body[1:])["sid"])
    assert client.post(b"4x").status == 200
    assert client.poll().response is None
    await websocket(engine, sid=client.sid)
    assert calls == ["polling", "websocket"]


@pytest.mark.parametrize(
    "error, message",
    [(ConnectionRefused("wrong key"), "wrong key"), (ValueError("secret"), "Bad request")],
)
async def test_a_middleware_that_refuses(error: Exception, message: str) -> None:
    engine = RecordedEngine()
    seen = watch(engine)
    engine.use(plain(error))
    engine.use(plain(AssertionError("must not run")))
    for outcome in (await ask(engine), await websocket(engine)):
        assert error_of(outcome) == {"status": 400, "code": 3, "message": message}
    assert [each.context for each in seen] == [{"name": "MIDDLEWARE_FAILURE", "error": error}] * 2


async def test_fields_that_would_break_http_are_not_sent() -> None:
    engine = RecordedEngine()
    engine.use(plain({"x-a": "1\r\nset-cookie: evil=1"}))
    assert error_of(await ask(engine))["code"] == 3


# -- header fields -----------------------------------------------------------------------


async def test_header_fields_of_all_answers_and_of_first_answers() -> None:
    engine = RecordedEngine(EngineConfig(max_payload=100))

    @engine.on_headers
    def every(request: Request) -> dict[str, str]:
        return {"X-Method": request.method}

    @engine.on_initial_headers
    def first(request: Request) -> dict[str, str]:
        return {"x-first": request.query["transport"]}

    opened = await ask(engine)
    assert opened.headers[2:] == [(b"x-first", b"polling"), (b"x-method", b"GET")]
    client = MemoryClient(engine, json.loads(opened.body[1:])["sid"])
    admitted = admit_upgrade(engine, client.sid)
    assert isinstance(admitted, Admission)
    assert admitted.headers == [(b"x-method", b"GET")]
    waiting = client.poll()
    answers = [
        client.post(b"4x"),
        client.post(b"4" + b"x" * 100),
        waiting,
        client.poll(),
    ]
    assert [answer.status for answer in answers] == [200, 413, 200, 400]
    for answer in answers:
        assert answer.response is not None
        names = [name for name, _ in answer.response.headers]
        assert names.count(b"x-method") == 1
        assert b"x-first" not in names

    new = await websocket(engine)
    assert isinstance(new, Admission)
    assert new.headers == [(b"x-first", b"websocket"), (b"x-method", b"GET")]


@pytest.mark.parametrize(
    "result", [RuntimeError("broken"), {"x": "a\nb"}, {"x y": "1"}, {"x": "€"}, {"": "1"}, 7]
)
async def test_a_function_for_fields_that_fails_costs_no_answer(
    result: object, caplog: pytest.LogCaptureFixture
) -> None:
    engine = RecordedEngine()
    engine.on_headers(plain(result))
    engine.on_headers(plain({"x-good": "1"}))
    answer = await ask(engine)
    assert answer.headers[2:] == [(b"x-good", b"1")]
    assert "header fields" in caplog.text


def test_a_function_for_fields_must_not_wait() -> None:
    engine = RecordedEngine()
    with pytest.raises(TypeError, match="coroutine function"):
        engine.on_headers(awaited({}))
    with pytest.raises(TypeError, match="coroutine function"):
        engine.on_initial_headers(awaited({}))


# -- cookie ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "option, attributes",
    [
        (True, "io={sid}; Path=/; HttpOnly; SameSite=Lax"),
        ({}, "io={sid}; Path=/; HttpOnly; SameSite=Lax"),
        (
            {"name": "node", "path": None, "http_only": False, "same_site": None},
            "node={sid}",
        ),
        (
            {
                "path": "/live",
                "domain": "a.example",
                "max_age": 9,
                "secure": True,
                "partitioned": True,
                "same_site": "none",
            },
            "io={sid}; Max-Age=9; Domain=a.example; Path=/live; HttpOnly; Secure; Partitioned; SameSite=None",
        ),
    ],
)
async def test_defect_13_the_cookie_is_set_on_both_transports(option: Any, attributes: str) -> None:
    """The reference sets it on polling answers only, so sessions over WebSocket alone have none."""
    engine = RecordedEngine(EngineConfig(cookie=option))

    def expected(sid: str | None) -> list[tuple[bytes, bytes]]:
        return [(b"set-cookie", attributes.format(sid=sid).encode())]

    answer = await ask(engine)
    assert answer.headers[2:] == expected(answer.sid)
    admitted = await websocket(engine)
    assert isinstance(admitted, Admission)
    assert admitted.headers == expected(admitted.sid)

    # Only the answer that opens the session sets it.
    assert answer.sid is not None
    later = MemoryClient(engine, answer.sid).post(b"4x").response
    assert later is not None
    assert b"set-cookie" not in dict(later.headers)
    upgrade = admit_upgrade(engine, answer.sid)
    assert isinstance(upgrade, Admission)
    assert upgrade.headers == []


# -- initial_packet ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "packet, body, frame",
    [
        ("hello €", "\x1e4hello €", "4hello €"),
        (b"\x01\x02", "\x1ebAQI=", b"\x01\x02"),
        ("", "\x1e4", "4"),
        (b"", "\x1eb", b""),
    ],
)
async def test_the_initial_packet_comes_with_the_handshake(
    packet: str | bytes, body: str, frame: str | bytes
) -> None:
    engine = RecordedEngine(EngineConfig(initial_packet=packet))
    answer = (await ask(engine)).body.decode()
    assert answer.startswith('0{"sid"')
    assert answer.endswith("}" + body)
    link = open_link(engine, request_with("GET", transport="websocket"))
    assert link.frames[1:] == [frame]


# -- observers ---------------------------------------------------------------------------


async def test_observers_learn_what_was_wrong() -> None:
    engine = RecordedEngine()
    seen = watch(engine)
    sid = MemoryClient.over_polling(engine).sid
    _, link = MemoryClient.over_websocket(engine)
    other = next(each for each in engine.recorded if each != sid)
    for method, query in [
        ("GET", {"transport": "pigeon"}),
        ("GET", {"sid": "unknown"}),
        ("POST", {}),
        ("GET", {"sid": other}),
        ("GET", {"transport": "websocket"}),
        ("GET", {"sid": sid, "EIO": "3"}),
        ("PUT", {"sid": sid}),
        ("GET", {"EIO": "5"}),
    ]:
        of = request_with(method, **query)
        exchange = MemoryExchange(of)
        engine.handle_request(exchange)
        assert exchange.response is not None
        assert seen[-1].request is of
        assert json.loads(exchange.body) == {"code": seen[-1].code, "message": seen[-1].message}
    assert [(each.code, each.context) for each in seen] == [
        (0, {"transport": "pigeon"}),
        (1, {"sid": "unknown"}),
        (2, {"method": "POST"}),
        (3, {"name": "TRANSPORT_MISMATCH", "transport": "polling", "previous_transport": "websocket"}),
        (3, {"name": "TRANSPORT_HANDSHAKE_ERROR", "transport": "websocket"}),
        (3, {"name": "PROTOCOL_MISMATCH", "protocol": "3", "previous_protocol": "4"}),
        (3, {"name": "BAD_METHOD", "method": "PUT"}),
        (5, {"protocol": "5"}),
    ]
    assert link.open


async def test_an_observer_that_fails_hurts_nobody(caplog: pytest.LogCaptureFixture) -> None:
    engine = RecordedEngine()
    engine.on_connection_error(plain(RuntimeError("broken")))
    seen = watch(engine)
    assert error_of(await ask(engine, transport="pigeon"))["code"] == 0
    assert len(seen) == 1
    assert "An observer of refused connections failed" in caplog.text
