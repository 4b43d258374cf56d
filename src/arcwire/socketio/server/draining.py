"""Letting clients go before a server stops."""

import asyncio
import random
from collections.abc import Callable, Iterable

from arcwire.socketio.server.multiplexer import Multiplexer

PACE = 50.0
"""Clients a second that are let go at least. More, if the time is short for their number."""

_TICK = 0.05


class Farewell:
    """Lets the clients of a server go, one after the other and in no order.

    All of them reconnect at once when they are let go, to the servers that are left; spread over
    time, that is no flood. A client stays longer while something is under way for it.
    """

    def __init__(self, clients: Iterable[Multiplexer], *, seconds: float) -> None:
        """`seconds` is the longest time for those that wait for nothing."""
        self.waiting = list(clients)
        """Who is still there, once `run` was called."""
        random.shuffle(self.waiting)
        self._pace = max(PACE, len(self.waiting) / seconds)
        self._gone = 0

    async def run(self, busy: Callable[[], set[object]]) -> None:
        """Return when all are gone; `busy` gives the sockets whose handlers run.

        Cancelling it leaves the rest where they are.
        """
        loop = asyncio.get_running_loop()
        start = loop.time()
        while True:
            self._let_go(int((loop.time() - start) * self._pace) + 1, busy())
            if not self.waiting:
                return
            await asyncio.sleep(_TICK)

    def _let_go(self, due: int, busy: set[object]) -> None:
        """Let clients go until `due` of them all are gone."""
        staying: list[Multiplexer] = []
        for index, client in enumerate(self.waiting):
            if self._gone >= due:
                staying += self.waiting[index:]
                break
            if not client.connection.is_open:
                continue
            if client.is_waiting or not busy.isdisjoint(client.sockets):
                staying.append(client)
            else:
                client.connection.shutdown()
                self._gone += 1
        self.waiting = staying
