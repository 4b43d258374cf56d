"""Why a server does not start."""

from arcwire.errors import ArcwireError

STARTUP_FAILURE = 3
"""uvicorn's exit code when an application does not start."""


class StartError(ArcwireError):
    """The server cannot start. `str()` is one sentence for the person who started it."""

    def __init__(self, message: str, *, exit_code: int = STARTUP_FAILURE) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        """2 for a wrong argument, 3 for what the machine or the application refuses."""
