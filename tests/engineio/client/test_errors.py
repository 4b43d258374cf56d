"""What connecting ends with where no session can be had: the error says where to, and why not."""

import socket
import sys

import pytest

from arcwire.engineio.client import EngineClientConfig, EngineConnection
from arcwire.errors import (
    ConnectError,
    ConnectTimeout,
    HandshakeRejected,
    NotAnEngine,
    ResolveError,
    TransportUnavailable,
    Unreachable,
)
from support.engine_client import Heard, connecting, engine_server
from support.raw_http import until
from support.servers import free_port
from support.stub_server import StubConnection, stub_server

ON_BOTH_LOOPS = True

EACH_TRANSPORT = pytest.mark.parametrize("transport", ["websocket", "polling"])
OPEN = '0{"sid":"s","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000}'
PAGE = b"<!DOCTYPE html><html><title>Log in</title></html>"


async def failure(url: str, **options: object) -> ConnectError:
    """The error that connecting ends with; the receiver hears of nothing."""
    heard = Heard()
    with pytest.raises(ConnectError) as caught:
        await EngineConnection.open(url, heard, EngineClientConfig(**options))
    assert not heard.closed
    assert not heard.messages
    return caught.value


@EACH_TRANSPORT
async def test_name_that_cannot_be_resolved(transport):
    error = await failure("http://nothing.invalid/?token=secret", transports=transport)
    assert type(error) is ResolveError
    assert error.url == "http://nothing.invalid"
    assert "http://nothing.invalid: the host name nothing.invalid cannot be resolved" in str(error)
    assert "secret" not in str(error)
    assert error.__cause__ is not None


@EACH_TRANSPORT
@pytest.mark.parametrize("host", ["a..b", f"{'a' * 70}.com", "256.256.256.256", "[fe80::1%25nowhere]"])
async def test_host_that_is_none(host, transport):
    error = await failure(f"http://{host}", transports=transport)
    assert type(error) is ResolveError
    assert "cannot be resolved: " in str(error)


@EACH_TRANSPORT
async def test_nothing_listens(transport):
    url = f"http://127.0.0.1:{free_port()}"
    error = await failure(url, transports=transport)
    assert type(error) is Unreachable
    assert str(error) == f"{url}: the connection was refused"


async def test_all_addresses_of_a_name_are_tried():
    error = await failure(f"http://localhost:{free_port()}")
    assert type(error) is Unreachable
    assert "refused" in str(error)


@EACH_TRANSPORT
async def test_no_unix_socket(transport, tmp_path):
    error = await failure(f"unix:{tmp_path}/nothing.sock", transports=transport)
    assert type(error) is Unreachable
    assert str(error) == f"unix:{tmp_path}/nothing.sock: No such file or directory"


@EACH_TRANSPORT
async def test_nobody_answers(transport):
    async def serve(stub: StubConnection) -> None:
        await stub.reader.read()

    async with stub_server(serve) as server:
        error = await failure(server.url, transports=transport, timeout=0.2)
        assert type(error) is ConnectTimeout
        assert isinstance(error, TimeoutError)
        assert str(error) == f"{server.url}: {transport} did not open within 0.2 seconds"


async def test_websocket_without_an_answer_leaves_time_for_polling():
    async def serve(stub: StubConnection) -> None:
        if "polling" in stub.target:
            stub.answer("200 OK", OPEN.encode())
        await stub.reader.read()

    async with stub_server(serve) as server, connecting(server.url, timeout=0.5) as (connection, _):
        assert connection.transport == "polling"


