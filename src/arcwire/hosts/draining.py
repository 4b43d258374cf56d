"""What has clients to let go before this process stops.

A signal is for the whole process, and applications may be mounted deep inside of others, where the
server that gets the signal does not see them. So they are known here from when they are made.
"""

import asyncio
import logging
from typing import Protocol
from weakref import WeakSet

logger = logging.getLogger("arcwire.hosts")


class Drainable(Protocol):
    """Something with clients."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop in which it serves; None before its first client."""

    async def drain(self, timeout: float) -> None:  # noqa: ASYNC109 - it is what spreads the work
        """Let no new clients in and those who are here go, within about `timeout` seconds."""


_known: WeakSet[Drainable] = WeakSet()


def register(drainable: Drainable) -> None:
    """Drain it before the process stops, for as long as it exists."""
    _known.add(drainable)


async def drain_all(timeout: float) -> None:  # noqa: ASYNC109 - see above
    """Drain what serves in this event loop, all at the same time. Errors are logged."""
    loop = asyncio.get_running_loop()
    here = [drainable for drainable in _known if drainable.loop in (None, loop)]
    results = await asyncio.gather(*(each.drain(timeout) for each in here), return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            logger.error("draining failed", exc_info=result)
