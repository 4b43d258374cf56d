"""A server whose handlers take their time: `io`, and `site` with it mounted under `/live`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from arcwire import Server, Socket

io = Server()


@io.on("work")
async def work(socket: Socket, seconds: float) -> str:
    socket.emit("working")
    await asyncio.sleep(seconds)
    return "done"


async def hello(request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


@asynccontextmanager
async def lifespan(site: Starlette) -> AsyncIterator[None]:
    yield
    await io.close(grace=0.1)


site = Starlette(routes=[Route("/hello", hello), Mount("/live", io.asgi())], lifespan=lifespan)
