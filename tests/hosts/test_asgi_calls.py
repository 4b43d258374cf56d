"""What the ASGI application makes of scopes and events that no server at hand produces."""

import asyncio
from typing import Any

import pytest

from arcwire.engineio.config import EngineConfig
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.hosts.asgi import CLOSE_GRACE, EngineApp
from support.asgi import Call, Message, http, websocket
from support.recorder import RecordedEngine, Recorder

ON_JUMPING_LOOP = True

LIMIT = 1000
POLLING, WEBSOCKET = "EIO=4&transport=polling", "EIO=4&transport=websocket"
DENIAL = {"websocket.http.response": {}}


@pytest.fixture
def engine() -> RecordedEngine:
    return RecordedEngine(EngineConfig(max_payload=LIMIT))


def app_of(engine: RecordedEngine) -> EngineApp:
    return EngineApp(engine, "/engine.io", on_shutdown=engine.close)


async def answer(
    engine: RecordedEngine, scope: Message, *events: Message
) -> tuple[int, dict[bytes, bytes], bytes]:
    call = Call(app_of(engine), scope, *(events or ({"type": "http.request", "body": b""},)))
    await call.task
    start, body = call.sent
    return start["status"], dict(start["headers"]), body["body"]


async def opened(engine: RecordedEngine, **more: Any) -> tuple[Call, Recorder]:
    """A WebSocket session; its handshake is taken away."""
    call = Call(app_of(engine), websocket("/engine.io/", WEBSOCKET, **more), {"type": "websocket.connect"})
    await asyncio.sleep(0.01)
    accept, handshake = call.sent
    assert accept == {"type": "websocket.accept", "headers": []}
    assert handshake["text"].startswith('0{"sid"')
    call.sent.clear()
    (recorder,) = engine.recorded.values()
    return call, recorder


# -- paths -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path, root_path",
    [
        ("/engine.io/", ""),
        ("/engine.io/", "/"),
        ("/engine.io/more", ""),
        # The path with the prefix, as the specification has it.
        ("/api/engine.io/", "/api"),
        ("/api/engine.io/", "/api/"),
        ("/a/b/c/engine.io/", "/a/b/c"),
        # Without it, as some servers and old frameworks do.
        ("/engine.io/", "/api"),
        # Without that of the server, but with that of a framework.
        ("/ws/engine.io/", "/api/ws"),
        # Prefixes that look alike.
        ("/engine.io/", "/engine"),
        ("/engine.io/engine.io/", "/engine.io"),
    ],
)
async def test_paths_that_are_ours(engine: RecordedEngine, path: str, root_path: str) -> None:
    status, _, _ = await answer(engine, http(path, POLLING, root_path=root_path))
    assert status == 200


@pytest.mark.parametrize(
    "path, root_path",
    [
        ("/", ""),
        ("/engine.io", ""),
        ("/engine.iox/", ""),
        ("/x/engine.io/", ""),
        ("/api/engine.io/", "/ap"),
        ("/api/engine.io/", ""),
        ("/engine.io/x", "/engine.io"),
    ],
)
async def test_paths_that_are_not_ours(engine: RecordedEngine, path: str, root_path: str) -> None:
    assert await answer(engine, http(path, POLLING, root_path=root_path)) == (
        404,
        {b"content-type": b"text/plain", b"content-length": b"9"},
        b"Not Found",
    )


async def test_what_a_scope_may_leave_out(engine: RecordedEngine) -> None:
    scope = http("/engine.io/", POLLING, client=None, extensions=None)
    del scope["root_path"], scope["server"]
    assert (await answer(engine, scope))[0] == 200
    (recorder,) = engine.recorded.values()
    assert recorder.connection.request.client is None


# -- HTTP ------------------------------------------------------------------------------


async def test_events_of_a_body_may_leave_out_what_is_empty(engine: RecordedEngine) -> None:
    await answer(engine, http("/engine.io/", POLLING))
    (sid,) = engine.recorded
    scope = http("/engine.io/", f"{POLLING}&sid={sid}", method="POST")
    events = (
        {"type": "http.request", "body": b"4he", "more_body": True},
        {"type": "http.request", "more_body": True},
    )
    assert (await answer(engine, scope, *events, {"type": "http.request", "body": b"llo"}))[2] == b"ok"
    assert engine.recorded[sid].messages == ["hello"]


