"""Applause that everybody in the room sees. Start it with `python applause_app.py`; README.md tells more."""

import argparse
import os
import sys
from pathlib import Path

from starlette.staticfiles import StaticFiles

from arcwire import DisconnectReason, Server, Socket

BUILT = Path(__file__).parent / "dist"


class Hall:
    """What everybody sees."""

    people = 0
    claps = 0


io = Server()


@io.on_connect
async def connected(socket: Socket) -> None:
    socket.join("hall")
    socket.emit("claps", Hall.claps)
    count_people(+1)


@io.on_disconnect
async def gone(socket: Socket, reason: DisconnectReason) -> None:
    count_people(-1)


def count_people(change: int) -> None:
    Hall.people += change
    io.to("hall").emit("people", Hall.people)


@io.on("clap")
async def clap(socket: Socket) -> None:
    Hall.claps += 1
    io.to("hall").emit("claps", Hall.claps)


def main() -> None:
    parser = argparse.ArgumentParser(description="Applause that everybody in the room sees.")
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
