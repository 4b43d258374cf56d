"""An event loop whose time is not that of the world: it jumps to the next timer when all is idle.

For tests without sockets: minutes pass at once, and always alike.
"""

import asyncio
import selectors


class JumpingLoop(asyncio.SelectorEventLoop):
    """asyncio's loop with a clock of its own, which begins at 1000."""

    def __init__(self) -> None:
        self._now = 1000.0
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        return self._now

    def jump(self, seconds: float) -> None:
        """Let time pass without running anything: what a handler does that blocks the loop."""
        self._now += seconds


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self, loop: JumpingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            return super().select()
        ready = super().select(0)
        if not ready:
            self._loop.jump(max(timeout, 0))
        return ready


def jump(seconds: float) -> None:
    """See `JumpingLoop.jump`."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, JumpingLoop)
    loop.jump(seconds)
