"""Opening a session: which transports are tried, and what becomes of each try."""

import asyncio
import time
from http import HTTPStatus
from typing import Protocol

from arcwire.engineio.client.address import Address
from arcwire.engineio.client.answers import BODY_LIMIT, Answer, AnswerTooLarge, explain
from arcwire.engineio.client.clocks import clocks
from arcwire.engineio.client.config import EngineClientConfig
from arcwire.engineio.client.poller import Requests, is_binary
from arcwire.engineio.client.websocket import HandshakeLost, open_websocket
from arcwire.engineio.link import LinkReceiver, WebSocketLink
from arcwire.engineio.protocol.announcement import (
    Announcement,
    AnnouncementError,
    read_announcement,
    read_opening_payload,
)
from arcwire.engineio.protocol.client_session import ClientSession
from arcwire.engineio.protocol.dialect import V3, V4
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.errors import (
    ConnectError,
    ConnectTimeout,
    HandshakeRejected,
    NotAnEngine,
    ProxyError,
    TransportUnavailable,
)

_NO_STATUS = 1005

# Codes of refusals that may concern one transport alone: unknown, and "bad request", which engines say of
# a request for a WebSocket that lost its Upgrade field on the way.
_TRANSPORT_CODES = (None, 0, 3)


class Openable(Protocol):
    """What is made for an open session: the connection."""

    @property
    def link_receiver(self) -> LinkReceiver: ...

    def begin(self, packets: list[str | bytes], now: float, wall: float) -> None:
        """A polling session: these packets came with its announcement."""

    def disown(self) -> None:
        """Nobody wants it."""

    def link_lost(self, link: object) -> None:
        """The connection of a link has ended."""


class MakeConnection(Protocol):
    """Makes a connection of a session, with its WebSocket or what polls for it. `upgrade` tells whether
    a WebSocket may take over: not one that has just failed."""

    def __call__(
        self, session: ClientSession, link: WebSocketLink | None, requests: Requests | None, upgrade: bool
    ) -> Openable: ...


async def open_session(address: Address, config: EngineClientConfig, make: MakeConnection) -> Openable:
    """Try the transports in their order, within `config.timeout`. Raises ConnectError."""
    order = _order(config)
    deadline = None if config.timeout is None else time.monotonic() + config.timeout
    attempts: list[tuple[str, ConnectError]] = []
    for index, transport in enumerate(order):
        others = config.try_all_transports and index < len(order) - 1
        left = None if deadline is None else deadline - time.monotonic()
        # A WebSocket that something on the way swallows leaves time for polling.
        limit = left / 2 if left is not None and others else left
        try:
            connection = await _try(address, config, make, transport, limit, upgrade=not attempts)
        except ConnectError as error:
            attempts.append((transport, error))
            if not others or not _concerns_transport(error):
                break
        else:
            config.memory.websocket_worked = transport == "websocket"
            return connection
    raise _sum_up(attempts, address, config)


def _order(config: EngineClientConfig) -> list[str]:
    order = list(config.transports)
    if config.remember_upgrade and config.memory.websocket_worked and "websocket" in order:
        order.remove("websocket")
        order.insert(0, "websocket")
    return order


async def _try(
    address: Address,
    config: EngineClientConfig,
    make: MakeConnection,
    transport: str,
    limit: float | None,
    *,
    upgrade: bool,
) -> Openable:
    own = config.of(transport)
    try:
        async with asyncio.timeout(limit):
            if transport == "websocket":
                return await _open_websocket(address, own, make)
            return await _open_polling(address, own, make, upgrade)
    except ConnectError:
        raise
    except TimeoutError:
        assert limit is not None
        raise ConnectTimeout(
            f"{address}: {transport} did not open within {max(limit, 0):.3g} seconds", str(address)
        ) from None


def _concerns_transport(error: ConnectError) -> bool:
    """Whether another transport may get further."""
    if isinstance(error, HandshakeRejected):
        return error.code in _TRANSPORT_CODES and not (
            error.code == 3 and error.status == HTTPStatus.SERVICE_UNAVAILABLE
        )
    if isinstance(error, ProxyError):
        return error.status not in (None, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED)
    return isinstance(error, NotAnEngine | ConnectTimeout | TransportUnavailable | HandshakeLost)


def _sum_up(
    attempts: list[tuple[str, ConnectError]], address: Address, config: EngineClientConfig
) -> ConnectError:
    *before, (_, last) = attempts
    if not before:
        return last
    if isinstance(last, TransportUnavailable):
        # Polling could not be tried for want of a library: what happened is the first error.
        first = before[-1][1]
        first.add_note(str(last))
        return first
    if all(type(error) is type(last) for _, error in before):
        if isinstance(last, ConnectTimeout):
            names = " and ".join(name for name, _ in attempts)
            text = f"{address} did not answer within {config.timeout:g} seconds, to {names}"
            return ConnectTimeout(text, str(address))
        return last
    tries = "; ".join(f"{transport}: {error}" for transport, error in attempts)
    return TransportUnavailable(f"no transport gets through to {address}. {tries}", str(address), attempts)


