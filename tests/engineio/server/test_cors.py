"""Which origins are let in, over both transports, and what answers tell browsers."""

import json
import logging
import re
from typing import Any

import pytest

from arcwire.engineio.config import EngineConfig
from arcwire.engineio.link import Admission, Response
from arcwire.engineio.server.cors import CrossOrigin, is_same_origin
from support.links import MemoryClient, MemoryExchange, admit
from support.recorder import RecordedEngine
from support.requests import request_with

APP = "https://app.example"
EVIL = "https://evil.example"


def engine_with(**options: Any) -> RecordedEngine:
    return RecordedEngine(EngineConfig(**options))


def ask(engine: RecordedEngine, method: str = "GET", origin: str | None = None, **query: str) -> Response:
    exchange = MemoryExchange(request_with(method, {} if origin is None else {"origin": origin}, **query))
    engine.handle_request(exchange)
    assert exchange.response is not None
    return exchange.response


def cors_fields(response: Response) -> dict[bytes, bytes]:
    names = [name for name, _ in response.headers]
    assert names.count(b"access-control-allow-origin") <= 1
    return {
        name: value
        for name, value in response.headers
        if name.startswith(b"access-control-") or name == b"vary"
    }


def websocket(engine: RecordedEngine, origin: str | None, **query: str) -> Admission | Response:
    headers = {} if origin is None else {"origin": origin}
    return admit(engine, request_with("GET", headers, **{"transport": "websocket", **query}))


RULES = {
    "list": [APP, "http://localhost:8000"],
    "one": APP,
    "pattern": re.compile(r"https://\w+\.example(?<!evil\.example)"),
    "mixed": ["http://other.example", re.compile(r"https://app\..*")],
    "function": lambda origin: origin == APP,
}


@pytest.mark.parametrize("rule", RULES)
async def test_origins_that_a_rule_names_are_let_in_and_others_are_not(rule: str) -> None:
    engine = engine_with(cors_allowed_origins=RULES[rule], cors_allowed_headers=[])
    if callable(RULES[rule]):
        # A function may have to be awaited, so it is asked in a task: see below.
        rules = CrossOrigin(engine.config)
        assert (await rules.allows(APP), await rules.allows(EVIL)) == (True, False)
        return
    assert ask(engine, origin=APP).status == 200
    assert cors_fields(ask(engine, origin=APP)) == {
        b"vary": b"Origin",
        b"access-control-allow-origin": APP.encode(),
    }
    refused = ask(engine, origin=EVIL)
    assert (refused.status, json.loads(refused.body)) == (403, {"code": 4, "message": "Origin not allowed"})
    assert cors_fields(refused) == {b"vary": b"Origin"}

    assert isinstance(websocket(engine, APP), Admission)
    denied = websocket(engine, EVIL)
    assert isinstance(denied, Response)
    assert (denied.status, json.loads(denied.body)["code"]) == (403, 4)


async def test_a_pattern_has_to_match_all_of_an_origin() -> None:
    rules = CrossOrigin(EngineConfig(cors_allowed_origins=re.compile(r"https://app\.example")))
    assert await rules.allows(APP)
    assert not await rules.allows("https://app.example.evil.example")
    assert not await rules.allows("https://evil.example/https://app.example")


