"""A server for the commands, and the commands as programs."""

import os
import subprocess
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.servers import ServerProcess, running

ARCWIRE = str(Path(sysconfig.get_path("scripts")) / "arcwire")
PATIENCE = 40.0

Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def server() -> Iterator[ServerProcess]:
    """`tests/support/cli_app.py`, served."""
    with running("uvicorn-fast", "support.cli_app:app") as process:
        yield process


@pytest.fixture
def arcwire(tmp_path: Path) -> Callable[..., Done]:
    """Runs a command to its end: `arcwire("call", url, "echo", "1", stdin="...")`."""

    def run(*arguments: str, stdin: str = "", **environment: str) -> Done:
        return subprocess.run(
            [ARCWIRE, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            cwd=tmp_path,
            env={**os.environ, **environment},
        )

    return run
