"""`arcwire call`, run as a program against a server."""

import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.conftest import PATIENCE
from support.servers import HOSTS, ServerProcess, free_port

pytestmark = pytest.mark.timeout(120)

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_values_go_and_come(arcwire: Run, server: ServerProcess, tmp_path: Path) -> None:
    (tmp_path / "note.json").write_text('{"a": [1]}')
    (tmp_path / "photo").write_bytes(b"\0\xff")
    values = ['"hi"', "@note.json", "text@note.json", "bytes@photo", '[{"$bytes": "AAEC"}]']
    done = arcwire("call", server.url, "echo", *values)
    assert (done.returncode, done.stderr) == (0, "")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        *("hi", {"a": [1]}, '{"a": [1]}', {"$bytes": "AP8="}, [{"$bytes": "AAEC"}])
    ]


def test_the_standard_input_is_a_file_too(arcwire: Run, server: ServerProcess) -> None:
    assert arcwire("call", server.url, "echo", "@-", stdin="[1,\n2]").stdout == "[1,2]\n"


def test_text_is_taken_as_it_stands(arcwire: Run, server: ServerProcess) -> None:
    done = arcwire("call", server.url, "echo", "--text", "hi there", "1", "@x")
    assert done.stdout == '"hi there"\n"1"\n"@x"\n'


def test_an_empty_answer_is_null(arcwire: Run, server: ServerProcess) -> None:
    assert (arcwire("call", server.url, "echo").stdout) == "null\n"


def test_an_answer_that_is_an_error(arcwire: Run, server: ServerProcess) -> None:
    done = arcwire("call", server.url, "fail")
    assert json.loads(done.stdout)["error"]["code"] == "no-such-room"
    assert (done.returncode, done.stderr) == (7, "")


def test_names_without_a_scheme_are_http(arcwire: Run, server: ServerProcess) -> None:
    assert arcwire("call", f"127.0.0.1:{server.port}", "echo", "1").stdout == "1\n"


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_how_it_connects(arcwire: Run, server: ServerProcess, transport: str) -> None:
    done = arcwire(
        *("listen", f"{server.url}/picky?room=1", "--count", "1", "--timeout", "15"),
        *("--header", "X-Key: 1", "--transport", transport),
    )
    assert (done.returncode, done.stderr) == (0, "")
    event = json.loads(done.stdout)
    assert event["event"] == "welcome"
    assert event["args"][0]["transport"] == transport
    assert event["args"][0]["query"]["room"] == "1"


def test_auth(arcwire: Run, server: ServerProcess, tmp_path: Path) -> None:
    (tmp_path / "token.json").write_text('{"token": "secret"}')
    for auth in ('{"token": "secret"}', "@token.json"):
        assert arcwire("call", f"{server.url}/admin", "echo", "1", "--auth", auth).returncode == 0
    done = arcwire("call", f"{server.url}/admin", "echo", "1")
    assert done.returncode == 4
    assert done.stderr == (
        "arcwire: the namespace '/admin' refused the connection: not allowed {\"retry\":false}\n"
    )


@pytest.mark.parametrize(
    "arguments, code, sentence",
    [
        (["echo", "hello"], 2, 'value 1: hello is not JSON; text needs double quotes: "hello" (--text'),
        (["echo", "1", "@none"], 2, "value 2: cannot read none: No such file or directory"),
        (["disconnect"], 2, "'disconnect' is not an event but part of a socket's lifecycle"),
        (["echo", "--auth", "1"], 2, '--auth: an object is needed, for example {"token": "..."}'),
        (["echo", "--auth", "x"], 2, "--auth: x is not JSON"),
        (["echo", "--header", "x"], 2, "--header: 'x' is not of the form 'Name: value'"),
        (["echo", "--header", "x: a\nb"], 2, "the value of x is not one that HTTP allows"),
        (["echo", "--key", "x"], 2, "--key is the key of --cert, which is missing"),
        (["echo", "--proxy", "x"], 2, "proxy must be a URL"),
        (["echo", "--proxy", "http://127.0.0.1:x"], 2, "proxy must have a host name and a port"),
        (["echo", "1e999"], 2, "value 1: 1e999 is larger than numbers can be"),
        (["echo", "text@large"], 2, "the event takes 1000"),
        (["echo", "--text", "\udcff"], 2, "surrogates not allowed"),
        (["echo", '"\\ud800"'], 2, "surrogates not allowed"),
        (["echo", "--path", "x"], 2, "path must be a URL path"),
        (["echo", "--retry", "-1"], 2, "argument --retry: invalid"),
        (["echo", "--timeout", "0"], 2, "argument --timeout: invalid"),
        (["never", "--timeout", "0.2"], 5, "no acknowledgement within 0.2 seconds"),
        (["kick"], 6, "the server ended the namespace"),
        (["cut"], 6, ": "),
        (["echo", "--path", "/elsewhere"], 3, "404"),
        (["echo", "--protocol", "3"], 3, ""),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_goes_wrong(
    arcwire: Run, server: ServerProcess, tmp_path: Path, arguments: list[str], code: int, sentence: str
) -> None:
    (tmp_path / "large").write_text("x" * 10_000_000)
    done = arcwire("call", server.url, *arguments)
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert "never awaited" not in done.stderr
    assert (done.returncode, done.stdout) == (code, "")


@pytest.mark.parametrize(
    "url, code, sentence",
    [
        ("http://127.0.0.1:{free}", 3, "the connection was refused"),
        ("http://nowhere.invalid", 3, "cannot be resolved"),
        ("ftp://x", 2, "ftp:// is no scheme for a server"),
        ("https://127.0.0.1:{port}", 3, "TLS"),
        ("{url}/none", 4, "Invalid namespace"),
    ],
)
def test_where_there_is_nothing(
    arcwire: Run, server: ServerProcess, url: str, code: int, sentence: str
) -> None:
    url = url.format(free=free_port(), port=server.port, url=server.url)
    done = arcwire("call", url, "echo", "1")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("arcwire: ")
    assert (done.returncode, done.stdout) == (code, "")


def test_it_tries_again_if_told(arcwire: Run) -> None:
    port = free_port()
    process = ServerProcess(HOSTS["uvicorn-fast"]("support.cli_app:app", port), port)
    # The first attempt meets somebody who hangs up; only then there is a server.
    nobody = socket.create_server(("127.0.0.1", port))
    nobody.settimeout(PATIENCE)

    def start() -> None:
        with nobody:
            nobody.accept()[0].close()
        process.start()

    later = threading.Thread(target=start)
    later.start()
    try:
        done = arcwire("call", process.url, "echo", "1", "--retry", "forever")
    finally:
        later.join()
        process.close()
    assert (done.returncode, done.stdout) == (0, "1\n")
    began = time.monotonic()
    done = arcwire("call", process.url, "echo", "1", "--retry", "1")
    assert done.returncode == 3
    assert time.monotonic() - began > 0.4  # it waited once
