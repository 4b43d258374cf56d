"""Who is let in.

The checks of a request that opens something (a session, or the WebSocket of one), in this order:
middlewares, the rules of the protocol, the origin, `allow_request`, `generate_id`.
"""

import inspect
import logging
import os
import re
from binascii import b2a_base64
from collections.abc import Callable
from typing import Any

from arcwire.engineio.config import AllowRequest, EngineConfig, GenerateId
from arcwire.engineio.link import Admission, Headers, Request, Response
from arcwire.engineio.protocol.handshake import Refusal
from arcwire.engineio.server.cookie import cookie_field
from arcwire.engineio.server.cors import CrossOrigin, is_same_origin
from arcwire.engineio.server.hooks import Hooks, Rejection, collect, encode_fields
from arcwire.engineio.server.proxies import TrustedProxies
from arcwire.errors import ConnectionRefused

logger = logging.getLogger("arcwire.engineio")

_SID_BYTES = 15  # 20 characters in base64
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_SID = re.compile(r"[A-Za-z0-9._~-]{1,256}")  # fits a URL and a cookie


def generate_id() -> str:
    """20 characters from the operating system's cryptographic source, safe in URLs."""
    return b2a_base64(os.urandom(_SID_BYTES), newline=False).translate(_URL_SAFE).decode()


class Refused(Exception):
    """A request is refused. `context` is for observers, `message` for the client."""

    def __init__(
        self, refusal: Refusal, context: dict[str, Any] | None = None, message: str | None = None
    ) -> None:
        super().__init__(refusal)
        self.refusal = refusal
        self.context = context or {}
        self.message = message


