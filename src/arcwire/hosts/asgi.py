"""The engine as an ASGI application, for any ASGI server (ASGI 3, HTTP and WebSocket spec 2.4).

What a server keeps for itself, this host cannot change: how it frames (extensions, pings, close
codes of its own), how much of a message or body it buffers before it hands that over, and that it
flushes to a peer that does not read for as long as it pleases. `hosts/uvicorn` has no such limits.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any, TypeAlias

from arcwire.engineio.link import (
    HttpExchange,
    LinkReceiver,
    PreparedMessage,
    Request,
    RequestHandler,
    Response,
    WebSocketLink,
)
from arcwire.engineio.protocol.reasons import CloseReason

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Files: TypeAlias = Callable[[str, Request], Awaitable[Response | None]]

logger = logging.getLogger("arcwire.hosts.asgi")

CLOSE_GRACE = 5.0
"""Seconds that a server has to send what is queued and to report the end of a closed WebSocket."""

# What Starlette's middlewares, and those of others that follow them, leave in the scope.
_SHARED = ("user", "auth", "session")

_LOW_WATER = 16 * 1024
"""Below this many waiting bytes a link counts as drained."""

# Close codes that tell more than that the WebSocket is closed. A client may send them too, but
# hardly for another reason.
_CLOSE_REASONS = {1009: CloseReason.PAYLOAD_TOO_LARGE, 1012: CloseReason.SERVER_SHUTTING_DOWN}


class EngineApp:
    """Serves `handler` at `path`, below wherever it is mounted, and `other` everywhere else.

    Without `other`, foreign paths get 404. `on_shutdown` is awaited when the ASGI server announces
    the end of the lifespan, before `other` hears of it; a framework that mounts this app under a
    path does not forward that. `files` is asked first for what lies below `path`, by its name there;
    None leaves it to `handler`. Without `add_trailing_slash`, `path` itself is served too.
    """

    def __init__(
        self,
        handler: RequestHandler,
        path: str,
        other: ASGIApp | None = None,
        *,
        on_shutdown: Callable[[], Awaitable[None]],
        files: Files | None = None,
        add_trailing_slash: bool = True,
    ) -> None:
        self._handler = handler
        self._prefix = path.rstrip("/") + "/"
        self._bare = None if add_trailing_slash else path.rstrip("/")
        self._other = other
        self._on_shutdown = on_shutdown
        self._files = files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry point."""
        kind = scope["type"]
        if kind == "http" and self._is_ours(scope):
            await self._serve_http(scope, receive, send)
        elif kind == "websocket" and self._is_ours(scope):
            await self._serve_websocket(scope, receive, send)
        elif kind == "lifespan":
            await self._serve_lifespan(scope, receive, send)
        elif self._other is not None:
            await self._other(scope, receive, send)
        elif kind == "http":
            await _respond(send, Response(404, [(b"content-type", b"text/plain")], b"Not Found"))
        elif kind == "websocket":
            await _deny(scope, receive, send, Response(404, [], b""))

    def handler_at(self, path: str, root_path: str) -> RequestHandler | None:
        """For hosts that can do without ASGI: the handler of all that is asked for at `path` (as in a
        scope, with `root_path`); None where others may have to answer."""
        if self._files is not None and not path.endswith("/"):
            return None
        return self._handler if self._is_ours({"path": path, "root_path": root_path}) else None

    def _is_ours(self, scope: Scope) -> bool:
        path = _path_below_mount(scope)
        return path.startswith(self._prefix) or path == self._bare

    async def _serve_lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        received = False

        async def watch() -> Message:
            nonlocal received
            received = True
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await self._on_shutdown()
            return message

        if self._other is not None:
            try:
                await self._other(scope, watch, send)
            except Exception as error:
                if received:
                    raise
                logger.debug("The wrapped application has no lifespan: %r", error)
            # Many applications know nothing of lifespans and say so in this way or that; sessions
            # have to end all the same.
            if received:
                return
        await watch()
        await send({"type": "lifespan.startup.complete"})
        await watch()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve_http(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._files is not None and not scope["path"].endswith("/"):
            name = _path_below_mount(scope)[len(self._prefix) :]
            file = await self._files(name, _request(scope, scope["method"]))
            if file is not None:
                await _respond_file(send, file, scope["method"])
                return
        exchange = _Exchange(_request(scope, scope["method"]))
        self._handler.handle_request(exchange)
        response = await exchange.complete(receive)
        if response is None:
            return
        offer = _extensions(scope).get("arcwire.http")
        if offer is not None and response.sid is not None:
            headers = [*response.headers, _content_length(response)]
            offer["claim"](self._handler, response.sid, headers)
        # HTTP/2 has no such field, and ends a stream without ending the connection.
        close = response.close and scope["http_version"].startswith("1")
        await _respond(send, response, close=close)

    async def _serve_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = _request(scope, "GET")
        admitted = await self._handler.admit(request)
        if isinstance(admitted, Response):
            await _deny(scope, receive, send, admitted)
            return
        if (await receive())["type"] != "websocket.connect":
            return
        offer = _extensions(scope).get("arcwire.link")
        if offer is not None:
            # See docs/decisions/0001-hand-over.md.
            offer["take"](
                self._handler.max_payload,
                lambda link: self._handler.open_link(request, link, admitted.sid),
                self._handler.per_message_deflate,
            )
            await send({"type": "websocket.accept", "headers": admitted.headers})
            return
        await send({"type": "websocket.accept", "headers": admitted.headers})
        link = AsgiLink(send, self._handler.max_payload)
        link.receiver = self._handler.open_link(request, link, admitted.sid)
        await link.run(receive)


def _path_below_mount(scope: Scope) -> str:
    """The path without the prefixes under which servers and frameworks mount an application.

    `root_path` names them all, and `path` begins with them, says the specification. But a proxy
    or server may have taken off its own, while a framework below has added another to
    `root_path`; so the longest end of `root_path` counts with which `path` begins.
    """
    path: str = scope["path"]
    root: str = (scope.get("root_path") or "").rstrip("/")
    while root:
        if path.startswith(root + "/"):
            return path[len(root) :]
        cut = root.find("/", 1)
        root = root[cut:] if cut > 0 else ""
    return path


def _extensions(scope: Scope) -> dict[str, Any]:
    extensions: dict[str, Any] | None = scope.get("extensions")
    return extensions or {}


def _request(scope: Scope, method: str) -> Request:
    client = scope.get("client")
    request = Request(
        method=method,
        path=scope["path"],
        query_string=scope.get("query_string", b""),
        headers=scope["headers"],
        client=(client[0], client[1]) if client else None,
        secure=scope.get("scheme") in ("https", "wss"),
    )
    for key in _SHARED:
        if key in scope:
            request.state[key] = scope[key]
    return request


def _content_length(response: Response) -> tuple[bytes, bytes]:
    return (b"content-length", b"%d" % len(response.body))


async def _respond(
    send: Send, response: Response, prefix: str = "http.response", *, close: bool = False
) -> None:
    headers = list(response.headers)
    if response.status != 204:  # RFC 9110 section 8.6
        headers.append(_content_length(response))
    if close:
        headers.append((b"connection", b"close"))
    await send({"type": f"{prefix}.start", "status": response.status, "headers": headers})
    await send({"type": f"{prefix}.body", "body": response.body})


async def _respond_file(send: Send, response: Response, method: str) -> None:
    # Of what is not sent the length is that of what would have been, or none (RFC 9110 section 8.6).
    headers = response.headers if response.status == 304 else [*response.headers, _content_length(response)]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else response.body})


