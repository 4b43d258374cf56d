"""How long the way to a server is and back."""

import asyncio
import os
import time

from arcwire.engineio.batching import BatchingLink
from arcwire.engineio.link import WebSocketLink
from arcwire.hosts.picows import PicowsLink


async def measure_latency(link: WebSocketLink | None) -> float | None:
    """Seconds that a ping of the WebSocket takes (RFC 6455 section 5.5.2); None where there is none.

    The pings of Engine.IO are the server's, and tell nothing to this side. One at a time. Waits for ever
    where the connection is lost meanwhile.
    """
    if isinstance(link, BatchingLink):
        link = link.link
    if not isinstance(link, PicowsLink):
        return None
    payload = os.urandom(8)
    arrived: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def receive(pong: bytes) -> None:
        if pong == payload and not arrived.done():
            arrived.set_result(time.perf_counter())

    link.on_pong = receive
    sent = time.perf_counter()
    try:
        link.send_ping(payload)
        return await arrived - sent
    finally:
        if link.on_pong is receive:
            link.on_pong = None
