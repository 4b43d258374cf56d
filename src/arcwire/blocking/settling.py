"""Events that come with a connection, and the thread that made it."""

import asyncio
from time import monotonic

from arcwire.socketio.client import ClientSocket

_QUIET = 0.1
"""Seconds without a registration after which there will be no other."""

_PATIENCE = 5.0
"""Seconds for the first one."""


class Settling:
    """Keeps what comes with a socket's connection until the thread that connected has had its turn.

    That is when it waits for something, or has registered nothing for a moment; where nothing at all is
    registered, there is time for the first. `unsettled` are those of a client for which that is not over.
    """

    __slots__ = ("_listening", "_socket", "_thread", "_unsettled", "_until")

    def __init__(self, socket: ClientSocket, unsettled: "set[Settling]") -> None:
        self._socket = socket
        self._unsettled = unsettled
        self._listening = False
        self._until = 0.0
        self._thread = 0

    def begin(self, thread: int) -> None:
        """On the loop's thread: `thread` is about to learn that it is connected."""
        if self._socket.hold():
            self._thread = thread
            self._until = monotonic() + (_QUIET if self._listening else _PATIENCE)
            self._unsettled.add(self)
            self._look()

    def listens(self) -> None:
        """Something is being registered, by any thread."""
        self._listening = True
        self._until = monotonic() + _QUIET

    def had_turn(self, thread: int) -> None:
        """On the loop's thread: `thread` waits for something."""
        if thread == self._thread:
            self._end()

    def _look(self) -> None:
        left = self._until - monotonic()
        if self not in self._unsettled:
            return
        if left > 0:
            # Not later, because a registration may bring the end forward.
            asyncio.get_running_loop().call_later(min(left, _QUIET), self._look)
        else:
            self._end()

    def _end(self) -> None:
        self._unsettled.discard(self)
        self._socket.release()
