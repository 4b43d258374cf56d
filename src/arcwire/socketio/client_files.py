"""The browser client, served under the server's path: `<script src="/socket.io/socket.io.js">`.

The files are those of the npm package `socket.io-client`, which has to be installed where the server
runs; nothing of it comes with Arcwire.
"""

import asyncio
import gzip
import hashlib
import importlib
import logging
import os
import threading
from pathlib import Path

import msgspec

from arcwire.engineio.link import Request, Response

logger = logging.getLogger("arcwire.socketio")

VARIABLE = "ARCWIRE_CLIENT_FILES"
"""The environment variable that names the folder, where the program does not."""

_SCRIPT = b"application/javascript; charset=utf-8"
_SCRIPTS = ("socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js")
_TYPES = dict.fromkeys(_SCRIPTS, _SCRIPT) | dict.fromkeys(
    (f"{name}.map" for name in _SCRIPTS), b"application/json; charset=utf-8"
)

_PACKAGES = ("socket.io-client/dist", "socket.io/client-dist")
"""Where npm packages keep the files."""

_MISSING = (
    "The browser client is not installed on this server.\n"
    "\n"
    "Run `npm install socket.io-client` in the directory in which the server is started, or name the\n"
    f"folder that holds socket.io.js: Server(serve_client=...), or {VARIABLE} in its environment.\n"
)


class _File(msgspec.Struct, frozen=True):
    """One file in one encoding."""

    body: bytes
    etag: str


class ClientFiles:
    """Answers requests for the client's files; what has been sent once is kept in memory.

    `folder` holds the files, or is the npm package that does. By default it is named by
    ARCWIRE_CLIENT_FILES, or is a package in `node_modules` of the working directory, as soon as it
    is there. Raises ValueError for a folder that is given and holds no client.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        self._folder: Path | None = None
        self._cache: dict[tuple[str, str], _File] = {}
        self._lock = threading.Lock()
        self._warned = False
        if folder is not None:
            self._folder = _find_in(Path(folder))
            if self._folder is None:
                raise ValueError(f"serve_client: there is no socket.io.js in {os.fspath(folder)!r}")

    async def answer(self, name: str, request: Request) -> Response | None:
        """The answer to a request for the file `name`; None where it is none of the client's."""
        content_type = _TYPES.get(name)
        if content_type is None or request.method not in ("GET", "HEAD"):
            return None
        encoding = choose_encoding(request.header(b"accept-encoding") or "")
        file = self._cache.get((name, encoding))
        if file is None:
            # Compressing takes up to half a second, once.
            file = await asyncio.to_thread(self._load, name, encoding)
        if file is None:
            return Response(404, [(b"content-type", b"text/plain; charset=utf-8")], _MISSING.encode())
        headers = [
            (b"cache-control", b"public, max-age=0"),
            (b"etag", file.etag.encode()),
            (b"vary", b"Accept-Encoding"),
        ]
        if is_match(request.header(b"if-none-match"), file.etag):
            return Response(304, headers, b"")
        headers.append((b"content-type", content_type))
        if encoding:
            headers.append((b"content-encoding", encoding.encode()))
        return Response(200, headers, file.body)

    def _load(self, name: str, encoding: str) -> _File | None:
        """Read and compress a file, in a thread; None when it is not there."""
        with self._lock:
            file = self._cache.get((name, encoding))
            if file is not None:
                return file
            if self._folder is None:
                self._folder = _search()
            try:
                body = None if self._folder is None else (self._folder / name).read_bytes()
            except OSError:
                body = None
            if body is None:
                self._warn(name)
                return None
            # Each encoding is a representation of its own (RFC 9110 section 8.8.3).
            tag = hashlib.sha256(body).hexdigest()[:20] + (f"-{encoding}" if encoding else "")
            file = self._cache[name, encoding] = _File(_compress(body, encoding), f'"{tag}"')
            return file

    def _warn(self, name: str) -> None:
        if not self._warned:
            self._warned = True
            where = self._folder or os.environ.get(VARIABLE) or Path.cwd() / "node_modules"
            logger.warning(
                "A browser asked for %s, which is not in %s: run `npm install socket.io-client` in the"
                " working directory, or name its folder by serve_client or %s",
                *(name, where, VARIABLE),
            )


def _search() -> Path | None:
    named = os.environ.get(VARIABLE)
    return _find_in(Path(named)) if named else _find_in(Path.cwd() / "node_modules")


def _find_in(folder: Path) -> Path | None:
    for inner in ("", "dist", "client-dist", *_PACKAGES):
        if (folder / inner / "socket.io.js").is_file():
            return folder / inner
    return None


def _brotli_compress(body: bytes) -> bytes | None:
    for module in ("brotli", "brotlicffi"):
        try:
            compressed: bytes = importlib.import_module(module).compress(body)
        except ImportError:
            continue
        return compressed
    return None


_HAS_BROTLI = _brotli_compress(b"") is not None


def _compress(body: bytes, encoding: str) -> bytes:
    if encoding == "br":
        return _brotli_compress(body) or body
    return gzip.compress(body, mtime=0) if encoding == "gzip" else body


def choose_encoding(accepted: str) -> str:
    """The encoding for an `Accept-Encoding` field: "br" (where there is a module), "gzip", or ""."""
    wanted: dict[str, bool] = {}
    for element in accepted.lower().split(","):
        name, _, parameter = element.partition(";")
        wanted[name.strip()] = _is_wanted(parameter.strip())
    for encoding in ("br", "gzip") if _HAS_BROTLI else ("gzip",):
        if wanted.get(encoding, wanted.get("*", False)):
            return encoding
    return ""


def _is_wanted(parameter: str) -> bool:
    if not parameter.startswith("q="):
        return True
    try:
        return float(parameter[2:]) > 0
    except ValueError:
        return False


def is_match(if_none_match: str | None, etag: str) -> bool:
    """Whether a client has this version already (RFC 9110 section 13.1.2: weak tags count)."""
    if if_none_match is None:
        return False
    return any(tag.strip().removeprefix("W/") in (etag, "*") for tag in if_none_match.split(","))
