"""What the chat knows: who is in which room, and what was said there last."""

import time
from collections import deque

from msgspec import Struct

from arcwire import Socket

HISTORY_LENGTH = 50
HISTORY_BYTES = 8_000_000
"""Pictures kept per room; older messages go first."""


class Message(Struct, frozen=True):
    """What was said. `id` is its author's choice, `at` the server's time in milliseconds."""

    id: str
    room: str
    by: str
    at: int
    text: str
    image: bytes | None


class Person:
    """Somebody with a name, at one page. `key` proves that a new connection comes from the same page."""

    def __init__(self, name: str, key: str, socket: Socket) -> None:
        self.name = name
        self.key = key
        self.socket = socket
        self.room: Room | None = None


class Room:
    """The people in a room, and its last messages."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.people: set[Person] = set()
        self.history: deque[Message] = deque()

    def names(self) -> list[str]:
        """Who is here, in alphabetical order."""
        return sorted((person.name for person in self.people), key=str.casefold)

    def find(self, message_id: str) -> Message | None:
        """The message of that id, unless it is forgotten."""
        return next((message for message in self.history if message.id == message_id), None)

    def remember(self, message_id: str, by: str, text: str, image: bytes | None) -> Message:
        """Add what is said now, and forget what is beyond the bounds."""
        message = Message(message_id, self.name, by, time.time_ns() // 1_000_000, text, image)
        self.history.append(message)
        while len(self.history) > HISTORY_LENGTH or self._image_bytes() > HISTORY_BYTES:
            self.history.popleft()
        return message

    def _image_bytes(self) -> int:
        return sum(len(message.image or b"") for message in self.history)
