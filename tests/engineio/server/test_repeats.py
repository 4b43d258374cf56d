"""Requests that a browser sends again, as their connection broke before the answer came."""

import json

import pytest

from arcwire.engineio.config import EngineConfig
from arcwire.engineio.protocol.reasons import CloseReason
from support.links import MemoryClient, MemoryExchange, request
from support.recorder import RecordedEngine, Recorder


class StampedClient(MemoryClient):
    """A polling client that gives its requests the time stamps of the test."""

    @classmethod
    def over_polling(cls, engine: RecordedEngine, stamp: str = "first") -> "StampedClient":
        exchange = MemoryExchange(request(transport="polling", t=stamp))
        engine.handle_request(exchange)
        return cls(engine, json.loads(exchange.body[1:])["sid"])

    def request(self, method: str, stamp: str, body: bytes | None = b"") -> MemoryExchange:
        exchange = MemoryExchange(request(method, transport="polling", sid=self.sid, t=stamp), body)
        self.engine.handle_request(exchange)
        return exchange


@pytest.fixture
def engine() -> RecordedEngine:
    return RecordedEngine(EngineConfig(max_payload=100))


def the_only(engine: RecordedEngine) -> Recorder:
    (recorder,) = engine.recorded.values()
    return recorder


async def test_a_repeated_poll_gets_the_answer_again(engine: RecordedEngine) -> None:
    client = StampedClient.over_polling(engine)
    connection = the_only(engine).connection
    waiting = client.request("GET", "a")
    connection.send_text(b"1")
    assert waiting.body == "41"
    connection.send_text(b"2")
    assert client.request("GET", "a").body == "41"
    assert client.request("GET", "a").body == "41"
    assert client.request("GET", "b").body == "42"
    connection.send_text(b"3")
    assert client.request("GET", "a").body == "43", "that one is forgotten"


async def test_a_repeated_poll_beside_a_waiting_one_ends_the_session(engine: RecordedEngine) -> None:
    client = StampedClient.over_polling(engine)
    assert client.request("GET", "a").response is None
    assert client.request("GET", "a").status == 400
    assert the_only(engine).reason is CloseReason.TRANSPORT_ERROR


async def test_a_repeated_post_is_taken_once(engine: RecordedEngine) -> None:
    client = StampedClient.over_polling(engine)
    for _ in range(3):
        assert client.request("POST", "a", b"4one").body == "ok"
    assert client.request("POST", "b", b"4two").body == "ok"
    assert client.request("POST", "c", b"4two").body == "ok"
    assert the_only(engine).messages == ["one", "two", "two"]
    assert client.request("POST", "c", b"4" * 101).status == 413
    assert the_only(engine).connection.is_open


async def test_a_post_that_did_not_arrive_is_not_repeated(engine: RecordedEngine) -> None:
    client = StampedClient.over_polling(engine)
    client.request("POST", "a", None)
    assert client.request("POST", "a", b"4one").status == 400
    assert the_only(engine).reason is CloseReason.TRANSPORT_ERROR


@pytest.mark.parametrize("stamp", ["first", ""])
async def test_clients_that_do_not_mark_their_requests(engine: RecordedEngine, stamp: str) -> None:
    client = StampedClient.over_polling(engine)
    connection = the_only(engine).connection
    for number in (b"1", b"2"):
        connection.send_text(number)
        assert client.request("GET", stamp).body == "4" + number.decode()
        client.request("POST", stamp, b"4same")
    assert the_only(engine).messages == ["same", "same"]


async def test_nothing_is_remembered_after_an_upgrade(engine: RecordedEngine) -> None:
    client = StampedClient.over_polling(engine)
    connection = the_only(engine).connection
    assert connection.repeats is None
    connection.send_text(b"1")
    client.request("GET", "a")
    assert connection.repeats is not None
    client.upgrade()
    assert connection.repeats is None
