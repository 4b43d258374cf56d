"""The terminal: a prompt, what is typed there, and what comes meanwhile."""

import asyncio
import itertools
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from prompt_toolkit.history import History
from prompt_toolkit.input import Input
from prompt_toolkit.output import Output
from prompt_toolkit.patch_stdout import patch_stdout
from prompt_toolkit.utils import get_cwidth

from arcwire.cli.failures import ExitCode, failure
from arcwire.cli.terminal.commands import COMMANDS, Commands, topics
from arcwire.cli.terminal.line import CommandLine, EmitLine, Line, LineFault, NamespaceLine, parse_line
from arcwire.cli.terminal.prompt import Prompt
from arcwire.cli.terminal.rendering import Fragments, style
from arcwire.cli.terminal.screen import Screen
from arcwire.cli.terminal.status import Status
from arcwire.cli.terminal.vocabulary import Vocabulary
from arcwire.cli.terminal.watching import Watched
from arcwire.errors import ArcwireError
from arcwire.socketio.client import Client, StateName, StreamedEvent

MAX_QUESTIONS = 1_000
"""Events that may wait for `.answer`."""

_POINTED = 80  # characters of a line within which a mark shows where it is wrong

LATENCY_INTERVAL = 3.0
"""Seconds between two looks at how long the way to the server is."""


class Terminal:
    """A client that is used by typing."""

    def __init__(
        self,
        client: Client,
        *,
        history: History,
        timeout: float,
        input: Input | None = None,
        output: Output | None = None,
    ) -> None:
        self.client = client
        self.timeout = timeout
        """Seconds to wait for acknowledgements."""
        self.screen = Screen(output)
        self.vocabulary = Vocabulary(commands={name: each.about for name, each in COMMANDS.items()})
        self.vocabulary.topics.update(topics(self))
        url = client.manager.url
        self.status = Status(address=urlsplit(url).netloc.rpartition("@")[2] or url)
        self.questions: dict[int, StreamedEvent] = {}
        self.prompt = Prompt(self.vocabulary, history, self._render_status, input=input, output=output)
        self.ended = False
        self._history = history
        self._numbers = itertools.count(1)
        self._commands = Commands(self)
        self._tasks: set[asyncio.Task[None]] = set()
        self._watched: dict[str, Watched] = {}
        self.current: Watched

    # -- for its parts --------------------------------------------------------------------

    def watch(self, namespace: str) -> Watched:
        """A namespace, shown from its first use on."""
        socket = self.client.of(namespace)
        name = socket.namespace.name
        if name not in self._watched:
            self._watched[name] = Watched(self, socket)
            self.vocabulary.namespaces.setdefault(name, "")
        return self._watched[name]

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something beside the prompt, at most until the end."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def keep_question(self, event: StreamedEvent) -> int:
        """An event wants an answer: its number."""
        number = next(self._numbers)
        self.questions[number] = event
        if len(self.questions) > MAX_QUESTIONS:
            del self.questions[next(iter(self.questions))]
        return number

    def say(self, text: str, kind: str = "note") -> None:
        """Print a line of our own."""
        self.screen.print(style(kind, text))

    def redraw(self) -> None:
        """The status has changed."""
        self.prompt.redraw()

    # -- life -------------------------------------------------------------------------------

    async def run(self) -> int:
        """Until the user ends it. Cancelling it restores the terminal."""
        for line in self._history.load_history_strings():
            self.vocabulary.learn(line)
        self.current = self.watch(self.client.socket.namespace.name)
        self.say("Ctrl-D ends, .help shows what can be typed")
        try:
            with patch_stdout(raw=True):
                self.current.connect()
                self.start(self._measure())
                await self._read()
        finally:
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.screen.flush()
        return ExitCode.OK

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.say(f"this should not happen: {error!r}", "error")

    async def _read(self) -> None:
        impatient = False
        while not self.ended:
            try:
                text = await self.prompt.ask(self.current.name)
            except EOFError:
                return
            except KeyboardInterrupt:
                if self.prompt.text:
                    continue
                if impatient:
                    return
                impatient = True
                self.say("Ctrl-C again or Ctrl-D ends")
                continue
            impatient = False
            self.execute(text)

    def execute(self, text: str) -> None:
        """Do what a line says; what is wrong with it is shown."""
        line = None
        try:
            line = parse_line(text)
            if isinstance(line, CommandLine):
                self._echo(text)
            if line is not None:
                self._do(line)
        except LineFault as fault:
            if line is None:
                self._echo(text)
            self._show_fault(text, fault)
        except ArcwireError as error:
            self.say(failure(error).message, "error")
        except (TypeError, ValueError) as error:
            self.say(str(error), "error")

    def _do(self, line: Line) -> None:
        match line:
            case CommandLine():
                self._commands.execute(line)
            case NamespaceLine(namespace=namespace):
                self._commands.use(namespace)
            case EmitLine():
                watched = self.current
                if line.namespace is not None:
                    watched = self.watch(line.namespace)
                    if not watched.socket.active:
                        watched.connect()
                watched.emit(line)

    def _echo(self, text: str) -> None:
        self.say(f"{self.current.name}> {_flat(text)}")

    def _show_fault(self, text: str, fault: LineFault) -> None:
        if len(text) <= _POINTED:
            before = f"{self.current.name}> {_flat(text[: fault.position])}"
            self.say(" " * get_cwidth(before) + "^", "error")
        self.say(fault.message, "error")

    async def _measure(self) -> None:
        """Keep the latency."""
        while True:
            connection = self.client.manager.connection
            measure = getattr(connection, "measure_latency", None)
            latency = None
            if measure is not None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LATENCY_INTERVAL):
                        latency = await measure()
            self.status.latency = latency
            await asyncio.sleep(LATENCY_INTERVAL if latency is not None else 0.2)

    def _render_status(self) -> Fragments:
        status, socket = self.status, self.current.socket
        status.state = socket.state.name
        status.transport = socket.transport
        if status.state is not StateName.OPEN:
            status.latency = None
        status.namespaces = [(name, each.socket.connected) for name, each in self._watched.items()]
        return status.render()


def _flat(text: str) -> str:
    """On one line, and without what a terminal would obey."""
    return "".join(character if character.isprintable() else " " for character in text)
