"""`arcwire listen` and `arcwire emit`, as programs in pipes."""

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from arcwire.blocking import Client, Socket
from cli.conftest import ARCWIRE, PATIENCE
from support.servers import ServerProcess, running

pytestmark = pytest.mark.timeout(120)

Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts commands, with pipes; those that still run at the end are killed."""
    with contextlib.ExitStack() as stack:

        def run(*arguments: str, **options: Any) -> subprocess.Popen[str]:
            pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
            process = subprocess.Popen([ARCWIRE, *arguments], text=True, cwd=tmp_path, **{**pipes, **options})
            stack.callback(close, process)
            return process

        yield run


def close(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.fixture
def socket(server: ServerProcess) -> Iterator[Socket]:
    """Somebody else who uses the server."""
    with Client(server.url) as socket:
        yield socket


def listening(start: Start, socket: Socket, url: str, *arguments: str) -> subprocess.Popen[str]:
    """A listener that has printed its first event, which is `ready`."""
    process = start("listen", url, *arguments)
    stdout = process.stdout
    assert stdout is not None
    os.set_blocking(stdout.fileno(), False)
    deadline = time.monotonic() + PATIENCE
    while not (line := stdout.readline()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        socket.emit("shout", "ready")
        time.sleep(0.05)
    os.set_blocking(stdout.fileno(), True)
    assert json.loads(line)["event"] == "ready"
    return process


def lines(stream: IO[str] | None, number: int) -> list[Any]:
    """The next events that are not `ready`."""
    assert stream is not None
    events: list[Any] = []
    while len(events) < number:
        line = stream.readline()
        assert line, events
        if (event := json.loads(line))["event"] != "ready":
            events.append(event)
    return events


def test_events_go_from_one_command_to_the_other(
    arcwire: Run, start: Start, server: ServerProcess, socket: Socket
) -> None:
    listener = listening(start, socket, server.url)
    done = arcwire("emit", server.url, "shout", '"said"', '{"a": [1, {"$bytes": "AAEC"}]}', '"\\u009b"')
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert lines(listener.stdout, 1) == [
        {"event": "said", "args": [{"a": [1, {"$bytes": "AAEC"}]}, "\u009b"]}
    ]
    listener.send_signal(signal.SIGINT)
    assert listener.wait(PATIENCE) == -signal.SIGINT
    assert listener.stderr is not None
    assert listener.stderr.read() == ""


def test_lines_of_the_input(arcwire: Run, start: Start, server: ServerProcess, socket: Socket) -> None:
    listener = listening(start, socket, server.url)
    given = "".join(f'{{"event": "shout", "args": ["one", {number}]}}\n' for number in range(300))
    assert arcwire("emit", server.url, "--lines", stdin=given).returncode == 0
    assert [event["args"] for event in lines(listener.stdout, 300)] == [[number] for number in range(300)]
    done = arcwire("emit", server.url, "shout", "--lines", "--text", stdin="two words\r\n3\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert [event["event"] for event in lines(listener.stdout, 2)] == ["two words", "3"]


def test_what_one_prints_the_other_takes(start: Start, server: ServerProcess, socket: Socket) -> None:
    """A bridge: everything that comes to `/admin` goes to `/`."""
    auth = {"token": "secret"}
    source = start("listen", f"{server.url}/admin", "shout", "--auth", json.dumps(auth))
    bridge = start("emit", server.url, "--lines", stdin=source.stdout)
    with Client(f"{server.url}/admin", auth=auth) as admin, socket.events("shouted") as shouted:
        deadline = time.monotonic() + PATIENCE
        while len(shouted) == 0:
            assert time.monotonic() < deadline
            admin.emit("shout", "shout", "shouted", b"\0")
            time.sleep(0.05)
        assert shouted.get(PATIENCE).args == [b"\0"]
    assert bridge.poll() is None


@pytest.mark.parametrize(
    "arguments, stdin, sentence",
    [
        (["x", "--lines"], "1\nx\n", "line 2: x is not JSON"),
        (["--lines"], "1\n", 'line 1: it is not of the form {"event": "name", "args": [...]}'),
        (["--lines"], '{"event": "connect"}\n', "'connect' is not an event"),
        (["x", "1", "--lines"], "", "with --lines the values come from the standard input"),
        (["--lines", "--text"], "", "--text needs an EVENT"),
        ([], "", "the EVENT is missing"),
    ],
)
def test_input_that_is_wrong(
    arcwire: Run, server: ServerProcess, arguments: list[str], stdin: str, sentence: str
) -> None:
    done = arcwire("emit", server.url, *arguments, stdin=stdin)
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.returncode == 2


def test_only_some_events_and_so_many(start: Start, server: ServerProcess, socket: Socket) -> None:
    listener = start("listen", server.url, "a", "b", "--count", "2", "--time")
    while listener.poll() is None:
        for event in ("a", "c"):
            socket.emit("shout", event, 1)
        time.sleep(0.05)
    out, err = listener.communicate()
    events = [json.loads(line) for line in out.splitlines()]
    assert [event["event"] for event in events] == ["a", "a"]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"]) for event in events)
    assert (listener.returncode, err) == (0, "")


def test_so_long(arcwire: Run, server: ServerProcess) -> None:
    assert arcwire("listen", server.url, "none", "--timeout", "0.2").returncode == 0
    done = arcwire("listen", server.url, "none", "--timeout", "0.2", "--count", "1")
    assert done.returncode == 5
    assert done.stderr == "arcwire: there were not 1 events within 0.2 seconds\n"
    assert arcwire("listen", server.url, "--count", "0").returncode == 2
    assert arcwire("listen", server.url, "connect").returncode == 2


def test_questions_are_answered(start: Start, server: ServerProcess, socket: Socket) -> None:
    url = f"{server.url}/admin"
    auth = {"token": "secret"}
    with Client(url, auth=auth) as admin:
        arguments = ("--auth", json.dumps(auth), "--answer", '{"yes": true}')
        listener = listening(start, admin, url, *arguments)
        assert admin.emit_with_ack("survey", 1) == [{"yes": True}]
        assert lines(listener.stdout, 1) == [{"event": "question", "args": [1], "ack": True}]


def test_a_reader_that_goes_ends_it_silently(start: Start, server: ServerProcess, socket: Socket) -> None:
    listener = listening(start, socket, server.url)
    assert listener.stdout is not None
    listener.stdout.close()  # nothing has to come for it to notice
    assert listener.wait(PATIENCE) == -signal.SIGPIPE
    assert listener.stderr is not None
    assert listener.stderr.read() == ""
    listener.stdout = None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("reading", [True, False])
def test_signals(
    start: Start, server: ServerProcess, socket: Socket, number: signal.Signals, reading: bool
) -> None:
    """It goes by the signal, and says goodbye before, even where its output is full."""
    listener = listening(start, socket, server.url)
    if not reading:
        for _ in range(3):  # more than a pipe holds
            socket.emit_with_ack("shout", "full", "x" * 100_000)
    listener.send_signal(number)
    assert listener.wait(PATIENCE) == -number
    assert listener.stderr is not None
    assert listener.stderr.read() == ""


def test_a_terminal_on_which_nobody_types_does_not_keep_it(start: Start, server: ServerProcess) -> None:
    emitter = start("emit", server.url, "x", "--lines")
    time.sleep(0.1)  # whenever it comes
    emitter.send_signal(signal.SIGTERM)
    assert emitter.wait(PATIENCE) == -signal.SIGTERM


def test_a_connection_that_is_lost_comes_back(start: Start) -> None:
    with running("uvicorn-fast", "support.cli_app:app") as server, Client(server.url) as socket:
        listener = listening(start, socket, server.url)
        once = listening(start, socket, server.url, "--retry", "0", "--quiet")
        server.kill()
        assert once.wait(PATIENCE) == 6
        assert listener.stderr is not None
        said = listener.stderr.readline()
        assert re.fullmatch(r"arcwire: the connection is lost: .*; trying again in [\d.]+ s\n", said)
        server.start()
        while listener.stderr.readline() != "arcwire: connected\n":
            pass
        socket.connect()
        socket.emit("shout", "back")
        assert lines(listener.stdout, 1)[0]["event"] == "back"
