"""The browser client, served under the server's path: `<script src="/socket.io/socket.io.js">`.

The files are those of `js/client`, in the package's folder `static`, under the names of npm's
`socket.io-client` and under their own. Another client may be served in their place, from a folder.
"""

import asyncio
import gzip
import hashlib
import importlib
import os
import threading
from pathlib import Path

import msgspec

from arcwire.engineio.link import Request, Response

VARIABLE = "ARCWIRE_CLIENT_FILES"
"""The environment variable that names the folder of another client, where the program does not."""

_STATIC = Path(__file__).parent.parent / "static"

_SCRIPT = b"application/javascript; charset=utf-8"
_VARIANTS = (".js", ".min.js", ".esm.min.js", ".msgpack.min.js")
_SCRIPTS = [f"{client}{variant}" for client in ("socket.io", "arcwire") for variant in _VARIANTS]
_TYPES = dict.fromkeys(_SCRIPTS, _SCRIPT) | dict.fromkeys(
    (f"{name}.map" for name in _SCRIPTS), b"application/json; charset=utf-8"
)

_PACKAGES = ("socket.io-client/dist", "socket.io/client-dist")
"""Where npm packages keep the files."""


class _File(msgspec.Struct, frozen=True):
    """One file in one encoding."""

    body: bytes
    etag: str


class ClientFiles:
    """Answers requests for the client's files; what has been sent once is kept in memory.

    `folder` holds another client, or is the npm package that does: the files named `socket.io.*` come from
    there, and those that it has not are missing. By default it is named by ARCWIRE_CLIENT_FILES. Raises
    ValueError for a folder that holds no client.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        self._folder: Path | None = None
        self._cache: dict[tuple[str, str], _File] = {}
        self._lock = threading.Lock()
        source = "serve_client" if folder is not None else VARIABLE
        if folder is None:
            folder = os.environ.get(VARIABLE) or None
        if folder is not None:
            self._folder = _find_in(Path(folder))
            if self._folder is None:
                raise ValueError(f"{source}: there is no socket.io.js in {os.fspath(folder)!r}")

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
            message = f"The client that this server serves has no {name}.\n"
            return Response(404, [(b"content-type", b"text/plain; charset=utf-8")], message.encode())
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
            try:
                body = self._path(name).read_bytes()
            except OSError:
                return None
            # Each encoding is a representation of its own (RFC 9110 section 8.8.3).
            tag = hashlib.sha256(body).hexdigest()[:20] + (f"-{encoding}" if encoding else "")
            file = self._cache[name, encoding] = _File(_compress(body, encoding), f'"{tag}"')
            return file

    def _path(self, name: str) -> Path:
        if self._folder is not None and not name.startswith("arcwire."):
            return self._folder / name
        return _STATIC / name.replace("socket.io", "arcwire", 1)


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
