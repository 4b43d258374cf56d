"""From a packet that arrived to the handlers of its event, and back to an answer."""

import asyncio
import logging
from functools import partial
from typing import Any

from arcwire.errors import EventError
from arcwire.socketio.decoding import InvalidPayload
from arcwire.socketio.failures import explain, refuse
from arcwire.socketio.handlers import Ack, EventHandler
from arcwire.socketio.lanes import Job, Lane
from arcwire.socketio.protocol.json_codec import decode_json
from arcwire.socketio.protocol.packet import Packet
from arcwire.socketio.protocol.reasons import DisconnectReason
from arcwire.socketio.recipient import Recipient
from arcwire.socketio.signature import Signature
from arcwire.socketio.tasks import start

logger = logging.getLogger("arcwire.socketio")


def dispatch(socket: Recipient, packet: Packet, ack: Ack | None = None) -> None:
    """Start the handlers of an event, those of the namespace first. Raises PacketError.

    `ack` is given when somebody has taken the acknowledgement already.
    """
    handlers, own = socket.namespace.event_handlers, socket.event_handlers
    handler = handlers.plain.get(packet.name)
    if own is not None and packet.name in own:
        handler = None if packet.name in handlers else own.plain.get(packet.name)
    if handler is None or ack is not None:
        _dispatch_to_all(socket, packet, ack)
        return
    # Nearly every event comes this way: its handler's coroutine is started as it is.
    try:
        args = handler.bind(packet, socket, None)
    except InvalidPayload as error:
        _reject(socket, packet.name, error, None if packet.id is None else Ack(socket, packet.id, 1))
        return
    task = start(socket.server.loop, handler.function(*args))
    if task.done():
        _finish(socket, packet.name, packet.id, task)
    else:
        socket.server.own(task, socket)
        task.add_done_callback(partial(_finish, socket, packet.name, packet.id))


def _dispatch_to_all(socket: Recipient, packet: Packet, ack: Ack | None) -> None:
    handlers = socket.namespace.event_handlers.take(packet.name)
    if socket.event_handlers is not None:
        handlers += socket.event_handlers.take(packet.name)
    if not handlers:
        _answer_unknown(socket, packet, ack)
        return
    if ack is not None:
        ack.expect(len(handlers))
    elif packet.id is not None:
        ack = Ack(socket, packet.id, len(handlers))
    for handler in handlers:
        if handler.takes_ack:
            ack = _taken(socket, ack, len(handlers))
        try:
            args = handler.bind(packet, socket, ack)
        except InvalidPayload as error:
            _reject(socket, packet.name, error, ack)
            continue
        if handler.lane is None:
            socket.server.start(_run(socket, handler, args, packet.name, ack), socket)
        else:
            _enter_lane(socket, (handler, args, packet.name, ack))


def _finish(socket: Recipient, event: str, id: int | None, task: asyncio.Task[Any]) -> None:
    try:
        result = task.result()
        if id is not None:
            socket.send_ack(id, () if result is None else (result,))
    except asyncio.CancelledError:
        pass
    except Exception as error:
        ack = None if id is None else Ack(socket, id, 1)
        socket.server.start(_fail(socket, error, event, ack), socket)


def announce_end(socket: Recipient, signature: Signature, reason: DisconnectReason, description: str) -> None:
    """Start a disconnection handler."""
    socket.server.start(_run_disconnect(socket, signature, reason, description))


def _taken(socket: Recipient, ack: Ack | None, handlers: int) -> Ack:
    """The acknowledgement for a handler that answers by calling it, asked for or not."""
    if ack is None:
        ack = Ack(socket, None, handlers)
    ack.take()
    return ack


def _enter_lane(socket: Recipient, job: Job) -> None:
    handler, _, event, ack = job
    if socket.lanes is None:
        socket.lanes = {}
    lane = socket.lanes.get(handler.lane)
    if lane is None:
        lane = socket.lanes[handler.lane] = Lane(handler.limit)
    if lane.full:
        logger.warning("event %r of %r is dropped: too many wait", event, socket)
        if ack is not None:
            ack.fail("overloaded", "too many events wait for their handler")
    elif lane.enter(job):
        socket.server.start(_work(socket, lane, job), socket)


async def _work(socket: Recipient, lane: Lane, job: Job | None) -> None:
    while job is not None:
        await _run(socket, *job)
        job = lane.leave()


def _answer_unknown(socket: Recipient, packet: Packet, ack: Ack | None) -> None:
    if packet.json is not None:
        decode_json(packet.json)
    logger.debug("no handler for event %r of %r", packet.name, socket)
    if packet.id is not None and ack is None:
        message = f"nobody handles the event {packet.name!r}"
        Ack(socket, packet.id, 1).fail("unknown_event", message)


def _reject(socket: Recipient, event: str, error: InvalidPayload, ack: Ack | None) -> None:
    logger.info("event %r of %r is invalid: %s at %s", event, socket, error.message, error.path)
    if ack is not None:
        ack.fail("invalid", error.message, path=error.path)


async def _run(
    socket: Recipient, handler: EventHandler, args: tuple[Any, ...], event: str, ack: Ack | None
) -> None:
    try:
        if handler.direct:
            result = await handler.function(*args)
        else:
            result = await _call(socket, handler, args)
        if ack is not None:
            ack.finish(result)
    except Exception as error:
        await _fail(socket, error, event, ack)


async def _fail(socket: Recipient, error: Exception, event: str, ack: Ack | None) -> None:
    """A handler raised, or what it returned has no form."""
    if isinstance(error, InvalidPayload):
        _reject(socket, event, error, ack)
        return
    if isinstance(error, EventError):
        answer = error
    else:
        answer = await explain(socket, error, event, f"a handler of event {event!r}")
    if ack is not None:
        await refuse(socket, ack, answer, event)


async def _call(socket: Recipient, handler: EventHandler, args: tuple[Any, ...]) -> Any:
    """Call a handler in a thread, or with a limit. Raises EventError when its time is up."""
    limit = asyncio.timeout(handler.timeout)
    try:
        async with limit:
            if handler.is_async:
                return await handler.function(*args)
            return await socket.namespace.call_in_thread(handler.function, args)
    except TimeoutError:
        if not limit.expired():
            raise
        logger.info("a handler of %r took more than %g seconds", socket, handler.timeout)
        raise EventError("timeout", f"not done within {handler.timeout:g} seconds") from None


async def _run_disconnect(
    socket: Recipient, signature: Signature, reason: DisconnectReason, description: str
) -> None:
    args = (socket, reason, description)
    if signature.rest is None:
        args = args[: len(signature.slots)]  # type: ignore[assignment]
    try:
        await socket.namespace.call(signature, args)
    except Exception as error:
        await explain(socket, error, "disconnect", "a disconnection handler")
