"""Ways to a server: TLS, proxies, Unix sockets, local addresses, names with several addresses."""

import asyncio
import gc
import os
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from arcwire.engineio.client import EngineClientConfig, EngineConnection, tcp
from arcwire.errors import ConnectError, ProxyError, ResolveError, TlsError, Unreachable
from support.engine_client import Heard, connecting, engine_server, upgraded
from support.raw_http import until
from support.servers import free_port
from support.stub_server import StubConnection, stub_server
from support.web_proxies import HttpProxy, SocksProxy, web_proxy

ON_BOTH_LOOPS = True

EACH_WAY = pytest.mark.parametrize(
    "transports",
    [("websocket",), ("polling",), ("polling", "websocket")],
    ids=["websocket", "polling", "upgrade"],
)
EACH_TRANSPORT = pytest.mark.parametrize(
    "transports", [("websocket",), ("polling",)], ids=["websocket", "polling"]
)


class Authority:
    """Files of a certificate authority, a server at localhost and a client."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.ca_file = folder / "ca.pem"
        authority.cert_pem.write_to_path(self.ca_file)
        server = authority.issue_cert("localhost")
        client = authority.issue_cert("client@example.org")
        self.server_cert, self.server_key = folder / "server.pem", folder / "server.key"
        server.cert_chain_pems[0].write_to_path(self.server_cert)
        server.private_key_pem.write_to_path(self.server_key)
        self.client_cert, self.client_key = folder / "client.pem", folder / "client.key"
        client.cert_chain_pems[0].write_to_path(self.client_cert)
        client.private_key_pem.write_to_path(self.client_key)
        self.client_both = folder / "both.pem"
        client.private_key_and_cert_chain_pem.write_to_path(self.client_both)

    def server_context(self, *, wants_client: bool = False) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server_cert, self.server_key)
        if wants_client:
            context.load_verify_locations(self.ca_file)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


async def serve(stub: StubConnection) -> None:
    """Open a session that hears nothing."""
    announced = b'0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000}'
    if "websocket" in stub.target:
        stub.accept()
        stub.send_frame(1, announced)
        await stub.receive_frame()  # the client closes
        return
    stub.answer("200 OK", announced)
    while await stub.read_head():
        if stub.method == "POST":
            await stub.read_body()
            stub.answer("200 OK", b"ok")
            return


async def failure(url: str, **options: object) -> ConnectError:
    with pytest.raises(ConnectError) as caught:
        await EngineConnection.open(url, Heard(), EngineClientConfig(**options))
    return caught.value


async def talk(url: str, server, **options: object) -> None:
    """Connect and get an answer."""
    async with connecting(url, **options) as (connection, heard):
        if (
            len(connection._session.upgrades)
            and connection.transport == "polling"
            and len(options["transports"]) == 2
        ):
            await upgraded(connection)
        connection.send_text(b"ask")
        recorder = server.of(connection)
        await until(lambda: recorder.messages == ["ask"])
        recorder.connection.send_text(b"answer")
        await until(lambda: heard.messages == ["answer"])


# -- TLS -----------------------------------------------------------------------------


@EACH_WAY
async def test_tls_with_an_authority_of_its_own(transports, authority):
    serving = {"ssl_certfile": str(authority.server_cert), "ssl_keyfile": str(authority.server_key)}
    async with engine_server(**serving) as server:
        url = f"https://localhost:{server.url.rpartition(':')[2]}"
        await talk(url, server, transports=transports, ca_file=authority.ca_file)
        context = ssl.create_default_context(cafile=str(authority.ca_file))
        await talk(url, server, transports=transports, ssl_context=context)
        await talk(url, server, transports=transports, insecure=True)
        await talk(
            url.replace("localhost", "127.0.0.1"),
            server,
            transports=transports,
            ca_file=str(authority.ca_file),
            server_hostname="localhost",
        )


@EACH_TRANSPORT
async def test_certificate_that_cannot_be_trusted(transports, authority):
    async with stub_server(serve, tls=authority.server_context()) as server:
        error = await failure(server.url, transports=transports)
        assert type(error) is TlsError
        assert f"{server.url}: the certificate cannot be trusted: " in str(error)
        wrong_name = server.url.replace("localhost", "127.0.0.1")
        error = await failure(wrong_name, transports=transports, ca_file=authority.ca_file)
        assert type(error) is TlsError
        assert "127.0.0.1" in str(error)


@EACH_TRANSPORT
async def test_no_tls_at_the_other_end(transports):
    async with engine_server() as server:
        error = await failure(server.url.replace("http:", "https:"), transports=transports)
        assert type(error) is TlsError


@EACH_TRANSPORT
async def test_client_certificates(transports, authority):
    trusted = {"transports": transports, "ca_file": authority.ca_file}
    async with stub_server(serve, tls=authority.server_context(wants_client=True)) as server:
        for certificate in (authority.client_both, (authority.client_cert, str(authority.client_key))):
            async with connecting(server.url, client_certificate=certificate, **trusted):
                pass
        # With TLS 1.3 the server says so only after the handshake.
        assert isinstance(await failure(server.url, **trusted), TlsError | Unreachable)


async def test_certificates_that_cannot_be_loaded(authority, tmp_path):
    async with stub_server(serve, tls=authority.server_context()) as server:
        for options in (
            {"ca_file": tmp_path / "nothing.pem"},
            {"client_certificate": authority.client_cert},
            {"client_certificate": (authority.client_cert, authority.server_key)},
        ):
            error = await failure(server.url, transports="websocket", **options)
            assert type(error) is TlsError
            assert "cannot be loaded" in str(error)


async def test_certificates_are_loaded_anew_when_they_change(authority, tmp_path):
    path = tmp_path / "ca.pem"
    path.write_bytes(authority.ca_file.read_bytes())
    async with stub_server(serve, tls=authority.server_context()) as server:
        async with connecting(server.url, ca_file=path):
            pass
        trustme.CA().cert_pem.write_to_path(path)
        os.utime(path, (1, 1))
        assert type(await failure(server.url, ca_file=path)) is TlsError


# -- Unix sockets and local addresses ---------------------------------------------------


@EACH_WAY
async def test_unix_socket(transports, tmp_path):
    path = tmp_path / "server.sock"
    async with engine_server(uds=str(path)) as server:
        await talk(f"unix:{path}", server, transports=transports)
        await talk(f"unix://{path}?room=1", server, transports=transports)
        assert all(
            recorder.connection.request.header(b"host") == "localhost"
            for recorder in server.engine.recorded.values()
        )


@EACH_TRANSPORT
async def test_local_address(transports):
    async with engine_server() as server:
        for address in ("127.0.0.2", ("127.0.0.2", 0)):
            async with connecting(server.url, transports=transports, local_address=address) as (
                connection,
                _,
            ):
                assert server.of(connection).connection.request.client[0] == "127.0.0.2"


# -- proxies ---------------------------------------------------------------------------------


@EACH_WAY
@pytest.mark.parametrize("credentials", [None, "user:pass word"])
@pytest.mark.parametrize("kind", [HttpProxy, SocksProxy])
async def test_proxy(kind, credentials, transports):
    async with engine_server() as server, web_proxy(kind, credentials=credentials) as proxy:
        url = proxy.url.replace("//", "//user:pass%20word@") if credentials else proxy.url
        await talk(server.url, server, transports=transports, proxy=url)
        address = server.url.removeprefix("http://")
        if kind is SocksProxy:
            assert set(proxy.asked) == {address}
        else:
            assert (f"CONNECT {address}" in proxy.asked) is ("websocket" in transports)
            assert (f"GET {server.url}/engine.io/" in proxy.asked) is ("polling" in transports)


@EACH_TRANSPORT
@pytest.mark.parametrize("kind", [HttpProxy, SocksProxy])
async def test_tls_through_a_proxy(kind, transports, authority):
    async with stub_server(serve, tls=authority.server_context()) as server, web_proxy(kind) as proxy:
        options = {"transports": transports, "ca_file": authority.ca_file, "proxy": proxy.url}
        async with connecting(server.url, **options) as (connection, _):
            assert connection.is_open
        assert proxy.asked


@EACH_TRANSPORT
async def test_socks_proxy_that_resolves_names(transports):
    async with engine_server() as server, web_proxy(SocksProxy) as proxy:
        port = server.url.rpartition(":")[2]
        url = f"http://localhost:{port}"
        await talk(url, server, transports=transports, proxy=proxy.url.replace("socks5:", "socks5h:"))
        assert set(proxy.asked) == {f"localhost:{port}"}


@EACH_TRANSPORT
async def test_proxy_that_wants_to_know_the_user(transports):
    async with engine_server() as server, web_proxy(HttpProxy, credentials="user:password") as proxy:
        error = await failure(server.url, transports=transports, proxy=proxy.url)
        if transports == ("websocket",):
            assert type(error) is ProxyError
            assert error.status == 407
            assert f"the proxy {proxy.url} refuses" in str(error)
        else:
            assert error.status == 407
    async with engine_server() as server, web_proxy(SocksProxy, credentials="user:password") as proxy:
        url = proxy.url.replace("//", "//user:wrong@")
        error = await failure(server.url, transports=transports, proxy=url)
        assert type(error) is ProxyError
        assert "wrong" not in str(error)


async def test_proxy_that_lets_no_websocket_through():
    async with engine_server() as server, web_proxy(HttpProxy, refuse=403) as proxy:
        error = await failure(server.url, transports="websocket", proxy=proxy.url)
        assert type(error) is ProxyError
        assert error.status == 403
        async with connecting(server.url, proxy=proxy.url) as (connection, _):
            assert connection.transport == "polling"


@EACH_TRANSPORT
@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_no_proxy_there(scheme, transports):
    async with engine_server() as server:
        proxy = f"{scheme}://user:secret@127.0.0.1:{free_port()}"
        error = await failure(server.url, transports=transports, proxy=proxy)
        assert type(error) is ProxyError
        assert f"the proxy {scheme}://127.0.0.1:" in str(error)
        assert "cannot be reached" in str(error)
        assert "secret" not in str(error)


@EACH_TRANSPORT
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", ["nothing.invalid", "256.256.256.256"])
@pytest.mark.parametrize("kind", ["http", "socks5"])
async def test_name_of_a_proxy_that_cannot_be_resolved(kind, host, scheme, transports):
    proxy = f"{kind}://{host}:3128"
    error = await failure(f"{scheme}://127.0.0.1:1", transports=transports, proxy=proxy)
    assert type(error) is ProxyError
    assert f"the proxy {proxy} cannot be reached" in str(error)


@EACH_TRANSPORT
async def test_name_behind_a_socks_proxy_that_cannot_be_resolved(transports):
    async with web_proxy(SocksProxy) as proxy:
        url = proxy.url.replace("socks5:", "socks4:")  # the name is resolved here
        error = await failure("http://nothing.invalid", transports=transports, proxy=url)
        assert type(error) is ResolveError
        assert "the host name nothing.invalid cannot be resolved" in str(error)


@EACH_TRANSPORT
async def test_certificate_behind_a_socks_proxy_that_cannot_be_trusted(transports, authority):
    async with stub_server(serve, tls=authority.server_context()) as server, web_proxy(SocksProxy) as proxy:
        error = await failure(server.url, transports=transports, proxy=proxy.url)
        assert type(error) is TlsError
        assert "the certificate cannot be trusted" in str(error)


@EACH_TRANSPORT
async def test_address_with_a_zone(transports):
    async with engine_server(host="::1") as server:
        port = server.url.rpartition(":")[2]
        url = f"http://[::1%25{socket.if_nametoindex('lo')}]:{port}"
        async with connecting(url, transports=transports) as (connection, _):
            assert server.of(connection).connection.request.header(b"host") == f"[::1]:{port}"


@EACH_TRANSPORT
async def test_proxy_of_the_environment(transports, monkeypatch):
    async with engine_server() as server, web_proxy(HttpProxy) as proxy, web_proxy(SocksProxy) as socks:
        monkeypatch.setenv("all_proxy", socks.url)
        await talk(server.url, server, transports=transports)
        assert socks.asked
        monkeypatch.setenv("http_proxy", proxy.url.removeprefix("http://"))
        await talk(server.url, server, transports=transports)
        asked = list(proxy.asked)
        assert asked
        await talk(server.url, server, transports=transports, trust_env=False)
        monkeypatch.setenv("no_proxy", "example.org,127.0.0.1")
        await talk(server.url, server, transports=transports)
        assert proxy.asked == asked
        monkeypatch.delenv("no_proxy")
        monkeypatch.setenv("http_proxy", "gopher://127.0.0.1:70")
        error = await failure(server.url, transports=transports)
        assert type(error) is ProxyError
        assert "the environment names a proxy that cannot be used" in str(error)


# -- several addresses ---------------------------------------------------------------------------


class Addresses:
    """What a name resolves to: a listener, ports that refuse, and one that never answers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.good = self.listener.getsockname()
        self.refusing = ("127.0.0.1", free_port())
        self._full = socket.socket()
        self._full.bind(("127.0.0.1", 0))
        self._full.listen(0)
        self.silent = self._full.getsockname()
        self._fillers = [socket.socket() for _ in range(4)]
        for filler in self._fillers:
            filler.setblocking(False)
            filler.connect_ex(self.silent)
        self._monkeypatch = monkeypatch

    def resolve_to(self, *addresses: tuple[str, int]) -> None:
        async def getaddrinfo(*args: object, **options: object) -> list[object]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in addresses]

        self._monkeypatch.setattr(tcp, "_resolve_name", getaddrinfo)

    def close(self) -> None:
        for thing in (self.listener, self._full, *self._fillers):
            thing.close()


