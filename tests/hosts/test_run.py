"""Starting uvicorn: `serve` in the loop of the test, what `run` refuses, targets and sockets."""

import asyncio
import contextlib
import gc
import socket
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from arcwire.hosts.uvicorn.errors import StartError
from arcwire.hosts.uvicorn.listener import bind, bind_unix, release
from arcwire.hosts.uvicorn.run import run, serve
from arcwire.hosts.uvicorn.target import application, load
from support.raw_http import connect
from support.uvicorn_server import running

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def hello(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"hello {request.state.name}")


class Site:
    """An object with `asgi()`, as a Socket.IO server is, and a lifespan that is noted down."""

    def __init__(self) -> None:
        self.life: list[str] = []

    @contextlib.asynccontextmanager
    async def lifespan(self, app: Starlette) -> Any:
        self.life.append("up")
        yield {"name": "you"}
        self.life.append("down")

    def asgi(self) -> Starlette:
        return Starlette(routes=[Route("/", hello)], lifespan=self.lifespan)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        yield sock.getsockname()[1]


# -- serve ------------------------------------------------------------------------------


async def test_serve_tells_its_url_and_stops_when_cancelled() -> None:
    site = Site()
    async with running(site) as server:
        assert server.url.startswith("http://127.0.0.1:")
        async with connect(server.url) as client:
            answer = await client.ask(GET)
        assert answer.body == b"hello you"
        assert site.life == ["up"]
    assert site.life == ["up", "down"]
    with pytest.raises(OSError, match="onnect"):
        await asyncio.open_connection("127.0.0.1", int(server.url.rsplit(":", 1)[1]))


async def test_serve_on_all_addresses_of_a_name() -> None:
    async with running(Site(), host="localhost") as server:
        port = int(server.url.rsplit(":", 1)[1])
        for host in {found[4][0] for found in socket.getaddrinfo("localhost", port)}:
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(GET)
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            writer.close()
            await writer.wait_closed()


async def test_serve_on_ipv6() -> None:
    async with running(Site(), host="::1") as server:
        assert server.url.startswith("http://[::1]:")
        async with connect(server.url) as client:
            assert (await client.ask(GET)).body == b"hello you"


async def test_serve_on_an_inherited_socket() -> None:
    """`fd` is how service managers pass a socket."""
    [sock] = bind("127.0.0.1", 0)
    with sock:
        async with running(Site(), fd=sock.fileno()) as server, connect(server.url) as client:
            assert int(server.url.rsplit(":", 1)[1]) == sock.getsockname()[1]
            assert (await client.ask(GET)).body == b"hello you"


async def test_serve_refuses_a_taken_port_before_the_application_starts(taken_port: int) -> None:
    site = Site()
    with pytest.raises(StartError, match=f"Port {taken_port} on 127.0.0.1 is already in use"):
        await serve(site, port=taken_port, log_config=None)
    assert site.life == []


async def test_serve_refuses_a_port_that_another_program_listens_on_by_then(tmp_path: Path) -> None:
    """Two programs may bind a port; the second to listen on it loses, and its lifespan ends."""
    site = Site()
    rivals: list[socket.socket] = []

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> Any:
        async with site.lifespan(app) as state:
            rivals.extend(bind("127.0.0.1", port))
            rivals[0].listen()
            yield state

    [free] = bind("127.0.0.1", 0)
    port = free.getsockname()[1]
    free.close()
    app = Starlette(lifespan=lifespan)
    with pytest.raises(StartError, match=f"Cannot listen on http://127.0.0.1:{port}: Address already in use"):
        await serve(app, port=port, log_config=None)
    assert site.life == ["up", "down"]
    rivals[0].close()


async def test_serve_reports_an_application_that_does_not_start(caplog: pytest.LogCaptureFixture) -> None:
    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> Any:
        raise LookupError("no database")
        yield

    with pytest.raises(StartError, match="The application did not start"):
        await serve(Starlette(lifespan=lifespan), port=0, log_config=None)
    assert "no database" in caplog.text


