"""The engine as an ASGI application, for any ASGI server (ASGI 3, spec 2.4)."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
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

_LOW_WATER = 16 * 1024
"""Below this many waiting bytes a link counts as drained."""


class EngineApp:
    """Serves `handler` at `path`, below wherever it is mounted, and `other` everywhere else.

    Without `other`, foreign paths get 404. `on_shutdown` is called when the ASGI server announces
    the end of the lifespan; a framework that mounts this app under a path does not forward that.
    """

    def __init__(
        self,
        handler: RequestHandler,
        path: str,
        other: ASGIApp | None = None,
        *,
        on_shutdown: Callable[[], None],
    ) -> None:
        self._handler = handler
        self._prefix = path.rstrip("/") + "/"
        self._other = other
        self._on_shutdown = on_shutdown

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

    def _is_ours(self, scope: Scope) -> bool:
        # A server's root_path and mounting frameworks put their prefix into both; some servers
        # give the path without it.
        path: str = scope["path"]
        return path.removeprefix(scope.get("root_path", "")).startswith(self._prefix)

    async def _serve_lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def watch() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                self._on_shutdown()
            return message

        if self._other is not None:
            await self._other(scope, watch, send)
            return
        await watch()
        await send({"type": "lifespan.startup.complete"})
        await watch()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve_http(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = _Exchange(_request(scope, scope["method"]))
        self._handler.handle_request(exchange)
        response = await exchange.complete(receive)
        if response is None:
            return
        offer = scope.get("extensions", {}).get("arcwire.http")
        if offer is not None and response.sid is not None:
            headers = [*response.headers, _content_length(response)]
            offer["claim"](self._handler, response.sid, headers)
        await _respond(send, response)

    async def _serve_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = _request(scope, "GET")
        refused = self._handler.refuse_upgrade(request)
        if refused is not None:
            await _deny(scope, receive, send, refused)
            return
        if (await receive())["type"] != "websocket.connect":
            return
        offer = scope.get("extensions", {}).get("arcwire.link")
        if offer is not None:
            # See docs/decisions/0001-hand-over.md.
            offer["take"](self._handler.max_payload, lambda link: self._handler.open_link(request, link))
            await send({"type": "websocket.accept"})
            return
        await send({"type": "websocket.accept"})
        link = AsgiLink(send, self._handler.max_payload)
        link.receiver = self._handler.open_link(request, link)
        await link.run(receive)


def _request(scope: Scope, method: str) -> Request:
    client = scope.get("client")
    return Request(
        method=method,
        path=scope["path"],
        query_string=scope.get("query_string", b""),
        headers=scope["headers"],
        client=(client[0], client[1]) if client else None,
        secure=scope.get("scheme") in ("https", "wss"),
    )


def _content_length(response: Response) -> tuple[bytes, bytes]:
    return (b"content-length", b"%d" % len(response.body))


async def _respond(send: Send, response: Response, prefix: str = "http.response") -> None:
    headers = [*response.headers, _content_length(response)]
    if response.close:
        headers.append((b"connection", b"close"))
    await send({"type": f"{prefix}.start", "status": response.status, "headers": headers})
    await send({"type": f"{prefix}.body", "body": response.body})


async def _deny(scope: Scope, receive: Receive, send: Send, response: Response) -> None:
    """Refuse a WebSocket; servers without the denial extension answer 403 with an empty body."""
    await receive()
    if "websocket.http.response" in scope.get("extensions", {}):
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
        body = b""
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
        on_body(body)
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

    def __init__(self, send: Send, max_payload: int) -> None:
        self.receiver: LinkReceiver
        self._send = send
        self._max_payload = max_payload
        self._queue: deque[tuple[Message, int]] = deque()
        self._buffered = 0
        self._writer: asyncio.Task[None] | None = None
        self._closing = False

    def send_packet(self, packet: bytes) -> None:
        self._push({"type": "websocket.send", "text": packet.decode()}, len(packet))

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
        self._closing = True

    def abort(self) -> None:
        self._queue.clear()
        self._buffered = 0
        self.close(1011, "")

    def buffered_bytes(self) -> int:
        return self._buffered

    async def run(self, receive: Receive) -> None:
        """Deliver until the WebSocket ends; the receiver is told in every case."""
        reason, description = CloseReason.TRANSPORT_ERROR, "the ASGI server dropped the connection"
        try:
            reason, description = await self._read(receive)
        finally:
            self._closing = True
            self._queue.clear()
            self._buffered = 0
            if self._writer is not None:
                self._writer.cancel()
            self.receiver.link_closed(reason, description)

    async def _read(self, receive: Receive) -> tuple[CloseReason, str]:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return CloseReason.TRANSPORT_CLOSE, f"close code {message.get('code', 1005)}"
            text = message.get("text")
            data = text if text is not None else message["bytes"]
            if len(data) > self._max_payload or (text is not None and len(text.encode()) > self._max_payload):
                self.close(1009, "message too big")
                return await self._closed(
                    CloseReason.PAYLOAD_TOO_LARGE, f"a message of more than {self._max_payload} bytes"
                )
            if self._closing:
                continue
            if text is not None:
                self.receiver.receive_text(text)
            else:
                self.receiver.receive_binary(data)

    async def _closed(self, reason: CloseReason, description: str) -> tuple[CloseReason, str]:
        if self._writer is not None:
            await asyncio.wait((self._writer,), timeout=5)
        return reason, description

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
                    return
                was = self._buffered
                self._buffered -= size
                if was > _LOW_WATER >= self._buffered:
                    self.receiver.link_drained()
        finally:
            self._writer = None


_exchange_conforms: type[HttpExchange] = _Exchange
_link_conforms: type[WebSocketLink] = AsgiLink
