"""The examples with web frameworks, each as the process that its README starts."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import socketio

from support.servers import ServerProcess, free_port

EXAMPLES = Path(__file__).parents[2] / "examples"
PATIENCE = 10.0


@dataclass(frozen=True)
class Example:
    folder: str
    target: str
    bearer: bool = False

    @property
    def command(self) -> list[str]:
        """What its README says, with this Python."""
        return [
            str(Path(sys.executable).with_name("arcwire")),
            *("run", self.target, "--app-dir", str(EXAMPLES / self.folder)),
        ]


FRAMEWORKS = {
    "fastapi": Example("fastapi_notices", "fastapi_app:api", bearer=True),
    "starlette": Example("starlette_notices", "starlette_app:site"),
    "litestar": Example("litestar_notices", "litestar_app:site"),
    "django": Example("django_notices", "noticeboard.asgi:application"),
    "flask": Example("flask_notices", "flask_app:app"),
}


@pytest.fixture(scope="module", params=FRAMEWORKS)
def example(request: pytest.FixtureRequest) -> Example:
    return FRAMEWORKS[request.param]


@pytest.fixture(scope="module")
def server(example: Example) -> Iterator[ServerProcess]:
    """The example, running."""
    port = free_port()
    process = ServerProcess([*example.command, "--port", str(port)], port)
    try:
        process.start()
        yield process
        process.stop()
        output = process.output()
        assert "Traceback" not in output, output
    finally:
        process.close()


class Visitor:
    """Somebody with a browser: HTTP with cookies or a token, and a client for events."""

    def __init__(self, url: str, *, bearer: bool) -> None:
        self.url = url
        self.bearer = bearer
        self.token: str | None = None
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        # One session, as in a browser: the client sends its cookies, too.
        self.client = socketio.AsyncClient(reconnection=False, handle_sigint=False, http_session=self.http)
        self.notices: asyncio.Queue[Any] = asyncio.Queue()
        self.client.on("notice", self.notices.put)

    async def post(self, path: str, body: object) -> int:
        """Post; the status."""
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        async with self.http.post(self.url + path, json=body, headers=headers) as answer:
            if answer.status == 200 and self.bearer and path == "/login":
                self.token = (await answer.json())["token"]
            return answer.status

    async def login(self, name: str, password: str) -> int:
        return await self.post("/login", {"name": name, "password": password})

    async def connect(self, transport: str) -> None:
        await self.client.connect(
            self.url,
            socketio_path="/live/socket.io",
            transports=[transport],
            auth={"token": self.token} if self.token else None,
            wait_timeout=PATIENCE,
        )

    async def notice(self) -> Any:
        async with asyncio.timeout(PATIENCE):
            return await self.notices.get()

    async def leave(self) -> None:
        await self.client.shutdown()
        await self.http.close()


@pytest.fixture
async def visitors(server: ServerProcess, example: Example) -> AsyncIterator[list[Visitor]]:
    """Three who have not logged in."""
    visitors = [Visitor(server.url, bearer=example.bearer) for _ in range(3)]
    yield visitors
    for visitor in visitors:
        await visitor.leave()


async def test_a_notice_may_be_sent_before_anybody_listens(visitors: list[Visitor]) -> None:
    ann = visitors[0]
    assert await ann.login("ann", "apple") in (200, 204)
    assert await ann.post("/notices", {"to": "ben", "text": "anybody here?"}) == 202


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_notices_reach_whom_they_are_for(visitors: list[Visitor], transport: str) -> None:
    ann, ben, stranger = visitors
    assert await ann.login("ann", "apple") in (200, 204)
    assert await ben.login("ben", "banana") in (200, 204)
    await ann.connect(transport)
    await ben.connect(transport)
    assert await ann.client.call("whoami", timeout=PATIENCE) == "ann"
    assert await ben.client.call("whoami", timeout=PATIENCE) == "ben"

    assert await ann.post("/notices", {"to": "ben", "text": "hello"}) == 202
    assert await ben.notice() == {"by": "ann", "text": "hello"}
    assert await ben.post("/notices", {"to": "ann", "text": "hi"}) == 202
    assert await ann.notice() == {"by": "ben", "text": "hi"}

    assert await stranger.post("/notices", {"to": "ann", "text": "spam"}) in (401, 403)
    assert await ben.client.call("whoami", timeout=PATIENCE) == "ben"
    assert ann.notices.empty()
    assert ben.notices.empty()


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_who_is_not_logged_in_is_refused(
    visitors: list[Visitor], transport: str, example: Example
) -> None:
    stranger, forger, _ = visitors
    assert await stranger.login("ann", "guess") == 401
    forger.token = "guess" if example.bearer else None
    if not example.bearer:
        for name in ("session", "sessionid"):
            forger.http.cookie_jar.update_cookies({name: "guess"})
    for visitor in (stranger, forger):
        refusals: asyncio.Queue[Any] = asyncio.Queue()
        visitor.client.on("connect_error", refusals.put)
        with pytest.raises(socketio.exceptions.ConnectionError):
            await visitor.connect(transport)
        assert await refusals.get() == {"message": "unauthorized"}


def test_it_stops_at_once_with_clients_connected(example: Example) -> None:
    port = free_port()
    process = ServerProcess([*example.command, "--port", str(port)], port)
    try:
        process.start()
        asyncio.run(_stop_while_connected(process, example))
        assert "Traceback" not in process.output()
    finally:
        process.close()


async def _stop_while_connected(process: ServerProcess, example: Example) -> None:
    visitor = Visitor(process.url, bearer=example.bearer)
    gone: asyncio.Queue[Any] = asyncio.Queue()
    visitor.client.on("disconnect", gone.put)
    try:
        await visitor.login("ann", "apple")
        await visitor.connect("websocket")
        await asyncio.to_thread(process.stop)
        async with asyncio.timeout(PATIENCE):
            assert await gone.get() in ("transport close", "transport error")
    finally:
        await visitor.leave()