async def test_serve_leaves_the_garbage_collector_alone() -> None:
    with pytest.raises(TypeError, match="gc_freeze and gc_threshold are for run"):
        await serve(Site(), gc_threshold=5000)
    frozen = gc.get_freeze_count()
    async with running(Site()):
        assert gc.get_freeze_count() == frozen


async def test_serve_stays_in_its_process() -> None:
    with pytest.raises(TypeError, match="reload and workers are for run"):
        await serve(Site(), port=0, reload=True)


async def test_the_access_log_is_off_unless_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    logged = []
    for options in ({}, {"access_log": True}):
        caplog.clear()
        async with running(Site(), **options) as server, connect(server.url) as client:
            await client.ask(GET)
        logged.append('"GET / HTTP/1.1" 200' in caplog.text)
    assert logged == [False, True]


# -- run -------------------------------------------------------------------------------


def refusal(capsys: pytest.CaptureFixture[str], app: object, **options: Any) -> tuple[str, object]:
    with pytest.raises(SystemExit) as caught:
        run(app, log_config=None, **options)
    return capsys.readouterr().err, caught.value.code


def test_run_refuses_in_a_sentence(
    capsys: pytest.CaptureFixture[str], taken_port: int, tmp_path: Path
) -> None:
    """Every refusal is one line on standard error, with an exit code."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    chain, key, other = tmp_path / "chain.pem", tmp_path / "key.pem", tmp_path / "other.pem"
    chain.write_bytes(certificate.cert_chain_pems[0].bytes())
    key.write_bytes(certificate.private_key_pem.bytes())
    other.write_bytes(authority.issue_cert("localhost").private_key_pem.bytes())
    missing = tmp_path / "missing.pem"
    cases: list[tuple[dict[str, Any], int, str]] = [
        ({"workers": 2}, 2, "Several workers need clustering, which Arcwire does not have yet"),
        ({"reload": True}, 2, "Reloading needs an application that can be imported again"),
        ({"port": taken_port}, 3, f"Port {taken_port} on 127.0.0.1 is already in use"),
        ({"gc_threshold": -1}, 2, "gc_threshold is a number of objects, got -1"),
        ({"port": 65536}, 2, "There is no port 65536"),
        ({"host": "192.0.2.1"}, 3, "192.0.2.1 is not an address of this machine"),
        ({"host": "no host"}, 2, "Host 'no host' has no address"),
        ({"uds": str(tmp_path / "no" / "io.sock")}, 3, "No such file or directory"),
        ({"uds": str(chain)}, 3, "there is a file that is not a socket"),
        ({"ssl_certfile": missing}, 3, f"Cannot read the certificate in {missing}: No such file"),
        ({"ssl_certfile": chain, "ssl_keyfile": missing}, 3, f"Cannot read the key in {missing}"),
        ({"ssl_certfile": chain, "ssl_keyfile": other}, 3, "wrong file, key or key password"),
        ({"ssl_certfile": key}, 3, f"TLS cannot use {key}: wrong file, key or key password"),
        ({"ssl_keyfile": key}, 2, "The key of a certificate is of no use without it"),
        (
            {"ssl_certfile": chain, "ssl_keyfile": key, "ssl_ca_certs": missing},
            3,
            f"Cannot read the CA certificates in {missing}",
        ),
        ({"ssl_certfile": chain, "ssl_keyfile": key, "ssl_ca_certs": key}, 3, "TLS cannot use"),
    ]
    for options, code, sentence in cases:
        said, exit_code = refusal(capsys, Site(), **options)
        assert sentence in said
        assert said.startswith("arcwire: ")
        assert said.endswith(".\n")
        assert said.count("\n") == 1
        assert exit_code == code, options


def test_run_refuses_what_cannot_be_served(capsys: pytest.CaptureFixture[str]) -> None:
    said, code = refusal(capsys, {"not": "an app"})
    assert said == "arcwire: Cannot serve a dict: it is neither a Socket.IO server nor an ASGI application.\n"
    assert code == 2


# -- targets ----------------------------------------------------------------------------


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    made = types.ModuleType("made_up_site")
    monkeypatch.setitem(sys.modules, "made_up_site", made)
    return made


def test_load_follows_dotted_attributes(module: types.ModuleType) -> None:
    site = Site()
    module.holder = types.SimpleNamespace(site=site)  # type: ignore[attr-defined]
    assert load("made_up_site:holder.site") is site


@pytest.mark.parametrize(
    "target, sentence",
    [
        ("made_up_site", "does not name an application"),
        ("made_up_site:", "does not name an application"),
        (":io", "does not name an application"),
        ("made_up_site.py:io", "does not name an application"),
        ("./made_up_site:io", "does not name an application"),
        ("no_such_module:io", "There is no module 'no_such_module'"),
        ("json.nothing:io", "There is no module 'json.nothing'"),
        ("made_up_site:holder", "Module 'made_up_site' has no attribute 'holder'."),
        ("made_up_site:serve", "has no attribute 'serve': did you mean 'server'?"),
        ("made_up_site:server.io", "'server' of module 'made_up_site' has no attribute 'io'."),
    ],
)
def test_load_says_what_is_not_there(module: types.ModuleType, target: str, sentence: str) -> None:
    module.server = object()  # type: ignore[attr-defined]
    with pytest.raises(StartError) as caught:
        load(target)
    assert sentence in str(caught.value)
    assert caught.value.exit_code == 2


def test_load_lets_errors_of_the_module_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "needs_more.py").write_text("import not_installed_anywhere\n")
    (tmp_path / "breaks.py").write_text("1 / 0\n")
    with pytest.raises(ModuleNotFoundError, match="not_installed_anywhere"):
        load("needs_more:io")
    with pytest.raises(ZeroDivisionError):
        load("breaks:io")


def test_application_takes_servers_and_asgi_applications() -> None:
    app = Starlette()
    assert application(app) is app
    assert isinstance(application(Site()), Starlette)
    for wrong in (Site, Starlette, None, 3, object()):
        with pytest.raises(StartError, match="it is neither"):
            application(wrong)


# -- sockets -----------------------------------------------------------------------------


def test_bound_sockets_name_their_protocol() -> None:
    """asyncio turns Nagle's algorithm off only for sockets that say they are TCP."""
    sockets = bind("localhost", 0)
    assert {sock.proto for sock in sockets} == {socket.IPPROTO_TCP}
    assert len({sock.getsockname()[1] for sock in sockets}) == 1
    release(sockets, None)


def test_bind_gives_back_what_it_has_when_one_address_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """If one of two addresses is taken, none stays bound."""

    # Not every machine has a name with two addresses; every one has these.
    def resolve(host: str, port: int, *args: object, **kwargs: object) -> list[tuple[object, ...]]:
        family, kind, protocol = socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP
        return [(family, kind, protocol, "", (address, port)) for address in ("127.0.0.1", "127.0.0.2")]

    with socket.create_server(("127.0.0.2", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        with pytest.raises(StartError, match="already in use"):
            bind("two", port)
    sockets = bind("two", port)
    assert [sock.getsockname()[0] for sock in sockets] == ["127.0.0.1", "127.0.0.2"]
    release(sockets, None)


def test_a_unix_socket_left_behind_is_replaced_with_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "io.sock"
    for sock in bind_unix(str(path)):
        sock.close()
    assert path.stat().st_mode & 0o777 == 0o666
    path.chmod(0o600)
    sockets = bind_unix(str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    sockets[0].listen()
    with pytest.raises(StartError, match="is already in use"):
        bind_unix(str(path))
    release(sockets, str(path))
    assert not path.exists()
    release(sockets, str(path))
