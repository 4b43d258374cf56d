"""Cookies of a client, over requests, transports and reconnections.

Load balancers know their clients by them. The rules are those of the standard library.
"""

from collections.abc import Iterable, Iterator, Mapping
from email.message import Message
from http.client import HTTPResponse
from http.cookiejar import Cookie, CookieJar
from typing import cast
from urllib.request import Request


class Cookies:
    """A jar. `initial` are cookies for whatever server is connected to; `jar` holds what servers set."""

    __slots__ = ("initial", "jar")

    def __init__(self, initial: Mapping[str, str] | None = None) -> None:
        self.initial = dict(initial or {})
        for name, value in self.initial.items():
            if not name or any(character in name + value for character in ";\r\n\0") or "=" in name:
                raise ValueError(f"cookies: {name!r} cannot be sent")
        self.jar = CookieJar()

    def header(self, url: str) -> str:
        """The value of the field `Cookie` for a request to this URL (http or https), "" for none."""
        request = Request(url)
        self.jar.add_cookie_header(request)
        kept = request.get_header("Cookie") or ""
        names = {part.partition("=")[0].strip() for part in kept.split(";")}
        first = [f"{name}={value}" for name, value in self.initial.items() if name not in names]
        return "; ".join([*first, kept] if kept else first)

    def keep(self, url: str, values: Iterable[str]) -> None:
        """Take over what the fields `Set-Cookie` of the answer from this URL say."""
        message = Message()
        for value in values:
            message["Set-Cookie"] = value
        if message:
            self.jar.extract_cookies(cast("HTTPResponse", _Answer(message)), Request(url))

    def __iter__(self) -> Iterator[Cookie]:
        return iter(self.jar)

    def __repr__(self) -> str:
        return f"Cookies({[*self.initial, *(cookie.name for cookie in self.jar)]})"


class _Answer:
    def __init__(self, message: Message) -> None:
        self._message = message

    def info(self) -> Message:
        return self._message