async def _deny(scope: Scope, receive: Receive, send: Send, response: Response) -> None:
    """Refuse a WebSocket; servers without the denial extension answer 403 with an empty body."""
    if (await receive())["type"] != "websocket.connect":
        return
    if "websocket.http.response" in _extensions(scope):
        await _respond(send, response, "websocket.http.response")
    else:
        await send({"type": "websocket.close", "code": 1008})


class _Exchange:
    """One HTTP request; see `HttpExchange`."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.on_abort: Callable[[], None] | None = None
        self._response: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._limit = 0
        self._on_body: Callable[[bytes], None] | None = None
        self._on_overflow: Callable[[], None] | None = None

    def respond(self, response: Response) -> None:
        if not self._response.done():
            self._response.set_result(response)

    def read_body(
        self, limit: int, on_body: Callable[[bytes], None], on_overflow: Callable[[], None]
    ) -> None:
        self._limit, self._on_body, self._on_overflow = limit, on_body, on_overflow

    async def complete(self, receive: Receive) -> Response | None:
        """Read what the engine asked for and wait for its answer; None if the client went away."""
        if self._on_body is not None and not await self._read_body(receive, self._on_body):
            return None
        if not self._response.done():
            await self._wait(receive)
        return self._response.result() if self._response.done() else None

    async def _read_body(self, receive: Receive, on_body: Callable[[bytes], None]) -> bool:
        assert self._on_overflow is not None
        announced = self.request.header(b"content-length") or ""
        if announced.isdigit() and int(announced) > self._limit:
            self._on_overflow()
            return True
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self._abort()
                return False
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self._limit:
                self._on_overflow()
                return True
        on_body(bytes(body))
        return True

    async def _wait(self, receive: Receive) -> None:
        watcher = asyncio.create_task(_disconnected(receive))
        try:
            await asyncio.wait((watcher, self._response), return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not self._response.done():
                self._abort()  # the client went away, or the server gave up on this request
            watcher.cancel()

    def _abort(self) -> None:
        on_abort, self.on_abort = self.on_abort, None
        if on_abort is not None:
            on_abort()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class AsgiLink:
    """A WebSocket whose frames the ASGI server makes; see `WebSocketLink`."""

    __slots__ = (
        "_buffered",
        "_closing",
        "_ended",
        "_grace",
        "_max_payload",
        "_queue",
        "_reading",
        "_send",
        "_writer",
        "receiver",
    )

    def __init__(self, send: Send, max_payload: int) -> None:
        self.receiver: LinkReceiver
        self._send = send
        self._max_payload = max_payload
        self._queue: deque[tuple[Message, int]] = deque()
        self._buffered = 0
        self._writer: asyncio.Task[None] | None = None
        self._closing = False
        self._grace = CLOSE_GRACE
        self._ended = False
        self._reading: asyncio.Timeout | None = None

    def send_packet(self, packet: bytes, *, compress: bool = True) -> None:
        self._push({"type": "websocket.send", "text": packet.decode()}, len(packet))

    def write_packet(self, packet: bytes) -> None:
        self.send_packet(packet)

    def send_text(self, payload: bytes) -> None:
        self._push({"type": "websocket.send", "text": "4" + payload.decode()}, len(payload))

    def send_binary(self, payload: bytes) -> None:
        self._push({"type": "websocket.send", "bytes": payload}, len(payload))

    def send_prepared(self, message: PreparedMessage) -> None:
        if message.binary:
            self.send_binary(message.payload)
        else:
            self._push({"type": "websocket.send", "text": message.text}, len(message.payload))

    def close(self, code: int, reason: str) -> None:
        # ASGI has no close frame without a code.
        code = 1000 if code == 1005 else code
        self._push({"type": "websocket.close", "code": code, "reason": reason}, 0)
        self._stop_reading()

    def abort(self) -> None:
        self._drop_queue()
        self._grace = 0.0
        self._stop_reading()

    def buffered_bytes(self) -> int:
        return self._buffered

    async def run(self, receive: Receive) -> None:
        """Deliver until the WebSocket ends; the receiver is told in every case."""
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(0 if self._closing else None) as self._reading:
                    self._end(*await self._read(receive))
                    return
            # Closed by this side. Some servers do not send while the application receives, and
            # those that leave something unread reset the connection, which takes away from the
            # peer what was sent: so first the one, then the other.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._grace):
                    if self._writer is not None:
                        await asyncio.wait((self._writer,))
                    await self._read(receive)
            self._end(CloseReason.TRANSPORT_CLOSE, "closed by this side")
        except asyncio.CancelledError:
            self._end(CloseReason.SERVER_SHUTTING_DOWN, "the ASGI server ended the connection")
            raise
        finally:
            self._closing = True
            self._reading = None
            self._drop_queue()
            self._end(CloseReason.TRANSPORT_ERROR, "the ASGI server failed")

    async def _read(self, receive: Receive) -> tuple[CloseReason, str]:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                code = message.get("code", 1005)
                reason = _CLOSE_REASONS.get(code, CloseReason.TRANSPORT_CLOSE)
                return reason, f"close code {code}"
            if self._closing:
                continue
            text = message.get("text")
            if text is None:
                data = message["bytes"]
                if self._accepts(len(data)):
                    self.receiver.receive_binary(data)
            # A character has at most four bytes: most messages need not be encoded to be measured.
            elif self._accepts(len(text) if len(text) * 4 <= self._max_payload else len(text.encode())):
                self.receiver.receive_text(text)

    def _accepts(self, size: int) -> bool:
        if size <= self._max_payload:
            return True
        self.close(1009, "message too big")
        self._end(CloseReason.PAYLOAD_TOO_LARGE, f"a message of more than {self._max_payload} bytes")
        return False

    def _end(self, reason: CloseReason, description: str) -> None:
        """Tell the receiver, once."""
        if not self._ended:
            self._ended = True
            self.receiver.link_closed(reason, description)

    def _stop_reading(self) -> None:
        self._closing = True
        if self._reading is not None and not self._reading.expired():
            self._reading.reschedule(0)

    def _drop_queue(self) -> None:
        self._queue.clear()
        self._buffered = 0
        if self._writer is not None:
            self._writer.cancel()

    def _push(self, message: Message, size: int) -> None:
        if self._closing:
            return
        self._queue.append((message, size))
        self._buffered += size
        if self._writer is None:
            self._writer = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._queue:
                message, size = self._queue.popleft()
                try:
                    await self._send(message)
                except Exception:  # each server has its own; the reader reports the end
                    self._closing = True
                    self._queue.clear()
                    self._buffered = 0
                    return
                was = self._buffered
                self._buffered = max(was - size, 0)
                if was > _LOW_WATER >= self._buffered and not self._ended:
                    self.receiver.link_drained()
        finally:
            self._writer = None


_exchange_conforms: type[HttpExchange] = _Exchange
_link_conforms: type[WebSocketLink] = AsgiLink
