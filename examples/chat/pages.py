"""The page's files as a small ASGI app."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any

Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]

CONTENT_TYPES = {
    ".css": b"text/css; charset=utf-8",
    ".html": b"text/html; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
}


class Pages:
    """Serves the files of a fixed table: URL path to file. No other file can be reached.

    Files are read for each request, so an edit shows when the page is loaded again.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = dict(files)

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        """The ASGI entry point."""
        if scope["type"] == "http":
            status, headers, body = self._answer(scope["method"], scope["path"])
            headers.append((b"content-length", b"%d" % len(body)))
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close"})
        elif scope["type"] == "lifespan":
            for step in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{step}.complete"})

    def _answer(self, method: str, path: str) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        plain = (b"content-type", b"text/plain; charset=utf-8")
        file = self._files.get(path)
        if file is None:
            return 404, [plain], b"Not found\n"
        if method not in ("GET", "HEAD"):
            return 405, [plain, (b"allow", b"GET, HEAD")], b"Method not allowed\n"
        headers = [
            (b"content-type", CONTENT_TYPES[file.suffix]),
            (b"cache-control", b"no-cache"),
            (b"x-content-type-options", b"nosniff"),
        ]
        return 200, headers, file.read_bytes()
