"""python-socketio's own clients against the behaviour of support/fixture_app.py at `/clients`."""

import asyncio
import gc
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
import socketio

from support.interop import MAIN_HOSTS
from support.python_clients import Peer
from support.servers import ServerProcess

# The clients leave sockets and HTTP sessions to the garbage collector. What is under test here runs
# in another process.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

TRANSPORTS = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": ["polling", "websocket"]}

Join = Callable[..., Awaitable[Peer]]


@pytest.fixture(scope="module", params=MAIN_HOSTS)
def host(request: pytest.FixtureRequest) -> str:
    """Arcwire's own two hosts, or the reference server."""
    name: str = request.param
    return name


@pytest.fixture(scope="module", autouse=True)
def collect_what_clients_leave() -> Iterator[None]:
    """Before the tests of other modules, which no warning of these clients should reach."""
    yield
    gc.collect()


@pytest.fixture(params=[False, True], ids=["asyncio", "blocking"])
def blocking(request: pytest.FixtureRequest) -> bool:
    """Which of the two clients."""
    return bool(request.param)


@pytest.fixture(params=list(TRANSPORTS))
def transports(request: pytest.FixtureRequest) -> list[str]:
    """What the client may use."""
    return TRANSPORTS[request.param]


@pytest.fixture
async def join(blocking: bool, transports: list[str], server: ServerProcess) -> AsyncIterator[Join]:
    """Makes connected clients; they hear "heard", "bounced" and "welcome"."""
    peers: list[Peer] = []

    async def make(**options: Any) -> Peer:
        peer = Peer(blocking=blocking)
        peers.append(peer)
        for event in ("heard", "bounced", "welcome", "connect_error", "disconnect"):
            for namespace in options.get("namespaces", ["/"]):
                peer.hear(event, namespace)
        return await peer.connect(server.url, transports=transports, **options)

    yield make
    for peer in peers:
        await peer.close()


def room() -> str:
    """A name that no other test uses."""
    return f"room-{uuid.uuid4()}"


async def test_uses_the_transport_it_was_asked_to_use(join: Join, transports: list[str]) -> None:
    peer = await join()
    assert peer.client.transport() == transports[-1]
    assert await peer.call("echo", "x") == "x"
    assert peer.client.transport() == transports[-1]


async def test_shows_the_server_who_it_is(join: Join) -> None:
    peer = await join(auth={"name": "ana"}, headers={"X-Interop": "yes"})
    assert await peer.heard("welcome") == ({"id": peer.id(), "auth": {"name": "ana"}},)
    assert await peer.call("who-am-i") == {
        "id": peer.id(),
        "namespace": "/",
        "auth": {"name": "ana"},
        "query": None,
        "header": "yes",
        "user": None,
    }


@pytest.mark.parametrize(
    "value",
    [
        None,
        [True, False, 0, -1, 1.5, 2**53],
        {"list": [], "object": {}, "text": ""},
        'é 漢字 🎉 \u2028 \u0000 \u001e \\ " /',
        b"\x00\x01\xfe\xff",
        b"",
        {"parts": [b"one", {"thumb": b"two"}, "text"], "again": b"one"},
    ],
    ids=["null", "numbers", "empty", "characters", "bytes", "no-bytes", "nested-bytes"],
)
async def test_values_come_back_as_they_went(join: Join, value: Any) -> None:
    peer = await join()
    assert await peer.call("echo", value) == value
    await peer.emit("bounce", value, "second", value)
    assert await peer.heard("bounced") == (value, "second", value)


async def test_acknowledgements_both_ways(join: Join) -> None:
    peer = await join()
    assert await peer.call("echo") is None
    assert tuple(await peer.call("echo", 1, "two", [3])) == (1, "two", [3])
    peer.on("question", lambda asked: {"asked": asked, "mine": [b"bytes"]})
    answer = await peer.call("ask-me", 4, {"photo": b"data"})
    assert answer == {"answer": {"asked": {"photo": b"data"}, "mine": [b"bytes"]}}
    with pytest.raises(socketio.exceptions.TimeoutError):
        await peer.call("never", patience=0.1)
    assert await peer.call("echo", "alive") == "alive"


async def test_errors_of_handlers_are_answers(join: Join) -> None:
    peer = await join()
    assert await peer.call("count-words", "a b c") == 3
    assert (await peer.call("count-words", 7))["error"]["code"] == "invalid"
    assert (await peer.call("fail", "no"))["error"] == {
        "code": "no",
        "message": "as asked",
        "data": {"by": "fail"},
    }
    assert (await peer.call("crash"))["error"]["code"] == "internal"
    assert await peer.call("echo", "alive") == "alive"


