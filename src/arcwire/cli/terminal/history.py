"""The lines of earlier sessions."""

import os
from pathlib import Path

from prompt_toolkit.history import FileHistory, History, InMemoryHistory

from arcwire.cli.failures import CommandError, ExitCode


def default_history() -> Path:
    """Where lines are kept unless told otherwise (XDG Base Directory Specification)."""
    state = os.environ.get("XDG_STATE_HOME", "")
    folder = Path(state) if os.path.isabs(state) else Path.home() / ".local" / "state"
    return folder / "arcwire" / "history"


def open_history(path: Path | None) -> History:
    """The history in a file, which only its owner may read; None keeps none. Raises CommandError."""
    if path is None:
        return InMemoryHistory()
    path = path.expanduser()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Lines may hold tokens.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
    except OSError as error:
        raise CommandError(
            f"the history cannot be kept in {path}: {error.strerror}; --no-history keeps none", ExitCode.USAGE
        ) from None
    return DiscreetHistory(str(path))


class DiscreetHistory(FileHistory):
    """A history that leaves out lines that begin with a space, as shells do."""

    def store_string(self, string: str) -> None:
        """See `History`."""
        if not string.startswith(" "):
            super().store_string(string)
