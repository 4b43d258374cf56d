"""What Arcwire's client says of servers and networks that fail, and in which state it ends."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from arcwire import (
    Client,
    ConnectError,
    ConnectTimeout,
    HandshakeRejected,
    NotAnEngine,
    ResolveError,
    Server,
    Socket,
    State,
    TlsError,
    TransportUnavailable,
    Unreachable,
)
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.socketio.acks import SingleAnswer
from support.gateways import Gateway, answering, listening, response, silent
from support.servers import ServerProcess, free_port
from support.uvicorn_server import running
from support.worlds import COMMANDS, TRANSPORTS

PATIENCE = 15.0
PORTAL = response("200 OK", "text/html", "<html><body>Accept the terms of the hotel</body></html>")
BAD_GATEWAY = response("502 Bad Gateway", "text/html", "<html>no upstream</html>")
FORBIDDEN = response("403 Forbidden", "text/plain", "no WebSockets in this office")


@pytest.fixture(params=list(TRANSPORTS))
def transports(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """What the client may use."""
    return TRANSPORTS[request.param]


@asynccontextmanager
async def using(url: str, **options: Any) -> AsyncIterator[Client]:
    """A client that is closed at the end, and leaves no task then."""
    before = asyncio.all_tasks()
    client = Client(url, **{"reconnection_delay": 0.02, "reconnection_delay_max": 0.1, **options})
    try:
        yield client
    finally:
        await client.close()
        assert client.socket.state.name == "closed"
        await until(lambda: asyncio.all_tasks() == before)


async def until(condition: Callable[[], object]) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)


async def refusal_of(client: Client) -> ConnectError:
    """The error of `connect`, which ends the attempts: nothing goes on behind the caller's back."""
    with pytest.raises(ConnectError) as raised:
        async with asyncio.timeout(PATIENCE):
            await client.connect()
    assert client.socket.state.name == "closed"
    assert client.socket.state.error is raised.value
    return raised.value


def attempts_of(error: ConnectError) -> list[ConnectError]:
    """What each transport failed with."""
    if isinstance(error, TransportUnavailable):
        return [each for _, each in error.attempts]
    return [error]


def echoing() -> Server:
    io = Server(ping_interval=0.5, ping_timeout=1.0)

    @io.on("echo")
    async def echo(socket: Socket, value: Any) -> Any:
        return value

    return io


# -- connecting -----------------------------------------------------------------------------


async def test_a_name_without_an_address(transports: tuple[str, ...]) -> None:
    async with using("http://nowhere.invalid:1234", transports=transports) as client:
        error = await refusal_of(client)
    assert isinstance(error, ResolveError)
    assert "nowhere.invalid" in str(error)
    assert error.url.startswith("http://nowhere.invalid:1234")


async def test_nothing_listens(transports: tuple[str, ...]) -> None:
    port = free_port()
    async with using(f"http://127.0.0.1:{port}", transports=transports) as client:
        error = await refusal_of(client)
    assert isinstance(error, Unreachable)
    assert f"127.0.0.1:{port}" in str(error)


async def test_a_server_that_never_answers(transports: tuple[str, ...]) -> None:
    async with listening(silent) as url, using(url, transports=transports, timeout=0.2) as client:
        error = await refusal_of(client)
    assert isinstance(error, ConnectTimeout)
    assert isinstance(error, TimeoutError)
    assert "0.2 seconds" in str(error)


async def test_a_captive_portal(transports: tuple[str, ...]) -> None:
    async with listening(answering(PORTAL)) as url, using(url, transports=transports) as client:
        error = await refusal_of(client)
    for each in attempts_of(error):
        assert isinstance(each, NotAnEngine)
        assert each.status == 200
        assert "Accept the terms" in each.body
        assert url.removeprefix("http://") in str(each)


async def test_a_page_of_another_server(transports: tuple[str, ...]) -> None:
    missing = response("404 Not Found", "text/html", "<h1>Not here</h1>")
    async with listening(answering(missing)) as url, using(url, transports=transports) as client:
        error = await refusal_of(client)
    for each in attempts_of(error):
        assert isinstance(each, HandshakeRejected)
        assert (each.status, each.code) == (404, None)
        assert "Not here" in each.body


async def test_a_server_of_another_revision(transports: tuple[str, ...]) -> None:
    async with (
        running(echoing().asgi()) as server,
        using(server.url, transports=transports, protocol=3) as client,
    ):
        error = await refusal_of(client)
    for each in attempts_of(error):
        assert isinstance(each, HandshakeRejected)
        assert (each.status, each.code) == (400, 5)
        assert each.message


async def test_a_client_that_is_not_let_in(transports: tuple[str, ...]) -> None:
    io = Server(allow_request=lambda request: False)
    async with running(io.asgi()) as server, using(server.url, transports=transports) as client:
        error = await refusal_of(client)
    for each in attempts_of(error):
        assert isinstance(each, HandshakeRejected)
        assert (each.status, each.code) == (403, 4)


@pytest.mark.parametrize("kind", ["polling-first", "websocket-first"])
@pytest.mark.parametrize(
    "answer", [FORBIDDEN, response("400 Bad Request", "text/plain", "?"), b""], ids=["403", "400", "hangs up"]
)
async def test_a_gateway_that_forbids_websockets(kind: str, answer: bytes) -> None:
    order = ("polling", "websocket") if kind == "polling-first" else ("websocket", "polling")
    async with running(echoing().asgi()) as server:
        gateway = Gateway(server.url, websockets=answer)
        async with listening(gateway) as url, using(url, transports=order) as client:
            await client.connect()
            await until(lambda: gateway.refused)
            assert await client.socket.timeout(PATIENCE).emit_with_ack("echo", b"through") == b"through"
            assert client.socket.transport == "polling"
            assert gateway.refused == 1


