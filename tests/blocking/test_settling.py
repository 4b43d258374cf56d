"""What arrives before the program had a chance to listen."""

import queue
import threading
from typing import Any

import pytest

from arcwire.blocking import Client, settling
from arcwire.socketio.client import membership
from blocking.conftest import PATIENCE
from support.servers import ServerProcess


@pytest.fixture
def early(server: ServerProcess) -> Any:
    """A function that sends to everybody, and returns when it has arrived."""
    with Client(server.url) as other, other.events() as events:

        def send(*names: str) -> None:
            for name in names:
                other.emit("shout", name, name)
                while events.get(PATIENCE).name != name:
                    pass
            # All clients share a loop, which has now seen to what arrived with it.
            for _ in range(3):
                other.emit_with_ack("echo")

        yield send


def test_handlers_behind_the_with_get_what_came_with_the_connection(server: ServerProcess) -> None:
    seen: queue.Queue[Any] = queue.Queue()
    for index in range(50):
        with Client(f"{server.url}/picky?room={index}", extra_headers={"x-key": "1"}) as socket:

            @socket.on("welcome")
            def welcome(about: dict[str, Any]) -> None:
                seen.put(about["query"]["room"])

            assert seen.get(timeout=PATIENCE) == str(index)


def test_streams_behind_the_with_get_what_came_with_the_connection(server: ServerProcess) -> None:
    for _ in range(50):
        with Client(f"{server.url}/picky", extra_headers={"x-key": "1"}) as socket:
            assert socket.events("welcome").get(PATIENCE).name == "welcome"


def test_what_is_late_to_listen_misses_nothing(server: ServerProcess, early: Any) -> None:
    seen: queue.Queue[str] = queue.Queue()
    with Client(server.url) as socket:
        early("a", "b", "a", "c")
        socket.emit("shout", "d", "d")  # does not wait
        socket.on("a", ordered=True)(seen.put)
        events = socket.events("b", "c")
        socket.on_any(lambda name, *_: seen.put(f"any {name}"))
        socket.on("b", ordered=True)(seen.put)
        assert [events.get(PATIENCE).name for _ in range(2)] == ["b", "c"]
        heard = [seen.get(timeout=PATIENCE) for _ in range(8)]
    assert [name for name in heard if "any" not in name] == ["a", "b", "a"]
    assert sorted(name for name in heard if "any" in name) == ["any a", "any a", "any b", "any c", "any d"]


def test_what_the_end_comes_before(server: ServerProcess, early: Any) -> None:
    seen: list[str] = []
    with Client(server.url) as socket:
        early("a")
        socket.on("a")(seen.append)
    assert seen == ["a"]


def test_another_namespace_and_other_threads_do_not_end_it(server: ServerProcess, early: Any) -> None:
    seen: queue.Queue[str] = queue.Queue()
    with Client(server.url) as socket:
        early("a")
        admin = administrator(server)
        thread = threading.Thread(target=lambda: socket.emit_with_ack("echo"))
        thread.start()
        thread.join()
        socket.on("a")(seen.put)
        assert seen.get(timeout=PATIENCE) == "a"
        admin.close()


def administrator(server: ServerProcess) -> Client:
    """Another client, connected."""
    client = Client(f"{server.url}/admin", auth={"token": "secret"})
    client.connect()
    client.socket.emit_with_ack("echo")
    return client


@pytest.mark.parametrize("wait", ["ask", "back-pressure", "events", "states"])
def test_who_waits_has_had_its_turn(server: ServerProcess, early: Any, wait: str) -> None:
    seen: queue.Queue[str] = queue.Queue()
    with Client(server.url) as socket:
        early("a")
        match wait:
            case "ask":
                socket.emit_with_ack("echo")
            case "back-pressure":
                socket.emit("echo").wait()
            case "events":
                with pytest.raises(TimeoutError):
                    socket.events("nothing").get(0.001)
            case _:
                socket.states().get(PATIENCE)
        socket.on("a")(lambda _: seen.put("a"))
        socket.on("b")(lambda _: seen.put("b"))
        early("b")
        assert seen.get(timeout=PATIENCE) == "b"


def test_who_never_listens(server: ServerProcess, early: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "_PATIENCE", 0.01)
    seen: queue.Queue[str] = queue.Queue()
    client = Client(server.url)
    client.connect()
    early("a")
    released = threading.Event()
    client._portal.call(_when_over, client, released)
    assert released.wait(PATIENCE)
    client.socket.on("b")(seen.put)
    client.socket.on("a")(seen.put)
    early("b")
    assert seen.get(timeout=PATIENCE) == "b"
    client.close()


def _when_over(client: Client, released: threading.Event) -> None:
    manager = client.asynchronous.manager
    if client._portal.unsettled:
        manager.call_soon(_when_over, client, released)
    else:
        released.set()


def test_no_more_is_kept_than_may_be(
    server: ServerProcess, early: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(membership, "MAX_EARLY", 2)
    seen: queue.Queue[str] = queue.Queue()
    with Client(server.url) as socket:
        early("a", "a", "a")
        socket.on("a")(seen.put)
        socket.on("b")(seen.put)
        early("b")
        assert seen.get(timeout=PATIENCE) == "b"


def test_again_after_disconnecting(server: ServerProcess, early: Any) -> None:
    seen: queue.Queue[str] = queue.Queue()
    with Client(server.url) as socket:
        socket.disconnect()
        socket.connect()
        early("a")
        socket.connect()  # harmless
        socket.on("a")(seen.put)
        assert seen.get(timeout=PATIENCE) == "a"
