"""Clients for soak.py: one process holds many, of all kinds, and ends each in another way.

    python soak_client.py PORT COUNT SECONDS PREFIX

It reads commands from standard input, a line each, and answers with a line of JSON:

    (start)  connect COUNT clients and put them into rooms of ROOM_SIZE  -> {"ready": COUNT}
    chat     chat for SECONDS, wait for everything that is due           -> {"said": ..., "delivered": ...}
    end      end every client in its own way                             -> {"ended": COUNT}

and stays until its input ends, so that clients that fell silent keep their connections. Anything
unexpected ends it with status 1 and a traceback.
"""

import asyncio
import json
import random
import socket
import struct
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

PATH = "/socket.io/?EIO=4&transport="
ROOM_SIZE = 10
PAUSE_SECONDS = 4.0
"""Mean time between two messages of a client."""
DUE_SECONDS = 20.0
"""How long answers may take on a busy machine."""
CONNECTING_AT_ONCE = 32
SEPARATOR = "\x1e"


class Client:
    """A Socket.IO client that checks all it receives; subclasses are its transports."""

    def __init__(self, port: int, room: str) -> None:
        self.port = port
        self.room = room
        self.joined = asyncio.get_running_loop().create_future()
        self.said = self.answered = self.delivered = 0
        self.ending = False
        self.silent = False

    async def connect(self) -> None:
        raise NotImplementedError

    def send(self, packet: str) -> None:
        raise NotImplementedError

    def say(self) -> None:
        self.send(f'42{self.said}["say","{self.said}"]')
        self.said += 1

    def receive(self, packet: str) -> None:
        if packet == "2":
            if not self.silent:
                self.send("3")
        elif packet.startswith("40{"):
            self.send(f'4299["enter","{self.room}"]')
        elif packet == '4399["entered"]':
            self.joined.set_result(None)
        elif packet == f'43{self.answered}["{self.answered}"]':
            self.answered += 1
        elif packet.startswith('42["said",'):
            self.delivered += 1
        elif not (packet == "6" or self.ending):
            raise ValueError(f"unexpected packet {packet!r}")

    def closed(self, why: object) -> None:
        if not self.ending:
            kind = type(self).__name__
            fail(ConnectionError(f"the server ended a {kind} that should live: {why!r}"))

    # Ways to end.

    def leave(self) -> None:
        """Leave the namespace, then close the session, as `socket.disconnect()` does."""
        self.send("41")
        self.send("1")

    def close(self) -> None:
        """End the transport in its clean way."""
        raise NotImplementedError

    def vanish(self) -> None:
        """Reset the TCP connection."""
        raise NotImplementedError

    def half_close(self) -> None:
        """End the TCP connection without a word on the level above it."""
        raise NotImplementedError

    def fall_silent(self) -> None:
        """Keep the connection open and never answer again."""
        self.silent = True


class WebSocketClient(Client, WSListener):
    """Opens its session with a WebSocket."""

    transport: WSTransport

    async def connect(self) -> None:
        await self.open_websocket("")
        await self.joined

    async def open_websocket(self, query: str) -> None:
        url = f"ws://127.0.0.1:{self.port}{PATH}websocket{query}"
        await ws_connect(lambda: self, url)

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            guarded(self.receive, frame.get_payload_as_utf8_text())
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(WSCloseCode.OK)
            transport.disconnect()
        else:
            fail(ValueError(f"unexpected frame {frame.msg_type}"))

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.closed(transport.close_handshake)

    def receive(self, packet: str) -> None:
        if packet.startswith("0{"):
            self.send("40")
        else:
            super().receive(packet)

    def send(self, packet: str) -> None:
        self.transport.send(WSMsgType.TEXT, packet.encode())

    def close(self) -> None:
        self.transport.send_close(WSCloseCode.GOING_AWAY)
        self.transport.disconnect()

    def vanish(self) -> None:
        reset(self.transport.underlying_transport)

    def half_close(self) -> None:
        self.transport.disconnect()


class PollingClient(Client):
    """Stays with long polling: one TCP connection for the requests that wait, one for each message."""

    async def connect(self) -> None:
        self.polls = await Http.open(self.port)
        opening = await self.polls.request("GET", f"{PATH}polling")
        assert opening.startswith("0{"), opening
        self.sid = str(json.loads(opening[1:])["sid"])
        self.outbox: list[str] = []
        self.posting = False
        self.send("40")
        background(self.poll_on())
        await self.joined

    async def poll_on(self) -> None:
        try:
            while not self.silent:
                for packet in (await self.poll()).split(SEPARATOR):
                    self.receive(packet)
        except (OSError, EOFError, HttpError) as error:
            self.closed(error)

    async def poll(self) -> str:
        return await self.polls.request("GET", f"{PATH}polling&sid={self.sid}")

    def send(self, packet: str) -> None:
        self.outbox.append(packet)
        if not self.posting:
            self.posting = True
            background(self.post_all())

    async def post_all(self) -> None:
        try:
            while self.outbox:
                body, self.outbox = SEPARATOR.join(self.outbox), []
                await post(self.port, self.sid, body)
        except (OSError, EOFError, HttpError) as error:
            self.closed(error)
        self.posting = False

    def close(self) -> None:
        self.send("1")

    def vanish(self) -> None:
        reset(self.polls.writer.transport)

    def half_close(self) -> None:
        self.polls.writer.close()


