"""The `arcwire` command, run as a program."""

import contextlib
import gc
import importlib.metadata
import os
import re
import signal
import socket
import ssl
import subprocess
import sysconfig
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

ARCWIRE = Path(sysconfig.get_path("scripts")) / "arcwire"
PATIENCE = 20.0
OPENING = "/socket.io/?EIO=4&transport=polling"

SERVER = """\
from arcwire import Server

io = Server(ping_interval=25)
"""
SITE = """\
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from chat import io


async def page(request):
    return PlainTextResponse("page")


class parts:
    app = Starlette(routes=[Route("/page", page), Mount("/live", app=io.asgi())])
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A directory with a server, `chat:io`, and an application around it, `site_.main:parts.app`."""
    (tmp_path / "chat.py").write_text(SERVER)
    (tmp_path / "site_").mkdir()
    (tmp_path / "site_" / "main.py").write_text(SITE)
    return tmp_path


class Command:
    """The command while it runs; its output goes to a file."""

    def __init__(self, project: Path, *arguments: str) -> None:
        self._log = project / "output.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [ARCWIRE, "run", *arguments], cwd=project, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )

    def output(self) -> str:
        return self._log.read_text()

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until the output matches."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            ended = self.process.poll() is not None
            found = re.search(pattern, self.output())
            if found:
                return found
            assert not ended, f"the command has ended:\n{self.output()}"
            time.sleep(0.02)
        raise AssertionError(f"no {pattern!r} in:\n{self.output()}")

    def url(self) -> str:
        return self.wait_for(r"Arcwire running on (\S+)")[1]

    def end(self, with_signal: signal.Signals) -> int:
        """Signal it and wait for its exit code."""
        self.process.send_signal(with_signal)
        return self.process.wait(PATIENCE)


@contextlib.contextmanager
def started(project: Path, *arguments: str) -> Iterator[Command]:
    command = Command(project, *arguments)
    try:
        yield command
    finally:
        if command.process.poll() is None:
            # Not SIGKILL, which would leave the process behind that --reload started.
            command.end(signal.SIGTERM)


