"""HTTP answers of the long-polling transport."""

from arcwire.engineio.config import EngineConfig
from arcwire.engineio.link import Headers, HttpExchange, Response
from arcwire.engineio.protocol.jsonp import wrap
from arcwire.engineio.server.compression import choose_encoding, compress
from arcwire.engineio.server.hooks import Hooks, collect

_TEXT = (b"content-type", b"text/plain; charset=UTF-8")
_BINARY = (b"content-type", b"application/octet-stream")
# Nobody may take for anything else what a client has a say in.
_SCRIPT = [(b"content-type", b"text/javascript; charset=UTF-8"), (b"x-content-type-options", b"nosniff")]
_NO_STORE = (b"cache-control", b"no-store")


def poll_response(
    body: bytes, sid: str | None = None, *, binary: bool = False, script: str | None = None
) -> Response:
    """The answer to a GET: a payload. `sid` where it opens a session, `script` where the client polls
    by script elements (see `Connection.script`)."""
    if script is not None:
        return Response(200, [*_SCRIPT, _NO_STORE], wrap(body, script), sid=sid)
    return Response(200, [_BINARY if binary else _TEXT, _NO_STORE], body, sid=sid)


def post_response() -> Response:
    """The answer to a POST whose payload was taken."""
    return Response(200, [(b"content-type", b"text/html"), _NO_STORE], b"ok")


def failure_response(status: int) -> Response:
    """The answer to a request whose session ends because of it: 400, or 413 for a body beyond the limit."""
    return Response(status, [_NO_STORE], b"", close=status == 413)


class Answers:
    """Sends the answers of one engine."""

    def __init__(self, config: EngineConfig, hooks: Hooks) -> None:
        self._threshold = config.compression_threshold
        self._hooks = hooks

    def send(
        self, exchange: HttpExchange, response: Response, fields: Headers = (), *, may_compress: bool = False
    ) -> None:
        """Answer, with the header fields that every answer carries, and `fields`, those of the session."""
        if may_compress and len(response.body) >= self._threshold:
            encoding = choose_encoding(exchange.request.header(b"accept-encoding") or "")
            if encoding is not None:
                response.body = compress(response.body, encoding)
                response.headers.append((b"content-encoding", encoding.encode()))
        response.headers += fields
        if self._hooks.headers:
            response.headers += collect(self._hooks.headers, exchange.request)
        exchange.respond(response)
