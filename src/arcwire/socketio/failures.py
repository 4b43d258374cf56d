"""Exceptions of the application's functions: told to its error handlers, or logged."""

import logging
from collections.abc import Callable
from typing import Any

from arcwire.errors import EventError
from arcwire.socketio.callables import describe
from arcwire.socketio.handlers import Ack
from arcwire.socketio.recipient import Recipient
from arcwire.socketio.signature import Signature

logger = logging.getLogger("arcwire.socketio")

_INTERNAL = EventError("internal")


def read_error_handler(handler: Callable[..., Any], markers: dict[type, str]) -> Signature:
    """Read the signature of an error handler. Raises TypeError."""
    markers = {BaseException: "error", **markers}
    signature = Signature(handler, where="on_error", markers=markers, leading=("error",))
    if len(signature.slots) > 3:
        raise TypeError(
            f"on_error calls {describe(handler)} with the error, the socket and the event; it wants more"
        )
    return signature


async def explain(socket: Recipient, error: Exception, event: str, what: str) -> EventError:
    """Tell the error handlers of an exception, or log it; what the client gets for an answer.

    The namespace's handlers, or if it has none the server's. `event` is the name of the event, or
    "connect" or "disconnect"; `what` failed, for the log.
    """
    handlers = socket.namespace.error_handlers or socket.server.error_handlers
    if not handlers:
        logger.error("%s failed for %r", what, socket, exc_info=error)
    answer = _INTERNAL
    for handler in handlers:
        args = (error, socket, event)
        try:
            await socket.namespace.call(
                handler, args if handler.rest is not None else args[: len(handler.slots)]
            )
        except EventError as chosen:
            answer = chosen
        except Exception:
            logger.exception("an error handler failed for %r of %r", error, socket)
    return answer


async def refuse(socket: Recipient, ack: Ack, error: EventError, event: str) -> None:
    """Answer with an error of the application."""
    try:
        ack.fail(error.code, error.message or None, data=error.data)
    except (TypeError, ValueError) as wrong:
        await explain(socket, wrong, event, f"the data of {error!r} for event {event!r}")
        ack.fail(_INTERNAL.code)