async def test_a_gateway_that_forbids_the_only_transport() -> None:
    async with running(echoing().asgi()) as server:
        gateway = Gateway(server.url, websockets=FORBIDDEN)
        async with listening(gateway) as url, using(url, transports=("websocket",)) as client:
            error = await refusal_of(client)
    (each,) = attempts_of(error)
    assert isinstance(each, HandshakeRejected)
    assert each.status == 403
    assert "office" in each.body


# -- TLS -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def certificate(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(path))
    return path


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


async def test_tls(transports: tuple[str, ...], certificate: Path, ca_file: Path) -> None:
    async with running(echoing().asgi(), ssl_certfile=str(certificate)) as server:
        assert server.url.startswith("https://")
        for trust in (
            {"ca_file": ca_file},
            {"ssl_context": ssl.create_default_context(cafile=str(ca_file))},
            {"insecure": True},
        ):
            async with using(server.url, transports=transports, **trust) as client:
                await client.connect()
                await until(lambda client=client: client.socket.transport == transports[-1])
                assert await client.socket.timeout(PATIENCE).emit_with_ack("echo", b"x") == b"x"


async def test_a_certificate_of_nobody(transports: tuple[str, ...], certificate: Path) -> None:
    async with (
        running(echoing().asgi(), ssl_certfile=str(certificate)) as server,
        using(server.url, transports=transports) as client,
    ):
        error = await refusal_of(client)
    assert isinstance(error, TlsError)
    assert "certificate" in str(error)


async def test_a_certificate_for_another_name(
    transports: tuple[str, ...], certificate: Path, ca_file: Path
) -> None:
    async with running(echoing().asgi(), ssl_certfile=str(certificate)) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        async with using(url, transports=transports, ca_file=ca_file) as client:
            error = await refusal_of(client)
    assert isinstance(error, TlsError)


async def test_a_server_without_tls(transports: tuple[str, ...]) -> None:
    async with running(echoing().asgi()) as server:
        url = server.url.replace("http://", "https://")
        async with using(url, transports=transports) as client:
            error = await refusal_of(client)
    assert isinstance(error, TlsError)


# -- later -----------------------------------------------------------------------------------


async def states_of(client: Client) -> list[State]:
    """All states until it is closed."""
    return [state async for state in client.socket.states()]


async def test_a_server_that_answers_502_for_a_while(transports: tuple[str, ...]) -> None:
    io = echoing()
    async with running(io.asgi()) as server:
        gateway = Gateway(server.url)
        async with listening(gateway) as url, using(url, transports=transports) as client:
            await client.connect()
            watching = asyncio.create_task(states_of(client))
            await until(lambda: client.socket.transport == transports[-1])
            gateway.failing = BAD_GATEWAY
            for socket in io.sockets.values():
                socket.connection.abort(CloseReason.TRANSPORT_ERROR, "the server behind the gateway died")
            await until(lambda: gateway.refused >= 3)
            assert client.socket.state.name == "recovering"
            await until(lambda: client.socket.state.error is not None)
            for each in attempts_of(client.socket.state.error):  # type: ignore[arg-type]
                assert isinstance(each, HandshakeRejected)
                assert (each.status, each.code) == (502, None)
            answer = client.socket.timeout(PATIENCE).emit_with_ack("echo", "later")
            gateway.failing = None
            assert await answer == "later"
            assert client.socket.state.name == "open"
            await client.close()
            names = [state.name for state in await watching]
    assert names[0] == "open"
    assert names[-1] == "closed"
    assert "recovering" in names


async def test_a_server_that_is_502_from_the_beginning(transports: tuple[str, ...]) -> None:
    async with running(echoing().asgi()) as server:
        gateway = Gateway(server.url)
        gateway.failing = BAD_GATEWAY
        async with listening(gateway) as url:
            async with using(url, transports=transports) as client:
                for each in attempts_of(await refusal_of(client)):
                    assert isinstance(each, HandshakeRejected)
                    assert each.status == 502
            async with using(url, transports=transports, retry_connect=True) as client:
                connecting = client.connect()
                refused = gateway.refused
                await until(lambda: gateway.refused > refused + 3)
                assert client.socket.state.name == "connecting"
                gateway.failing = None
                await connecting
                assert await client.socket.timeout(PATIENCE).emit_with_ack("echo", 1) == 1


async def test_a_server_that_restarts(transports: tuple[str, ...]) -> None:
    port = free_port()
    async with using(f"http://127.0.0.1:{port}", transports=transports) as client:
        async with running(echoing().asgi(), port=port):
            await client.connect()
            before = client.socket.id
        answer = await away(client)
        async with running(echoing().asgi(), port=port):
            assert await answer == "kept"
            assert client.socket.id not in (None, before)
            await client.close()


async def test_a_server_that_is_killed_and_starts_again() -> None:
    port = free_port()
    server = ServerProcess(COMMANDS["arcwire-fast"](port), port)
    try:
        await asyncio.to_thread(server.start)
        async with using(server.url) as client:
            await client.connect()
            before = client.socket.id
            await asyncio.to_thread(server.kill)
            answer = await away(client)
            await asyncio.to_thread(server.start)
            assert await answer == "kept"
            assert client.socket.id not in (None, before)
    finally:
        await asyncio.to_thread(server.close)


async def away(client: Client) -> SingleAnswer[Any]:
    """The server went away: see that the client tries to come back, and ask it something."""
    await until(lambda: client.socket.state.name == "recovering")
    await until(lambda: client.socket.state.attempt >= 2)
    for each in attempts_of(client.socket.state.error):  # type: ignore[arg-type]
        assert isinstance(each, Unreachable)
    return client.socket.timeout(PATIENCE).emit_with_ack("echo", "kept")
