"""Events that somebody listens to without being their handler, or that middlewares look at first."""

import asyncio
import logging
from collections import deque
from typing import Any

from arcwire.errors import EventError
from arcwire.socketio.catch_all import Event, Listener
from arcwire.socketio.failures import explain, refuse
from arcwire.socketio.handlers import Ack
from arcwire.socketio.outgoing import OutgoingEvent
from arcwire.socketio.protocol.packet import Packet, PacketError
from arcwire.socketio.recipient import Recipient

MAX_QUEUE = 1000
"""Events of one socket that may wait for a middleware."""

logger = logging.getLogger("arcwire.socketio")


def intercept(socket: Recipient, packet: Packet) -> None:
    """An event arrived: call listeners, then middlewares, then the handlers. Raises PacketError.

    While a middleware works on an event, later ones of the socket wait, so that they keep their order.
    """
    event = Event(socket, packet)
    if socket.queue is not None:
        if len(socket.queue) >= MAX_QUEUE:
            raise PacketError("too many events before the middlewares were done")
        socket.queue.append(event)
    elif socket.hooks.all_middlewares():
        socket.queue = deque((event,))
        socket.server.start(_work_off(socket, socket.queue), socket)
    else:
        socket.handle(packet, _call_listeners(event))


def watch(socket: Recipient, event: OutgoingEvent) -> None:
    """An event was sent: call listeners."""
    for listener in socket.hooks.all_outgoing():
        args = listener.bind(event.name, event.args, socket=socket)
        socket.server.start(_run(socket, listener, args, event.name))


async def _work_off(socket: Recipient, queue: deque[Event]) -> None:
    while queue:
        event = queue.popleft()
        ack = _call_listeners(event)
        if socket.hooks.all_incoming():
            await asyncio.sleep(0)  # before Python 3.12 they start in the next tick
        if await _passes(event, ack):
            socket.handle(event.packet, ack)
    socket.queue = None
    if socket.gone:
        socket.announce_end()


def _call_listeners(event: Event) -> Ack | None:
    """The acknowledgement, if a listener took it."""
    socket: Recipient = event.socket
    ack: Ack | None = None
    for listener in socket.hooks.all_incoming():
        if listener.takes_ack:
            if ack is None:
                ack = Ack(socket, event.id, 0)
            ack.take()
        args = listener.bind(event.name, event.content, socket=socket, ack=ack)
        socket.server.start(_run(socket, listener, args, event.name))
    return ack


async def _run(socket: Recipient, listener: Listener, args: tuple[Any, ...], event: str) -> None:
    try:
        await socket.namespace.call(listener.signature, args)
    except Exception as error:
        await explain(socket, error, event, f"a listener for all events, told of {event!r},")


async def _passes(event: Event, ack: Ack | None) -> bool:
    socket: Recipient = event.socket
    fills = {"event": event, "socket": socket}
    for middleware in socket.hooks.all_middlewares():
        try:
            await socket.namespace.call(middleware, tuple(fills[slot] for slot in middleware.slots if slot))
        except EventError as error:
            refusal = error
        except Exception as error:
            refusal = await explain(socket, error, event.name, f"a middleware for event {event.name!r}")
        else:
            continue
        logger.debug("a middleware refused %r: %s", event, refusal)
        await refuse(socket, ack or Ack(socket, event.id, 1), refusal, event.name)
        return False
    return True
