"""Which sites may use the server from a browser: CORS for polling, `Origin` for WebSockets.

Browsers apply CORS to polling only; they let every page open a WebSocket to every server, cookies
included. So the origin of a WebSocket is checked here, always. See docs/decisions/0006-origins.md.
"""

import inspect
import logging
import re
from collections.abc import Sequence

from arcwire.engineio.config import EngineConfig
from arcwire.engineio.link import Headers, Request

logger = logging.getLogger("arcwire.engineio")

_DEFAULT_PORT = {"http": ":80", "https": ":443"}

_MAX_REPORTED = 100
"""Origins that are reported in the log, each once: a client can make up any number of them."""


class CrossOrigin:
    """The rules of one engine."""

    def __init__(self, config: EngineConfig) -> None:
        allowed = config.cors_allowed_origins
        self.configured = allowed is not None
        self.asks = callable(allowed)
        """Whether a function of the application decides, which may have to be awaited."""
        self._every = allowed == "*"
        self._ask = allowed if callable(allowed) else None
        self._names: frozenset[str] = frozenset()
        self._patterns: tuple[re.Pattern[str], ...] = ()
        if allowed is not None and not callable(allowed) and not self._every:
            rules = (allowed,) if isinstance(allowed, str | re.Pattern) else tuple(allowed)
            self._names = frozenset(rule for rule in rules if isinstance(rule, str))
            self._patterns = tuple(rule for rule in rules if not isinstance(rule, str))
        self._granted: list[tuple[bytes, bytes]] = []
        if config.cors_credentials:
            self._granted.append((b"access-control-allow-credentials", b"true"))
        if config.cors_exposed_headers:
            self._granted.append((b"access-control-expose-headers", _join(config.cors_exposed_headers)))
        self._allowed_headers = config.cors_allowed_headers
        self._max_age = config.cors_max_age
        self._reported: set[str] = set()

    async def allows(self, origin: str | None) -> bool:
        """Whether the rules name this origin. Waits only where `asks` is set."""
        if origin is None or not self.configured or not _is_plain(origin):
            return False
        if self._every or origin in self._names:
            return True
        if self._ask is not None:
            try:
                answer = self._ask(origin)
                return bool(await answer if inspect.isawaitable(answer) else answer)
            except Exception:
                logger.exception("cors_allowed_origins failed for the origin %r, which is refused", origin)
                return False
        return any(pattern.fullmatch(origin) for pattern in self._patterns)

    def fields(self, origin: str | None, *, allowed: bool) -> Headers:
        """The header fields of every answer to a request from `origin`."""
        if not self.configured:
            return ()
        if self._every:
            return [(b"access-control-allow-origin", b"*"), *self._granted]
        fields = [(b"vary", b"Origin")]
        if allowed and origin is not None:
            fields += [(b"access-control-allow-origin", origin.encode("latin-1")), *self._granted]
        return fields

    def preflight_fields(self, request: Request) -> Headers:
        """What the answer to a preflight request of an allowed origin has beside `fields`."""
        fields = [(b"access-control-allow-methods", b"GET,POST")]
        asked = request.header(b"access-control-request-headers")
        if self._allowed_headers is not None:
            fields.append((b"access-control-allow-headers", _join(self._allowed_headers)))
        elif asked and _is_plain(asked):
            fields.append((b"access-control-allow-headers", asked.encode("latin-1")))
            fields.append((b"vary", b"Access-Control-Request-Headers"))
        if self._max_age is not None:
            fields.append((b"access-control-max-age", b"%d" % self._max_age))
        return fields

    def report(self, origin: str, host: str | None) -> None:
        """Say in the log which origin was refused, and how to let it in."""
        if origin in self._reported or len(self._reported) >= _MAX_REPORTED:
            return
        self._reported.add(origin)
        logger.warning(
            "Refused the origin %r: it is not that of this server (Host: %s) and not in"
            " cors_allowed_origins. To let its pages in, add it: cors_allowed_origins=[%r]. If it is"
            " this server's own, let the proxy in front pass the Host header on.",
            origin,
            host,
            origin,
        )


def is_same_origin(origin: str, host: str | None) -> bool:
    """Whether a page of `origin` was served by `host`, as the `Host` field names it.

    The scheme is left out: behind a proxy that ends TLS nobody but the proxy knows it.
    """
    scheme, separator, site = origin.lower().partition("://")
    if not separator or not host:
        return False
    port = _DEFAULT_PORT.get(scheme, "")
    return site.removesuffix(port) == host.lower().removesuffix(port) if port else site == host.lower()


def _is_plain(value: str) -> bool:
    """Whether a value of a request may stand in an answer."""
    return value.isascii() and value.isprintable()


def _join(names: Sequence[str]) -> bytes:
    return ",".join(names).encode("latin-1")
