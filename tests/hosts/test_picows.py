"""Links on picows, frame by frame: RFC 6455, sizes, endings, and what receivers may rely on."""

import asyncio
import gc
import logging
import ssl
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import trustme

from arcwire.engineio.link import PreparedMessage
from arcwire.engineio.protocol.reasons import CloseReason
from arcwire.hosts import picows as host
from arcwire.hosts.picows import PicowsLink, open_link
from support.frames import (
    ACCEPT,
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Frame,
    FrameClient,
    close_payload,
    frame,
    turns,
    websocket,
)
from support.raw_http import PATIENCE, until

ON_BOTH_LOOPS = True

LIMIT = 100_000
SIZES = (0, 1, 124, 125, 126, 127, 65_535, 65_536, LIMIT)


class Recorder:
    """A receiver that remembers everything, and sends messages back if `echo`."""

    def __init__(self, link: PicowsLink, *, echo: bool) -> None:
        self.link = link
        self.echo = echo
        self.received: list[str | bytes] = []
        self.closed: list[tuple[CloseReason, str]] = []
        self.drained = 0
        self.lost = 0
        self.on_message: Callable[[], object] = lambda: None

    def receive_text(self, packet: str) -> None:
        self.received.append(packet)
        if self.echo:
            self.link.send_packet(packet.encode())
        self.on_message()

    def receive_binary(self, data: bytes) -> None:
        self.received.append(data)
        if self.echo:
            self.link.send_binary(data)
        self.on_message()

    def link_drained(self) -> None:
        self.drained += 1

    def link_closed(self, reason: CloseReason, description: str) -> None:
        self.closed.append((reason, description))

    async def end(self) -> tuple[CloseReason, str]:
        """How the link ended, once its connection is gone."""
        await until(lambda: self.lost)
        assert len(self.closed) == 1
        assert self.lost == 1
        return self.closed[0]


