"""Opening a WebSocket: the client's side of the HTTP handshake (RFC 6455 section 4.1)."""

import asyncio
import base64
import os
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Final, cast

import httptools

from arcwire.engineio.client.address import Address
from arcwire.engineio.client.answers import BODY_LIMIT, Answer, explain
from arcwire.engineio.client.config import EngineClientConfig
from arcwire.engineio.client.deflate import make_offer, read_answer
from arcwire.engineio.client.dial import dial
from arcwire.engineio.client.link import ClientDeflateLink, ClientLink
from arcwire.engineio.link import LinkReceiver
from arcwire.errors import NotAnEngine, Unreachable
from arcwire.hosts.deflate import Agreement
from arcwire.hosts.picows import PicowsLink, open_link
from arcwire.hosts.picows_parser import accept_key

_HEAD_LIMIT: Final = 65536


async def open_websocket(
    address: Address,
    config: EngineClientConfig,
    make_receiver: Callable[[PicowsLink], LinkReceiver],
    *,
    sid: str | None = None,
    on_lost: Callable[[PicowsLink], object] | None = None,
) -> PicowsLink:
    """Open a WebSocket to the engine, for the session `sid` or a new one.

    `config` has what counts for this transport. `make_receiver` is called with the link as soon as it is
    open; what it returns receives from then on, maybe before this returns. `on_lost` is called at the very
    end of an open link. Raises ConnectError; cancelling it leaves nothing open.
    """

    def make_handshake() -> _Handshake:
        return _Handshake(address, config, sid, make_receiver, on_lost)

    transport, handshake = await dial(make_handshake, address, config)
    try:
        return await handshake.done
    except BaseException:
        transport.abort()
        raise


class HandshakeLost(Unreachable):
    """The connection was there and ended without an answer: something may not let WebSockets through."""


class _Handshake(asyncio.Protocol):
    """The protocol of the transport until the answer has arrived; then a link is.

    `done` gets the link, or the ConnectError that the answer means.
    """

    def __init__(
        self,
        address: Address,
        config: EngineClientConfig,
        sid: str | None,
        make_receiver: Callable[[PicowsLink], LinkReceiver],
        on_lost: Callable[[PicowsLink], object] | None,
    ) -> None:
        self.done: asyncio.Future[PicowsLink] = asyncio.get_running_loop().create_future()
        self._address = address
        self._config = config
        self._sid = sid
        self._make_receiver = make_receiver
        self._on_lost = on_lost
        self._key = base64.b64encode(os.urandom(16))
        self._transport: asyncio.Transport
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[tuple[str, str]] = []
        self._body = bytearray()
        self._received = 0
        self._head_complete = False
        self._complete = False
        self._agreement: Agreement | None = None

    # The transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request())

    def data_received(self, data: bytes) -> None:
        if self.done.done():
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._open(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            # Not HTTP, or data after the end of an answer that is complete.
            if self._complete:
                self._refuse()
            else:
                self._fail_syntax(error)
        else:
            if self._complete or len(self._body) >= BODY_LIMIT:
                self._refuse()
            elif self._received > _HEAD_LIMIT + BODY_LIMIT:
                self._fail_syntax(None)

    def connection_lost(self, error: Exception | None) -> None:
        if self.done.done():
            return
        if self._head_complete:
            self._refuse()  # an answer that ends with the connection
        else:
            how = f" ({error})" if error is not None else ""
            where = str(self._address)
            self._fail(HandshakeLost(f"{where}: the connection ended without an answer{how}", where))

    # httptools' side

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1").strip(" \t")))

    def on_headers_complete(self) -> None:
        self._head_complete = True

    def on_body(self, data: bytes) -> None:
        self._body += data[: BODY_LIMIT - len(self._body)]

    def on_message_complete(self) -> None:
        self._complete = True

    # Inside

    def _request(self) -> bytes:
        config, address = self._config, self._address
        fields = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": self._key.decode(),
        }
        if config.protocols:
            fields["Sec-WebSocket-Protocol"] = ", ".join(config.protocols)
        if config.deflate is not None:
            fields["Sec-WebSocket-Extensions"] = make_offer(config.deflate)
        lines = [f"GET {address.target(config, 'websocket', self._sid)} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in (address.headers(config) | fields).items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def _values(self, name: str) -> list[str]:
        return [value for key, value in self._headers if key == name]

    def _status(self) -> int:
        return self._parser.get_status_code()

    def _answer(self) -> Answer:
        return Answer(self._status(), self._headers, bytes(self._body))

    def _open(self, early: bytes) -> None:
        """The answer is complete, and there is something after it: usually status 101."""
        self._config.jar.keep(self._address.web, self._values("set-cookie"))
        if self._status() != HTTPStatus.SWITCHING_PROTOCOLS:
            self._refuse()
            return
        problem = self._check()
        if problem:
            self._fail(
                NotAnEngine(
                    f"{self._address}: no WebSocket was opened: {problem}", str(self._address), status=101
                )
            )
            return
        self._forget_parser()
        try:
            link = open_link(
                self._transport,
                self._config.max_message_size,
                self._make_receiver,
                early=early,
                on_lost=self._on_lost,
                make_link=partial(ClientDeflateLink, self._agreement) if self._agreement else ClientLink,
            )
        except Exception as error:
            self._fail(error)
            return
        # What came with the answer may have made whoever waits give up.
        if not self.done.done():
            self.done.set_result(link)

    def _check(self) -> str | None:
        """What is wrong with an answer of status 101 (RFC 6455 section 4.1)."""
        if [value.lower() for value in self._values("upgrade")] != ["websocket"]:
            return "the answer upgrades to something else"
        if self._values("sec-websocket-accept") != [accept_key(self._key).decode()]:
            return "the answer is not one to this request"
        extensions = ", ".join(filter(None, self._values("sec-websocket-extensions")))
        if extensions:
            if self._config.deflate is None:
                return f"the server uses an extension that was not offered: {extensions}"
            try:
                self._agreement = read_answer(extensions, self._config.deflate)
            except ValueError as error:
                return str(error)
        chosen = self._values("sec-websocket-protocol")
        if chosen and chosen[0] not in self._config.protocols:
            return "the server uses a sub-protocol that was not offered"
        return None

    def _refuse(self) -> None:
        self._config.jar.keep(self._address.web, self._values("set-cookie"))
        self._fail(explain(self._answer(), self._address, "websocket"))

    def _fail_syntax(self, error: Exception | None) -> None:
        failure = NotAnEngine(f"{self._address}: what answers does not speak HTTP", str(self._address))
        failure.__cause__ = error
        self._fail(failure)

    def _fail(self, error: Exception) -> None:
        self._forget_parser()
        if not self.done.done():
            self.done.set_exception(error)
            self.done.exception()  # seen: it may be that nobody waits any more
        self._transport.abort()

    def _forget_parser(self) -> None:
        self._parser = cast("httptools.HttpResponseParser", None)  # refers to self
