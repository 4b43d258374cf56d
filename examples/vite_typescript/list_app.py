"""A shopping list that people share. Start it with `python list_app.py`; README.md tells more."""

import argparse
import os
import sys
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct
from starlette.staticfiles import StaticFiles

from arcwire import EventError, Recovery, Server, Socket

BUILT = Path(__file__).parent / "dist"


class Item(Struct):
    id: int
    text: str
    bought: bool = False


io = Server(connection_state_recovery=Recovery())
items = [Item(0, "Bread"), Item(1, "Coffee")]


@io.on_connect
async def connected(socket: Socket) -> None:
    if not socket.recovered:
        socket.emit("list", items)


@io.on("add")
async def add(socket: Socket, text: Annotated[str, Meta(min_length=1, max_length=80)]) -> Item:
    item = Item(len(items), text)
    items.append(item)
    socket.broadcast.emit("item", item)
    return item


@io.on("mark")
async def mark(socket: Socket, id: int, bought: bool) -> None:
    if not 0 <= id < len(items):
        raise EventError("no_item", "There is no such item.")
    items[id].bought = bought
    io.emit("item", items[id])


def main() -> None:
    parser = argparse.ArgumentParser(description="A shopping list that people share.")
    parser.add_argument("--page", type=Path, default=BUILT, help="the folder of the built page")
    parser.add_argument(
        "--port", type=int, default=os.environ.get("PORT", "3000"), help="default: $PORT, else 3000"
    )
    options = parser.parse_args()
    if not options.page.is_dir():
        sys.exit(f"The page is not built. Build it first: npm run build --prefix {BUILT.parent}")
    io.run(StaticFiles(directory=options.page, html=True), port=options.port)


if __name__ == "__main__":
    main()
