"""A client of `support.conformance_app` that speaks Engine.IO in raw requests and frames."""

import asyncio
import json
from contextlib import AsyncExitStack, suppress
from typing import Any
from urllib.parse import urlencode

from support.frames import BINARY, CLOSE, HANDSHAKE, TEXT, FrameClient
from support.raw_http import PATIENCE, Answer, RawClient, connect


class Wire:
    """Connections to one server, all closed by `close`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._stack = AsyncExitStack()
        self.opened: list[Polling] = []

    async def connect(self) -> RawClient:
        """A connection of its own."""
        return await self._stack.enter_async_context(connect(self.url))

    async def ask(
        self, method: str, target: str, body: bytes | None = None, headers: tuple[str, ...] = ()
    ) -> Answer:
        """One request on a connection of its own, and its answer."""
        client = await self.connect()
        client.send(request(method, target, body, headers))
        return lower(await client.answer(bodiless=method == "HEAD"))

    async def poll_session(self, path: str = "/engine.io") -> "Polling":
        """Open a session over polling."""
        answer = await self.ask("GET", target(path, transport="polling"))
        assert answer.status == 200, answer
        opened = json.loads(answer.body[1:])
        session = Polling(self, path, opened["sid"], opened)
        self.opened.append(session)
        return session

    async def upgrade_request(self, target: str, *headers: str) -> tuple[RawClient, Answer]:
        """Ask for a WebSocket: the connection, and what the server answers."""
        client = await self.connect()
        more = "".join([f"{header}\r\n" for header in headers]).encode()
        client.send(b"GET " + target.encode() + b" HTTP/1.1\r\n" + HANDSHAKE + more + b"\r\n")
        return client, lower(await client.answer())

    async def websocket(self, target: str) -> "Socket":
        """Open a WebSocket."""
        client, answer = await self.upgrade_request(target)
        assert answer.status == 101, answer
        return Socket(client, answer.headers)

    async def websocket_session(self, path: str = "/engine.io") -> "Socket":
        """Open a session over a WebSocket."""
        socket = await self.websocket(target(path, transport="websocket"))
        socket.opened = json.loads((await socket.text())[1:])
        socket.sid = socket.opened["sid"]
        return socket

    async def report(self) -> dict[str, Any]:
        """What the application knows."""
        async with connect(self.url) as client:
            client.send(request("GET", "/report"))
            answer = lower(await client.answer())
        report: dict[str, Any] = json.loads(answer.body)
        return report

    async def session(self, sid: str) -> dict[str, Any]:
        """What the application knows of one session."""
        found: dict[str, Any] = (await self.report())["sessions"][sid]
        return found

    async def received(self, sid: str) -> list[Any]:
        """The messages that the application got."""
        messages: list[Any] = (await self.session(sid))["received"]
        return messages

    async def end_of(self, sid: str) -> str:
        """Wait for the end of a session, and why it ended."""
        async with asyncio.timeout(PATIENCE):
            while not (reasons := (await self.session(sid))["reasons"]):
                await asyncio.sleep(0.01)
        (reason,) = reasons
        return str(reason)

    async def is_open(self, sid: str) -> bool:
        """Whether a session has not ended."""
        return not (await self.session(sid))["reasons"]

    async def settle(self, tasks: float, files: float) -> None:
        """End everything, and wait until the server has no session, and no more tasks and open files."""
        for session in self.opened:
            await self.ask("POST", session.target, b"1")  # refused where the session has ended
        await self._stack.aclose()
        left: Any = None
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    left = await self.report()
                    clients = sum(left["connections"].values()) + left["sockets"]
                    if clients == 0 and left["tasks"] <= tasks and left["files"] <= files:
                        break
                    await asyncio.sleep(0.02)
        except TimeoutError:
            del left["sessions"]
            raise AssertionError(f"of {tasks} tasks and {files} files there are left: {left}") from None

    async def close(self) -> None:
        await self._stack.aclose()


class Polling:
    """A session over polling; every request has a connection of its own."""

    def __init__(self, wire: Wire, path: str, sid: str, opened: dict[str, Any]) -> None:
        self.wire = wire
        self.sid = sid
        self.opened = opened
        self.target = target(path, transport="polling", sid=sid)
        self.socket_target = target(path, transport="websocket", sid=sid)

    async def get(self) -> Answer:
        """Poll, and wait for the answer."""
        return await self.wire.ask("GET", self.target)

    async def packets(self) -> list[str]:
        """Poll, and wait for packets."""
        answer = await self.get()
        assert answer.status == 200, answer
        return answer.body.decode().split("\x1e")

    async def start_poll(self, other: str = "/report") -> RawClient:
        """Poll, and leave the answer to the caller.

        As good as surely the server knows of it when this returns: it has answered a request for
        `other` that came later.
        """
        client = await self.wire.connect()
        client.send(request("GET", self.target))
        await self.wire.ask("GET", other)
        return client

    async def post(self, body: bytes, *headers: str) -> Answer:
        return await self.wire.ask("POST", self.target, body, headers)

    async def start_post(self, announced: int, body: bytes) -> RawClient:
        """Send a part of a POST."""
        client = await self.wire.connect()
        head = f"POST {self.target} HTTP/1.1\r\nHost: test\r\nContent-Length: {announced}\r\n\r\n"
        client.send(head.encode() + body)
        await self.wire.report()
        return client

    async def probe(self) -> "Socket":
        """A WebSocket that wants to take over."""
        return await self.wire.websocket(self.socket_target)

    async def upgrade(self) -> "Socket":
        """All of an upgrade, without a poll that waits."""
        socket = await self.probe()
        socket.say("2probe")
        assert await socket.text() == "3probe"
        socket.say("5")
        return socket


class Socket(FrameClient):
    """A WebSocket; of a session where `sid` is not empty."""

    sid = ""
    opened: dict[str, Any]

    def say(self, *packets: str | bytes) -> None:
        for packet in packets:
            if isinstance(packet, str):
                self.send(TEXT, packet.encode())
            else:
                self.send(BINARY, packet)

    async def message(self) -> str | bytes:
        """The next message, text or binary, of one frame or several."""
        first = await self.receive()
        assert first.opcode in (TEXT, BINARY), first
        payload, last = first.payload, first
        while not last.fin:
            last = await self.receive()
            payload += last.payload
        return payload.decode() if first.opcode == TEXT else payload

    async def text(self) -> str:
        message = await self.message()
        assert isinstance(message, str)
        return message

    async def closed(self) -> int:
        """The code of the server's close frame, which is next; it is answered, and the connection ends."""
        code, _ = await self.receive_close()
        self.send(CLOSE, b"" if code == 1005 else code.to_bytes(2, "big"))
        # A server that does not wait for the answer resets the connection.
        with suppress(ConnectionError):
            assert await self.ended()
        return code


def target(path: str, **query: str) -> str:
    """`path` and a query with EIO=4."""
    return f"{path}/?" + urlencode({"EIO": "4", **query})


def request(method: str, target: str, body: bytes | None = None, headers: tuple[str, ...] = ()) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: test", *headers]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


def lower(answer: Answer) -> Answer:
    """Header names differ between servers."""
    return answer._replace(headers={name.lower(): value for name, value in answer.headers.items()})
