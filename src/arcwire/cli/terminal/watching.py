"""One namespace in the terminal: shows its events and states, and what becomes of what is emitted."""

import asyncio
import time
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from arcwire.cli.failures import failure, is_error_answer
from arcwire.cli.states import describe
from arcwire.cli.terminal.line import EmitLine
from arcwire.cli.terminal.rendering import (
    Fragment,
    render_duration,
    render_event,
    render_time,
    render_values,
    style,
)
from arcwire.errors import ArcwireError
from arcwire.socketio.acks import SingleAnswer
from arcwire.socketio.client import ClientSocket, EventStream, State, StateName, StreamedEvent

if TYPE_CHECKING:
    from arcwire.cli.terminal.terminal import Terminal

_WAITING = 10_000


class Watched:
    """A socket whose doings are shown."""

    def __init__(self, terminal: "Terminal", socket: ClientSocket) -> None:
        self.socket = socket
        self.name = socket.namespace.name
        self._terminal = terminal
        self._events: asyncio.Task[None] | None = None
        self._states = terminal.start(self._show_states())

    def connect(self) -> None:
        """Connect, now where the next attempt is waited for."""
        if self._events is None or self._events.done():
            stream = self.socket.events(limit=_WAITING, overflow="drop_oldest")
            self._events = self._terminal.start(self._show_events(stream))
        self.socket.connect(retry=True)

    # -- what is typed ------------------------------------------------------------------

    def emit(self, line: EmitLine) -> None:
        """Emit, and show that. Raises TypeError, ValueError, ArcwireError."""
        terminal, socket = self._terminal, self.socket
        if not socket.active:
            raise ArcwireError(f"{self.name} is not connected: .connect does that")
        began = time.perf_counter()
        waits = "" if socket.connected or line.volatile else "  (waits for the connection)"
        if line.ack:
            timeout = terminal.timeout if line.timeout is None else line.timeout
            answer = socket.timeout(timeout).emit_with_ack(line.event, *line.args)
            terminal.start(self._show_answer(line, answer, began))
        else:
            sender = socket.volatile if line.volatile else socket
            sender.emit(line.event, *line.args)
        terminal.status.sent += 1
        terminal.vocabulary.saw(line.event, "sent")
        self._show(
            style("out", f"→ {render_event(line.event)}"), *render_values(line.args), style("note", waits)
        )

    async def _show_answer(self, line: EmitLine, answer: SingleAnswer[Any], began: float) -> None:
        terminal, name = self._terminal, render_event(line.event)
        terminal.status.waiting += 1
        try:
            value = await answer
        except ArcwireError as error:
            self._show(style("error", f"✗ {name}  {failure(error).message}"))
        else:
            taken = time.perf_counter() - began
            values = value if isinstance(value, tuple) else () if value is None else (value,)
            self._show(
                style("error", f"✗ {name}") if is_error_answer(value) else style("answer", f"✓ {name}"),
                *render_values(values),
                style("note", f"  {render_duration(taken)}"),
            )
        finally:
            terminal.status.waiting -= 1
            terminal.redraw()

    # -- what happens -------------------------------------------------------------------

    async def _show_events(self, events: EventStream) -> None:
        with suppress(ArcwireError):  # the state shows it
            async for event in events:
                self._show_event(event)

    def _show_event(self, event: StreamedEvent) -> None:
        terminal = self._terminal
        terminal.status.received += 1
        terminal.vocabulary.saw(event.name, "came")
        question = ""
        if event.wants_ack:
            number = terminal.keep_question(event)
            question = f"  (wants an answer: .answer {number} VALUE…)"
        if event.name not in terminal.status.muted:
            self._show(
                style("in", f"← {render_event(event.name)}"),
                *render_values(event.content),
                style("warning", question),
            )

    async def _show_states(self) -> None:
        last = self.socket.state
        trouble = ""
        async for state in self.socket.states():
            if state.name is StateName.OPEN:
                self._show(
                    style("answer", f"● {describe(state)}"),
                    style("note", f"  {self.name} over {self.socket.transport}, id {self.socket.id}"),
                )
                trouble = ""
            elif state.name is not last.name or str(state.error) != trouble:
                # The same failure again and again is in the status alone.
                trouble = "" if state.error is None else str(state.error)
                self._show_trouble(state)
            last = state
            self._terminal.vocabulary.namespaces[self.name] = state.name
            self._terminal.redraw()

    def _show_trouble(self, state: State) -> None:
        if state.name is StateName.CONNECTING and state.error is None:
            self._show(style("note", f"◌ connecting to {self.name}"))
        elif state.name is StateName.CLOSED:
            self._show(style("error", f"○ {describe(state)}"), style("note", "  (.connect tries again)"))
        else:
            self._show(style("warning", f"◌ {describe(state)}"))

    def _show(self, *fragments: Fragment) -> None:
        where = [] if self is self._terminal.current else [style("namespace", f"{self.name} ")]
        self._terminal.screen.print(render_time(datetime.now()), *where, *fragments)
