"""Offsets of connection state recovery: what servers add to the arguments of events.

An event that may be sent again carries its position behind its last argument, as a string; the client
returns the last one when it comes back. Nothing marks it: a volatile event has none, and may end in a
string of its own. So only what looks like an offset of a known server is taken for one, and kept from
the application.
"""

import re
import time

_ARCWIRE = re.compile(r"[A-Za-z0-9_-]{4}-[0-9]{1,19}")
_REDIS_STREAMS = re.compile(r"[0-9]{13}-[0-9]{1,10}")
_MONGODB = re.compile(r"[0-9a-f]{24}")
_NODE_IN_MEMORY = re.compile(r"([0-9A-Za-z_-]{7})(?:\.[0-9A-Za-z_-]{1,6})?")
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"

_YEAR = 366 * 24 * 60 * 60 * 1000


class Offsets:
    """Reads the offsets of one session."""

    __slots__ = ("_known", "_prefix", "last")

    def __init__(self) -> None:
        # What offsets of an Arcwire server begin with, once one was seen: nothing else is one then.
        self._prefix: str | None = None
        self._known = False
        self.last: str | None = None
        """The last one that was seen."""

    def cut(self, json: str) -> str:
        """The content of an event, as JSON text, without the offset."""
        start = json.rfind(',"')
        if start < 0 or not json.endswith('"]') or not self._take(json[start + 2 : -2]):
            return json
        return json[:start] + "]"

    def cut_list(self, content: object) -> None:
        """The same of a list, which is changed."""
        if isinstance(content, list) and len(content) > 1:
            last = content[-1]
            if isinstance(last, str) and self._take(last):
                content.pop()

    def _take(self, text: str) -> bool:
        prefix = self._prefix
        if prefix is not None:
            if not text.startswith(prefix) or not text[5:].isdecimal():
                return False
        elif _ARCWIRE.fullmatch(text):
            # One of two digits that is a time, too, may be of Node's adapter in memory: it settles nothing.
            if not _is_recent(text):
                self._prefix = text[:5]
        elif not (_REDIS_STREAMS.fullmatch(text) or _MONGODB.fullmatch(text) or _is_recent(text)):
            if not self._known and '"' not in text:
                self.last = text  # of an adapter that is not known here: returned, and left in its place
            return False
        self._known = True
        self.last = text
        return True


def _is_recent(text: str) -> bool:
    """Whether it is a time of these months, in milliseconds, as Node's adapter in memory writes it."""
    match = _NODE_IN_MEMORY.fullmatch(text)
    if match is None:
        return False
    written = 0
    for digit in match[1]:
        written = written * 64 + _DIGITS.index(digit)
    return abs(written - time.time() * 1000) < _YEAR
