"""Notices with Starlette: its authentication reads a cookie, and so do events.

arcwire run starlette_app:site --app-dir examples/starlette_notices
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.cookies import SimpleCookie

from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser, requires
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from arcwire import ConnectionRefused, Server, Socket

PASSWORDS = {"ann": "apple", "ben": "banana"}
COOKIE = "session"

sessions: dict[str, str] = {}
"""Users by their sessions; a real site keeps them in its database."""

io = Server()


# -- HTTP ---------------------------------------------------------------------------


class CookieBackend(AuthenticationBackend):
    """Whose cookie it is."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, SimpleUser] | None:
        user = sessions.get(conn.cookies.get(COOKIE, ""))
        return None if user is None else (AuthCredentials(["user"]), SimpleUser(user))


async def login(request: Request) -> Response:
    form = await request.json()
    if PASSWORDS.get(form["name"]) != form["password"]:
        return Response("wrong name or password", 401)
    response = Response(status_code=204)
    session = secrets.token_urlsafe()
    sessions[session] = form["name"]
    response.set_cookie(COOKIE, session, httponly=True, samesite="lax")
    return response


@requires("user", status_code=401)
async def send_notice(request: Request) -> Response:
    notice = await request.json()
    by = request.user.display_name
    io.to(f"user:{notice['to']}").emit("notice", {"by": by, "text": notice["text"]})
    return Response(status_code=202)


@asynccontextmanager
async def lifespan(site: Starlette) -> AsyncIterator[None]:
    yield
    await io.close()  # Starlette tells nothing to what is mounted


site = Starlette(
    routes=[
        Route("/login", login, methods=["POST"]),
        Route("/notices", send_notice, methods=["POST"]),
        Mount("/live", io.asgi()),
    ],
    middleware=[Middleware(AuthenticationMiddleware, backend=CookieBackend())],
    lifespan=lifespan,
)


# -- events -------------------------------------------------------------------------


@io.on_connect
async def connected(socket: Socket) -> None:
    cookie = SimpleCookie(socket.handshake.headers.get("cookie")).get(COOKIE)
    user = None if cookie is None else sessions.get(cookie.value)
    if user is None:
        raise ConnectionRefused("unauthorized")
    socket.data["user"] = user
    socket.join(f"user:{user}")


@io.on("whoami")
async def whoami(socket: Socket) -> str:
    return str(socket.data["user"])
