"""Notices with Litestar: events read the session that Litestar keeps.

arcwire run litestar_app:site --app-dir examples/litestar_notices
"""

from http.cookies import SimpleCookie
from typing import Any

import msgspec
from litestar import Litestar, Request, asgi, post
from litestar.exceptions import NotAuthorizedException
from litestar.middleware.session.server_side import ServerSideSessionConfig
from litestar.types import Receive, Scope, Send

from arcwire import ConnectionRefused, Server, Socket

PASSWORDS = {"ann": "apple", "ben": "banana"}

io = Server()
live = io.asgi()
sessions = ServerSideSessionConfig()


# -- HTTP ---------------------------------------------------------------------------


class Login(msgspec.Struct):
    name: str
    password: str


class Notice(msgspec.Struct):
    to: str
    text: str


@post("/login", status_code=204)
async def login(request: Request[Any, Any, Any], data: Login) -> None:
    if PASSWORDS.get(data.name) != data.password:
        raise NotAuthorizedException("wrong name or password")
    request.set_session({"user": data.name})


@post("/notices", status_code=202)
async def send_notice(request: Request[Any, Any, Any], data: Notice) -> None:
    user = request.session.get("user")
    if user is None:
        raise NotAuthorizedException
    io.to(f"user:{data.to}").emit("notice", {"by": user, "text": data.text})


@asgi("/live", is_mount=True)
async def mounted(scope: Scope, receive: Receive, send: Send) -> None:
    await live(scope, receive, send)  # type: ignore[arg-type]  # Litestar's own types of the same


async def end_live() -> None:
    """Litestar tells nothing to what is mounted."""
    await io.close()


site = Litestar(
    [login, send_notice, mounted],
    middleware=[sessions.middleware],
    on_shutdown=[end_live],
)


# -- events -------------------------------------------------------------------------


async def user_of(cookies: str | None) -> str | None:
    """The user whose session a `Cookie` field names."""
    cookie = SimpleCookie(cookies).get(sessions.key)
    stored = None if cookie is None else await sessions.get_store_from_app(site).get(cookie.value)
    return None if stored is None else msgspec.json.decode(stored, type=dict[str, str]).get("user")


@io.on_connect
async def connected(socket: Socket) -> None:
    user = await user_of(socket.handshake.headers.get("cookie"))
    if user is None:
        raise ConnectionRefused("unauthorized")
    socket.data["user"] = user
    socket.join(f"user:{user}")


@io.on("whoami")
async def whoami(socket: Socket) -> str:
    return str(socket.data["user"])