class Counting:
    """A transport that counts the writes to another one."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.writes = 0

    def write(self, data: bytes) -> None:
        self.writes += 1
        self._transport.write(data)

    def writelines(self, frames: list[bytes]) -> None:
        self.writes += 1
        self._transport.writelines(frames)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class Door(asyncio.Protocol):
    """Answers a handshake and opens a link."""

    def __init__(self, server: "LinkServer") -> None:
        self._server = server
        self._head = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._head += data
        _, end, early = self._head.partition(b"\r\n\r\n")
        if end:
            self._transport.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + ACCEPT.encode() + b"\r\n\r\n"
            )
            self._server.open(self._transport, early)


class LinkServer:
    """Opens a link with a `Recorder` for each connection."""

    def __init__(self, *, echo: bool) -> None:
        self.echo = echo
        self.url = ""
        self.tls: ssl.SSLContext | None = None
        self.receivers: list[Recorder] = []
        self.transports: list[Counting] = []
        self.make: Callable[[PicowsLink], Any] = lambda link: Recorder(link, echo=self.echo)
        self.errors: list[Exception] = []

    def open(self, transport: asyncio.Transport, early: bytes) -> None:
        counting = Counting(transport)
        self.transports.append(counting)
        try:
            open_link(
                cast("asyncio.Transport", counting), LIMIT, self._receiver, early=early, on_lost=self._lost
            )
        except ZeroDivisionError as error:
            self.errors.append(error)

    def _receiver(self, link: PicowsLink) -> Recorder:
        receiver = self.make(link)
        self.receivers.append(receiver)
        return receiver

    def _lost(self, link: PicowsLink) -> None:
        for receiver in self.receivers:
            if receiver.link is link:
                receiver.lost += 1

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[tuple[FrameClient, Recorder]]:
        """A new client and the receiver on the other side."""
        async with websocket(self.url, tls=self.tls) as client:
            await until(lambda: self.receivers)
            yield client, self.receivers[-1]


@asynccontextmanager
async def serving(
    carrier: str = "tcp", *, echo: bool = True, directory: Path | None = None
) -> AsyncIterator[LinkServer]:
    served = LinkServer(echo=echo)
    loop = asyncio.get_running_loop()
    if carrier == "unix":
        assert directory is not None
        path = str(directory / "link.sock")
        server = await loop.create_unix_server(lambda: Door(served), path)
        served.url = f"unix:{path}"
    else:
        context = None
        if carrier == "tls":
            authority = trustme.CA()
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
            served.tls = ssl.create_default_context()
            authority.configure_trust(served.tls)
        server = await loop.create_server(lambda: Door(served), "127.0.0.1", 0, ssl=context)
        served.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield served
    finally:
        server.close()
        for receiver in served.receivers:
            receiver.link.abort()
        await until(lambda: all(receiver.lost for receiver in served.receivers))


async def clog(link: PicowsLink, size: int = 1_000_000) -> None:
    """Send more than the system takes for a peer that does not read.

    In two writes: a TLS transport does not count what it has encrypted.
    """
    link.send_binary(bytes(19_000_000))
    await turns()
    link.send_binary(bytes(size))
    await turns()
    assert link.buffered_bytes() >= size


async def unclog(client: FrameClient, size: int = 1_000_000) -> None:
    """Read what `clog` sent."""
    client.raw.writer.transport.resume_reading()
    assert len((await client.receive()).payload) == 19_000_000
    assert len((await client.receive()).payload) == size


# Messages


@pytest.mark.parametrize("carrier", ["tcp", "unix", "tls"])
async def test_messages_of_all_sizes_come_and_go(carrier: str, tmp_path: Path) -> None:
    async with serving(carrier, directory=tmp_path) as server, server.connect() as (client, receiver):
        for size in SIZES:
            client.send(TEXT, b"t" * size)
            assert await client.receive() == Frame(TEXT, b"t" * size)
            client.send(BINARY, b"\xff" * size)
            assert await client.receive() == Frame(BINARY, b"\xff" * size)
        assert [type(message) for message in receiver.received] == [str, bytes] * len(SIZES)
        client.send(CLOSE, close_payload(1000, b"bye"))
        assert await client.receive_close() == (1000, b"bye")
        assert await client.ended()
        assert await receiver.end() == (CloseReason.TRANSPORT_CLOSE, "close code 1000")
        assert (receiver.link.close_code, receiver.link.close_text) == (1000, "bye")


async def test_many_messages_in_one_read() -> None:
    async with serving() as server, server.connect() as (client, receiver):
        client.raw.send(b"".join(frame(TEXT, b"%d" % number) for number in range(2000)))
        for number in range(2000):
            assert await client.receive() == Frame(TEXT, b"%d" % number)
        assert len(receiver.received) == 2000


FRAGMENTED = (
    frame(TEXT, "Käse ".encode(), fin=False)
    + frame(CONTINUATION, "€".encode()[:1], fin=False)
    + frame(PING, b"?")
    + frame(CONTINUATION, b"", fin=False)
    + frame(CONTINUATION, "€".encode()[1:] + "😀".encode()[:3], fin=False)
    + frame(CONTINUATION, "😀".encode()[3:])
    + frame(BINARY, b"\x00\x01", fin=False)
    + frame(CONTINUATION, b"\x02")
    + frame(TEXT, b"x" * 130)
)


async def test_frames_split_at_every_byte() -> None:
    answers = [
        Frame(PONG, b"?"),
        Frame(TEXT, "Käse €😀".encode()),
        Frame(BINARY, b"\0\1\2"),
        Frame(TEXT, b"x" * 130),
    ]
    async with serving() as server, server.connect() as (client, _):
        for cut in range(1, len(FRAGMENTED)):
            client.raw.send(FRAGMENTED[:cut])
            await turns()
            client.raw.send(FRAGMENTED[cut:])
            assert [await client.receive() for _ in answers] == answers
        for byte in FRAGMENTED:
            client.raw.send(bytes([byte]))
            await turns()
        assert [await client.receive() for _ in answers] == answers


async def test_bytes_that_came_with_the_handshake_are_read_first() -> None:
    async with serving() as server, websocket(server.url) as _, websocket(server.url) as _:
        pass
    async with serving() as server:
        early = frame(TEXT, b"a" * 5000) + frame(BINARY, b"b")
        reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
        writer.write(b"GET / HTTP/1.1\r\n\r\n" + early)
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(4 + 5000) == frame(TEXT, b"a" * 5000, masked=False)
        assert await reader.readexactly(3) == frame(BINARY, b"b", masked=False)
        writer.close()
        await writer.wait_closed()


async def test_pings_are_answered_and_pongs_are_not() -> None:
    async with serving() as server, server.connect() as (client, receiver):
        pongs: list[bytes] = []
        receiver.link.on_pong = pongs.append
        client.send(PONG, b"unasked")
        client.send(PING)
        client.send(PING, b"p" * 125)
        assert await client.receive() == Frame(PONG, b"")
        assert await client.receive() == Frame(PONG, b"p" * 125)
        receiver.link.send_ping(b"1234")
        assert await client.receive() == Frame(PING, b"1234")
        client.send(PONG, b"1234")
        await until(lambda: len(pongs) == 2)
        assert pongs == [b"unasked", b"1234"]
        assert receiver.received == []


# What RFC 6455 forbids


def violations() -> dict[str, tuple[bytes, int]]:
    """Frames that must end a WebSocket, and the close code they must get."""
    long_16 = bytes((0x81, 0x80 | 126)) + (125).to_bytes(2, "big") + bytes(4 + 125)
    long_64 = bytes((0x81, 0x80 | 127)) + (65_535).to_bytes(8, "big") + bytes(4)
    huge_64 = bytes((0x81, 0x80 | 127)) + (1 << 63).to_bytes(8, "big") + bytes(4)
    cases = {
        "unmasked": (frame(TEXT, b"x", masked=False), 1002),
        "fragmented ping": (frame(PING, b"x", fin=False), 1002),
        "fragmented close": (frame(CLOSE, b"", fin=False), 1002),
        "ping of 126 bytes": (frame(PING, b"x" * 126), 1002),
        "close of 126 bytes": (frame(CLOSE, close_payload(1000, b"x" * 124)), 1002),
        "length 125 in 16 bits": (long_16, 1002),
        "length 65535 in 64 bits": (long_64, 1002),
        "length with the highest bit": (huge_64, 1002),
        "continuation of nothing": (frame(CONTINUATION, b"x"), 1002),
        "unfinished continuation of nothing": (frame(CONTINUATION, b"x", fin=False), 1002),
        "text inside text": (frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"), 1002),
        "binary inside text": (frame(TEXT, b"a", fin=False) + frame(BINARY, b"b"), 1002),
        "fragment inside text": (frame(TEXT, b"a", fin=False) + frame(TEXT, b"b", fin=False), 1002),
        "too large": (frame(TEXT, b"x" * (LIMIT + 1)), 1009),
        "announced far too large": (bytes((0x82, 0xFF)) + (1 << 40).to_bytes(8, "big") + bytes(4), 1009),
        "too large in two": (
            frame(BINARY, b"x" * LIMIT, fin=False) + frame(CONTINUATION, b"x"),
            1009,
        ),
        "too large, unfinished": (
            frame(TEXT, b"x" * (LIMIT - 1), fin=False) + frame(CONTINUATION, b"xx", fin=False),
            1009,
        ),
        "close with one byte": (frame(CLOSE, b"\x03"), 1002),
        "close reason not UTF-8": (frame(CLOSE, close_payload(1000, b"\xff")), 1007),
        "close reason cut": (frame(CLOSE, close_payload(1000, "€".encode()[:2])), 1007),
    }
    for bit in (1, 2, 4, 7):
        cases[f"reserved bits {bit} on text"] = (frame(TEXT, b"x", rsv=bit), 1002)
        cases[f"reserved bits {bit} on ping"] = (frame(PING, b"x", rsv=bit), 1002)
        cases[f"reserved bits {bit} on close"] = (frame(CLOSE, b"", rsv=bit), 1002)
        cases[f"reserved bits {bit} on continuation"] = (
            frame(TEXT, b"a", fin=False) + frame(CONTINUATION, b"x", rsv=bit),
            1002,
        )
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        cases[f"opcode {opcode}"] = (frame(opcode, b"x"), 1002)
    for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 9999, 65_535):
        cases[f"close code {code}"] = (frame(CLOSE, close_payload(code)), 1002)
    for name, text in {
        "lone byte": b"\x80",
        "cut": "a€".encode()[:3],
        "surrogate": b"\xed\xa0\x80",
        "overlong": b"\xc0\xaf",
        "beyond Unicode": b"\xf4\x90\x80\x80",
        "byte that never occurs": b"ok\xff",
    }.items():
        cases[f"text: {name}"] = (frame(TEXT, text), 1007)
        cases[f"fragmented text: {name}"] = (
            frame(TEXT, text[:1], fin=False) + frame(CONTINUATION, text[1:]),
            1007,
        )
    return cases


def reason_of(code: int) -> CloseReason:
    return CloseReason.PAYLOAD_TOO_LARGE if code == 1009 else CloseReason.TRANSPORT_ERROR


@pytest.mark.parametrize("name", violations())
async def test_violations_close_with_the_right_code(name: str, caplog: pytest.LogCaptureFixture) -> None:
    data, code = violations()[name]
    async with serving() as server, server.connect() as (client, receiver):
        # What came before counts, even when it arrives together with the violation.
        client.raw.send(frame(TEXT, b"before") + data + frame(TEXT, b"after"))
        assert await client.receive() == Frame(TEXT, b"before")
        assert (await client.receive_close())[0] == code
        assert await client.ended()
        assert receiver.received == ["before"]
        # The link is over before its connection is, and stays over.
        assert [reason for reason, _ in receiver.closed] == [reason_of(code)]
        receiver.link.send_text(b"too late")
        receiver.link.close(1000, "")
        client.raw.writer.close()
        assert (await receiver.end())[0] is reason_of(code)
        assert receiver.link.close_code == code
    assert caplog.records == []


@pytest.mark.parametrize("carrier", ["unix", "tls"])
@pytest.mark.parametrize("name", ["opcode 3", "too large", "text inside text", "text: cut"])
async def test_violations_on_other_carriers(carrier: str, name: str, tmp_path: Path) -> None:
    data, code = violations()[name]
    async with serving(carrier, directory=tmp_path) as server, server.connect() as (client, receiver):
        client.raw.send(data)
        assert (await client.receive_close())[0] == code
        assert await client.ended()
        client.raw.writer.close()
        assert (await receiver.end())[0] is reason_of(code)


@pytest.mark.parametrize("name", ["text: cut", "too large in two", "close code 5000", "opcode 3"])
async def test_violations_split_at_every_byte(name: str) -> None:
    data, code = violations()[name]
    for cut in range(1, min(len(data), 20)):
        async with serving() as server, server.connect() as (client, receiver):
            client.raw.send(data[:cut])
            await turns()
            client.raw.send(data[cut:])
            assert (await client.receive_close())[0] == code
            client.raw.writer.close()
            assert (await receiver.end())[0] is reason_of(code)


async def test_continuation_of_a_finished_message() -> None:
    async with serving() as server, server.connect() as (client, receiver):
        client.send(TEXT, b"a", fin=False)
        client.send(CONTINUATION, b"b")
        client.send(CONTINUATION, b"c")
        assert await client.receive() == Frame(TEXT, b"ab")
        assert (await client.receive_close())[0] == 1002
        assert receiver.received == ["ab"]


async def test_a_message_of_the_largest_size_may_be_fragmented() -> None:
    async with serving() as server, server.connect() as (client, receiver):
        client.send(BINARY, b"x" * (LIMIT - 1), fin=False)
        client.send(CONTINUATION, b"", fin=False)
        client.send(CONTINUATION, b"y")
        assert await client.receive() == Frame(BINARY, b"x" * (LIMIT - 1) + b"y")
        assert receiver.closed == []


async def test_the_peer_sees_the_code_although_it_is_still_sending() -> None:
    async with serving() as server, server.connect() as (client, receiver):
        client.raw.send(bytes((0x82, 0xFF)) + (50_000_000).to_bytes(8, "big") + bytes(4))
        for _ in range(100):
            client.raw.send(bytes(100_000))
            await turns(1)
        assert (await client.receive_close())[0] == 1009
        client.raw.writer.close()
        assert (await receiver.end())[0] is CloseReason.PAYLOAD_TOO_LARGE


# The close handshake


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1011, 1013, 1014, 3000, 4999])
async def test_close_codes_come_back(code: int) -> None:
    async with serving() as server, server.connect() as (client, receiver):
        # Nothing that follows a close frame counts, not even rubbish.
        client.raw.send(frame(CLOSE, close_payload(code, "€".encode())) + frame(TEXT, b"no") + b"\xff" * 9)
        assert await client.receive_close() == (code, "€".encode())
        assert await client.ended()
        assert receiver.received == []
        assert await receiver.end() == (CloseReason.TRANSPORT_CLOSE, f"close code {code}")
        assert receiver.link.close_text == "€"


async def test_close_without_a_code_comes_back_without_one() -> None:
    async with serving() as server, server.connect() as (client, receiver):
        client.send(CLOSE)
        assert await client.receive_close() == (1005, b"")
        assert await client.ended()
        assert await receiver.end() == (CloseReason.TRANSPORT_CLOSE, "close code 1005")


@pytest.mark.parametrize(
    "code,reason,seen",
    [
        (1000, "", (1000, b"")),
        (1005, "", (1005, b"")),
        (1008, "go away", (1008, b"go away")),
        (4000, "€" * 50, (4000, "€".encode() * 41)),
    ],
)
async def test_our_close(code: int, reason: str, seen: tuple[int, bytes]) -> None:
    async with serving() as server, server.connect() as (client, receiver):
        link = receiver.link
        link.send_text(b"last")
        link.close(code, reason)
        link.send_text(b"too late")
        link.close(1001, "twice")
        assert receiver.closed == []
        client.raw.send(
            frame(TEXT, b"on its way")
            + frame(BINARY, b"a", fin=False)
            + frame(PING)
            + frame(CONTINUATION, b"b")
        )
        assert await client.receive() == Frame(TEXT, b"4last")
        assert await client.receive_close() == seen
        client.send(CLOSE, close_payload(code) if code != 1005 else b"")
        assert await client.ended()
        assert await receiver.end() == (CloseReason.TRANSPORT_CLOSE, f"close code {code}")
        assert receiver.received == []


async def test_a_peer_that_does_not_answer_our_close_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "CLOSE_GRACE", 0.05)
    async with serving() as server, server.connect() as (client, receiver):
        receiver.link.close(1000, "")
        assert await client.receive_close() == (1000, b"")
        assert (await receiver.end())[0] is CloseReason.TRANSPORT_ERROR
        assert await client.ended()


@pytest.mark.parametrize("carrier", ["tcp", "unix", "tls"])
@pytest.mark.parametrize("how", ["close", "violation", "peer's close", "end of its stream", "shutdown"])
async def test_a_peer_that_does_not_read_is_dropped(
    carrier: str, how: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(host, "CLOSE_GRACE", 0.05)
    monkeypatch.setattr(host, "SHUTDOWN_GRACE", 0.05)
    async with serving(carrier, directory=tmp_path) as server, server.connect() as (client, receiver):
        client.raw.writer.transport.pause_reading()
        link = receiver.link
        await clog(link)
        if how == "close":
            link.close(1000, "")
        elif how == "violation":
            client.send(3)
        elif how == "peer's close":
            client.send(CLOSE, close_payload(1000))
        elif how == "shutdown":
            link.shutdown()
        elif carrier == "tls":
            client.raw.writer.close()
        else:
            client.raw.writer.write_eof()
        reasons = {
            "close": CloseReason.TRANSPORT_ERROR,
            "violation": CloseReason.TRANSPORT_ERROR,
            "peer's close": CloseReason.TRANSPORT_CLOSE,
            "end of its stream": CloseReason.TRANSPORT_CLOSE,
            "shutdown": CloseReason.SERVER_SHUTTING_DOWN,
        }
        reason, _ = await receiver.end()
        # A TLS client that closes resets a connection that it has not read to its end.
        reset = carrier == "tls" and how == "end of its stream" and reason is CloseReason.TRANSPORT_ERROR
        assert reset or reason is reasons[how]


@pytest.mark.parametrize("data", [frame(3), frame(TEXT, b"\xff")])
async def test_a_peer_that_stays_after_a_violation_is_dropped(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "CLOSE_GRACE", 0.05)
    async with serving() as server, server.connect() as (client, receiver):
        client.raw.send(data)
        await client.receive_close()
        await receiver.end()


async def test_shutdown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "SHUTDOWN_GRACE", 60)
    async with serving() as server, server.connect() as (client, receiver):
        receiver.link.send_text(b"last")
        receiver.link.shutdown()
        assert [reason for reason, _ in receiver.closed] == [CloseReason.SERVER_SHUTTING_DOWN]
        assert await client.receive() == Frame(TEXT, b"4last")
        assert await client.receive_close() == (1012, b"")
        client.send(TEXT, b"no")
        client.send(CLOSE, close_payload(1012))
        assert await client.ended()
        await receiver.end()
        assert receiver.received == []


# The connection


async def test_abort_loses_what_is_queued() -> None:
    async with serving() as server, server.connect() as (client, receiver):
        receiver.on_message = receiver.link.abort
        receiver.link.send_text(b"never")
        client.raw.send(frame(TEXT, b"1") + frame(TEXT, b"2"))
        assert (await receiver.end())[0] is CloseReason.TRANSPORT_ERROR
        assert receiver.received == ["1"]
        receiver.link.send_text(b"never")
        receiver.link.close(1000, "")
        receiver.link.abort()
        receiver.link.shutdown()
        assert receiver.link.buffered_bytes() == 0


async def test_nothing_happens_after_a_link_has_closed_with_a_full_buffer() -> None:
    async with serving(echo=False) as server, server.connect() as (client, receiver):
        client.raw.writer.transport.pause_reading()
        await clog(receiver.link)
        client.send(CLOSE, close_payload(1000))
        await until(lambda: receiver.closed)
        await unclog(client)
        assert await client.receive_close() == (1000, b"")
        await receiver.end()
        receiver.link.abort()
        receiver.link.shutdown()
        assert receiver.lost == 1


async def test_close_in_a_receiver_discards_the_rest() -> None:
    async with serving() as server, server.connect() as (client, receiver):
        receiver.on_message = lambda: receiver.link.close(1000, "")
        client.raw.send(frame(TEXT, b"1") + frame(TEXT, b"2"))
        assert await client.receive() == Frame(TEXT, b"1")
        assert await client.receive_close() == (1000, b"")
        client.send(CLOSE, close_payload(1000))
        await receiver.end()
        assert receiver.received == ["1"]


async def test_the_end_of_the_stream_is_a_close_by_the_peer() -> None:
    async with serving() as server, server.connect() as (client, receiver):
        client.raw.send(frame(TEXT, b"half")[:-2])
        client.raw.writer.write_eof()
        assert (await receiver.end())[0] is CloseReason.TRANSPORT_CLOSE
        assert receiver.link.close_code == 1006
        assert await client.ended()


async def test_a_reset_connection() -> None:
    async with serving() as server, server.connect() as (client, receiver):
        sock = client.raw.writer.get_extra_info("socket")
        sock.setsockopt(1, 13, b"\x01\x00\x00\x00\x00\x00\x00\x00")  # SO_LINGER 0: RST instead of FIN
        client.raw.vanish()
        reason, _ = await receiver.end()
        assert reason in (CloseReason.TRANSPORT_ERROR, CloseReason.TRANSPORT_CLOSE)


# Receivers that fail


async def test_a_failing_receiver_ends_its_own_link_only(caplog: pytest.LogCaptureFixture) -> None:
    async with (
        serving() as server,
        server.connect() as (other, _),
        server.connect() as (client, receiver),
    ):
        receiver.on_message = lambda: 1 // 0
        client.raw.send(frame(TEXT, b"1") + frame(TEXT, b"2"))
        assert await client.receive() == Frame(TEXT, b"1")
        assert await client.receive_close() == (1011, b"internal error")
        client.raw.writer.close()
        assert await receiver.end() == (CloseReason.TRANSPORT_ERROR, "internal error")
        other.send(TEXT, b"alive")
        assert await other.receive() == Frame(TEXT, b"alive")
    assert [(record.levelno, record.name) for record in caplog.records] == [
        (logging.ERROR, "arcwire.hosts.picows")
    ]
    assert caplog.records[0].exc_info is not None


async def test_a_receiver_that_fails_with_a_decoding_error_is_not_the_peers_fault() -> None:
    async with serving() as server, server.connect() as (client, receiver):
        receiver.on_message = lambda: b"\xff".decode()
        client.send(TEXT, b"fine")
        assert await client.receive() == Frame(TEXT, b"fine")
        assert (await client.receive_close())[0] == 1011


async def test_a_receiver_that_fails_at_its_end(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving() as server, server.connect() as (client, receiver):
        monkeypatch.setattr(receiver, "link_closed", lambda reason, description: 1 // 0)
        client.send(CLOSE, close_payload(1000))
        assert await client.receive_close() == (1000, b"")
        assert await client.ended()
        await until(lambda: receiver.lost)
    assert len(caplog.records) == 1


async def test_a_receiver_that_cannot_be_opened() -> None:
    async with serving() as server:
        server.make = lambda link: 1 // 0
        async with websocket(server.url) as client:
            assert (await client.receive_close())[0] == 1011
            assert await client.ended()
        assert len(server.errors) == 1


# Writing


async def test_the_frames_of_one_tick_leave_in_one_write_and_in_order() -> None:
    async with serving(echo=False) as server, server.connect() as (client, receiver):
        link, transport = receiver.link, server.transports[-1]
        prepared = PreparedMessage(b"to all")
        picture = PreparedMessage(b"\x01\x02", binary=True)
        for _ in range(10):
            link.send_packet(b"2")
            link.send_text(b"x" * 200)
            link.send_binary(b"\x00")
            link.send_prepared(prepared)
            link.send_prepared(picture)
        assert link.buffered_bytes() == 10 * (3 + 205 + 3 + 9 + 4)
        for _ in range(10):
            assert await client.receive() == Frame(TEXT, b"2")
            assert await client.receive() == Frame(TEXT, b"4" + b"x" * 200)
            assert await client.receive() == Frame(BINARY, b"\x00")
            assert await client.receive() == Frame(TEXT, b"4to all")
            assert await client.receive() == Frame(BINARY, b"\x01\x02")
        assert transport.writes == 1
        assert link.buffered_bytes() == 0
        client.raw.send(frame(TEXT, b"a") + frame(TEXT, b"b"))
        receiver.echo = True
        assert [(await client.receive()).payload for _ in range(2)] == [b"a", b"b"]
        assert transport.writes == 2


async def test_large_frames_in_one_tick() -> None:
    async with serving(echo=False) as server, server.connect() as (client, receiver):
        message = PreparedMessage(b"x" * 300_000)
        for _ in range(5):
            receiver.link.send_prepared(message)
        for _ in range(5):
            assert await client.receive() == Frame(TEXT, b"4" + b"x" * 300_000)


@pytest.mark.parametrize("carrier", ["tcp", "tls"])
@pytest.mark.parametrize("size", [200_000, 1_000_000])
async def test_a_link_is_drained_when_the_peer_reads_again(carrier: str, size: int) -> None:
    async with serving(carrier, echo=False) as server, server.connect() as (client, receiver):
        client.raw.writer.transport.pause_reading()
        link = receiver.link
        await clog(link, size)
        assert receiver.drained == 0
        await unclog(client, size)
        await until(lambda: receiver.drained)
        assert link.buffered_bytes() <= host.HIGH_WATER


async def test_a_link_is_drained_when_the_system_takes_everything_at_once() -> None:
    async with serving(echo=False) as server, server.connect() as (client, receiver):
        link = receiver.link
        for _ in range(100):
            link.send_binary(bytes(700))
        assert link.buffered_bytes() > host.HIGH_WATER
        await until(lambda: receiver.drained)
        assert link.buffered_bytes() <= host.HIGH_WATER
        for _ in range(100):
            await client.receive()


async def test_a_peer_that_pings_and_does_not_read_gets_one_pong_later() -> None:
    async with serving(echo=False) as server, server.connect() as (client, receiver):
        client.raw.writer.transport.pause_reading()
        link = receiver.link
        await clog(link)
        client.raw.send(b"".join(frame(PING, b"%d" % number) for number in range(1000)))
        client.send(TEXT, b"all read")
        await until(lambda: receiver.received)
        await unclog(client)
        assert await client.receive() == Frame(PONG, b"999")
        client.send(PING, b"again")
        assert await client.receive() == Frame(PONG, b"again")


@pytest.mark.parametrize("opcode", [TEXT, PONG], ids=["packet", "frame"])
async def test_the_memory_of_large_messages_is_given_back_with_the_heartbeat(opcode: int) -> None:
    def large() -> int:
        gc.collect()
        return tracemalloc.get_traced_memory()[0] // LIMIT

    async with serving(echo=False) as server, server.connect() as (client, receiver):
        gc.freeze()  # the whole of pytest need not be looked through each time
        tracemalloc.start()
        try:
            for kind, fragmented in ((TEXT, False), (BINARY, False), (TEXT, True), (BINARY, True)):
                if fragmented:
                    client.send(kind, b"", fin=False)
                client.send(CONTINUATION if fragmented else kind, b"x" * LIMIT)
                await until(lambda: receiver.received)
                client.send(kind, b"small")
                await until(lambda: len(receiver.received) == 2)
                receiver.received.clear()
                assert large() == 1, "the buffer stays for the next large message"
                client.send(opcode, b"3")
                await until(lambda: large() == 0)
                receiver.received.clear()
        finally:
            tracemalloc.stop()
            gc.unfreeze()


async def test_many_links_and_one_tick() -> None:
    async with serving(echo=False) as server:
        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
            done = asyncio.Event()

            async def client() -> bytes:
                async with websocket(server.url) as peer:
                    frames = [await peer.receive() for _ in range(3)]
                    await done.wait()
                    return b"".join(frame.payload for frame in frames)

            clients = [group.create_task(client()) for _ in range(50)]
            await until(lambda: len(server.receivers) == 50)
            for number in range(3):
                message = PreparedMessage(b"%d" % number)
                for receiver in server.receivers:
                    receiver.link.send_prepared(message)
            await until(lambda: all(transport.writes for transport in server.transports))
            assert [transport.writes for transport in server.transports] == [1] * 50
            done.set()
        assert {task.result() for task in clients} == {b"404142"}
