"""What a line typed into the terminal means.

    say "hi" {"to": [1, 2]}          emit: the event's name, then JSON values
    "two words" 1                    a name with spaces, or one that begins with . / " or --, is quoted
    ask 1 --ack                      ... and wait for the acknowledgement
    ask 1 --ack=2.5                  ... at most 2.5 seconds
    cursor 10 20 --volatile          drop it if it cannot be sent now
    /admin say "hi"                  in another namespace; /admin alone changes to it
    upload bytes@photo.png           a file: @FILE is its JSON, text@FILE a string, bytes@FILE bytes
    .help                            commands begin with a dot

Options may stand anywhere after the name. No JSON value begins with `--`, `@` or a letter other than those of
true, false and null, so nothing here is ambiguous.
"""

from dataclasses import dataclass
from typing import Any, NoReturn

from arcwire.cli.values import Read, ValueFault, read_file, scan_argument, scan_json

OPTIONS = {
    "--ack": "wait for the acknowledgement; --ack=SECONDS sets the limit",
    "--volatile": "drop it if it cannot be sent now",
}


class LineFault(Exception):
    """A line that means nothing. `position` is where the fault is, from 0."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


@dataclass(frozen=True, kw_only=True)
class EmitLine:
    """An event to emit."""

    event: str
    args: tuple[Any, ...] = ()
    namespace: str | None = None
    """None is the current one."""
    ack: bool = False
    timeout: float | None = None
    """Seconds to wait for the acknowledgement; None is the usual."""
    volatile: bool = False


@dataclass(frozen=True, kw_only=True)
class CommandLine:
    """A command to the terminal itself."""

    name: str
    rest: str = ""
    """What follows the name, without the spaces around it."""
    offset: int = 0
    """Where `rest` begins in the line."""


@dataclass(frozen=True, kw_only=True)
class NamespaceLine:
    """The namespace to change to."""

    namespace: str


Line = EmitLine | CommandLine | NamespaceLine


def parse_line(text: str, read: Read = read_file) -> Line | None:
    """What the line means; None if it is empty. Raises LineFault."""
    start = skip_space(text, 0)
    if start == len(text):
        return None
    if text[start] == ".":
        end = _word_end(text, start)
        rest = skip_space(text, end)
        return CommandLine(name=text[start + 1 : end], rest=text[rest:].rstrip(), offset=rest)
    namespace = None
    if text[start] == "/":
        end = _word_end(text, start)
        namespace = text[start:end]
        start = skip_space(text, end)
        if start == len(text):
            return NamespaceLine(namespace=namespace)
    event, end = scan_event(text, start)
    return _Arguments(text, read).emit(event, end, namespace)


def parse_values(text: str, offset: int = 0, read: Read = read_file) -> tuple[Any, ...]:
    """The values of a command that takes no options; `offset` is where `text` begins in its line."""
    try:
        line = _Arguments(text, read, options=False).emit("", 0, None)
    except LineFault as fault:
        raise LineFault(fault.message, fault.position + offset) from None
    return line.args


class _Arguments:
    """Values and options, one after another."""

    def __init__(self, text: str, read: Read, *, options: bool = True) -> None:
        self._text = text
        self._read = read
        self._options = options
        self._args: list[Any] = []
        self._ack = False
        self._timeout: float | None = None
        self._volatile = False

    def emit(self, event: str, position: int, namespace: str | None) -> EmitLine:
        text = self._text
        while (start := skip_space(text, position)) < len(text):
            if self._options and text.startswith("--", start):
                position = _word_end(text, start)
                self._option(text[start:position], start)
            else:
                position = self._value(start)
        if self._ack and self._volatile:
            self._fault("a volatile event that is dropped has no acknowledgement: --ack or --volatile", 0)
        return EmitLine(
            event=event,
            args=tuple(self._args),
            namespace=namespace,
            ack=self._ack,
            timeout=self._timeout,
            volatile=self._volatile,
        )

    def _value(self, start: int) -> int:
        text = self._text
        try:
            value, end = scan_argument(text, start, self._read)
        except ValueFault as fault:
            raise LineFault(fault.message, fault.position) from None
        if end < len(text) and not text[end].isspace():
            self._fault("values are separated by spaces", end)
        self._args.append(value)
        return end

    def _option(self, word: str, start: int) -> None:
        name, equals, given = word.partition("=")
        if name == "--volatile" and not equals:
            self._volatile = True
        elif name == "--ack":
            self._ack = True
            if equals:
                self._timeout = parse_seconds(given, start + len(name) + 1)
        else:
            self._fault(f"there is no option {word}; there are {' and '.join(OPTIONS)}", start)

    def _fault(self, message: str, position: int) -> NoReturn:
        raise LineFault(message, position)


def parse_seconds(text: str, position: int) -> float:
    """A duration above 0. Raises LineFault."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise LineFault(f"{text or 'nothing'} is no number of seconds above 0", position)
    return seconds


def scan_event(text: str, start: int) -> tuple[str, int]:
    """The name of an event that begins at `start`, and where it ends. Raises LineFault."""
    if text[start] != '"':
        end = _word_end(text, start)
        if text.startswith("--", start):
            raise LineFault("the name of an event comes first", start)
        return text[start:end], end
    try:
        event, end = scan_json(text, start)
    except ValueFault as fault:
        raise LineFault(fault.message, fault.position) from None
    if end < len(text) and not text[end].isspace():
        raise LineFault("a space is missing after the name of the event", end)
    return event, end


def skip_space(text: str, position: int) -> int:
    """Where the next word begins."""
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _word_end(text: str, position: int) -> int:
    while position < len(text) and not text[position].isspace():
        position += 1
    return position
