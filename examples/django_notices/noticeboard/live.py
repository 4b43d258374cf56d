"""Events. Django mounts no applications, so the server has its whole path here."""

from http.cookies import SimpleCookie

from django.conf import settings
from django.contrib.sessions.backends.signed_cookies import SessionStore

from arcwire import ConnectionRefused, Server, Socket

io = Server(path="/live/socket.io")


@io.on_connect
def connected(socket: Socket) -> None:
    """A plain function, which runs in a thread: other session engines ask a database."""
    cookie = SimpleCookie(socket.handshake.headers.get("cookie")).get(settings.SESSION_COOKIE_NAME)
    user = None if cookie is None else SessionStore(cookie.value).get("user")
    if user is None:
        raise ConnectionRefused("unauthorized")
    socket.data["user"] = user
    socket.join(f"user:{user}")


@io.on("whoami")
async def whoami(socket: Socket) -> str:
    return str(socket.data["user"])
