"""Notices with FastAPI: one bearer token for HTTP and for events.

arcwire run fastapi_app:api --app-dir examples/fastapi_notices
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from msgspec import Struct
from pydantic import BaseModel

from arcwire import ConnectionRefused, Server, Socket

PASSWORDS = {"ann": "apple", "ben": "banana"}

tokens: dict[str, str] = {}
"""Users by their tokens; a real site keeps them in its database."""

io = Server()


@asynccontextmanager
async def lifespan(api: FastAPI) -> AsyncIterator[None]:
    yield
    await io.close()  # FastAPI tells nothing to what is mounted


api = FastAPI(title="Notices", lifespan=lifespan)
api.mount("/live", io.asgi())


# -- HTTP ---------------------------------------------------------------------------


class Login(BaseModel):
    name: str
    password: str


class Notice(BaseModel):
    to: str
    text: str


def current_user(
    credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())],
) -> str:
    user = tokens.get(credentials.credentials)
    if user is None:
        raise HTTPException(401, "unknown token")
    return user


@api.post("/login")
async def login(login: Login) -> dict[str, str]:
    if PASSWORDS.get(login.name) != login.password:
        raise HTTPException(401, "wrong name or password")
    token = secrets.token_urlsafe()
    tokens[token] = login.name
    return {"token": token}


@api.post("/notices", status_code=202)
async def send_notice(notice: Notice, user: Annotated[str, Depends(current_user)]) -> None:
    io.to(f"user:{notice.to}").emit("notice", {"by": user, "text": notice.text})


# -- events -------------------------------------------------------------------------


class Credentials(Struct):
    token: str = ""


@io.on_connect
async def connected(socket: Socket, auth: Credentials) -> None:
    user = tokens.get(auth.token)
    if user is None:
        raise ConnectionRefused("unauthorized")
    socket.data["user"] = user
    socket.join(f"user:{user}")


@io.on("whoami")
async def whoami(socket: Socket) -> str:
    return str(socket.data["user"])
