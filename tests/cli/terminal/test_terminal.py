"""`arcwire connect` in a terminal, against a server: what the user sees."""

import os
import re
import signal
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.conftest import ARCWIRE
from support.servers import ServerProcess, running
from support.terminal import Terminal

pytestmark = pytest.mark.timeout(120)

Open = Callable[..., Terminal]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Opens terminals, with a home of their own: `opened(url, "--auth", ...)`."""
    terminals: list[Terminal] = []

    def open(*arguments: str, **options: int) -> Terminal:
        environment = {"HOME": str(tmp_path), "XDG_STATE_HOME": ""}
        terminal = Terminal([ARCWIRE, "connect", *arguments], columns=120, environment=environment, **options)
        terminals.append(terminal)
        return terminal

    try:
        yield open
    finally:
        for terminal in terminals:
            terminal.__exit__(None, None, None)


@pytest.fixture
def terminal(opened: Open, server: ServerProcess) -> Terminal:
    """One that is connected."""
    terminal = opened(server.url)
    terminal.wait_for(r"● connected  / over websocket, id \S{20}")
    return terminal


def test_events_and_acknowledgements(terminal: Terminal) -> None:
    terminal.type('bounce "hi" [1, null] {"$bytes": "AAEC"}\r')
    terminal.wait_for(r'^\d\d:\d\d:\d\d\.\d{3} → bounce "hi" \[1,null\] <3 bytes: 00 01 02>$')
    terminal.wait_for(r'← bounced "hi" \[1,null\] <3 bytes: 00 01 02>$')
    terminal.type('echo {"a": 1} 2 --ack\r')
    terminal.wait_for(r'✓ echo \{"a":1\} 2  [\d.]+ (ms|µs|s)$')
    terminal.type("fail --ack\r")
    terminal.wait_for(r'✗ fail \{"error":\{"code":"no-such-room"')
    terminal.type("never --ack=0.2\r")
    terminal.wait_for(r"✗ never  no acknowledgement within 0.2 seconds$")
    terminal.wait_for(r"^ ● connected  127.0.0.1:\d+  websocket .*  ↓ 1 ↑ 4$")
    # The line that was typed is gone: what became of it stands in its place.
    assert not any(line.startswith("/> bounce") for line in terminal.screen())


def test_it_is_coloured(terminal: Terminal) -> None:
    terminal.type('bounce "hi" 12 {"key": true}\r')
    terminal.wait_for(r'← bounced "hi" 12 \{"key":true\}$')
    assert terminal.colour_of("← bounced") == "green"
    assert terminal.colour_of('"hi"') == "brown"  # pyte's word for yellow
    assert terminal.colour_of("12 {") == "magenta"
    assert terminal.colour_of('"key"') == "brightblue"


def test_the_latency_is_shown(terminal: Terminal) -> None:
    terminal.wait_for(r"^ ● connected  127.0.0.1:\d+  websocket  [\d.]+ (ms|µs|s)  /")


def test_what_is_wrong_with_a_line_is_pointed_at(terminal: Terminal) -> None:
    terminal.type('say "é" hello\r')
    terminal.wait_for(r'^hello is not JSON; text needs double quotes: "hello"$')
    lines = terminal.screen()
    line = lines.index('/> say "é" hello')
    assert lines[line + 1] == " " * len('/> say "é" ') + "^"
    terminal.type(".bogus\r")
    terminal.wait_for(r"^there is no command .bogus; .help shows those that there are$")
    terminal.type("disconnect\r")
    terminal.wait_for(r"'disconnect' is not an event but part of a socket's lifecycle")
    terminal.type(".answer 9\r")
    terminal.wait_for(r"^no event with the number 9 waits$")


def test_namespaces(terminal: Terminal) -> None:
    terminal.type("/admin\r")
    terminal.wait_for(r"○ the namespace '/admin' refused the connection: not allowed \{\"retry\":false\}")
    terminal.wait_for(r"^/admin> ?$")
    terminal.type('echo 1\r.auth {"token": "secret"}\r.connect\r')
    terminal.wait_for(r"^/admin is not connected: .connect does that$")
    terminal.wait_for(r"● connected  /admin over websocket")
    terminal.type("echo 1 --ack\r")
    terminal.wait_for(r"✓ echo 1 ")
    terminal.type('/ bounce "root"\r')
    terminal.wait_for(r'/ ← bounced "root"$')  # another namespace is named
    terminal.type(".leave\r")
    terminal.wait_for(r"^/> ?$")
    terminal.wait_for(r"/admin ○ disconnected")
    terminal.type('.use /admin {"token": "wrong"}\r')
    terminal.wait_for(r"not allowed(.|\n)*not allowed")


def test_questions_of_the_server(terminal: Terminal) -> None:
    terminal.type('ask {"n": 1}\r')
    terminal.wait_for(r'← question \{"n":1\}  \(wants an answer: .answer 1 VALUE…\)$')
    terminal.type('.answer 1 {"yes": true}\r')
    terminal.wait_for(r'→ answer to 1 question \{"yes":true\}$')
    terminal.wait_for(r'← answered \{"yes":true\}$')


def test_completion_and_history(
    terminal: Terminal, opened: Open, server: ServerProcess, tmp_path: Path
) -> None:
    terminal.type("bounce 1\r")
    terminal.wait_for(r"← bounced 1$")
    terminal.type("boun\t")
    terminal.wait_for(r"bounced +came")
    terminal.type("\x03")
    terminal.wait_for(r"^/>$")
    terminal.type(".inf\t")
    terminal.wait_for(r"^/> .info$")
    terminal.type("\r")
    terminal.wait_for(r"^  largest message  1,000,000 bytes$")
    terminal.type(" bounce 2\r")  # begins with a space: not kept
    terminal.wait_for(r"← bounced 2$")
    terminal.type("\x1b[A\x1b[A\x1b[A")
    terminal.wait_for(r"^/> bounce 1$")
    terminal.type("\x03\x04")
    assert terminal.wait() == 0
    history = tmp_path / ".local/state/arcwire/history"
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    assert [line[1:] for line in history.read_text().splitlines() if line.startswith("+")] == [
        *("bounce 1", ".info")
    ]
    again = opened(server.url)
    again.wait_for("● connected")
    again.type("bo\t")
    # Learned from the history, and not only what may be meant, which is grey.
    again.wait_until(lambda: again.colour_of("unce") == "default")
    again.type(" 5\r")
    again.wait_for(r"← bounced 5$")


def test_muted_events_are_counted_only(terminal: Terminal) -> None:
    terminal.type('.mute bounced "two words"\rbounce 1\r')
    terminal.wait_for(r"↓ 1 ↑ 1  2 muted$")
    terminal.type(".unmute\rbounce 2\r")
    terminal.wait_for(r"← bounced 2$")
    assert not any("← bounced 1" in line for line in terminal.screen())


def test_what_the_server_sends_is_shown_and_not_obeyed(terminal: Terminal) -> None:
    terminal.type("loud\r")
    terminal.wait_for(r'← "\\u001b\[2Jloud" "\\u001b\[31mred\\u009b0m"$')
    assert b"\x1b[2Jloud" not in terminal.raw
    assert b"\x1b[31mred" not in terminal.raw


def test_the_prompt_survives_a_flood(terminal: Terminal) -> None:
    terminal.type("ticks 5000 --ack\r")
    terminal.wait_for(r"← tick 4999$")
    terminal.type("echo 1 --ack\r")
    terminal.wait_for(r"✓ echo 1 ")
    terminal.wait_for(r"↓ 5,000 ↑ 2$")


def test_help(terminal: Terminal) -> None:
    terminal.type(".help\r")
    terminal.wait_for(r"^  .use NAMESPACE \[AUTH\] +change to a namespace")
    assert any(line.startswith("    --ack ") for line in terminal.screen())


def test_a_lost_connection_comes_back(opened: Open) -> None:
    with running("uvicorn-fast", "support.cli_app:app") as server:
        terminal = opened(server.url)
        terminal.wait_for("● connected")
        server.kill()
        terminal.wait_for(r"◌ the connection is lost: .*; trying again in [\d.]+ s$")
        terminal.wait_for(r"^ ◌ reconnecting ")
        terminal.type("bounce 1\r")
        terminal.wait_for(r"→ bounce 1  \(waits for the connection\)$")
        server.start()
        terminal.type(".connect\r")  # now
        terminal.wait_for(r"← bounced 1$")
        terminal.wait_for(r"^ ● connected ")


def test_a_server_that_is_not_there_is_waited_for(opened: Open) -> None:
    with running("uvicorn-fast", "support.cli_app:app") as server:
        server.kill()
        terminal = opened(server.url)
        terminal.wait_for(r"◌ .*the connection was refused; trying again in [\d.]+ s$")
        server.start()
        terminal.wait_for(r"● connected")


@pytest.mark.parametrize("keys", ["\x04", "\x03\x03", ".quit\r", ".q\r"])
def test_how_it_ends(terminal: Terminal, keys: str) -> None:
    for key in re.findall(r"[\x03\x04]|\..*", keys) if keys[0] != "." else [keys]:
        terminal.type(key)
        if key == "\x03" and keys.startswith("\x03"):
            keys = keys[1:]
            if keys:
                terminal.wait_for("Ctrl-C again or Ctrl-D ends")
    assert terminal.wait() == 0
    assert not any("Traceback" in line for line in terminal.screen())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_leave_the_terminal_as_it_was(terminal: Terminal, number: signal.Signals) -> None:
    terminal.process.send_signal(number)
    assert terminal.wait() == -number
    assert not any("Traceback" in line for line in terminal.screen())
    assert terminal.raw.rstrip().endswith((b"\x1b[?2004l", b"\x1b[?25h", b"\x1b[?1l")) or (
        b"\x1b[?2004l" in terminal.raw[-200:]  # bracketed paste is off
    )


def test_without_a_terminal_and_without_the_library(
    arcwire: Callable[..., object], server: ServerProcess, tmp_path: Path
) -> None:
    done = arcwire("connect", server.url)
    assert done.returncode == 2
    assert done.stderr == "arcwire: arcwire connect needs a terminal; listen, emit and call are for pipes\n"
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text("import sys\nsys.modules['prompt_toolkit'] = None\n")
    done = arcwire("connect", server.url, PYTHONPATH=f"{hidden}{os.pathsep}")
    assert done.returncode == 2
    assert done.stderr == (
        'arcwire: arcwire connect needs prompt_toolkit, which is not installed: pip install "arcwire[cli]"\n'
    )


def test_a_history_that_cannot_be_kept(opened: Open, server: ServerProcess) -> None:
    terminal = opened(server.url, "--history", "/dev/null/none")
    assert terminal.wait() == 2
    terminal.wait_for(r"^arcwire: the history cannot be kept in /dev/null/none: File exists; --no-history")
    terminal = opened(server.url, "--no-history")
    terminal.wait_for("● connected")
