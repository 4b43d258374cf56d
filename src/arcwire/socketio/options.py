"""How the handlers of one event are run."""

import msgspec

from arcwire.socketio.selection import check_timeout


class EventOptions(msgspec.Struct, frozen=True):
    """See `Registration.on`."""

    ordered: bool = False
    timeout: float | None = None
    concurrency: int | None = None


def read_options(
    where: str, *, ordered: bool, timeout: float | None, concurrency: int | None
) -> EventOptions | None:
    """Check options; None when nothing is special. Raises TypeError, ValueError."""
    if concurrency is not None:
        if ordered:
            raise TypeError(f"{where}: what is ordered runs one by one; leave out concurrency")
        if not isinstance(concurrency, int) or concurrency < 1:
            raise ValueError(f"{where}: concurrency is a number of handlers, got {concurrency!r}")
    if timeout is not None:
        check_timeout(timeout)
    options = EventOptions(bool(ordered), timeout, concurrency)
    return None if options == EventOptions() else options