def fails(project: Path, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [ARCWIRE, *arguments], cwd=project, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    return done.returncode, done.stderr


def get(url: str, context: ssl.SSLContext | None = None, timeout: float = PATIENCE) -> str:
    with urllib.request.urlopen(url, timeout=timeout, context=context) as response:
        body: bytes = response.read()
    return body.decode()


# -- the garbage collector -----------------------------------------------------------------

COLLECTOR = """\
import gc


async def app(scope, receive, send):
    assert scope["type"] == "http"
    body = f"{gc.get_freeze_count() > 10_000} {gc.get_threshold()[0]}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})
"""


@pytest.mark.parametrize(
    "arguments, state",
    [
        ([], f"True {gc.get_threshold()[0]}"),
        (["--no-gc-freeze"], f"False {gc.get_threshold()[0]}"),
        (["--gc-threshold", "12345"], "True 12345"),
    ],
    ids=["default", "not frozen", "threshold"],
)
def test_what_the_garbage_collector_is_told(project: Path, arguments: list[str], state: str) -> None:
    (project / "collector.py").write_text(COLLECTOR)
    with started(project, "collector:app", "--port", "0", *arguments) as command:
        assert get(command.url()) == state


# -- what does not start ---------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, code, sentence",
    [
        (["nothing:io"], 2, "There is no module 'nothing' in "),
        (["chat.nothing:io"], 2, "There is no module 'chat.nothing' in "),
        (["chat"], 2, "'chat' does not name an application: write module:attribute, for example chat:io."),
        (["chat.py:io"], 2, "'chat.py:io' does not name an application"),
        (["chat:ios"], 2, "Module 'chat' has no attribute 'ios': did you mean 'io'?"),
        (["chat:Server"], 2, "Cannot serve the class Server: it is neither"),
        (["chat:__name__"], 2, "Cannot serve a str: it is neither"),
        (["chat:io", "--app-dir", "site_"], 2, "There is no module 'chat' in "),
        (["chat:io", "--workers", "2"], 2, "Several workers need clustering"),
        (["chat:io", "--port", "70000"], 2, "There is no port 70000"),
        (["chat:io", "--ssl-certfile", "no.pem"], 3, "Cannot read the certificate in no.pem: No such file"),
        (["chat:io", "--uds", "no/io.sock"], 3, "Cannot listen on no/io.sock: No such file or directory."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_start_is_one_sentence(project: Path, arguments: list[str], code: int, sentence: str) -> None:
    exit_code, said = fails(project, "run", *arguments)
    assert sentence in said
    assert said.startswith("arcwire: ")
    assert said.count("\n") == 1
    assert exit_code == code


def test_a_taken_port_is_one_sentence(project: Path) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port = sock.getsockname()[1]
        for more in ([], ["--reload"]):
            exit_code, said = fails(project, "run", "chat:io", "--port", str(port), *more)
            assert f"arcwire: Port {port} on 127.0.0.1 is already in use" in said
            assert "Traceback" not in said
            assert exit_code == 3


@pytest.mark.parametrize("mistake", ["import not_installed_anywhere", "1 / 0"])
def test_a_mistake_in_the_module_shows_its_traceback(project: Path, mistake: str) -> None:
    (project / "chat.py").write_text(f"{mistake}\n")
    exit_code, said = fails(project, "run", "chat:io")
    assert "Traceback" in said
    assert mistake in said
    assert exit_code == 1


def test_unknown_arguments_and_none(project: Path) -> None:
    code, said = fails(project, "run", "chat:io", "--port", "x")
    assert (code, "argument --port: invalid int value: 'x'" in said) == (2, True)
    assert fails(project, "run")[0] == 2
    assert fails(project)[0] == 2


def test_version_and_help(project: Path) -> None:
    def says(*arguments: str) -> str:
        return subprocess.run(
            [ARCWIRE, *arguments], cwd=project, capture_output=True, text=True, timeout=PATIENCE, check=True
        ).stdout

    assert says("--version") == f"arcwire {importlib.metadata.version('arcwire')}\n"
    assert "serve an application" in says("--help")
    helped = says("run", "--help")
    for option in (
        *("--host", "--port", "--uds", "--reload", "--workers", "--log-level", "--access-log"),
        *("--no-access-log", "--app-dir", "--ssl-certfile", "--ssl-keyfile", "--ssl-keyfile-password"),
        "--ssl-ca-certs",
    ):
        assert option in helped


# -- what does -----------------------------------------------------------------------------


def test_serves_a_server(project: Path) -> None:
    with started(project, "chat:io", "--port", "0") as command:
        assert '"pingInterval":25000' in get(command.url() + OPENING)
        # SIGINT is Ctrl-C: a clean end.
        assert command.end(signal.SIGINT) == 0
    assert "Traceback" not in command.output()


def test_serves_an_application_around_a_server(project: Path) -> None:
    with started(project, "site_.main:parts.app", "--port", "0", "--host", "localhost") as command:
        url = command.url()
        assert get(url + "/page") == "page"
        assert '"pingInterval":25000' in get(url + "/live" + OPENING)
        assert command.end(signal.SIGTERM) == -signal.SIGTERM
    assert "Traceback" not in command.output()


def test_finds_the_module_in_app_dir(project: Path) -> None:
    with started(project / "site_", "chat:io", "--app-dir", str(project), "--port", "0") as command:
        assert "sid" in get(command.url() + OPENING)


def test_ctrl_c_ends_waiting_clients_at_once(project: Path) -> None:
    """Neither a waiting poll nor an open WebSocket keeps the server; `timeout_graceful_shutdown` is 3 s."""
    with started(project, "chat:io", "--port", "0") as command:
        url = command.url()
        opened = re.search(r'"sid":"([^"]+)"', get(url + OPENING))
        assert opened is not None
        address = ("127.0.0.1", int(url.rsplit(":", 1)[1]))
        with (
            socket.create_connection(address, PATIENCE) as poll,
            socket.create_connection(address, PATIENCE) as link,
        ):
            poll.sendall(f"GET {OPENING}&sid={opened[1]} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            link.sendall(
                b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
                b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            assert link.recv(1000).startswith(b"HTTP/1.1 101")
            command.process.send_signal(signal.SIGINT)
            while b"\x88" not in link.recv(1000):  # until the close frame
                pass
            link.close()
            assert poll.recv(1000) == b""
            assert command.process.wait(PATIENCE) == 0
    assert "timeout graceful shutdown exceeded" not in command.output()
    assert "Traceback" not in command.output()


@pytest.mark.parametrize(
    "option, logged", [(None, False), ("--access-log", True), ("--no-access-log", False)]
)
def test_access_log(project: Path, option: str | None, logged: bool) -> None:
    with started(project, "chat:io", "--port", "0", *([option] if option else [])) as command:
        get(command.url() + OPENING)
        command.end(signal.SIGINT)
    assert ('"GET /socket.io/?EIO=4&transport=polling HTTP/1.1" 200 OK' in command.output()) is logged


def test_log_level(project: Path) -> None:
    with started(project, "chat:io", "--uds", "io.sock", "--log-level", "error") as command:
        answer = ask_unix(project / "io.sock")
        assert b" 200 " in answer
        command.end(signal.SIGINT)
    assert command.output() == ""


def ask_unix(path: Path) -> bytes:
    deadline = time.monotonic() + PATIENCE
    while True:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE)
            with contextlib.suppress(ConnectionRefusedError, FileNotFoundError):
                sock.connect(str(path))
                sock.sendall(f"GET {OPENING} HTTP/1.0\r\n\r\n".encode())
                return sock.recv(10_000)
        assert time.monotonic() < deadline, "nobody answers"
        time.sleep(0.02)


@pytest.mark.parametrize("more", [[], ["--reload"]])
def test_unix_socket_is_removed_at_the_end(project: Path, more: list[str]) -> None:
    path = project / "io.sock"
    with started(project, "chat:io", "--uds", "io.sock", *more) as command:
        assert b" 200 " in ask_unix(path)
        code, said = fails(project, "run", "chat:io", "--uds", "io.sock")
        assert (code, "The socket io.sock is already in use" in said) == (3, True)
        command.end(signal.SIGTERM)
    assert not path.exists()


def test_tls(project: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    key = serialization.load_pem_private_key(certificate.private_key_pem.bytes(), None)
    (project / "chain.pem").write_bytes(b"".join(part.bytes() for part in certificate.cert_chain_pems))
    (project / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    arguments = ["chat:io", "--port", "0", "--ssl-certfile", "chain.pem", "--ssl-keyfile", "key.pem"]
    code, said = fails(project, "run", *arguments)
    assert (code, "wrong file, key or key password" in said) == (3, True)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with started(project, *arguments, "--ssl-keyfile-password", "secret") as command:
        url = command.url()
        assert url.startswith("https://")
        assert "sid" in get(url + OPENING, trusting)


@pytest.mark.timeout(200)
def test_reload(project: Path) -> None:
    """A changed file starts the server anew on the same port, also after a mistake was saved."""
    chat = project / "chat.py"
    saved = time.time()

    def save(text: str, seen: Callable[[], object]) -> None:
        """Save until it is seen: what is saved just before the reloader's first look is no change to it.

        Ever more slowly, because each save ends a server that may just be starting.
        """
        nonlocal saved
        start = time.monotonic()
        next_save, pause = start, 2.0
        while not seen():
            now = time.monotonic()
            assert now < start + 2 * PATIENCE, command.output()
            if now >= next_save:
                saved += 1
                chat.write_text(text)
                os.utime(chat, (saved, saved))
                next_save, pause = now + pause, 2 * pause
            time.sleep(0.05)

    def interval() -> str:
        # While no process serves, the reloader's socket still takes connections.
        with contextlib.suppress(OSError):
            return re.findall(r'"pingInterval":(\d+)', get(url + OPENING, timeout=1))[0]
        return "nobody answers"

    with started(project, "chat:io", "--port", "0", "--reload") as command:
        url = command.url()
        assert interval() == "25000"
        save(SERVER.replace("25", "7"), lambda: interval() == "7000")
        save("1 / 0\n", lambda: "ZeroDivisionError" in command.output())
        save(
            SERVER.replace("io =", "oi ="),
            lambda: "arcwire: Module 'chat' has no attribute 'io'" in command.output(),
        )
        save(SERVER.replace("25", "9"), lambda: interval() == "9000")
        assert command.end(signal.SIGINT) == 0
    with pytest.raises(OSError, match="refused"):
        get(url + OPENING)