async def test_order_is_kept_both_ways(join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    # The client's own limit of 16 packets in a poll is for servers, and breaks it with any of them.
    monkeypatch.setattr("engineio.payload.Payload.max_decode_packets", 1000)
    peer = await join()
    peer.hear("counted")
    for number in range(200):
        await peer.emit("bounce", number, *([b"bytes"] if number % 50 == 7 else []))
    assert [(await peer.heard("bounced"))[0] for _ in range(200)] == list(range(200))
    assert await peer.call("count", 500) == 500
    assert [(await peer.heard("counted"))[0] for _ in range(500)] == list(range(500))


async def test_large_messages(join: Join) -> None:
    peer = await join()
    text = "0123456789" * 90_000
    assert await peer.call("echo", text) == text
    data = bytes(range(256)) * 2_500
    assert await peer.call("echo", data) == data
    assert await peer.call("big", 2_000_000) == "x" * 2_000_000


async def test_several_namespaces_on_one_connection(join: Join) -> None:
    names = ["/", "/custom", "/guarded"]
    peer = await join(namespaces=names, auth={"token": "sesame"})
    assert len({peer.id(name) for name in names}) == 3
    for name in names:
        answer = await peer.call("who-am-i", namespace=name)
        assert (answer["id"], answer["namespace"]) == (peer.id(name), name)
        await peer.emit("bounce", name, b"bytes", namespace=name)
    for name in names:
        assert await peer.heard("bounced", name) == (name, b"bytes")


@pytest.mark.parametrize(
    "namespace, auth, refusal",
    [
        ("/nowhere", None, {"message": "Invalid namespace"}),
        ("/guarded", None, {"message": "token missing"}),
        ("/guarded", {"token": "x"}, {"message": "unauthorized", "data": {"hint": "token", "status": 401}}),
        ("/refusing", None, {"message": "closed today", "data": {"reopens": ["tomorrow", 9]}}),
    ],
    ids=["unknown", "middleware", "middleware-data", "handler"],
)
async def test_refused_connections(
    blocking: bool,
    transports: list[str],
    server: ServerProcess,
    namespace: str,
    auth: Any,
    refusal: dict[str, Any],
) -> None:
    peer = Peer(blocking=blocking)
    peer.hear("connect_error", namespace)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await peer.connect(server.url, namespaces=[namespace], auth=auth, transports=transports)
    assert await peer.heard("connect_error", namespace) == (refusal,)
    await peer.close()


async def test_rooms(join: Join) -> None:
    sender, member, both, muted, outside = peers = [await join() for _ in range(5)]
    one, two, silent = room(), room(), room()
    for peer, name in [(sender, one), (member, one), (both, one), (both, two), (muted, two), (muted, silent)]:
        await peer.call("join", name)
    assert sorted(await both.call("rooms")) == sorted([both.id(), one, two])

    async def heard() -> list[list[Any]]:
        for peer in peers:
            await peer.call("echo")  # what was sent before has arrived
        return [[values[0] for values in peer.heard_now("heard")] for peer in peers]

    await sender.call("to", [one, two], [silent], "hi")
    assert await heard() == [[], ["hi"], ["hi"], [], []]
    await sender.call("to-with-self", [one, two], [silent], {"photo": b"data"})
    photo = {"photo": b"data"}
    assert await heard() == [[photo], [photo], [photo], [], []]
    await both.call("leave", one)
    await sender.call("to", [one], [], "left")
    assert await heard() == [[], ["left"], [], [], []]
    await sender.call("to", [outside.id()], [], "psst")
    assert await heard() == [[], [], [], [], ["psst"]]


async def test_many_are_asked(join: Join) -> None:
    first, second = await join(), await join()
    name = room()
    for number, peer in enumerate((first, second)):
        peer.on("question", lambda asked, number=number: f"{asked} {number}")
        await peer.call("join", name)
    answer = await first.call("ask-room", name, 4, "?")
    assert (sorted(answer["answers"]), answer["timeout"]) == (["? 0", "? 1"], False)


async def gone_reason(join: Join, leave: Callable[[Peer], Awaitable[None]]) -> tuple[str, str]:
    """Reasons at the client and at the server, when a client goes by `leave`."""
    watcher = await join()
    watcher.hear("gone")
    await watcher.call("join", "watchers")
    name = room()
    peer = await join(auth={"name": name})
    await leave(peer)
    (client,) = await peer.heard("disconnect")
    while True:
        (left,) = await watcher.heard("gone")
        if left["name"] == name:
            return client, left["reason"]


@pytest.mark.parametrize("close", [False, True])
async def test_the_server_disconnects(join: Join, close: bool) -> None:
    client, server = await gone_reason(join, lambda peer: peer.emit("disconnect-me", close))
    assert client == "server disconnect"
    assert server == "server namespace disconnect"


async def test_the_client_disconnects(join: Join, blocking: bool, transports: list[str]) -> None:
    if blocking and transports == ["polling"]:
        # This client may stop before it has told the server, which then waits for a pong: its half only.
        peer = await join()
        await peer.close()
        assert await peer.heard("disconnect") == ("client disconnect",)
        return
    client, server = await gone_reason(join, lambda peer: peer.close())
    assert client == "client disconnect"
    assert server in ("client namespace disconnect", "transport close")


@pytest.mark.timeout(60)
async def test_comes_back_after_the_server_was_killed(
    own_server: ServerProcess, blocking: bool, transports: list[str]
) -> None:
    own_server.start()
    peer = Peer(
        blocking=blocking,
        reconnection=True,
        reconnection_delay=0.1,
        reconnection_delay_max=0.2,
        randomization_factor=0,
    )
    for event in ("connect", "disconnect", "bounced"):
        peer.hear(event)
    try:
        await peer.connect(own_server.url, transports=transports, auth={"name": "ana"})
        await peer.heard("connect")
        before = peer.id()
        own_server.kill()
        (reason,) = await peer.heard("disconnect")
        assert reason in ("transport error", "transport close")
        await asyncio.to_thread(own_server.start)
        await peer.heard("connect", patience=20)
        assert peer.id() != before
        assert (await peer.call("who-am-i"))["auth"] == {"name": "ana"}
        assert await peer.call("echo", b"back") == b"back"
        assert peer.client.transport() == transports[-1]
    finally:
        await peer.close()
