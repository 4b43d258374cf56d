"""Commands whose standard streams are closed or full, as shells make them."""

import shlex
import subprocess

import pytest

from cli.conftest import ARCWIRE, PATIENCE
from support.servers import ServerProcess, free_port

pytestmark = pytest.mark.timeout(120)


def shell(command: str, url: str) -> subprocess.CompletedProcess[str]:
    """Run `arcwire` with redirections; URL stands for the server."""
    line = f"{shlex.quote(ARCWIRE)} {command.replace('URL', url)}"
    return subprocess.run(
        ["/bin/sh", "-c", line], capture_output=True, text=True, timeout=PATIENCE, check=False
    )


@pytest.mark.parametrize(
    "command, code, sentence",
    [
        ("call URL echo 1 >&-", 8, "cannot write the output: Bad file descriptor"),
        ("listen URL >&-", 8, "cannot write the output: Bad file descriptor"),
        ("call URL echo 1 >/dev/full", 8, "cannot write the output: No space left on device"),
        ("call URL echo @- <&-", 2, "value 1: cannot read the standard input: Bad file descriptor"),
        ("emit URL x @- <&-", 2, "value 1: cannot read the standard input: Bad file descriptor"),
        ("emit URL x --lines <&-", 2, "cannot read the standard input: Bad file descriptor"),
        ("connect URL <&-", 2, "arcwire connect needs a terminal"),
        ("connect URL >&-", 2, "arcwire connect needs a terminal"),
    ],
)
def test_one_sentence(server: ServerProcess, command: str, code: int, sentence: str) -> None:
    done = shell(command, server.url)
    assert done.stderr.startswith(f"arcwire: {sentence}")
    assert done.stderr.count("\n") == 1
    assert (done.returncode, done.stdout) == (code, "")


def test_events_for_a_full_device(server: ServerProcess) -> None:
    auth = "--header 'X-Key: 1'"  # it is greeted by an event
    done = shell(f"listen URL/picky {auth} >/dev/full", server.url)
    assert done.stderr == "arcwire: cannot write the output: No space left on device\n"
    assert done.returncode == 8


@pytest.mark.parametrize("errors", ["2>&-", "2>/dev/full"])
def test_nobody_to_complain_to(errors: str) -> None:
    done = shell(f"call URL echo {errors}", f"http://127.0.0.1:{free_port()}")
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "")


def test_what_is_not_needed_may_be_closed(server: ServerProcess) -> None:
    assert shell("emit URL x 1 <&- >&- 2>&-", server.url).returncode == 0
    assert shell("call URL echo 1 <&- 2>&-", server.url).stdout == "1\n"
