"""Requests that can be read at a glance: those of Engine.IO's clients, nearly always.

One expression checks the whole head, and what it does not know for sure is not read here but by
uvicorn's parser: other methods and versions, bodies in chunks, fields that are folded or malformed.
"""

import re
from typing import Final

from arcwire.engineio.link import Headers

MAX_WAIT: Final = 65536
"""Bytes of a body that may be waited for; longer ones are read as they come, by others."""

# RFC 9112 sections 3 and 5: a target in origin form with a query, then fields with names of token
# characters and values without control characters, nothing optional, nothing obsolete.
_HEAD: Final = re.compile(
    rb"""(GET|POST)[ ](/[!-"$->@-~]*+)\?([!-"$-~]*+)[ ]HTTP/1\.1"""
    rb"""((?:\r\n[!#$%&'*+\-.^_`|~0-9A-Za-z]++:[\t\x20-\x7e\x80-\xff]*+)*+)\r\n\r\n""",
    re.VERBOSE,
)


_NOTHING_SPECIAL: Final = (b"", b"keep-alive", b"close")
_UPGRADE: Final = (b"upgrade", b"keep-alive, upgrade")


class Unreadable(Exception):
    """Not to be read at a glance."""


class GlancedRequest:
    """One request. `head` are its fields as they came, each after CR and LF; `body` is what follows,
    and `missing` how many bytes of it did not come yet. Raises Unreadable."""

    __slots__ = ("_lower", "body", "head", "keep_alive", "method", "missing", "path", "query", "upgrades")

    def __init__(self, data: bytes) -> None:
        match = _HEAD.match(data)
        if match is None:
            raise Unreadable
        self.method, self.path, self.query, self.head = match.groups()
        self._lower = self.head.lower()
        self.body = data[match.end() :]
        self.missing = 0
        if b"\r\ntransfer-encoding:" in self._lower or b"\r\nexpect:" in self._lower:
            raise Unreadable
        connection = self.value(b"\r\nconnection:").lower()
        self.keep_alive = connection != b"close"
        self.upgrades = False
        """Whether it asks for a WebSocket. `body` are then frames that came early."""
        if b"\r\nupgrade:" in self._lower:
            self._check_upgrade(connection)
        elif connection not in _NOTHING_SPECIAL:
            raise Unreadable
        elif b"\r\ncontent-length:" in self._lower:
            self._check_length()
        elif self.body:
            raise Unreadable

    def _check_upgrade(self, connection: bytes) -> None:
        self.upgrades = True
        if (
            self.method != b"GET"
            or connection not in _UPGRADE
            or self.value(b"\r\nupgrade:").lower() != b"websocket"
            or b"\r\ncontent-length:" in self._lower
        ):
            raise Unreadable

    def _check_length(self) -> None:
        length = self.value(b"\r\ncontent-length:")
        if self.method != b"POST" or not length.isdigit():
            raise Unreadable
        self.missing = int(length) - len(self.body)
        if not 0 <= self.missing <= MAX_WAIT:
            raise Unreadable

    def value(self, start: bytes) -> bytes:
        """The value of the field that starts so (CR, LF, name in lower case, colon), or nothing.
        Raises Unreadable if there are several."""
        lower = self._lower
        found = lower.find(start)
        if found < 0:
            return b""
        begin = found + len(start)
        if lower.find(start, begin) >= 0:
            raise Unreadable
        end = lower.find(b"\r\n", begin)
        return self.head[begin : end if end >= 0 else None].strip(b" \t")

    def has(self, start: bytes) -> bool:
        """Whether there is a field that starts so."""
        return start in self._lower

    def fields(self) -> Headers:
        """Pairs of lower-case name and value."""
        pairs = [line.partition(b":") for line in self.head.split(b"\r\n")[1:]]
        return [(name.lower(), value.strip(b" \t")) for name, _, value in pairs]