class Gate:
    """Lets requests in, or not. `verify` are the rules of the protocol, `taken` tells ids in use."""

    def __init__(
        self,
        config: EngineConfig,
        hooks: Hooks,
        verify: Callable[..., Refused | None],
        taken: Callable[[str], bool],
    ) -> None:
        self._config = config
        self._hooks = hooks
        self._verify = verify
        self._taken = taken
        self._proxies = TrustedProxies(config.trusted_proxies)
        self._cors = CrossOrigin(config)
        self._cookie = config.cookie_options
        self.closed = False
        """Whether no new sessions are opened, because the server is about to stop."""

    @property
    def may_wait(self) -> bool:
        """Whether functions of the application are asked, so that `admit` has to run in a task."""
        config = self._config
        return bool(
            self._hooks.middlewares
            or config.allow_request is not None
            or config.generate_id is not None
            or self._cors.asks
        )

    def is_preflight(self, request: Request) -> bool:
        """Whether a browser asks beforehand what it may do; a question only where CORS is in use."""
        return request.method == "OPTIONS" and self._cors.configured

    async def cors_fields(self, request: Request) -> Headers:
        """The header fields by which a page of the request's origin may read an answer."""
        origin = request.header(b"origin")
        return self._cors.fields(origin, allowed=await self._cors.allows(origin))

    async def admit(self, request: Request, *, upgrade: bool) -> Admission | Response:
        """Check a request that opens a session (`upgrade`: over a WebSocket) or a session's WebSocket,
        or that has no session: the answer that refuses it, or that of a preflight request."""
        # Most of what can be asked for is not. Coroutines are made where there is something to ask.
        asked_host = self._proxies.resolve(request)
        origin = request.header(b"origin")
        named = self._cors.configured and await self._cors.allows(origin)
        cors = self._cors.fields(origin, allowed=named)
        if self.is_preflight(request):
            return self._answer_preflight(request, origin, asked_host or request.header(b"host"), cors)
        try:
            fields = await self._run_middlewares(request) if self._hooks.middlewares else []
            refused = self._verify(request, origin, upgrade=upgrade)
            if refused is not None:
                raise refused
            if origin is not None and not named and (upgrade or self._cors.configured):
                self._check_same(origin, asked_host or request.header(b"host"))
            if self._config.allow_eio3 and _is_foreign_script(request):
                raise Refused(Refusal.FORBIDDEN, {"name": "FOREIGN_SCRIPT"}, "Origin not allowed")
            sid = None if request.query.get("sid") else await self._admit_session(request, fields)
        except Refused as refused:
            return self.refuse(request, refused, cors)
        if upgrade and self._hooks.headers:  # to polling answers `Answers` adds these
            fields += collect(self._hooks.headers, request)
        return Admission(sid, fields, cors)

    async def _admit_session(self, request: Request, fields: list[tuple[bytes, bytes]]) -> str:
        """The id of a new session; its header fields are added to `fields`."""
        if self.closed:
            raise Refused(Refusal.SHUTTING_DOWN)
        if self._config.allow_request is not None:
            await self._ask_application(request, self._config.allow_request)
        make_id = self._config.generate_id
        sid = generate_id() if make_id is None else await self._make_id(request, make_id)
        if self._hooks.initial_headers:
            fields += collect(self._hooks.initial_headers, request)
        if self._cookie is not None:
            fields.append(cookie_field(self._cookie, sid))
        return sid

    def refuse(self, request: Request, refused: Refused, cors: Headers) -> Response:
        """Tell the observers; the answer."""
        refusal = refused.refusal
        message = refused.message or refusal.message
        context = refused.context if refusal.kind is None else {"name": refusal.kind, **refused.context}
        logger.debug("refused %s %s: %d %s %s", request.method, request.path, refusal.code, message, context)
        self._hooks.tell(Rejection(request=request, code=refusal.code, message=message, context=context))
        fields = [(b"content-type", b"application/json"), *cors, *collect(self._hooks.headers, request)]
        if refusal is Refusal.SHUTTING_DOWN:
            fields.append((b"retry-after", b"1"))  # by then another server, or the next process, is there
        return Response(refusal.status, fields, refusal.explain(message))

    def _answer_preflight(
        self, request: Request, origin: str | None, host: str | None, cors: Headers
    ) -> Response:
        fields = [*cors, *collect(self._hooks.headers, request)]
        if any(name == b"access-control-allow-origin" for name, _ in cors):
            fields += self._cors.preflight_fields(request)
        elif origin is not None and not is_same_origin(origin, host):
            self._cors.report(origin, host)
        return Response(204, fields, b"")

    async def _run_middlewares(self, request: Request) -> list[tuple[bytes, bytes]]:
        fields: list[tuple[bytes, bytes]] = []
        for middleware in tuple(self._hooks.middlewares):
            try:
                result = middleware(request)
                fields += encode_fields(await result if inspect.isawaitable(result) else result)
            except ConnectionRefused as error:
                raise Refused(Refusal.MIDDLEWARE_FAILURE, {"error": error}, error.message) from None
            except Exception as error:
                logger.exception("An engine middleware failed, so the request is refused")
                raise Refused(Refusal.MIDDLEWARE_FAILURE, {"error": error}) from None
        return fields

    def _check_same(self, origin: str, host: str | None) -> None:
        if not is_same_origin(origin, host):
            self._cors.report(origin, host)
            raise Refused(Refusal.FORBIDDEN, {"origin": origin, "host": host}, "Origin not allowed")

    async def _ask_application(self, request: Request, allow: AllowRequest) -> None:
        try:
            answer = allow(request)
            verdict = await answer if inspect.isawaitable(answer) else answer
        except ConnectionRefused as error:
            verdict = error.message
        except Exception as error:
            logger.exception("allow_request failed, so the request is refused")
            raise Refused(Refusal.FORBIDDEN, {"message": str(error)}) from None
        if verdict is not True:
            message = verdict if isinstance(verdict, str) and verdict else Refusal.FORBIDDEN.message
            raise Refused(Refusal.FORBIDDEN, {"message": message}, message)

    async def _make_id(self, request: Request, generate: GenerateId) -> str:
        try:
            made = generate(request)
            sid = await made if inspect.isawaitable(made) else made
            if not isinstance(sid, str) or not _SID.fullmatch(sid):
                raise ValueError(f"{sid!r} is not 1 to 256 of the characters A-Z a-z 0-9 . _ ~ -")
            if self._taken(sid):
                raise ValueError(f"there is a session {sid!r} already")
        except Exception as error:
            logger.exception("generate_id failed, so the request is refused")
            raise Refused(Refusal.ID_GENERATION_ERROR, {"error": error}) from None
        return sid


def _is_foreign_script(request: Request) -> bool:
    """Whether a page of another origin polls by script elements (`jsonp`).

    Those come with the cookies of the user and without an Origin, and every page can read the answer.
    Browsers that say where a request comes from do not need them: they have CORS.
    """
    return "j" in request.query and request.header(b"sec-fetch-site") in ("cross-site", "same-site")


def describe(
    refusal: Refusal, request: Request, session_transport: str | None, session_protocol: int | None
) -> dict[str, Any]:
    """What observers are told of a request against the rules of the protocol."""
    query = request.query
    transport, protocol = query.get("transport"), query.get("EIO")
    match refusal:
        case Refusal.UNKNOWN_TRANSPORT | Refusal.TRANSPORT_HANDSHAKE_ERROR:
            return {"transport": transport}
        case Refusal.TRANSPORT_MISMATCH:
            return {"transport": transport, "previous_transport": session_transport}
        case Refusal.UNKNOWN_SID:
            return {"sid": query.get("sid")}
        case Refusal.BAD_HANDSHAKE_METHOD:
            return {"method": request.method}
        case Refusal.INVALID_ORIGIN:
            return {"origin": request.header(b"origin")}
        case Refusal.PROTOCOL_MISMATCH:
            return {"protocol": protocol, "previous_protocol": str(session_protocol)}
        case Refusal.UNSUPPORTED_PROTOCOL_VERSION:
            return {"protocol": protocol}
        case _:
            return {}
