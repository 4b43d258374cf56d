"""The client's files: ours, and those of a folder that looks like npm's package, through real servers."""

import asyncio
import gzip
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import brotli
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

import arcwire
from arcwire import Server
from arcwire.engineio.link import Request
from arcwire.socketio.client_files import VARIABLE, ClientFiles, choose_encoding, is_match
from support.raw_http import Answer, RawClient, connect
from support.uvicorn_server import running

SCRIPTS = ("socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js")
NAMES = (*SCRIPTS, *(f"{name}.map" for name in SCRIPTS))

STATIC = Path(arcwire.__file__).parent / "static"

PROTOCOLS = {
    "fast": {},
    "asgi": {"http": "httptools", "ws": "websockets-sansio"},
    "h11": {"http": "h11", "ws": "websockets-sansio"},
}


def content(name: str) -> bytes:
    """What stands in a file of the package."""
    return f"/* {name} */ {'io();' * 500}".encode()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder like `node_modules/socket.io-client`."""
    package = tmp_path / "node_modules" / "socket.io-client"
    (package / "dist").mkdir(parents=True)
    for name in NAMES:
        (package / "dist" / name).write_bytes(content(name))
    (package / "package.json").write_text("{}")
    return package


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory holds nothing, unless a test makes it the package's."""
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    monkeypatch.delenv(VARIABLE, raising=False)


async def get(client: RawClient, path: str, method: str = "GET", **fields: str) -> Answer:
    """Ask for a file, on a connection that stays."""
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in {"host": "x", **fields}.items()]
    return await client.ask(f"{method} {path} HTTP/1.1\r\n{''.join(lines)}\r\n".encode())


@asynccontextmanager
async def client_of(app: object, **options: Any) -> AsyncIterator[RawClient]:
    """A connection to a server of its own."""
    async with running(app, **options) as server, connect(server.url) as client:
        yield client


@pytest.fixture(params=PROTOCOLS)
async def client(request: pytest.FixtureRequest, package: Path) -> AsyncIterator[RawClient]:
    """A connection to a server that knows the package."""
    async with client_of(Server(serve_client=package), **PROTOCOLS[request.param]) as client:
        yield client


def ask(name: str = "socket.io.js", method: str = "GET", **headers: str) -> Request:
    return Request(
        method=method,
        path=f"/socket.io/{name}",
        query_string=b"",
        headers=[(key.replace("_", "-").encode(), value.encode()) for key, value in headers.items()],
        client=None,
        secure=False,
    )


# -- over HTTP ----------------------------------------------------------------------


async def test_every_file(client: RawClient) -> None:
    for name in NAMES:
        answer = await get(client, f"/socket.io/{name}?v=1")
        assert (answer.status, answer.body) == (200, content(name))
        kind = "application/json" if name.endswith(".map") else "application/javascript"
        assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
        assert answer.headers["cache-control"] == "public, max-age=0"
        assert answer.headers["content-length"] == str(len(content(name)))
        assert answer.headers["vary"] == "Accept-Encoding"
        assert re.fullmatch(r'"[0-9a-f]{20}"', answer.headers["etag"])


@pytest.mark.parametrize("encoding, decompress", [("gzip", gzip.decompress), ("br", brotli.decompress)])
async def test_compressed(client: RawClient, encoding: str, decompress: Any) -> None:
    answer = await get(client, "/socket.io/socket.io.js", accept_encoding=encoding)
    assert answer.headers["content-encoding"] == encoding
    assert len(answer.body) < len(content("socket.io.js"))
    assert decompress(answer.body) == content("socket.io.js")
    plain = await get(client, "/socket.io/socket.io.js", "HEAD")
    assert answer.headers["etag"] != plain.headers["etag"], "another encoding, another representation"


async def test_head(client: RawClient) -> None:
    for _ in range(2):  # the connection stays in step
        whole = await get(client, "/socket.io/socket.io.min.js")
        head = await get(client, "/socket.io/socket.io.min.js", "HEAD")
        assert head.raw.endswith(b"\r\n\r\n")
        for field in ("content-length", "content-type", "etag", "cache-control", "vary"):
            assert head.headers[field] == whole.headers[field]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_not_modified(client: RawClient, method: str) -> None:
    etag = (await get(client, "/socket.io/socket.io.js")).headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", W/{etag}', "*"):
        answer = await get(client, "/socket.io/socket.io.js", method, if_none_match=known)
        assert answer.status == 304
        assert answer.headers["etag"] == etag
        assert "content-length" not in answer.headers
    answer = await get(client, "/socket.io/socket.io.js", method, if_none_match='"other"')
    assert answer.status == 200


async def test_other_names_are_not_served(client: RawClient) -> None:
    for name in (
        "package.json",
        "../package.json",
        "../dist/socket.io.js",
        "%2e%2e/package.json",
        "..%2fpackage.json",
        "dist/socket.io.js",
        "./socket.io.js",
        "/socket.io.js",
        "socket.io.js/",
        "socket.io.js%00",
        "%2fetc%2fpasswd",
        "socket.io.js/../../package.json",
        "SOCKET.IO.JS",
    ):
        answer = await get(client, f"/socket.io/{name}")
        assert (name, answer.status, json.loads(answer.body)["code"]) == (name, 400, 0)


