"""The WebSocket half of the fast path: an ASGI WebSocket host for uvicorn, on picows.

uvicorn makes a `WebSocketProtocol` for every request that asks for a WebSocket
(`--ws arcwire.hosts.uvicorn:WebSocketProtocol`). Ordinary routes are served as by uvicorn's own
implementations (ASGI WebSocket, spec 2.4). A route that takes the offer of
docs/decisions/0001-hand-over.md gets the link itself; then nothing of what is here stays alive.
"""

import asyncio
import contextvars
import logging
import random
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any, Final, TypeAlias, cast
from urllib.parse import unquote_to_bytes

import httptools
from uvicorn.config import Config
from uvicorn.protocols.utils import (
    ClientDisconnected,
    get_client_addr,
    get_local_addr,
    get_path_with_query_string,
    get_remote_addr,
    is_ssl,
)
from uvicorn.server import ServerState

from arcwire.engineio.deflate import PerMessageDeflate
from arcwire.engineio.link import LinkReceiver, WebSocketLink
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.hosts.deflate import negotiate
from arcwire.hosts.deflate_link import DeflateLink
from arcwire.hosts.picows import HIGH_WATER, PicowsLink, open_link
from arcwire.hosts.picows_parser import accept_key
from arcwire.hosts.uvicorn.handshake import (
    Headers,
    RequestParser,
    check_handshake,
    checked,
    head,
)

logger = logging.getLogger("uvicorn.error")

_Message: TypeAlias = MutableMapping[str, Any]
_OpenReceiver: TypeAlias = Callable[[WebSocketLink], LinkReceiver]
_App: TypeAlias = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[_Message]], Callable[[_Message], Awaitable[None]]],
    Awaitable[object],
]

# What uvicorn's own hosts do where `ws_per_message_deflate` is on.
_ORDINARY_DEFLATE: Final = PerMessageDeflate(threshold=0)

# What the application did with the connection so far.
_UNDECIDED: Final = 0
_REFUSING: Final = 1  # `websocket.http.response.start` came, the body did not end yet
_ACCEPTED: Final = 2
_TAKEN: Final = 3
_CLOSED: Final = 4  # it closed or refused


