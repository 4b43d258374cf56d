"""A poll whose results everybody sees at once. Start it with `python poll_app.py`; README.md tells more."""

import argparse
import os
from collections import Counter
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, Literal

from arcwire import Server, Socket

PAGE = Path(__file__).parent / "index.html"

io = Server()
votes: Counter[str] = Counter(tabs=0, spaces=0)


@io.on_connect
async def connected(socket: Socket) -> None:
    socket.emit("votes", votes)


@io.on("vote")
async def vote(socket: Socket, choice: Literal["tabs", "spaces"]) -> int:
    votes[choice] += 1
    io.emit("votes", votes)
    return votes.total()


async def page(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    """The page, at every path that is not the server's."""
    if scope["type"] != "http":
        return
    headers = [(b"content-type", b"text/html; charset=utf-8")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": PAGE.read_bytes()})


app = io.asgi(page)  # for other ASGI servers, and for the arcwire command

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A poll whose results everybody sees at once.")
    parser.add_argument(
        "--port", type=int, default=os.environ.get("PORT", "3000"), help="default: $PORT, else 3000"
    )
    io.run(page, port=parser.parse_args().port)
