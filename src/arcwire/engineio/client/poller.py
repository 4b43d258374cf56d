"""What polls and posts for one connection, as its session says."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Protocol

from arcwire.engineio.client.address import Address
from arcwire.engineio.client.answers import Answer, AnswerTooLarge, explain
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.errors import ConnectError

logger = logging.getLogger("arcwire.client")

_BINARY = "application/octet-stream"

# The event loop knows tasks weakly.
_closing: set[asyncio.Task[None]] = set()


class Requests(Protocol):
    """What makes the requests: `polling.PollingRequests`."""

    async def request(
        self, method: str, sid: str | None = None, body: bytes | None = None, *, binary: bool = False
    ) -> Answer:
        """Make one. Raises ConnectError, and AnswerTooLarge."""

    async def close(self) -> None:
        """End all connections."""


class Polled(Protocol):
    """The connection."""

    @property
    def sid(self) -> str: ...

    def poll_answered(self, body: bytes, *, binary: bool) -> None:
        """The answer to a poll arrived."""

    def take_post(self) -> tuple[bytes, bool] | None:
        """What to post now, and whether it is binary."""

    def post_answered(self) -> None:
        """A post arrived."""

    def abort(self, reason: CloseReason, description: str) -> None:
        """A request failed."""


def is_binary(answer: Answer) -> bool:
    """Whether the payload in an answer is a binary one (protocol 3)."""
    return answer.header("content-type").partition(";")[0].strip().lower() == _BINARY


class Poller:
    """One task a request. `stop` ends it; `on_closed` is called when its last connection has ended."""

    __slots__ = ("_address", "_connection", "_loop", "_on_closed", "_post_due", "_requests", "_tasks")

    def __init__(
        self, connection: Polled, address: Address, requests: Requests, on_closed: Callable[[], None]
    ) -> None:
        self._connection = connection
        self._address = address
        self._requests = requests
        self._on_closed = on_closed
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._post_due = False

    def poll(self) -> None:
        """Begin a poll."""
        self._start(self._poll())

    def post(self) -> None:
        """Begin a post at the end of the tick, with all that is sent until then."""
        if not self._post_due:
            self._post_due = True
            self._loop.call_soon(self._begin_post)

    def stop(self) -> None:
        """End all requests and connections."""
        current = asyncio.current_task(self._loop)
        for task in self._tasks:
            if task is not current:
                task.cancel()
        closing = self._loop.create_task(self._close(self._tasks - {current}))
        _closing.add(closing)
        closing.add_done_callback(_closing.discard)

    def _begin_post(self) -> None:
        self._post_due = False
        post = self._connection.take_post()
        if post is not None:
            self._start(self._post(*post))

    def _start(self, request: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(request)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("The receiver of a connection failed; closing it", exc_info=task.exception())
            self._connection.abort(CloseReason.TRANSPORT_ERROR, "internal error")

    async def _poll(self) -> None:
        answer = await self._request("GET")
        if answer is not None:
            self._connection.poll_answered(answer.body, binary=is_binary(answer))

    async def _post(self, body: bytes, binary: bool) -> None:
        answer = await self._request("POST", body, binary=binary)
        if answer is not None:
            self._connection.post_answered()

    async def _request(
        self, method: str, body: bytes | None = None, *, binary: bool = False
    ) -> Answer | None:
        """The answer, if its status is 200; else the session ends."""
        try:
            answer = await self._requests.request(method, self._connection.sid, body, binary=binary)
        except AnswerTooLarge as error:
            self._connection.abort(CloseReason.PAYLOAD_TOO_LARGE, str(error))
        except ConnectError as error:
            self._connection.abort(CloseReason.TRANSPORT_ERROR, str(error))
        else:
            if answer.status == HTTPStatus.OK:
                return answer
            too_large = answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            reason = CloseReason.PAYLOAD_TOO_LARGE if too_large else CloseReason.TRANSPORT_ERROR
            self._connection.abort(reason, str(explain(answer, self._address, "polling")))
        return None

    async def _close(self, tasks: "set[asyncio.Task[None]]") -> None:
        try:
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            await self._requests.close()
            self._on_closed()