class WebSocketProtocol(asyncio.Protocol):
    """One WebSocket of uvicorn, from the handshake on.

    Until the application accepts, this is the protocol of the transport; then a link is, with this
    object as its receiver, or with the one of an application that took the link.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        if not config.loaded:
            config.load()
        self._config = config
        self._server_state = server_state
        self._connections = cast("set[object]", server_state.connections)
        self._app_state = app_state
        self._loop = _loop or asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._request = RequestParser()
        self._scope: dict[str, Any] = {}
        self._early = bytearray()  # frames that came before the acceptance
        self._stage = _UNDECIDED
        self._refusal: tuple[int, Headers, bytearray] = (0, [], bytearray())
        self._taken: tuple[int, _OpenReceiver] | None = None
        self._deflate = _ORDINARY_DEFLATE if config.ws_per_message_deflate else None
        self._link: PicowsLink | None = None
        self._keepalive: _Keepalive | None = None
        self._events: asyncio.Queue[_Message] = asyncio.Queue()
        self._held = 0  # bytes of the messages in _events
        self._reading = True
        self._disconnect: _Message | None = None  # the event that tells the application
        self._gone = False  # the peer cannot be reached any more
        self._writable = asyncio.Event()
        self._writable.set()

    # The transport's side, until the application accepts

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        if self._request.complete:
            self._keep_early(data)
            return
        try:
            rest = self._request.feed(data)
        except httptools.HttpParserError:
            self._respond(400, [], b"Invalid HTTP request received.")
            return
        if rest is not None:
            if rest:
                self._keep_early(rest)
            self._start()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        self._end(1006, "")

    def shutdown(self) -> None:
        """uvicorn stops, and the application has not answered the handshake."""
        if self._stage == _UNDECIDED:
            self._respond(500, [], b"Internal Server Error")
        self._gone = True
        self._transport.close()

    def _keep_early(self, data: bytes) -> None:
        self._early += data
        if len(self._early) > HIGH_WATER:
            self._pause_reading()

    # The handshake

    def _start(self) -> None:
        request = self._request
        refusal = check_handshake(request)
        if refusal is not None:
            status, headers, text = refusal
            self._respond(status, headers, text.encode())
            return
        self._scope = self._make_scope(request)
        self._events.put_nowait({"type": "websocket.connect"})
        context = contextvars.Context() if self._config.reset_contextvars else None
        task = self._loop.create_task(self._run_app(), context=context)
        task.add_done_callback(self._server_state.tasks.discard)
        self._server_state.tasks.add(task)

    def _make_scope(self, request: RequestParser) -> dict[str, Any]:
        raw_path, _, query_string = request.target.partition(b"?")
        root_path = self._config.root_path
        return {
            "type": "websocket",
            "asgi": {"version": self._config.asgi_version, "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "wss" if is_ssl(self._transport) else "ws",
            "server": get_local_addr(self._transport),
            "client": get_remote_addr(self._transport),
            "root_path": root_path,
            "path": root_path + unquote_to_bytes(raw_path).decode("utf-8", "replace"),
            "raw_path": root_path.encode("ascii") + raw_path,
            "query_string": query_string,
            "headers": request.headers,
            "subprotocols": [
                token.strip().decode("latin-1")
                for value in request.values(b"sec-websocket-protocol")
                for token in value.split(b",")
            ],
            "state": self._app_state.copy(),
            "extensions": {"websocket.http.response": {}, "arcwire.link": {"take": self._take}},
        }

    def _take(
        self,
        max_payload: int,
        open_receiver: _OpenReceiver,
        per_message_deflate: PerMessageDeflate | None = None,
    ) -> None:
        self._taken = (max_payload, open_receiver)
        self._deflate = per_message_deflate

    async def _run_app(self) -> None:
        app = cast("_App", self._config.loaded_app)
        try:
            result = await app(self._scope, self.receive, self.send)
        except ClientDisconnected:
            pass
        except BaseException:
            logger.exception("Exception in ASGI application\n")
            if self._link is not None:
                self._link.fail(1011, CloseReason.TRANSPORT_ERROR, "internal error")
        else:
            if self._stage == _UNDECIDED and not self._gone:
                logger.error("ASGI callable returned without completing handshake.")
            elif result is not None:
                logger.error("ASGI callable should return None, but returned '%s'.", result)
        finally:
            self._scope = {}  # refers to self
            self._finish()

    def _finish(self) -> None:
        """The application has ended, which also ends what it left open."""
        if self._stage == _UNDECIDED:
            self._respond(500, [], b"Internal Server Error")
        elif self._stage == _REFUSING:
            self._transport.close()
        elif self._stage == _ACCEPTED and self._link is not None:
            self._link.close(1000, "")
            self._resume_reading()

    # The application's side

    async def receive(self) -> _Message:
        """ASGI `receive`. After the disconnect event it returns that event again."""
        if self._stage == _TAKEN:
            raise RuntimeError("the WebSocket was handed over: its messages do not pass through ASGI")
        if self._disconnect is not None and self._events.empty():
            return self._disconnect
        event = await self._events.get()
        if event["type"] == "websocket.receive":
            self._held -= _weight(event)
            if self._held <= HIGH_WATER:
                self._resume_reading()
        return event

    async def send(self, message: _Message) -> None:
        """ASGI `send`. Waits while the peer does not read; raises ClientDisconnected when it is gone."""
        while self._link is not None and not self._gone and self._link.buffered_bytes() > HIGH_WATER:
            self._writable.clear()
            await self._writable.wait()
        if self._gone:
            raise ClientDisconnected
        kind = message["type"]
        if self._stage == _UNDECIDED:
            self._decide(kind, message)
        elif self._stage == _REFUSING:
            self._refuse(kind, message)
        elif self._stage == _ACCEPTED and self._link is not None:
            self._send(kind, message, self._link)
        elif self._stage == _TAKEN:
            raise RuntimeError(f"Unexpected ASGI message '{kind}', after the WebSocket was handed over.")
        else:
            raise RuntimeError(f"Unexpected ASGI message '{kind}', after sending 'websocket.close'.")

    def _decide(self, kind: str, message: _Message) -> None:
        if kind == "websocket.accept":
            self._accept(message)
        elif kind == "websocket.close":
            self._log("403")
            self._stage = _CLOSED
            self._respond(403, [], b"")
        elif kind == "websocket.http.response.start":
            status: int = message["status"]
            if not 100 <= status < 600:
                raise RuntimeError(f"Invalid HTTP status code '{status}' in response.")
            headers = checked(message.get("headers", ()))
            self._log(str(status))
            self._stage = _REFUSING
            self._refusal = (status, headers, bytearray())
        else:
            raise RuntimeError(
                "Expected ASGI message 'websocket.accept', 'websocket.close' "
                f"or 'websocket.http.response.start' but got '{kind}'."
            )

    def _accept(self, message: _Message) -> None:
        if self._transport.is_closing():
            raise ClientDisconnected
        headers = [*self._server_state.default_headers, *checked(message.get("headers") or ())]
        subprotocol: str | None = message.get("subprotocol")
        if subprotocol:
            headers += checked([(b"sec-websocket-protocol", subprotocol.encode("latin-1"))])
        self._log("[accepted]")
        accept = accept_key(self._request.key)
        upgrade = [(b"Upgrade", b"websocket"), (b"Connection", b"Upgrade"), (b"Sec-WebSocket-Accept", accept)]
        make_link: Callable[..., PicowsLink] = PicowsLink
        offers = self._request.values(b"sec-websocket-extensions")
        if self._deflate is not None and (agreed := negotiate(offers, self._deflate)):
            answer, agreement = agreed
            upgrade.append((b"Sec-WebSocket-Extensions", answer))
            make_link = partial(DeflateLink, agreement)
        self._transport.write(head(101, upgrade + headers))
        early = bytes(self._early)
        self._early.clear()
        self._connections.discard(self)
        if self._taken is not None:
            (max_payload, open_receiver), self._taken = self._taken, None
            self._stage = _TAKEN
        else:
            max_payload, open_receiver = self._config.ws_max_size, self._open
            self._stage = _ACCEPTED
        open_link(
            self._transport,
            max_payload,
            lambda link: self._enter(link, open_receiver),
            early=early,
            on_lost=self._connections.discard,
            make_link=make_link,
        )
        if self._held <= HIGH_WATER:
            self._resume_reading()

    def _enter(self, link: PicowsLink, open_receiver: _OpenReceiver) -> LinkReceiver:
        self._link = link
        self._connections.add(link)
        return open_receiver(link)

    def _open(self, link: WebSocketLink) -> LinkReceiver:
        """An ordinary route: this object receives."""
        interval, timeout = self._config.ws_ping_interval, self._config.ws_ping_timeout
        if interval:
            self._keepalive = _Keepalive(cast("PicowsLink", link), self, interval, timeout)
        return self

    def _send(self, kind: str, message: _Message, link: PicowsLink) -> None:
        if kind == "websocket.send":
            data: bytes | None = message.get("bytes")
            if data is not None:
                link.send_binary(bytes(data))
            else:
                text: str | None = message.get("text")
                if text is not None:
                    link.send_packet(text.encode())
        elif kind == "websocket.close":
            code: int = message.get("code", 1000)
            reason: str = message.get("reason") or ""
            if not _may_be_sent(code):
                raise RuntimeError(f"Invalid close code '{code}'.")
            self._stage = _CLOSED
            link.close(code, reason)
            self._tell_disconnect(code, reason)
            self._stop_keepalive()
            self._resume_reading()  # the peer's close frame is behind what was not received
        else:
            raise RuntimeError(
                f"Expected ASGI message 'websocket.send' or 'websocket.close', but got '{kind}'."
            )

    def _refuse(self, kind: str, message: _Message) -> None:
        if kind != "websocket.http.response.body":
            raise RuntimeError(f"Expected ASGI message 'websocket.http.response.body' but got '{kind}'.")
        status, headers, body = self._refusal
        body += message.get("body", b"")
        if not message.get("more_body", False):
            self._stage = _CLOSED
            self._respond(status, headers, bytes(body))

    # The link's side: LinkReceiver, for ordinary routes

    def receive_text(self, packet: str) -> None:
        self._deliver({"type": "websocket.receive", "text": packet})

    def receive_binary(self, data: bytes) -> None:
        self._deliver({"type": "websocket.receive", "bytes": data})

    def link_drained(self) -> None:
        self._writable.set()

    def link_closed(self, reason: CloseReason, description: str) -> None:
        assert self._link is not None
        self._end(self._link.close_code, self._link.close_text)

    def _deliver(self, event: _Message) -> None:
        self._events.put_nowait(event)
        self._held += _weight(event)
        if self._held > HIGH_WATER:
            self._pause_reading()

    # Both

    @property
    def is_reading(self) -> bool:
        """Whether what the peer sends is read, or waits for the application."""
        return self._reading

    def _pause_reading(self) -> None:
        if self._reading:
            self._reading = False
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if not self._reading:
            self._reading = True
            self._transport.resume_reading()

    def _end(self, code: int, reason: str) -> None:
        self._gone = True
        self._stop_keepalive()
        self._tell_disconnect(code, reason)
        self._writable.set()

    def _tell_disconnect(self, code: int, reason: str) -> None:
        if self._disconnect is None:
            self._disconnect = {"type": "websocket.disconnect", "code": code, "reason": reason}
            self._events.put_nowait(self._disconnect)

    def _stop_keepalive(self) -> None:
        if self._keepalive is not None:
            self._keepalive.stop()
            self._keepalive = None

    def _respond(self, status: int, headers: Headers, body: bytes) -> None:
        """Answer the handshake with something else than a WebSocket, and end the connection."""
        self._stage = _CLOSED
        if self._gone:
            return
        present = {name.lower() for name, _ in headers}
        defaults = [
            *self._server_state.default_headers,
            (b"connection", b"close"),
            (b"content-length", b"%d" % len(body)),
            (b"content-type", b"text/plain; charset=utf-8"),
        ]
        headers = headers + [pair for pair in defaults if pair[0].lower() not in present]
        self._transport.write(head(status, headers) + body)
        self._transport.close()
        self._tell_disconnect(1006, "")

    def _log(self, outcome: str) -> None:
        path = get_path_with_query_string(cast("Any", self._scope))
        logger.info('%s - "WebSocket %s" %s', get_client_addr(cast("Any", self._scope)), path, outcome)


class _Keepalive:
    """Pings the peer of an ordinary route every `interval` seconds, and ends a link whose peer does
    not answer within `timeout` seconds (None: never). While the application does not receive, the
    answer may be waiting unread: then it is not missed."""

    __slots__ = ("_host", "_interval", "_link", "_payload", "_timeout", "_timer")

    def __init__(
        self, link: PicowsLink, host: WebSocketProtocol, interval: float, timeout: float | None
    ) -> None:
        self._link = link
        self._host = host
        self._interval = interval
        self._timeout = timeout
        self._payload: bytes | None = None
        self._timer: asyncio.TimerHandle
        link.on_pong = self._on_pong
        self._wait(interval, self._ping)

    def stop(self) -> None:
        self._timer.cancel()
        self._link.on_pong = None

    def _wait(self, delay: float, then: Callable[[], None]) -> None:
        self._timer = asyncio.get_running_loop().call_later(delay, then)

    def _ping(self) -> None:
        # Random, so that an answer to an earlier ping or to none is not taken for one to this.
        self._payload = random.randbytes(4)
        self._link.send_ping(self._payload)
        if self._timeout is None:
            self._wait(self._interval, self._ping)
        else:
            self._wait(self._timeout, self._miss)

    def _on_pong(self, payload: bytes) -> None:
        if payload == self._payload:
            self._payload = None
            self._timer.cancel()
            self._wait(self._interval, self._ping)

    def _miss(self) -> None:
        if self._host.is_reading:
            self._link.fail(1011, CloseReason.TRANSPORT_ERROR, "keepalive ping timeout")
        else:
            self._wait(self._interval, self._ping)


def _weight(event: _Message) -> int:
    """What a waiting message counts against the limit: its size and a little for itself."""
    return 64 + len(event.get("text") or event.get("bytes") or b"")


def _may_be_sent(code: int) -> bool:
    return (1000 <= code <= 1014 and code not in (1004, 1006)) or 3000 <= code <= 4999