async def test_nobody_accepts():
    """A backlog that is full: the connection is never made."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        error = await failure("http://127.0.0.1:{1}".format(*address), timeout=0.2)
        assert type(error) is ConnectTimeout
        for filler in fillers:
            filler.close()


@EACH_TRANSPORT
@pytest.mark.parametrize(
    "options, status, code, message",
    [
        ({"allow_request": lambda _: False}, 403, 4, "Forbidden"),
        ({"allow_request": lambda _: "too many"}, 403, 4, "too many"),
    ],
)
async def test_server_refuses(transport, options, status, code, message):
    async with engine_server(options) as server:
        error = await failure(server.url, transports=transport)
        assert type(error) is HandshakeRejected
        assert (error.status, error.code, error.message) == (status, code, message)
        assert str(error) == f"{server.url} refused {transport} with 403 Forbidden: {message} (code {code})"


@EACH_TRANSPORT
async def test_server_without_that_protocol(transport):
    async with engine_server({"allow_eio3": False}) as server:
        error = await failure(server.url, transports=transport, protocol=3)
        assert isinstance(error, HandshakeRejected)
        assert (error.code, error.message) == (5, "Unsupported protocol version")


async def test_refusal_that_concerns_all_transports_is_final():
    async with engine_server({"allow_request": lambda _: False}) as server:
        error = await failure(server.url)
        assert isinstance(error, HandshakeRejected)
        assert "refused websocket" in str(error)


async def test_other_path():
    async with engine_server() as server:
        error = await failure(server.url, path="/elsewhere")
        assert isinstance(error, HandshakeRejected)
        assert error.status == 404
        assert error.code is None


@EACH_TRANSPORT
async def test_bad_gateway(transport):
    async def serve(stub: StubConnection) -> None:
        stub.answer("502 Bad Gateway", b"upstream\r\nis gone", "Content-Type: text/plain\r\n")

    async with stub_server(serve) as server:
        error = await failure(server.url, transports=transport)
        assert isinstance(error, HandshakeRejected)
        assert (error.status, error.code, error.body) == (502, None, "upstream\r\nis gone")
        assert str(error) == f"{server.url} refused {transport} with 502 Bad Gateway: upstream is gone"


async def test_bad_gateway_for_all_transports():
    async def serve(stub: StubConnection) -> None:
        stub.answer("502 Bad Gateway", PAGE, "Content-Type: text/html\r\n")

    async with stub_server(serve) as server:
        error = await failure(server.url)
        assert isinstance(error, HandshakeRejected)
        assert str(error) == f"{server.url} refused polling with 502 Bad Gateway"
        assert [request.target.count("polling") for request in server.requests] == [0, 1]


@EACH_TRANSPORT
async def test_page_to_log_in_to_a_network(transport):
    async def serve(stub: StubConnection) -> None:
        stub.answer("200 OK", PAGE, "Content-Type: text/html; charset=utf-8\r\n")

    async with stub_server(serve) as server:
        error = await failure(server.url, transports=transport)
        assert type(error) is NotAnEngine
        assert error.status == 200
        assert "Log in" in error.body
        assert "a web page (status 200)" in str(error)
    async with stub_server(serve) as server:
        assert type(await failure(server.url)) is NotAnEngine


@EACH_TRANSPORT
async def test_redirection_is_not_followed(transport):
    async def serve(stub: StubConnection) -> None:
        stub.answer("302 Found", b"", "Location: https://login.example/\r\n")

    async with stub_server(serve) as server:
        error = await failure(server.url, transports=transport)
        assert isinstance(error, HandshakeRejected)
        assert str(error).endswith("with 302 Found: it is at https://login.example/")


@EACH_TRANSPORT
async def test_what_does_not_speak_http(transport):
    async def serve(stub: StubConnection) -> None:
        stub.writer.write(b"SSH-2.0-OpenSSH_9\r\n")
        await stub.writer.drain()

    async with stub_server(serve) as server:
        error = await failure(server.url, transports=transport)
        assert type(error) is NotAnEngine
        assert "does not speak HTTP" in str(error)


@EACH_TRANSPORT
async def test_connection_that_ends_without_an_answer(transport):
    async def serve(stub: StubConnection) -> None:
        pass

    async with stub_server(serve) as server:
        error = await failure(server.url, transports=transport)
        assert isinstance(error, Unreachable)
        assert "the connection ended without an answer" in str(error)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(("403 Forbidden", b"no"), id="refused by a proxy"),
        pytest.param(
            ("400 Bad Request", b'{"code":3,"message":"Bad request"}'), id="without its Upgrade field"
        ),
        pytest.param(("400 Bad Request", b'{"code":0,"message":"Transport unknown"}'), id="switched off"),
        pytest.param(("200 OK", PAGE), id="answered with a page"),
        pytest.param(None, id="cut off"),
    ],
)
async def test_something_forbids_websockets(answer):
    """Polling gets through, and no WebSocket is tried again."""

    async def serve(stub: StubConnection) -> None:
        if "websocket" in stub.target:
            if answer is not None:
                stub.answer(*answer)
            return
        stub.answer("200 OK", OPEN.encode())
        await stub.read_head()
        await stub.reader.read()

    async with stub_server(serve) as server:
        async with connecting(server.url) as (connection, _):
            assert connection.transport == "polling"
            await until(lambda: len(server.requests) >= 2)
        assert sum("websocket" in request.target for request in server.requests) == 1
        first = await failure(server.url, try_all_transports=False)
        alone = await failure(server.url, transports="websocket")
        assert type(first) is type(alone)
        assert not isinstance(first, TransportUnavailable)


async def test_no_transport_is_left():
    async def serve(stub: StubConnection) -> None:
        if "websocket" in stub.target:
            stub.answer("403 Forbidden", b"no WebSockets here")
        else:
            stub.answer("200 OK", PAGE)

    async with stub_server(serve) as server:
        error = await failure(server.url)
        assert isinstance(error, TransportUnavailable)
        assert [(name, type(attempt)) for name, attempt in error.attempts] == [
            ("websocket", HandshakeRejected),
            ("polling", NotAnEngine),
        ]
        assert "no WebSockets here" in str(error)
        assert "a web page" in str(error)


async def test_polling_without_its_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    monkeypatch.delitem(sys.modules, "arcwire.engineio.client.polling", raising=False)

    async def serve(stub: StubConnection) -> None:
        stub.answer("403 Forbidden", b"no")

    async with stub_server(serve) as server:
        error = await failure(server.url, transports="polling")
        assert isinstance(error, TransportUnavailable)
        assert str(error) == "polling needs an HTTP client, which is an extra: pip install 'arcwire[client]'"
        error = await failure(server.url)
        assert isinstance(error, HandshakeRejected), "what happened comes first"
        assert "pip install 'arcwire[client]'" in error.__notes__[0]


async def test_server_of_another_protocol():
    async def serve(stub: StubConnection) -> None:
        stub.answer("200 OK", (f"{len(OPEN)}:{OPEN}2:40" if "EIO=4" in stub.target else OPEN).encode())

    async with stub_server(serve) as server:
        error = await failure(server.url, transports="polling")
        assert str(error) == f"{server.url} speaks Engine.IO 3 (Socket.IO 2 and older): pass protocol=3"
        error = await failure(server.url, transports="polling", protocol=3)
        assert str(error) == f"{server.url} speaks Engine.IO 4 (Socket.IO 3 and newer): pass protocol=4"


@pytest.mark.parametrize(
    "frames",
    [[(1, b"4hello")], [(2, b"hello")], [(8, b"")], [(1, b"0{}")], [(1, b"0not JSON")], [(1, b"\xff")]],
)
async def test_websocket_that_opens_no_session(frames):
    async def serve(stub: StubConnection) -> None:
        stub.accept()
        for opcode, payload in frames:
            stub.send_frame(opcode, payload)
        await stub.reader.read()

    async with stub_server(serve) as server:
        error = await failure(server.url, transports="websocket")
        assert type(error) is NotAnEngine


@pytest.mark.parametrize(
    "headers",
    [
        "Sec-WebSocket-Extensions: permessage-deflate\r\n",
        "Sec-WebSocket-Protocol: other\r\n",
        "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n",
        "Upgrade: h2c\r\n",
    ],
)
async def test_websocket_that_was_not_asked_for(headers):
    async def serve(stub: StubConnection) -> None:
        stub.accept(headers)
        await stub.reader.read()

    async with stub_server(serve) as server:
        error = await failure(server.url, transports="websocket", protocols=["mine"])
        assert type(error) is NotAnEngine
        assert "no WebSocket was opened" in str(error)


async def test_endless_answer():
    async def serve(stub: StubConnection) -> None:
        stub.writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            stub.writer.write(b"x: y\r\n" * 100)
            await stub.writer.drain()

    async with stub_server(serve) as server:
        error = await failure(server.url, transports="websocket", timeout=10)
        assert type(error) is NotAnEngine


async def test_no_url_of_a_server():
    for url in ("ftp://example.org", "http://", "unix:", "http://[::1", "http://example.org:port"):
        with pytest.raises(ValueError, match=r"."):
            await EngineConnection.open(url, Heard())
