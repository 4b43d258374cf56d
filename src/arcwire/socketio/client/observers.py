"""Who is told what becomes of a client's socket, and which streams get its events."""

import weakref
from typing import TYPE_CHECKING, Any

from arcwire.socketio.client.lifecycle import LifecycleHandler
from arcwire.socketio.client.states import State
from arcwire.socketio.client.streams import EventStream, Stream, StreamedEvent
from arcwire.socketio.handlers import Ack
from arcwire.socketio.protocol.packet import Packet

if TYPE_CHECKING:
    from arcwire.socketio.client.socket import ClientSocket


class Observers:
    """The lifecycle handlers and the streams of one socket.

    Streams are known weakly: one that nobody reads any more is gone.
    """

    __slots__ = (
        "_closed",
        "_state_streams",
        "connect",
        "connect_error",
        "disconnect",
        "event_streams",
        "held",
        "state",
    )

    def __init__(self) -> None:
        self.connect: list[LifecycleHandler] = []
        self.connect_error: list[LifecycleHandler] = []
        self.disconnect: list[LifecycleHandler] = []
        self.state: list[LifecycleHandler] = []
        self.held: set[Stream[Any]] = set()
        self.event_streams: list[weakref.ref[EventStream]] = []
        self._state_streams: list[weakref.ref[Stream[State]]] = []
        self._closed = False

    def add_events(self, stream: EventStream) -> None:
        """Events go to this stream from now on."""
        self._add(self.event_streams, stream)

    def add_states(self, stream: Stream[State]) -> None:
        """States go to this stream from now on."""
        self._add(self._state_streams, stream)

    def put_event(self, socket: "ClientSocket", packet: Packet, ack: Ack | None, handled: bool) -> Ack | None:
        """Give an event to the streams that want it; the acknowledgement that they share with handlers.

        Raises PacketError. Where no handler is, only a stream can answer.
        """
        event: StreamedEvent | None = None
        for reference in tuple(self.event_streams):
            stream = reference()
            if stream is None or (stream.names and packet.name not in stream.names):
                continue
            if event is None:
                if ack is None and packet.id is not None:
                    ack = Ack(socket, packet.id, 0)
                    if not handled:
                        ack.take()
                event = StreamedEvent(socket, packet, ack)
            stream.put(event)
        return ack

    def put_state(self, state: State) -> None:
        """Give a state to the streams."""
        for reference in tuple(self._state_streams):
            stream = reference()
            if stream is not None:
                stream.put(state)

    def end_events(self, error: Exception | None) -> None:
        """No event will follow, before the socket is told to connect."""
        _end(self.event_streams, error)

    def close(self) -> None:
        """The client is closed: nothing will follow."""
        self._closed = True
        _end(self.event_streams, None)
        _end(self._state_streams, None)

    def _add(self, streams: "list[weakref.ref[Any]]", stream: Stream[Any]) -> None:
        if self._closed:  # while another thread asked for the stream
            stream.end(None)
            return

        def forget(reference: "weakref.ref[Any]") -> None:
            if reference in streams:
                streams.remove(reference)

        streams.append(weakref.ref(stream, forget))


def _end(streams: "list[weakref.ref[Any]]", error: Exception | None) -> None:
    for reference in tuple(streams):
        stream = reference()
        if stream is not None:
            stream.end(error)
    streams.clear()