@pytest.mark.parametrize("version, header", [("1.1", b"close"), ("1.0", b"close"), ("2", None), ("3", None)])
async def test_only_http1_has_a_connection_to_close(
    engine: RecordedEngine, version: str, header: bytes | None
) -> None:
    await answer(engine, http("/engine.io/", POLLING))
    (sid,) = engine.recorded
    scope = http("/engine.io/", f"{POLLING}&sid={sid}", method="POST", http_version=version)
    event = {"type": "http.request", "body": b"x" * (LIMIT + 1), "more_body": True}
    status, headers, _ = await answer(engine, scope, event)
    assert status == 413
    assert headers.get(b"connection") == header


async def test_a_server_that_gives_up_on_a_poll_ends_the_session(engine: RecordedEngine) -> None:
    await answer(engine, http("/engine.io/", POLLING))
    (sid,) = engine.recorded
    poll = Call(app_of(engine), http("/engine.io/", f"{POLLING}&sid={sid}"))
    await asyncio.sleep(0.01)
    poll.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await poll.task
    assert engine.recorded[sid].reason is CloseReason.TRANSPORT_ERROR


# -- WebSocket ---------------------------------------------------------------------------


@pytest.mark.parametrize("path, status", [("/engine.io/", 400), ("/other/", 404)])
async def test_a_refusal_is_an_answer_where_the_server_can_give_one(
    engine: RecordedEngine, path: str, status: int
) -> None:
    scope = websocket(path, "EIO=3&transport=websocket", extensions=DENIAL)
    call = Call(app_of(engine), scope, {"type": "websocket.connect"})
    await call.task
    start, body = call.sent
    assert (start["type"], start["status"]) == ("websocket.http.response.start", status)
    assert body["type"] == "websocket.http.response.body"


@pytest.mark.parametrize("extensions", [{}, None])
async def test_a_refusal_is_a_close_elsewhere(
    engine: RecordedEngine, extensions: dict[str, Any] | None
) -> None:
    scope = websocket("/engine.io/", "EIO=3&transport=websocket", extensions=extensions)
    call = Call(app_of(engine), scope, {"type": "websocket.connect"})
    await call.task
    assert call.sent == [{"type": "websocket.close", "code": 1008}]


@pytest.mark.parametrize("query", [WEBSOCKET, "EIO=3&transport=websocket"])
async def test_a_client_that_is_gone_before_it_is_let_in(engine: RecordedEngine, query: str) -> None:
    scope = websocket("/engine.io/", query)
    call = Call(app_of(engine), scope, {"type": "websocket.disconnect", "code": 1006})
    await call.task
    assert (call.sent, engine.recorded) == ([], {})


async def test_messages(engine: RecordedEngine) -> None:
    call, recorder = await opened(engine)
    call.give({"type": "websocket.receive", "text": "4hello", "bytes": None})
    call.give({"type": "websocket.receive", "bytes": b"\x01", "text": None})
    call.give({"type": "websocket.receive", "text": "4"})
    await asyncio.sleep(0.01)
    assert recorder.messages == ["hello", b"\x01", ""]
    recorder.connection.send_text("€".encode())
    recorder.connection.send_binary(b"\x02")
    await asyncio.sleep(0.01)
    assert call.sent == [
        {"type": "websocket.send", "text": "4€"},
        {"type": "websocket.send", "bytes": b"\x02"},
    ]
    call.give({"type": "websocket.disconnect", "code": 1001})
    await call.task
    assert recorder.closed == [(CloseReason.TRANSPORT_CLOSE, "close code 1001")]


@pytest.mark.parametrize(
    "event, reason",
    [
        ({"code": 1000, "reason": "done"}, CloseReason.TRANSPORT_CLOSE),
        ({"code": 1006}, CloseReason.TRANSPORT_CLOSE),
        ({}, CloseReason.TRANSPORT_CLOSE),
        ({"code": 1009}, CloseReason.PAYLOAD_TOO_LARGE),
        ({"code": 1012}, CloseReason.SERVER_SHUTTING_DOWN),
    ],
)
async def test_what_the_end_means(engine: RecordedEngine, event: Message, reason: CloseReason) -> None:
    call, recorder = await opened(engine)
    call.give({"type": "websocket.disconnect", **event})
    await call.task
    assert recorder.reason is reason
    assert engine.clients_count == 0