@pytest.fixture
def addresses(monkeypatch: pytest.MonkeyPatch) -> Iterator[Addresses]:
    addresses = Addresses(monkeypatch)
    yield addresses
    addresses.close()


async def test_address_that_does_not_answer_holds_nothing_up(addresses):
    for others in ([addresses.silent], [addresses.refusing], [addresses.silent, addresses.refusing]):
        addresses.resolve_to(*others, addresses.good)
        sock = await asyncio.wait_for(tcp.connect_tcp("name", 1, None), 10)
        assert sock.getpeername() == addresses.good
        sock.close()


async def test_no_address_answers(addresses):
    addresses.resolve_to(addresses.refusing, addresses.refusing)
    with pytest.raises(ConnectionRefusedError):
        await tcp.connect_tcp("name", 1, None)


async def test_race_that_is_cancelled_leaves_nothing_open(addresses):
    addresses.resolve_to(addresses.silent, addresses.silent, addresses.good)
    for turns in (0, 1, 2, 3, 5, 20):
        racing = asyncio.ensure_future(tcp.connect_tcp("name", 1, None))
        for _ in range(turns):
            await asyncio.sleep(0)
        racing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await racing
        await until(lambda: len(asyncio.all_tasks()) == 1)
    gc.collect()  # what is left open warns, and warnings are errors
