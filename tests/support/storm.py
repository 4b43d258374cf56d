"""Bad weather for connections: a proxy that does everything that networks do, at random by a seed."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from support.proxy import Proxy

CALM = 0.25
"""Mean seconds between two troubles."""


class Storm:
    """Troubles the connections of a proxy until it is told to stop; `troubles` counts what happened."""

    def __init__(self, proxy: Proxy, dice: random.Random) -> None:
        self.troubles: Counter[str] = Counter()
        self._proxy = proxy
        self._dice = dice
        self._raging: asyncio.Task[None]

    def begin(self) -> None:
        """One trouble after the other from now on, with some calm in between."""
        self._raging = asyncio.create_task(self._rage())

    async def end(self) -> None:
        """The weather is good again; what was lost stays lost."""
        self._raging.cancel()
        await asyncio.gather(self._raging, return_exceptions=True)
        self._proxy.resume()
        self._proxy.refusing = False
        self._proxy.latency = 0.003

    async def _rage(self) -> None:
        kinds = [self._cut, self._cut, self._swallow, self._stall, self._slow, self._refuse]
        while True:
            await asyncio.sleep(self._dice.expovariate(1 / CALM))
            await self._dice.choice(kinds)()

    async def _cut(self) -> None:
        unnoticed, reset = self._dice.random() < 0.3, self._dice.random() < 0.5
        if self._proxy.cut(unnoticed=unnoticed, reset=reset):
            self.troubles["unnoticed cut" if unnoticed else "reset" if reset else "cut"] += 1

    async def _swallow(self) -> None:
        self.troubles["swallow"] += self._proxy.swallow() > 0

    async def _stall(self) -> None:
        self._proxy.stall()
        await asyncio.sleep(self._dice.uniform(0, 0.5))
        self._proxy.resume()
        self.troubles["stall"] += 1

    async def _slow(self) -> None:
        self._proxy.latency = 0.15
        await asyncio.sleep(self._dice.uniform(0, 0.5))
        self._proxy.latency = 0.003
        self.troubles["slow"] += 1

    async def _refuse(self) -> None:
        self._proxy.refusing = True
        self._proxy.cut(reset=True)
        await asyncio.sleep(self._dice.uniform(0, 0.3))
        self._proxy.refusing = False
        self.troubles["refuse"] += 1


@asynccontextmanager
async def storming(target: str, dice: random.Random) -> AsyncIterator[tuple[Proxy, Storm]]:
    """A proxy in front of `target` in bad weather, until the block ends."""
    proxy = Proxy(target, seed=dice.randrange(2**32), tearing=0.2)
    storm = Storm(proxy, dice)
    await proxy.start()
    storm.begin()
    try:
        yield proxy, storm
    finally:
        await storm.end()
        await proxy.stop()
