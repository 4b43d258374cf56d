"""What HTTP answers mean that are not what a client hopes for."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import urljoin

import msgspec

from arcwire.engineio.client.address import Address
from arcwire.errors import ConnectError, HandshakeRejected, NotAnEngine

BODY_LIMIT: Final = 65536
"""Bytes of an error's body that are looked at."""

_SHOWN: Final = 120


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer. Names of `headers` are in lower case; `body` may be its beginning alone."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """The first field of this name, "" for none."""
        return next((value for key, value in self.headers if key == name), "")


class AnswerTooLarge(Exception):
    """The answer to a poll is larger than `max_message_size`."""


class _Refusal(msgspec.Struct):
    """What engines say about requests that they refuse."""

    code: int
    message: str


_refusal = msgspec.json.Decoder(_Refusal)


def explain(answer: Answer, address: Address, transport: str) -> ConnectError:
    """The error that an answer means, for one that opens no session."""
    url = str(address)
    text = answer.body.decode("utf-8", "replace")
    status = answer.status
    if status < 300:
        what = "a web page" if _is_page(answer, text) else f"{_beginning(text)!r}"
        return NotAnEngine(
            f"{url} does not speak Engine.IO there: it answered {what} (status {status}). Is the path right, "
            "and is there a page to log in to this network?"
            if _is_page(answer, text)
            else f"{url} does not speak Engine.IO there: it answered {what} (status {status})",
            url,
            status=status,
            body=text,
        )
    try:
        refusal = _refusal.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = "" if _is_page(answer, text) else _beginning(text)
        if status < 400 and (location := answer.header("location")):
            # The query is that of the request.
            target = urljoin(f"{address.web}/", location).partition("?")[0]
            said = f"it is at {target}"
        message = f"{url} refused {transport} with {_name(status)}{f': {said}' if said else ''}"
        return HandshakeRejected(message, url, status=status, body=text)
    return HandshakeRejected(
        f"{url} refused {transport} with {_name(status)}: {refusal.message} (code {refusal.code})",
        url,
        status=status,
        code=refusal.code,
        message=refusal.message,
        body=text,
    )


def _is_page(answer: Answer, text: str) -> bool:
    return "html" in answer.header("content-type").lower() or text[:256].lstrip().lower().startswith(
        ("<!doctype html", "<html")
    )


def _beginning(text: str) -> str:
    line = " ".join(text[: 4 * _SHOWN].split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


def _name(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