async def test_it_is_read_only(client: RawClient) -> None:
    answer = await get(client, "/socket.io/socket.io.js", "DELETE")
    assert answer.status == 400


async def test_sessions_are_opened_beside_it(client: RawClient) -> None:
    await get(client, "/socket.io/socket.io.js")
    answer = await get(client, "/socket.io/?EIO=4&transport=polling")
    assert answer.body.startswith(b'0{"sid"')


async def test_pages_of_allowed_origins_may_load_it_as_a_module(package: Path) -> None:
    allowed = "https://app.example"
    async with client_of(Server(serve_client=package, cors_allowed_origins=[allowed])) as client:
        for fields in ({}, {"if_none_match": "*"}):
            answer = await get(client, "/socket.io/socket.io.esm.min.js", origin=allowed, **fields)
            assert answer.headers["access-control-allow-origin"] == allowed
            assert answer.raw.count(b"vary: ") == 2
        answer = await get(client, "/socket.io/socket.io.esm.min.js", origin="https://other.example")
        assert "access-control-allow-origin" not in answer.headers
    async with client_of(Server(serve_client=package)) as client:
        answer = await get(client, "/socket.io/socket.io.js", origin=allowed)
        assert "access-control-allow-origin" not in answer.headers


async def test_below_a_mount(package: Path) -> None:
    site = Starlette(routes=[Mount("/live", Server(serve_client=package).asgi())])
    async with client_of(site) as client:
        answer = await get(client, "/live/socket.io/socket.io.js")
        assert answer.body == content("socket.io.js")
        assert (await get(client, "/socket.io/socket.io.js")).status == 404


async def test_switched_off() -> None:
    async with client_of(Server(serve_client=False)) as client:
        answer = await get(client, "/socket.io/socket.io.js")
        assert (answer.status, json.loads(answer.body)["code"]) == (400, 0)


async def test_ours_is_served_under_both_names() -> None:
    async with client_of(Server()) as client:
        for name in NAMES:
            ours = name.replace("socket.io", "arcwire")
            answer = await get(client, f"/socket.io/{name}")
            assert (answer.status, answer.body) == (200, (STATIC / ours).read_bytes())
            again = await get(client, f"/socket.io/{ours}")
            assert (again.status, again.body) == (200, answer.body)
            if name.endswith(".js"):
                assert answer.body.rstrip().endswith(f"//# sourceMappingURL={ours}.map".encode())


async def test_ours_beside_another(client: RawClient) -> None:
    answer = await get(client, "/socket.io/arcwire.min.js")
    assert (answer.status, answer.body) == (200, (STATIC / "arcwire.min.js").read_bytes())


# -- where the files are ------------------------------------------------------------


@pytest.mark.parametrize("inner", ["", "dist", ".."])
async def test_folders_that_may_be_named(package: Path, inner: str) -> None:
    answer = await ClientFiles(str(package / inner)).answer("socket.io.js", ask())
    assert answer is not None
    assert answer.body == content("socket.io.js")


@pytest.mark.parametrize("folder", ["nowhere", "/", ""])
def test_folders_without_a_client(folder: str) -> None:
    with pytest.raises(ValueError, match="serve_client"):
        Server(serve_client=folder)


async def test_found_in_the_servers_package(tmp_path: Path) -> None:
    folder = tmp_path / "node_modules" / "socket.io" / "client-dist"
    folder.mkdir(parents=True)
    (folder / "socket.io.js").write_bytes(b"io")
    files = ClientFiles(tmp_path / "node_modules")
    answer = await files.answer("socket.io.js", ask())
    assert answer is not None
    assert answer.body == b"io"
    missing = await files.answer("socket.io.min.js", ask())
    assert missing is not None
    assert missing.status == 404


async def test_found_by_the_environment(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(package / "dist"))
    answer = await ClientFiles().answer("socket.io.js", ask())
    assert answer is not None
    assert answer.body == content("socket.io.js")


def test_an_environment_without_a_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "empty"))
    with pytest.raises(ValueError, match=VARIABLE):
        ClientFiles()


async def test_read_and_compressed_once(package: Path) -> None:
    files = ClientFiles(package)
    answers = await asyncio.gather(
        *(files.answer("socket.io.js", ask(accept_encoding="br")) for _ in range(20))
    )
    bodies = {id(answer.body) for answer in answers if answer is not None}
    assert len(bodies) == 1
    (package / "dist" / "socket.io.js").unlink()
    again = await files.answer("socket.io.js", ask(accept_encoding="br"))
    assert again is not None
    assert id(again.body) in bodies


# -- fields -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "accepted, encoding",
    [
        ("", ""),
        ("identity", ""),
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "br"),
        ("GZIP;Q=0.5", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("br; q=0.000,*;q=0.1", "gzip"),
        ("*", "br"),
        ("gzip;q=0, br;q=0.0", ""),
        ("*;q=0", ""),
        ("gzip;q=nonsense", ""),
        (",;,", ""),
    ],
)
def test_choose_encoding(accepted: str, encoding: str) -> None:
    assert choose_encoding(accepted) == encoding


@pytest.mark.parametrize(
    "field, matches",
    [
        (None, False),
        ('"a"', True),
        ('W/"a"', True),
        ('"b", "a"', True),
        ("*", True),
        ("a", False),
        ("", False),
    ],
)
def test_is_match(field: str | None, matches: bool) -> None:
    assert is_match(field, '"a"') is matches
