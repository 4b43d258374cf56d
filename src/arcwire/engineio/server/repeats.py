"""Requests that browsers send twice.

When a connection that was used before breaks under a request, a browser sends the request again over another
one and tells the page nothing, also when it is a POST. If only the answer was lost, then a poll that comes
again would get what follows, and the packets of the lost answer never arrive; a POST that comes again would
deliver its packets again. Clients give every request a time stamp of its own (`t`): by that such a request is
known.
"""

from typing import NamedTuple


class PollAnswer(NamedTuple):
    """What a poll was answered with, before it is compressed."""

    body: bytes
    binary: bool
    compress: bool


class Repeats:
    """What has to be remembered of a polling session's requests, by their time stamps.

    `first` is that of the handshake: a client that uses it again does not mark its requests.
    """

    __slots__ = ("_answer", "_first", "_poll", "_post")

    def __init__(self, first: str | None) -> None:
        self._first = first
        self._poll: str | None = None
        self._answer: PollAnswer | None = None
        self._post: str | None = None

    def poll(self, stamp: str | None) -> PollAnswer | None:
        """A poll arrived: the answer that it had already, None when it is a new one."""
        if self._answer is not None and self._is_marked(stamp) and stamp == self._poll:
            return self._answer
        self._poll, self._answer = stamp, None
        return None

    def answered(self, answer: PollAnswer) -> None:
        """The last poll was answered. Remembered until the next one."""
        if self._is_marked(self._poll):
            self._answer = answer

    def is_posted(self, stamp: str | None) -> bool:
        """Whether the packets of this POST are known."""
        return self._is_marked(stamp) and stamp == self._post

    def posted(self, stamp: str | None) -> None:
        """The packets of a POST were taken."""
        self._post = stamp

    def _is_marked(self, stamp: str | None) -> bool:
        return bool(stamp) and stamp != self._first
