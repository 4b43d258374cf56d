"""HTTP answers of the long-polling transport."""

from arcwire.engineio.link import HttpExchange, Response
from arcwire.engineio.protocol.handshake import Refusal
from arcwire.engineio.protocol.jsonp import wrap

_TEXT = (b"content-type", b"text/plain; charset=UTF-8")
_BINARY = (b"content-type", b"application/octet-stream")
# Nobody may take for anything else what a client has a say in.
_SCRIPT = [(b"content-type", b"text/javascript; charset=UTF-8"), (b"x-content-type-options", b"nosniff")]
_NO_STORE = (b"cache-control", b"no-store")


def answer_poll(
    exchange: HttpExchange,
    body: bytes,
    sid: str | None = None,
    *,
    binary: bool = False,
    script: str | None = None,
) -> None:
    """Answer a GET with a payload; `sid` where it opens a session, `script` where the client polls by
    script elements (see `Connection.script`)."""
    if script is not None:
        exchange.respond(Response(200, [*_SCRIPT, _NO_STORE], wrap(body, script), sid=sid))
    else:
        exchange.respond(Response(200, [_BINARY if binary else _TEXT, _NO_STORE], body, sid=sid))


def answer_post(exchange: HttpExchange) -> None:
    """Answer a POST whose payload was taken."""
    exchange.respond(Response(200, [(b"content-type", b"text/html"), _NO_STORE], b"ok"))


def refuse(exchange: HttpExchange, refusal: Refusal) -> None:
    """Answer a request that was not let in."""
    exchange.respond(refusal_response(refusal))


def refusal_response(refusal: Refusal) -> Response:
    """The answer to a request that was not let in: a JSON object with code and message."""
    return Response(refusal.status, [(b"content-type", b"application/json")], refusal.body)


def refuse_post(exchange: HttpExchange, status: int) -> None:
    """Answer a POST whose session ends because of it: 400, or 413 for a body beyond the limit."""
    exchange.respond(Response(status, [_NO_STORE], b"", close=status == 413))
