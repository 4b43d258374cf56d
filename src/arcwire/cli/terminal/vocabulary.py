"""What has been seen in a terminal, and what may therefore come next in a line."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from arcwire.cli.terminal.line import OPTIONS
from arcwire.cli.terminal.rendering import render_event

MAX_EVENTS = 1_000
"""Names that are remembered: a server may use any number."""

_EVENT_IN_LINE = re.compile(r'\s*(?:/\S*\s+)?("(?:[^"\\]|\\.)*"|[^\s."/-]\S*)')
_OPTION_AT_END = re.compile(r"(?:^|\s)(-[^\s\d]*)$")
_FILE_AT_END = re.compile(r"(?:^|\s)(?:text|bytes|)@(?P<path>\S*)$")


@dataclass(frozen=True)
class Candidate:
    """A way to go on: `text` replaces the last `replaces` characters before the cursor."""

    text: str
    replaces: int
    about: str = ""
    display: str | None = None


@dataclass
class Vocabulary:
    """The names that a user may want to type."""

    commands: dict[str, str] = field(default_factory=dict)
    """What there is after a dot, and what it does."""
    topics: dict[str, Callable[[], list[str]]] = field(default_factory=dict)
    """Gives the words that a command may be followed by, by the command's name."""
    namespaces: dict[str, str] = field(default_factory=lambda: {"/": ""})
    """Names, and what is known of each."""
    _events: dict[str, str] = field(default_factory=dict)

    @property
    def events(self) -> list[str]:
        """The names of events, those of the last ones first."""
        return list(reversed(self._events))

    def saw(self, event: str, about: str) -> None:
        """An event came or went."""
        self._events.pop(event, None)
        self._events[event] = about
        if len(self._events) > MAX_EVENTS:
            del self._events[next(iter(self._events))]

    def learn(self, line: str) -> None:
        """Take the event's name from a line that was typed once."""
        found = _EVENT_IN_LINE.match(line)
        if found is not None and not found[1].startswith('"'):
            self.saw(found[1], "from the history")

    def complete(self, text: str) -> Iterator[Candidate]:
        """What may come next, where `text` is the line up to the cursor."""
        start = text.lstrip()
        if start.startswith("."):
            yield from self._after_dot(start[1:])
            return
        namespace, space, rest = start.partition(" ")
        if namespace.startswith("/"):
            if not space:
                yield from _matching(namespace, self.namespaces)
                return
            start = rest.lstrip()
        event, space, rest = start.partition(" ")
        if not space and not start.startswith('"'):
            yield from self._event(event)
        elif space and not _in_string(rest):
            yield from _argument(rest)

    def _after_dot(self, text: str) -> Iterator[Candidate]:
        name, space, rest = text.partition(" ")
        if not space:
            yield from _matching(name, self.commands)
        elif name in self.topics and " " not in rest.lstrip():
            yield from _matching(rest.lstrip(), dict.fromkeys(self.topics[name](), ""))

    def _event(self, begun: str) -> Iterator[Candidate]:
        for event in self.events:
            if event.startswith(begun) and event != begun:
                yield Candidate(render_event(event), len(begun), self._events[event])


def _matching(begun: str, names: dict[str, str]) -> Iterator[Candidate]:
    for name, about in names.items():
        if name.startswith(begun) and name != begun:
            yield Candidate(name, len(begun), about)


def _argument(text: str) -> Iterator[Candidate]:
    if (found := _FILE_AT_END.search(text)) is not None:
        yield from _paths(found["path"])
        return
    if (option := _OPTION_AT_END.search(text)) is not None:
        yield from _matching(option[1], OPTIONS)


def _paths(begun: str) -> Iterator[Candidate]:
    folder, name = os.path.split(begun)
    try:
        entries = sorted(os.scandir(os.path.expanduser(folder) or "."), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if not entry.name.startswith(name) or (entry.name.startswith(".") and not name):
            continue
        if " " in entry.name or '"' in entry.name:
            continue
        end = "/" if entry.is_dir() else ""
        yield Candidate(entry.name + end, len(name), "", entry.name + end)


def _in_string(text: str) -> bool:
    """Whether the text ends inside of a JSON string."""
    return re.sub(r"\\.", "", text).count('"') % 2 == 1
