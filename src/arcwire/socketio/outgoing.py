"""Events on their way to sockets."""

from collections.abc import Sequence

from arcwire.engineio.link import PreparedMessage
from arcwire.socketio.protocol.codec import Codec


class OutgoingEvent:
    """An event for any number of sockets, encoded once for all.

    `messages` are those of its packet, in order; `name` and `args` are what was emitted.
    """

    __slots__ = ("args", "messages", "name")

    def __init__(self, name: str, args: tuple[object, ...], messages: Sequence[PreparedMessage]) -> None:
        self.name = name
        self.args = args
        self.messages = messages


def encode(
    codec: Codec,
    namespace: str,
    name: str,
    args: tuple[object, ...],
    id: int | None = None,
    *,
    compress: bool = True,
) -> OutgoingEvent:
    """Encode an event. Raises TypeError or ValueError for arguments that the codec has no form for."""
    payload, attachments = codec.encode_event(namespace, name, args, id)
    return OutgoingEvent(name, args, prepare(codec, payload, attachments, compress=compress))


def prepare(
    codec: Codec, payload: bytes, attachments: list[bytes] | None, *, compress: bool = True
) -> list[PreparedMessage]:
    """The messages of one packet, for many links or for later."""
    messages = [PreparedMessage(payload, binary=codec.binary, compress=compress)]
    if attachments:
        messages += [PreparedMessage(each, binary=True, compress=compress) for each in attachments]
    return messages
