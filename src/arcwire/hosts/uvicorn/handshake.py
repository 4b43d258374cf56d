"""The HTTP of a WebSocket handshake (RFC 6455 section 4.2): reading the request, writing the answer."""

import base64
import binascii
import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final, TypeAlias

import httptools

Headers: TypeAlias = list[tuple[bytes, bytes]]

_BAD_NAME: Final = re.compile(rb"[^!#$%&'*+\-.^_`|~0-9A-Za-z]|\A\Z")
_BAD_VALUE: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class RequestParser:
    """The request of a handshake; header names in lower case."""

    def __init__(self) -> None:
        self.target = b""
        self.headers: Headers = []
        self.method = b""
        self.complete = False
        self._parser = httptools.HttpRequestParser(self)

    def feed(self, data: bytes) -> bytes | None:
        """Read on. Once the request is complete: what follows it in `data`.

        Raises httptools.HttpParserError for what is not HTTP.
        """
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
        else:
            if not self.complete:
                return None
            rest = b""
        del self._parser  # refers to self
        return rest

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        self.method = self._parser.get_method()

    def on_message_complete(self) -> None:
        self.complete = True

    def values(self, name: bytes) -> list[bytes]:
        """The values of the fields with this name."""
        return [value for key, value in self.headers if key == name]

    def tokens(self, name: bytes) -> list[bytes]:
        """The elements of a header field that is a list, in lower case."""
        return [token.strip().lower() for value in self.values(name) for token in value.split(b",")]

    @property
    def key(self) -> bytes:
        return b",".join(self.values(b"sec-websocket-key"))


def check_handshake(request: RequestParser) -> tuple[int, Headers, str] | None:
    """RFC 6455 section 4.2.1: None, or status, headers and text of the refusal."""
    if request.method != b"GET":
        return 405, [(b"allow", b"GET")], "A WebSocket is opened with GET.\n"
    if b"upgrade" not in request.tokens(b"connection") or request.tokens(b"upgrade") != [b"websocket"]:
        return 426, [(b"upgrade", b"websocket")], "This needs a WebSocket client.\n"
    if request.values(b"sec-websocket-version") != [b"13"]:
        return 426, [(b"sec-websocket-version", b"13")], "Only WebSocket version 13 is supported.\n"
    try:
        nonce = base64.b64decode(request.key, validate=True)
    except binascii.Error:
        nonce = b""
    if len(nonce) != 16:
        return 400, [], "The header Sec-WebSocket-Key is missing or malformed.\n"
    return None


def checked(headers: Iterable[Iterable[bytes]]) -> Headers:
    """Headers of the application in lower case. Raises RuntimeError for those that would break HTTP."""
    checked = []
    for name, value in headers:
        if _BAD_NAME.search(name):
            raise RuntimeError("Invalid HTTP header name.")
        if _BAD_VALUE.search(value):
            raise RuntimeError("Invalid HTTP header value.")
        checked.append((bytes(name).lower(), bytes(value)))
    return checked


def head(status: int, headers: Headers) -> bytes:
    """An answer without its body."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    lines = [b"HTTP/1.1 %d %b\r\n" % (status, phrase.encode())]
    lines += [b"%b: %b\r\n" % pair for pair in headers]
    return b"".join([*lines, b"\r\n"])
