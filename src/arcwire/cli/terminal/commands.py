"""What the terminal itself is told: lines that begin with a dot."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prompt_toolkit.shortcuts import clear

from arcwire.cli.terminal.line import (
    OPTIONS,
    CommandLine,
    LineFault,
    parse_seconds,
    parse_values,
    scan_event,
    skip_space,
)
from arcwire.cli.terminal.rendering import render_event, render_values, style

if TYPE_CHECKING:
    from arcwire.cli.terminal.terminal import Terminal


@dataclass(frozen=True)
class Command:
    """One of them: what it takes, and what it does."""

    usage: str
    about: str


COMMANDS: Mapping[str, Command] = {
    "help": Command("", "show this"),
    "use": Command("NAMESPACE [AUTH]", "change to a namespace, and connect to it"),
    "leave": Command("[NAMESPACE]", "disconnect from a namespace, and change back to /"),
    "connect": Command("", "connect, or try again now"),
    "disconnect": Command("", "disconnect; nothing comes until .connect"),
    "auth": Command("JSON", "what the namespace is told at the next connection"),
    "answer": Command("N [VALUE…]", "acknowledge the event with this number"),
    "mute": Command("EVENT…", "do not show these events"),
    "unmute": Command("[EVENT…]", "show them again"),
    "timeout": Command("SECONDS", "how long to wait for acknowledgements"),
    "info": Command("", "show the connection"),
    "clear": Command("", "clear the screen"),
    "quit": Command("", "end; so does Ctrl-D"),
}

_SYNTAX = (
    ('say "hello" {"to": [1, 2]}', "emit an event with values in JSON"),
    ('"two words" 1', "a name with spaces, or one that begins with . / or --"),
    ("/admin say 1", "emit in another namespace; /admin alone changes to it"),
    ("put @a.json text@b bytes@c", 'values in files; {"$bytes": "AAEC"} is bytes in base64'),
)


def topics(terminal: "Terminal") -> dict[str, Callable[[], list[str]]]:
    """What completion offers after a command."""
    return {
        "use": lambda: list(terminal.vocabulary.namespaces),
        "leave": lambda: list(terminal.vocabulary.namespaces),
        "answer": lambda: [str(number) for number in terminal.questions],
        "mute": lambda: [render_event(each) for each in terminal.vocabulary.events],
        "unmute": lambda: [render_event(each) for each in sorted(terminal.status.muted)],
    }


class Commands:
    """Does what the lines say."""

    def __init__(self, terminal: "Terminal") -> None:
        self._terminal = terminal

    def execute(self, line: CommandLine) -> None:
        """Raises LineFault, ArcwireError, ValueError."""
        name = line.name
        if name not in COMMANDS:
            close = [each for each in COMMANDS if name and each.startswith(name)]
            if len(close) != 1:
                raise LineFault(f"there is no command .{name}; .help shows those that there are", 0)
            name = close[0]
        method: Callable[[CommandLine], None] = getattr(self, f"_{name}")
        method(line)

    def use(self, namespace: str, auth: object = None) -> None:
        """Change to a namespace, and connect to it."""
        terminal = self._terminal
        watched = terminal.watch(namespace)
        if auth is not None:
            watched.socket.auth = auth  # type: ignore[assignment]  # parsed as an object
        terminal.current = watched
        if not watched.socket.active:
            watched.connect()

    # -- the commands ---------------------------------------------------------------------

    def _help(self, line: CommandLine) -> None:
        rows = [*_SYNTAX, *(("  " + name, about) for name, about in OPTIONS.items())]
        rows += [(f".{name} {each.usage}".rstrip(), each.about) for name, each in COMMANDS.items()]
        width = max(len(text) for text, _ in rows)
        for text, about in rows:
            self._terminal.screen.print(("", f"  {text.ljust(width)}"), style("note", f"  {about}"))

    def _use(self, line: CommandLine) -> None:
        namespace, auth = self._namespace(line)
        if namespace is None:
            raise LineFault(f".use {COMMANDS['use'].usage}: the namespace is missing", line.offset)
        self.use(namespace, auth)

    def _leave(self, line: CommandLine) -> None:
        terminal = self._terminal
        namespace, auth = self._namespace(line)
        if auth is not None:
            raise LineFault(".leave takes a namespace only", line.offset)
        watched = terminal.current if namespace is None else terminal.watch(namespace)
        watched.socket.disconnect()
        if watched is terminal.current:
            terminal.current = terminal.watch(terminal.client.socket.namespace.name)

    def _connect(self, line: CommandLine) -> None:
        self._nothing(line)
        self._terminal.current.connect()

    def _disconnect(self, line: CommandLine) -> None:
        self._nothing(line)
        self._terminal.current.socket.disconnect()

    def _auth(self, line: CommandLine) -> None:
        values = parse_values(line.rest, line.offset)
        if len(values) != 1 or not isinstance(values[0], dict):
            raise LineFault('.auth takes an object, for example {"token": "..."}', line.offset)
        self._terminal.current.socket.auth = values[0]
        self._terminal.say("it counts from the next connection on: .disconnect, .connect")

    def _answer(self, line: CommandLine) -> None:
        terminal = self._terminal
        word, _, rest = line.rest.partition(" ")
        number = int(word) if word.isdecimal() else 0
        event = terminal.questions.get(number)
        if event is None:
            raise LineFault(f"no event with the number {word or 'that is missing'} waits", line.offset)
        values = parse_values(rest, line.offset + len(word) + 1)
        event.answer(*values)
        del terminal.questions[number]
        terminal.screen.print(
            style("out", f"→ answer to {number} {render_event(event.name)}"), *render_values(values)
        )

    def _mute(self, line: CommandLine) -> None:
        events = self._events(line)
        if not events:
            raise LineFault(".mute takes the names of events", line.offset)
        self._terminal.status.muted |= events

    def _unmute(self, line: CommandLine) -> None:
        events = self._events(line)
        muted = self._terminal.status.muted
        self._terminal.status.muted -= events or set(muted)

    def _timeout(self, line: CommandLine) -> None:
        self._terminal.timeout = parse_seconds(line.rest, line.offset)

    def _info(self, line: CommandLine) -> None:
        self._nothing(line)
        terminal = self._terminal
        socket, connection = terminal.current.socket, terminal.client.manager.connection
        rows = {"server": terminal.client.manager.url, "namespace": terminal.current.name}
        rows |= {"state": str(socket.state.name), "id": str(socket.id)}
        if connection is not None:
            rows |= {
                "transport": connection.transport,
                "protocol": str(connection.protocol),
                "largest message": f"{connection.max_payload:,} bytes"
                if connection.max_payload
                else "no limit",
            }
            for name, attribute in (("ping interval", "ping_interval"), ("ping timeout", "ping_timeout")):
                if (value := getattr(connection, attribute, None)) is not None:
                    rows[name] = f"{value:g} s"
        rows["recovered"] = "yes" if socket.recovered else "no"
        for name, value in rows.items():
            terminal.screen.print(style("note", f"  {name.ljust(17)}"), ("", value))

    def _clear(self, line: CommandLine) -> None:
        self._nothing(line)
        clear()

    def _quit(self, line: CommandLine) -> None:
        self._nothing(line)
        self._terminal.ended = True

    # -- what they take ---------------------------------------------------------------------

    def _nothing(self, line: CommandLine) -> None:
        if line.rest:
            raise LineFault(f".{line.name} takes nothing more", line.offset)

    def _namespace(self, line: CommandLine) -> tuple[str | None, object]:
        word, _, rest = line.rest.partition(" ")
        if not word:
            return None, None
        if not word.startswith("/"):
            raise LineFault("the name of a namespace begins with /", line.offset)
        values = parse_values(rest, line.offset + len(word) + 1)
        if len(values) > 1 or not all(isinstance(value, dict) for value in values):
            raise LineFault(
                'the auth is an object, for example {"token": "..."}', line.offset + len(word) + 1
            )
        return word, values[0] if values else None

    def _events(self, line: CommandLine) -> set[str]:
        events: set[str] = set()
        position = 0
        while position < len(line.rest):
            try:
                event, end = scan_event(line.rest, position)
            except LineFault as fault:
                raise LineFault(fault.message, fault.position + line.offset) from None
            events.add(event)
            position = skip_space(line.rest, end)
        return events