@pytest.mark.parametrize(
    "event",
    [{"text": "4" + "x" * LIMIT}, {"text": "4" + "€" * (LIMIT // 3 + 1)}, {"bytes": b"x" * (LIMIT + 1)}],
)
async def test_what_is_too_large(engine: RecordedEngine, event: Message) -> None:
    call, recorder = await opened(engine)
    call.give({"type": "websocket.receive", **event})
    call.give({"type": "websocket.receive", "text": "4late"})
    await asyncio.sleep(0.01)
    assert recorder.closed == [(CloseReason.PAYLOAD_TOO_LARGE, f"a message of more than {LIMIT} bytes")]
    assert call.sent == [{"type": "websocket.close", "code": 1009, "reason": "message too big"}]
    call.give({"type": "websocket.disconnect", "code": 1009})
    await call.task
    assert recorder.messages == []


async def test_closing_sends_the_rest_and_waits_for_the_end(engine: RecordedEngine) -> None:
    call, recorder = await opened(engine)
    recorder.connection.send_text(b"bye")
    recorder.connection.close()
    await asyncio.sleep(CLOSE_GRACE - 1)
    assert call.sent == [
        {"type": "websocket.send", "text": "4bye"},
        {"type": "websocket.close", "code": 1000, "reason": ""},
    ]
    assert not call.task.done()
    call.give({"type": "websocket.receive", "text": "4late"})
    call.give({"type": "websocket.disconnect", "code": 1000})
    await call.task
    assert recorder.messages == []
    assert recorder.reason is CloseReason.FORCED_CLOSE


@pytest.mark.parametrize("stuck", [True, False])
async def test_a_closed_websocket_ends_even_if_nobody_reads_or_answers(
    engine: RecordedEngine, stuck: bool
) -> None:
    call, recorder = await opened(engine)
    call.stuck = stuck
    recorder.connection.send_text(b"x")
    recorder.connection.close()
    async with asyncio.timeout(CLOSE_GRACE + 1):
        await call.task
    assert len(asyncio.all_tasks()) == 1, "no writer is left"


@pytest.mark.parametrize("stuck", [True, False])
async def test_an_aborted_websocket_ends_at_once(engine: RecordedEngine, stuck: bool) -> None:
    call, recorder = await opened(engine)
    call.stuck = stuck
    link = recorder.connection._link
    assert link is not None
    link.send_text(b"x" * 10)
    link.abort()
    async with asyncio.timeout(0.5):
        await call.task
    assert call.sent == []
    assert recorder.reason is CloseReason.TRANSPORT_CLOSE
    assert len(asyncio.all_tasks()) == 1


async def test_a_server_that_cancels_the_application_is_stopping(engine: RecordedEngine) -> None:
    call, recorder = await opened(engine)
    call.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call.task
    assert recorder.reason is CloseReason.SERVER_SHUTTING_DOWN


async def test_a_server_whose_sends_fail(engine: RecordedEngine) -> None:
    call, recorder = await opened(engine)
    call.fails = True
    recorder.connection.send_text(b"x")
    recorder.connection.send_text(b"y")
    await asyncio.sleep(0.01)
    recorder.connection.send_text(b"z")
    assert recorder.connection.buffered_bytes == 0
    call.give({"type": "websocket.disconnect", "code": 1006})
    await call.task
    assert recorder.reason is CloseReason.TRANSPORT_CLOSE


async def test_a_server_whose_receive_fails(engine: RecordedEngine) -> None:
    call, recorder = await opened(engine)
    call.give({"no type": "at all"})
    with pytest.raises(KeyError):
        await call.task
    assert recorder.reason is CloseReason.TRANSPORT_ERROR


async def test_back_pressure(engine: RecordedEngine) -> None:
    call, recorder = await opened(engine)
    connection = recorder.connection
    call.stuck = True
    for _ in range(10):
        connection.send_binary(b"x" * 10_000)
    assert connection.buffered_bytes == 100_000
    waiter = asyncio.create_task(connection.drain())
    await asyncio.sleep(1)
    assert not waiter.done()
    call.free()
    await waiter
    await asyncio.sleep(0.01)
    assert connection.buffered_bytes == 0
    assert len(call.sent) == 10
    call.task.cancel()


# -- lifespan ----------------------------------------------------------------------------


async def test_an_application_that_fails_after_it_began_is_not_taken_for_one_without_lifespan(
    engine: RecordedEngine,
) -> None:
    async def other(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        raise RuntimeError("no database")

    app = EngineApp(engine, "/engine.io", other, on_shutdown=engine.close)
    call = Call(app, {"type": "lifespan"}, {"type": "lifespan.startup"})
    with pytest.raises(RuntimeError, match="no database"):
        await call.task
    assert call.sent == []