async def test_a_function_that_fails_refuses(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(origin: str) -> bool:
        raise RuntimeError("no database")

    rules = CrossOrigin(EngineConfig(cors_allowed_origins=broken))
    assert not await rules.allows(APP)
    assert APP in caplog.text


async def test_all_origins() -> None:
    engine = engine_with(cors_allowed_origins="*")
    assert cors_fields(ask(engine, origin=EVIL)) == {b"access-control-allow-origin": b"*"}
    assert isinstance(websocket(engine, EVIL), Admission)


@pytest.mark.parametrize("allowed", [[], [APP]], ids=["no other", "another"])
async def test_the_own_origin_is_always_fine(allowed: list[str]) -> None:
    engine = engine_with(cors_allowed_origins=allowed)
    for origin in (None, "http://example.test", "https://example.test"):
        assert ask(engine, origin=origin).status == 200
        assert isinstance(websocket(engine, origin), Admission)
    assert ask(engine, origin="https://example.test:8443").status == 403


async def test_without_rules_polling_is_left_to_browsers_and_websockets_are_for_the_own_origin() -> None:
    engine = engine_with()
    answer = ask(engine, origin=EVIL)
    assert (answer.status, cors_fields(answer)) == (200, {})
    assert isinstance(websocket(engine, "https://example.test"), Admission)
    assert isinstance(websocket(engine, None), Admission)
    assert isinstance(websocket(engine, EVIL), Response)
    assert isinstance(websocket(engine, "null"), Response)
    # As in the reference: a preflight request is a bad one where CORS is not in use.
    assert json.loads(ask(engine, "OPTIONS", EVIL).body)["code"] == 2


async def test_the_websocket_of_an_upgrade_is_checked_too() -> None:
    engine = engine_with(cors_allowed_origins=[APP])
    sid = MemoryClient.over_polling(engine).sid
    assert isinstance(websocket(engine, APP, sid=sid), Admission)
    assert isinstance(websocket(engine, EVIL, sid=sid), Response)
    assert engine.recorded[sid].reason is None


async def test_every_answer_carries_the_fields() -> None:
    """Without them a browser hides errors from the page, and the page cannot tell what went wrong."""
    engine = engine_with(cors_allowed_origins=[APP], cors_credentials=True, max_payload=100)
    opened = ask(engine, origin=APP)
    sid = json.loads(opened.body[1:])["sid"]
    expected = {
        b"vary": b"Origin",
        b"access-control-allow-origin": APP.encode(),
        b"access-control-allow-credentials": b"true",
    }

    def exchange(method: str, body: bytes = b"", **query: str) -> MemoryExchange:
        made = MemoryExchange(request_with(method, {"origin": APP}, sid=sid, **query), body)
        engine.handle_request(made)
        return made

    poll = exchange("GET")
    answers = [
        opened,
        exchange("POST", b"4x").response,
        exchange("PUT").response,
        exchange("GET", transport="websocket").response,
        ask(engine, origin=APP, transport="pigeon"),
        ask(engine, origin=APP, sid="unknown"),
        exchange("POST", b"4" + b"x" * 100).response,
        poll.response,
    ]
    assert [answer and answer.status for answer in answers] == [200, 200, 400, 400, 400, 400, 413, 200]
    for answer in answers:
        assert answer is not None
        assert cors_fields(answer) == expected


async def test_preflight_requests_are_answered_before_anything_is_checked() -> None:
    engine = engine_with(cors_allowed_origins=[APP], cors_max_age=600)

    def preflight(origin: str, **query: str) -> Response:
        headers = {
            "origin": origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": "x-token,authorization",
        }
        exchange = MemoryExchange(request_with("OPTIONS", headers, **query))
        engine.handle_request(exchange)
        assert exchange.response is not None
        return exchange.response

    sid = MemoryClient.over_polling(engine).sid
    for query in ({}, {"transport": "pigeon"}, {"sid": sid}, {"sid": "unknown"}):
        answer = preflight(APP, **query)
        assert (answer.status, answer.body) == (204, b"")
        assert dict(answer.headers) == {
            b"access-control-allow-origin": APP.encode(),
            b"access-control-allow-methods": b"GET,POST",
            b"access-control-allow-headers": b"x-token,authorization",
            b"access-control-max-age": b"600",
            b"vary": b"Access-Control-Request-Headers",
        }
        assert (b"vary", b"Origin") in answer.headers
    assert preflight(EVIL).headers == [(b"vary", b"Origin")]
    assert engine.recorded[sid].reason is None


async def test_fields_that_pages_may_send_and_read() -> None:
    engine = engine_with(
        cors_allowed_origins="*", cors_allowed_headers=["x-token"], cors_exposed_headers=["x-node", "x-time"]
    )
    assert cors_fields(ask(engine, "OPTIONS", APP))[b"access-control-allow-headers"] == b"x-token"
    assert cors_fields(ask(engine, origin=APP))[b"access-control-expose-headers"] == b"x-node,x-time"


async def test_the_log_says_which_origin_was_refused_and_how_to_allow_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine = engine_with(cors_allowed_origins=[APP])
    with caplog.at_level(logging.WARNING, "arcwire.engineio"):
        for _ in range(3):
            websocket(engine, EVIL)
    (record,) = caplog.records
    assert f"cors_allowed_origins=[{EVIL!r}]" in record.getMessage()
    assert "Host: example.test" in record.getMessage()


async def test_the_log_cannot_be_flooded(caplog: pytest.LogCaptureFixture) -> None:
    engine = engine_with()
    for number in range(1000):
        websocket(engine, f"https://{number}.example")
    assert len(caplog.records) == 100


@pytest.mark.parametrize(
    "origin, host, same",
    [
        ("https://example.test", "example.test", True),
        ("http://example.test", "EXAMPLE.test", True),
        ("https://example.test", "example.test:443", True),
        ("http://example.test", "example.test:80", True),
        ("http://example.test", "example.test:443", False),
        ("http://example.test:3000", "example.test:3000", True),
        ("http://example.test:3000", "example.test", False),
        ("https://[2001:db8::1]:3000", "[2001:db8::1]:3000", True),
        ("capacitor://localhost", "localhost", True),
        ("https://evil.test", "example.test", False),
        ("https://example.test.evil.test", "example.test", False),
        ("null", "null", False),
        ("", "", False),
        ("example.test", "example.test", False),
        ("https://example.test", None, False),
    ],
)
def test_same_origins(origin: str, host: str | None, same: bool) -> None:
    assert is_same_origin(origin, host) is same


@pytest.mark.parametrize("origin", ["https://app.example\x01", "https://\xe4.example", "a\tb"])
async def test_what_no_browser_sends_is_not_sent_back(origin: str) -> None:
    rules = CrossOrigin(EngineConfig(cors_allowed_origins=lambda _: True))
    assert not await rules.allows(origin)
    engine = engine_with(cors_allowed_origins="*")
    headers = {"origin": APP, "access-control-request-headers": origin}
    exchange = MemoryExchange(request_with("OPTIONS", headers))
    engine.handle_request(exchange)
    assert exchange.response is not None
    assert b"access-control-allow-headers" not in dict(exchange.response.headers)
