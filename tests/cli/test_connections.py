"""How the client commands connect: TLS, Unix sockets, codecs, old servers."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from cli.conftest import ARCWIRE
from support.servers import ServerProcess, free_port, running

pytestmark = pytest.mark.timeout(120)

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server with TLS, and the certificate of its authority in `ca.pem`."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    (tmp_path / "chain.pem").write_bytes(b"".join(part.bytes() for part in certificate.cert_chain_pems))
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    port = free_port()
    tls = ("--ssl-certfile", str(tmp_path / "chain.pem"), "--ssl-keyfile", str(tmp_path / "key.pem"))
    process = ServerProcess([ARCWIRE, "run", "support.cli_app:io", "--port", str(port), *tls], port)
    try:
        process.start()
        yield process
    finally:
        process.close()


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_tls(arcwire: Run, secure: ServerProcess, transport: str) -> None:
    call = ("call", f"https://127.0.0.1:{secure.port}", "echo", "1", "--transport", transport)
    done = arcwire(*call)
    assert (done.returncode, done.stdout) == (3, "")
    assert "the certificate cannot be trusted" in done.stderr
    assert arcwire(*call, "--ca", "ca.pem").stdout == "1\n"
    assert arcwire(*call, "--insecure").stdout == "1\n"
    done = arcwire(*call, "--ca", "none.pem")
    assert done.stderr.count("\n") == 1
    assert done.returncode in (2, 3)


def test_unix_sockets(arcwire: Run, tmp_path: Path) -> None:
    path = tmp_path / "io.sock"
    server = subprocess.Popen(
        [ARCWIRE, "run", "support.cli_app:io", "--uds", str(path)],
        cwd=Path(__file__).parents[1],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        done = arcwire("call", f"unix:{path}", "echo", "1", "--retry", "forever", "--timeout", "20")
        assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")
    finally:
        server.terminate()
        server.wait()


def test_codecs_and_old_servers(arcwire: Run) -> None:
    with running("uvicorn-fast", "support.fixture_app:app") as server:
        packed = ("--path", "/packed", "--codec", "msgpack")
        assert arcwire("call", server.url, "echo", '{"$bytes": "AA=="}', *packed).stdout == (
            '{"$bytes":"AA=="}\n'
        )
        done = arcwire("call", server.url, "echo", "1", "--path", "/old", "--protocol", "3")
        assert (done.stdout, done.stderr, done.returncode) == ("1\n", "", 0)


def test_the_query_of_the_url_is_sent(arcwire: Run, server: ServerProcess) -> None:
    listen = ("listen", f"{server.url}/picky?room=a%20b", "--header", "x-key:1", "--count", "1")
    assert '"room":"a b"' in arcwire(*listen).stdout


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such files")
def test_a_proxy_of_the_environment_is_used(arcwire: Run, server: ServerProcess) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    done = arcwire("call", "http://example.invalid", "echo", "1", http_proxy=nobody, no_proxy="")
    assert done.returncode == 3
    assert nobody.removeprefix("http://") in done.stderr
    done = arcwire("call", server.url, "echo", "1", http_proxy=nobody, no_proxy="127.0.0.1")
    assert done.stdout == "1\n"