class UpgradingClient(WebSocketClient):
    """Opens its session with polling and moves to a WebSocket, as browsers do."""

    probed: asyncio.Future[None]

    async def connect(self) -> None:
        self.probed = asyncio.get_running_loop().create_future()
        # Never closed from here: after the upgrade the server's keep-alive timeout ends it.
        self.http = await Http.open(self.port)
        opening = await self.http.request("GET", f"{PATH}polling")
        sid = json.loads(opening[1:])["sid"]
        await post(self.port, sid, "40")
        session = f"{PATH}polling&sid={sid}"
        greeting = await self.http.request("GET", session)
        assert greeting.startswith("40{"), greeting

        poll = asyncio.ensure_future(self.http.request("GET", session))
        await self.open_websocket(f"&sid={sid}")
        self.send("2probe")
        await self.probed
        waited = await poll  # the server ends the waiting request with a noop
        self.send("5")
        for packet in waited.split(SEPARATOR):
            Client.receive(self, packet)
        Client.receive(self, greeting)
        await self.joined

    def receive(self, packet: str) -> None:
        if packet == "3probe":
            self.probed.set_result(None)
        else:
            super().receive(packet)


class HttpError(Exception):
    """An answer other than 200."""


class Http:
    """One persistent HTTP/1.1 connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, port: int) -> "Http":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def request(self, method: str, target: str, body: str = "") -> str:
        head = f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain;charset=UTF-8\r\n"
        self.writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        status, *headers = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in headers if line)
        if "content-length" not in fields:
            raise HttpError(f"{status}, and no content-length")
        content = (await self.reader.readexactly(int(fields["content-length"]))).decode()
        if status.split()[1] != "200":
            raise HttpError(f"{status} {content}")
        return content


async def post(port: int, sid: str, body: str) -> None:
    """Send packets over a connection of their own, which an idle one could have ended by now."""
    http = await Http.open(port)
    try:
        answer = await http.request("POST", f"{PATH}polling&sid={sid}", body)
        assert answer == "ok", answer
    finally:
        http.writer.close()


def reset(transport: Any) -> None:
    """Close with RST instead of FIN."""
    handle = transport.get_extra_info("socket")
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


failure: asyncio.Future[None]
tasks: set[asyncio.Task[None]] = set()


def fail(error: BaseException) -> None:
    """End the process with this error; the first one counts."""
    if not failure.done():
        failure.set_exception(error)


def guarded(call: Callable[[str], None], packet: str) -> None:
    """picows logs what a listener raises; here it has to end the process."""
    try:
        call(packet)
    except Exception as error:
        fail(error)


def background(work: Coroutine[Any, Any, None]) -> None:
    def done(task: asyncio.Task[None]) -> None:
        tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            fail(error)

    task = asyncio.ensure_future(work)
    tasks.add(task)
    task.add_done_callback(done)


def report(**values: int) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


KINDS: tuple[type[Client], ...] = (
    *(WebSocketClient,) * 4,
    *(UpgradingClient,) * 5,
    PollingClient,
)
ENDS: tuple[Callable[[Any], None], ...] = (
    Client.leave,
    lambda client: client.close(),
    lambda client: client.vanish(),
    lambda client: client.half_close(),
    Client.fall_silent,
)


async def connect_all(clients: Iterable[Client]) -> None:
    limit = asyncio.Semaphore(CONNECTING_AT_ONCE)

    async def connect(client: Client) -> None:
        async with limit:
            await asyncio.wait_for(client.connect(), DUE_SECONDS)

    await asyncio.gather(*map(connect, clients))


async def chat(clients: list[Client], seconds: float) -> None:
    async def talk(client: Client) -> None:
        end = time.monotonic() + seconds
        await asyncio.sleep(random.uniform(0, PAUSE_SECONDS))
        while time.monotonic() < end:
            client.say()
            await asyncio.sleep(random.uniform(0, 2 * PAUSE_SECONDS))

    await asyncio.gather(*map(talk, clients))


def due(clients: list[Client]) -> int:
    """How many answers and deliveries are still to come; everyone in a room hears the others."""
    said: dict[str, int] = {}
    for client in clients:
        said[client.room] = said.get(client.room, 0) + client.said
    return sum(
        client.said - client.answered + said[client.room] - client.said - client.delivered
        for client in clients
    )


async def complete(clients: list[Client]) -> None:
    """Wait until all has come. Raises TimeoutError if something is missing, ValueError if too much came."""
    deadline = time.monotonic() + DUE_SECONDS
    while (missing := due(clients)) > 0:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{missing} answers or deliveries are missing after {DUE_SECONDS:.0f} s")
        await asyncio.sleep(0.05)
    if missing < 0:
        raise ValueError(f"{-missing} deliveries too many")


async def end_all(clients: list[Client]) -> None:
    for number, client in enumerate(clients):
        client.ending = True
        # Kinds repeat in tens and ends in fives: shifted by one each ten, every kind ends in every way.
        ENDS[(number + number // len(KINDS)) % len(ENDS)](client)


async def follow_commands(port: int, count: int, seconds: float, prefix: str) -> None:
    clients = [KINDS[i % len(KINDS)](port, f"{prefix}{i // ROOM_SIZE}") for i in range(count)]
    await connect_all(clients)
    report(ready=count)
    commands: dict[str, Callable[[], Awaitable[None]]] = {
        "chat": lambda: chat(clients, seconds),
        "end": lambda: end_all(clients),
    }
    while command := (await asyncio.to_thread(sys.stdin.readline)).strip():
        await commands[command]()
        if command == "chat":
            await complete(clients)
            report(said=sum(c.said for c in clients), delivered=sum(c.delivered for c in clients))
        else:
            report(ended=count)


async def main(port: int, count: int, seconds: float, prefix: str) -> None:
    global failure
    failure = asyncio.get_running_loop().create_future()
    work = asyncio.ensure_future(follow_commands(port, count, seconds, prefix))
    await asyncio.wait([work, failure], return_when=asyncio.FIRST_COMPLETED)
    if failure.done():
        work.cancel()
        failure.result()
    work.result()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]))
