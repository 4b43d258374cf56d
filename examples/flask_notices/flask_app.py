"""Notices with Flask, which runs in threads beside the server; events read Flask's session.

arcwire run flask_app:app --app-dir examples/flask_notices
"""

import os
import secrets
from http.cookies import SimpleCookie
from typing import Any

from a2wsgi import WSGIMiddleware
from flask import Flask, abort, request, session
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import BadSignature

from arcwire import ConnectionRefused, Server, Socket

PASSWORDS = {"ann": "apple", "ben": "banana"}

site = Flask(__name__)
site.secret_key = os.environ.get("SECRET_KEY") or secrets.token_bytes()

# Flask is no ASGI application and mounts nothing, so the path says it all.
io = Server(path="/live/socket.io")
app = io.asgi(WSGIMiddleware(site))  # type: ignore[arg-type]  # types of ASGI and WSGI of its own


# -- HTTP ---------------------------------------------------------------------------


@site.post("/login")
def login() -> tuple[str, int]:
    form: dict[str, Any] = request.get_json()
    if PASSWORDS.get(form["name"]) != form["password"]:
        abort(401)
    session["user"] = form["name"]
    return "", 204


@site.post("/notices")
def send_notice() -> tuple[str, int]:
    if "user" not in session:
        abort(401)
    notice: dict[str, Any] = request.get_json()
    # From a thread of Flask's: `emit` works from every thread.
    io.to(f"user:{notice['to']}").emit("notice", {"by": session["user"], "text": notice["text"]})
    return "", 202


# -- events -------------------------------------------------------------------------


def user_of(cookies: str | None) -> str | None:
    """The user whose session a `Cookie` field holds; Flask signs it."""
    cookie = SimpleCookie(cookies).get(site.config["SESSION_COOKIE_NAME"])
    serializer = SecureCookieSessionInterface().get_signing_serializer(site)
    if cookie is None or serializer is None:
        return None
    try:
        content: dict[str, Any] = serializer.loads(
            cookie.value, max_age=int(site.permanent_session_lifetime.total_seconds())
        )
    except BadSignature:
        return None
    return content.get("user")


@io.on_connect
async def connected(socket: Socket) -> None:
    user = user_of(socket.handshake.headers.get("cookie"))
    if user is None:
        raise ConnectionRefused("unauthorized")
    socket.data["user"] = user
    socket.join(f"user:{user}")


@io.on("whoami")
def whoami(socket: Socket) -> str:
    return str(socket.data["user"])  # plain functions run in threads too
