"""Waiting for the next attempt, unless somebody has no patience."""

import asyncio


class Pauses:
    """The pauses of one client, each with a time of its own."""

    __slots__ = ("_running",)

    def __init__(self) -> None:
        self._running: set[asyncio.Future[None]] = set()

    def begin(self, loop: asyncio.AbstractEventLoop, seconds: float) -> asyncio.Future[None]:
        """A pause, which begins now: await it. Cancelling that ends it."""
        pause: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(seconds, _end, pause)

        def ended(_: object) -> None:
            timer.cancel()
            self._running.discard(pause)

        self._running.add(pause)
        pause.add_done_callback(ended)
        return pause

    def end(self) -> None:
        """End all of them now."""
        for pause in tuple(self._running):
            _end(pause)


def _end(pause: "asyncio.Future[None]") -> None:
    if not pause.done():
        pause.set_result(None)
