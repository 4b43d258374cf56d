"""What an acknowledgement has to carry, as the application says with `returns=`."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from arcwire.errors import InvalidAnswer
from arcwire.socketio.decoding import InvalidPayload, Parameter

Decode = Callable[[object], Any]


def answer_decoder(type_: Any) -> Decode | None:
    """What turns the value of an acknowledgement into a type, or raises InvalidAnswer.

    None for Any. Raises TypeError for a type that nothing can be decoded into.
    """
    if type_ is Any:
        return None
    try:
        return _decoder(type_)
    except TypeError as error:
        if "unhashable" in str(error):  # constraints may be
            return _decoder.__wrapped__(type_)
        raise TypeError(f"emit_with_ack cannot decode into returns={type_!r}: {error}") from None


@lru_cache(maxsize=1024)
def _decoder(type_: Any) -> Decode:
    parameter = Parameter("answer", type_)

    def decode(value: object) -> Any:
        try:
            return parameter.convert(value)
        except InvalidPayload as error:
            raise InvalidAnswer(error.message, error.path) from None

    return decode
