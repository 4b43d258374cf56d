"""A chat with rooms on Arcwire. Start it with `python app.py`; README.md tells how it works."""

import argparse
import hmac
import os
import unicodedata
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from arcwire import ConnectionRefused, DisconnectReason, EventError, Server, Socket
from pages import Pages
from rooms import Person, Room

MAX_PAYLOAD = 4_000_000
MAX_IMAGE = (MAX_PAYLOAD - 1) // 4 * 3
"""What fits into one long-polling packet: one character of its own, and four for every three bytes."""

io = Server(max_payload=MAX_PAYLOAD)
rooms = {name: Room(name) for name in ("lobby", "ideas", "help", "random")}
people: dict[str, Person] = {}
"""Everybody, by the form of their name that may be taken only once."""


# --- What pages send


Known = Annotated[list[str], Meta(max_length=500)]
"""Ids of messages that the page has already, so that only the rest of a room's history is sent."""


class Hello(Struct):
    """Sent with every connection. `key` is the page's secret, the same for as long as it is open."""

    name: str
    room: str
    key: Annotated[str, Meta(min_length=8, max_length=64)]
    known: Known = []


class Join(Struct):
    """A change of room."""

    room: str
    known: Known = []


class Say(Struct):
    """A message of text, of an image, or of both; sent again under the same `id` until it is acknowledged."""

    id: Annotated[str, Meta(min_length=1, max_length=64)]
    room: str
    text: Annotated[str, Meta(max_length=2000)] = ""
    image: bytes | None = None


class Receipt(Struct):
    """Acknowledges a message; `at` is when it was said, in milliseconds."""

    at: int


# --- Coming and going


@io.on_connect
async def connected(socket: Socket, hello: Hello) -> None:
    name = presentable(hello.name)
    ghost = people.get(unique(name))
    if ghost is not None:
        if not hmac.compare_digest(ghost.key.encode(), hello.key.encode()):
            raise ConnectionRefused(f"“{ghost.name}” is already here. Choose another name.")
        # The page lost its connection, which the server has not noticed yet.
        forget(ghost)
        ghost.socket.disconnect(close=True)
    person = Person(name, hello.key, socket)
    people[unique(name)] = person
    socket.data["person"] = person
    enter(person, rooms.get(hello.room, rooms["lobby"]), hello.known)


@io.on_disconnect
async def gone(socket: Socket, reason: DisconnectReason) -> None:
    person: Person = socket.data["person"]
    if people.get(unique(person.name)) is person:
        forget(person)


@io.on("join")
async def join(socket: Socket, wanted: Join) -> None:
    leave(socket.data["person"])
    enter(socket.data["person"], room_named(wanted.room), wanted.known)


def enter(person: Person, room: Room, known: list[str]) -> None:
    person.room = room
    room.people.add(person)
    person.socket.join(room.name)
    for message in room.history:
        if message.id not in known:
            person.socket.emit("message", message)
    tell_presence(room)


def leave(person: Person) -> None:
    room, person.room = person.room, None
    if room is not None:
        room.people.discard(person)
        person.socket.leave(room.name)
        tell_presence(room)


def forget(person: Person) -> None:
    del people[unique(person.name)]
    leave(person)


def tell_presence(room: Room) -> None:
    io.to(room.name).emit("people", room.names())
    io.emit("rooms", {room.name: len(room.people) for room in rooms.values()})


def presentable(name: str) -> str:
    """`name` without superfluous space; refuses what cannot be shown."""
    name = " ".join(unicodedata.normalize("NFC", name).split())
    if not 1 <= len(name) <= 24 or not name.isprintable():
        raise ConnectionRefused("A name has 1 to 24 characters that can be seen.")
    return name


def unique(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def room_named(name: str) -> Room:
    if name not in rooms:
        raise EventError("no_room", "There is no such room.")
    return rooms[name]


# --- Talking


@io.on("say")
async def say(socket: Socket, said: Say) -> Receipt:
    room = room_named(said.room)
    if not said.text.strip() and not said.image:
        raise EventError("empty", "This message is empty.")
    if said.image and len(said.image) > MAX_IMAGE:
        raise EventError("too_large", "This image is too large.")
    if said.image and not is_image(said.image):
        raise EventError("not_an_image", "This is not a PNG, JPEG, GIF, WebP or AVIF image.")

    message = room.find(said.id)
    if message is None:  # otherwise only the acknowledgement was lost
        person: Person = socket.data["person"]
        message = room.remember(said.id, person.name, said.text, said.image)
        socket.to(room.name).emit("message", message)
        socket.except_(room.name).emit("activity", room.name)
    return Receipt(message.at)


@io.on("typing")
async def typing(socket: Socket) -> None:
    person: Person = socket.data["person"]
    if person.room is not None:
        socket.to(person.room.name).emit("typing", person.name)


def is_image(data: bytes) -> bool:
    """Whether `data` begins like an image that browsers show and that cannot contain scripts."""
    return (
        data.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a"))
        or (data.startswith(b"RIFF") and data[8:12] == b"WEBP")
        or (data[4:8] == b"ftyp" and b"avif" in data[8:40])
    )


# --- The page

HERE = Path(__file__).parent

pages = Pages(
    {
        "/": HERE / "static" / "index.html",
        "/chat.js": HERE / "static" / "chat.js",
        "/style.css": HERE / "static" / "style.css",
        "/icon.svg": HERE / "static" / "icon.svg",
    }
)
app = io.asgi(pages)  # for other ASGI servers, and for the arcwire command


def main() -> None:
    parser = argparse.ArgumentParser(description="A chat with rooms on Arcwire.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=os.environ.get("PORT", "3000"), help="default: $PORT, else 3000"
    )
    options = parser.parse_args()
    io.run(pages, host=options.host, port=options.port)


if __name__ == "__main__":
    main()