def _session(announcement: Announcement, transport: str, config: EngineClientConfig) -> ClientSession:
    clock = clocks()
    return ClientSession(
        announcement,
        transport,
        now=clock.now(),
        wall=clock.wall(),
        dialect=config.dialect,
        base64=config.force_base64,
    )


# -- WebSocket -----------------------------------------------------------------


async def _open_websocket(address: Address, config: EngineClientConfig, make: MakeConnection) -> Openable:
    owner = _Owner()
    opening = _Opening(address, config, make, owner)
    try:
        await open_websocket(address, config, opening.begin, on_lost=owner.link_lost)
        return await opening.opened
    except BaseException:
        opening.cancel()
        raise


class _Owner:
    """Whom to tell of the end of a link: the connection, once there is one. Lives as long as the link."""

    __slots__ = ("connection",)

    def __init__(self) -> None:
        self.connection: Openable | None = None

    def link_lost(self, link: object) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.link_lost(link)


class _Opening:
    """Receives from a WebSocket until the server has opened a session on it."""

    def __init__(
        self, address: Address, config: EngineClientConfig, make: MakeConnection, owner: _Owner
    ) -> None:
        self.opened: asyncio.Future[Openable] = asyncio.get_running_loop().create_future()
        self._address = address
        self._config = config
        self._make = make
        self._link: WebSocketLink | None = None
        self._owner = owner

    def begin(self, link: WebSocketLink) -> LinkReceiver:
        """The WebSocket is open."""
        self._link = link
        return self

    def cancel(self) -> None:
        """Nobody waits any more."""
        self.opened.cancel()
        if self._owner.connection is not None:
            self._owner.connection.disown()
        if self._link is not None:
            self._link.abort()

    def receive_text(self, packet: str) -> None:
        if self.opened.done():
            return
        try:
            announcement = read_announcement(packet)
        except AnnouncementError as error:
            self._fail(str(error))
            return
        assert self._link is not None
        session = _session(announcement, "websocket", self._config)
        connection = self._owner.connection = self._make(session, self._link, None, False)
        self._link.receiver = connection.link_receiver
        self.opened.set_result(connection)

    def receive_binary(self, data: bytes) -> None:
        self._fail("the first packet is a binary message")

    def link_drained(self) -> None:
        """Nothing waits."""

    def link_closed(self, reason: CloseReason, description: str) -> None:
        self._fail(f"the WebSocket ended before the server opened a session ({description})")

    def _fail(self, problem: str) -> None:
        where = str(self._address)
        if not self.opened.done():
            self.opened.set_exception(NotAnEngine(f"{where} does not speak this Engine.IO: {problem}", where))
            self.opened.exception()  # seen: it may be that nobody waits any more


# -- polling -------------------------------------------------------------------


async def _open_polling(
    address: Address, config: EngineClientConfig, make: MakeConnection, upgrade: bool
) -> Openable:
    requests = _make_requests(address, config)
    try:
        answer = await requests.request("GET")
        announcement, packets = _read_opening(answer, address, config)
    except AnswerTooLarge as error:
        await requests.close()
        raise NotAnEngine(f"{address} does not speak Engine.IO there: {error}", str(address)) from None
    except BaseException:
        await requests.close()
        raise
    session = _session(announcement, "polling", config)
    connection = make(session, None, requests, upgrade)
    connection.begin(packets, clocks().now(), clocks().wall())
    return connection


def _make_requests(address: Address, config: EngineClientConfig) -> Requests:
    try:
        # aiohttp takes a third of a second to import, and most connections have no use for it.
        from arcwire.engineio.client.polling import PollingRequests
    except ModuleNotFoundError as error:
        if not error.name or error.name.partition(".")[0] not in ("aiohttp", "aiohttp_socks", "yarl"):
            raise
        raise TransportUnavailable(
            "polling needs an HTTP client, which is an extra: pip install 'arcwire[client]'", str(address)
        ) from error
    return PollingRequests(address, config)


def _read_opening(
    answer: Answer, address: Address, config: EngineClientConfig
) -> tuple[Announcement, list[str | bytes]]:
    if answer.status != HTTPStatus.OK:
        raise explain(answer, address, "polling")
    try:
        return read_opening_payload(answer.body, config.dialect, binary=is_binary(answer))
    except AnnouncementError as error:
        other = 3 if config.protocol == 4 else 4
        if _speaks(answer, other):
            generation = "2 and older" if other == 3 else "3 and newer"
            where = str(address)
            raise NotAnEngine(
                f"{where} speaks Engine.IO {other} (Socket.IO {generation}): pass protocol={other}",
                where,
                status=answer.status,
                body=answer.body[:BODY_LIMIT].decode("utf-8", "replace"),
            ) from None
        raise explain(answer, address, "polling") from error


def _speaks(answer: Answer, revision: int) -> bool:
    try:
        read_opening_payload(answer.body, V3 if revision == 3 else V4, binary=is_binary(answer))
    except AnnouncementError:
        return False
    return True
