"""Answers that send the client elsewhere, and ways there that it does not take: one clear error each."""

import pytest

from arcwire import Client
from arcwire.engineio.client import EngineClientConfig, EngineConnection
from arcwire.errors import ConnectError, HandshakeRejected, NotAnEngine, ProxyError
from support.engine_client import Heard
from support.stub_server import StubConnection, stub_server

ON_BOTH_LOOPS = True

EACH_TRANSPORT = pytest.mark.parametrize("transport", ["websocket", "polling"])


async def failure(url: str, **options: object) -> ConnectError:
    """The error that connecting ends with."""
    with pytest.raises(ConnectError) as caught:
        await EngineConnection.open(url, Heard(), EngineClientConfig(**options))
    return caught.value


@EACH_TRANSPORT
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "location, target",
    [
        ("https://other.example/socket.io/?EIO=4&token=secret", "https://other.example/socket.io/"),
        ("//other.example/", "http://other.example/"),
        ("/elsewhere/", "{url}/elsewhere/"),
    ],
)
async def test_the_error_names_where_it_is(transport, status, location, target):
    async def serve(stub: StubConnection) -> None:
        stub.answer(f"{status} Moved", b"<html>", f"Location: {location}\r\n")

    async with stub_server(serve) as server:
        url = server.url
        error = await failure(url, transports=transport, query={"token": "secret"})
        assert type(error) is HandshakeRejected
        assert error.status == status
        assert f"{url} refused {transport} with {status} " in str(error)
        assert str(error).endswith(f": it is at {target.format(url=url)}")


@EACH_TRANSPORT
async def test_nowhere_to_go(transport):
    async def serve(stub: StubConnection) -> None:
        stub.answer("302 Found")

    async with stub_server(serve) as server:
        url = server.url
        error = await failure(url, transports=transport)
        assert str(error) == f"{url} refused {transport} with 302 Found"


async def test_no_proxy_over_tls(monkeypatch):
    with pytest.raises(ValueError, match=r"proxy must be a URL that begins with one of http, .* got 'https'"):
        Client("http://server.example", proxy="https://proxy.example:3129")
    monkeypatch.setenv("HTTP_PROXY", "https://user:secret@proxy.example:3129")
    error = await failure("http://server.example")
    assert type(error) is ProxyError
    assert "the environment names a proxy that cannot be used" in str(error)
    assert "secret" not in str(error)


@EACH_TRANSPORT
async def test_what_does_not_speak_http_is_told_in_a_line(transport):
    async def serve(stub: StubConnection) -> None:
        stub.writer.write(b"\0\1 hello\r\n\r\n")
        await stub.writer.drain()

    async with stub_server(serve) as server:
        url = server.url
        error = await failure(url, transports=transport)
        assert type(error) is NotAnEngine
        assert str(error) == f"{url}: what answers does not speak HTTP"


async def test_a_head_that_is_cut_off():
    async def serve(stub: StubConnection) -> None:
        stub.writer.write(b"HTTP/1.1 101 Switching Pro")

    async with stub_server(serve) as server:
        url = server.url
        error = await failure(url, transports="websocket")
        assert str(error) == f"{url}: the connection ended without an answer"
