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
_LINE: Final = re.compile(rb"""(GET|POST) (/[!-"$->@-~]*+)\?([!-"$-~]*+) HTTP/1\.1(?=\r\n)""")
_FIELDS: Final = re.compile(rb"""(?:\r\n[!#$%&'*+\-.^_`|~0-9A-Za-z]++:[\t\x20-\x7e\x80-\xff]*+)*+""")

_MAX_DIGITS: Final = 18
_ALWAYS_ASKED: Final = (b"origin", b"host")
_NOTHING_SPECIAL: Final = (b"", b"keep-alive", b"close")
_UPGRADE: Final = (b"upgrade", b"keep-alive, upgrade")


class Unreadable(Exception):
    """Not to be read at a glance."""


class Fields:
    """The header fields of a request: `raw` as they came, each after CR and LF. Raises Unreadable, also
    where a name comes twice.

    `length` is that of the body, None where the request does not say. A request that `upgrades` asks for
    a WebSocket, with this `key` and `version`. `forwarded` tells of fields that proxies add. `found` is
    what is asked for in requests that have them.
    """

    __slots__ = ("forwarded", "found", "keep_alive", "key", "length", "raw", "upgrades", "version")

    def __init__(self, raw: bytes) -> None:
        if _FIELDS.fullmatch(raw) is None:
            raise Unreadable
        self.raw = raw
        lines = raw.split(b"\r\n")[1:]
        fields: dict[bytes, bytes] = {}
        for line in lines:
            name, _, value = line.partition(b":")
            fields[name.lower()] = value.strip()
        if len(fields) < len(lines) or b"transfer-encoding" in fields or b"expect" in fields:
            raise Unreadable
        # Not kept: it takes more memory than all else that a polling connection has.
        get = fields.get
        self.found = {name: _text(get(name)) for name in _ALWAYS_ASKED}
        connection = get(b"connection", b"").lower()
        self.keep_alive = connection != b"close"
        self.forwarded = b"x-forwarded-for" in fields or b"x-forwarded-proto" in fields
        self.key = self.version = b""
        self.upgrades = b"upgrade" in fields
        if connection not in (_UPGRADE if self.upgrades else _NOTHING_SPECIAL):
            raise Unreadable
        if self.upgrades:
            if fields[b"upgrade"].lower() != b"websocket":
                raise Unreadable
            self.key = get(b"sec-websocket-key", b"")
            self.version = get(b"sec-websocket-version", b"")
        self.length: int | None = None
        length = get(b"content-length")
        if length is not None:
            if not length.isdigit() or len(length) > _MAX_DIGITS:
                raise Unreadable
            self.length = int(length)

    def pairs(self) -> Headers:
        """Pairs of lower-case name and value."""
        pairs = [line.partition(b":") for line in self.raw.split(b"\r\n")[1:]]
        return [(name.lower(), value.strip()) for name, _, value in pairs]


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


class GlancedRequest:
    """One request. `body` is what follows the head, and `missing` how many bytes of it did not come yet;
    where the request asks for a WebSocket, they are frames that came early. Raises Unreadable.

    `known` are fields of an earlier request: those of one client differ in their first line only.
    """

    __slots__ = ("body", "fields", "method", "missing", "path", "query")

    def __init__(self, data: bytes, known: Fields | None = None) -> None:
        line = _LINE.match(data)
        if line is None:
            raise Unreadable
        self.method, self.path, self.query = line.groups()
        begin = line.end()
        end = data.find(b"\r\n\r\n", begin)
        if end < 0:
            raise Unreadable
        raw = data[begin:end]
        self.fields = fields = known if known is not None and known.raw == raw else Fields(raw)
        self.body = body = data[end + 4 :]
        self.missing = 0
        if fields.length is None:
            if body and not fields.upgrades:
                raise Unreadable
        elif self.method == b"POST":
            self.missing = fields.length - len(body)
        else:
            raise Unreadable
        if not 0 <= self.missing <= MAX_WAIT or (fields.upgrades and self.method == b"POST"):
            raise Unreadable
