"""Start uvicorn with the fast path: `run` for programs and the shell, `serve` inside a running loop,
`serving` while a block runs.

SIGTERM lets clients go first (see `arcwire.hosts.draining`), and then stops; SIGINT stops at once, and
so does a second signal.

What cannot work is said in one sentence (`StartError`) before the application starts: a target that
is not there, a taken port, a certificate that cannot be read. Errors inside the user's own modules
keep their traceback.
"""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Generator
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import uvicorn
from uvicorn.supervisors import ChangeReload

from arcwire.hosts import draining
from arcwire.hosts.uvicorn.errors import StartError
from arcwire.hosts.uvicorn.listener import bind, bind_unix, release, url
from arcwire.hosts.uvicorn.target import application, load

_logger = logging.getLogger("uvicorn.error")

DRAIN_TIMEOUT = 5.0
"""Seconds by default; with the 3 for ordinary requests it is within the 10 that Docker grants."""


def run(  # noqa: PLR0913 - options, all by name
    app: object,
    *,
    host: str = "127.0.0.1",
    port: int = 3000,
    uds: str | None = None,
    reload: bool = False,
    workers: int = 1,
    drain_timeout: float = DRAIN_TIMEOUT,
    gc_freeze: bool = True,
    gc_threshold: int | None = None,
    **options: Any,
) -> None:
    """Serve until SIGINT or SIGTERM. Exits the process, with a sentence, if the server cannot start.

    `app` is an ASGI application, an object whose `asgi()` gives one (a Socket.IO server), or an
    import string `module:attribute` of either; `reload` needs the string. `port` 0 takes a free
    port, which the start message names. `uds` is the path of a Unix socket, used instead of `host`
    and `port`. After SIGTERM clients have `drain_timeout` seconds to finish and go; 0 is none.

    When the application has started, what lives by then is taken out of the garbage collector's rounds
    (`gc_freeze`), so that its pauses follow the connections and not the modules that were imported. After
    `gc_threshold` new objects it looks at the youngest (`gc.set_threshold`); None leaves that as it is.
    With `reload` neither is done.

    `options` are those of `uvicorn.Config` (`log_level`, `ssl_certfile`, ...) with defaults of our own:
    no access log, because a polling client makes two requests a message; and 3 seconds of
    `timeout_graceful_shutdown` for ordinary requests, while polls and WebSockets are ended at once.
    """
    try:
        if workers > 1:
            raise StartError(
                "Several workers need clustering, which Arcwire does not have yet: every process would have"
                " its own sessions and rooms, so run one worker.",
                exit_code=2,
            )
        if reload:
            _run_reloading(app, host, port, uds, options)
            return
        if gc_threshold is not None and gc_threshold < 0:
            raise StartError(f"gc_threshold is a number of objects, got {gc_threshold}.", exit_code=2)
        config = _config(app, options)
        config.load()
        collector = Collector(freeze=gc_freeze, threshold=gc_threshold)
        server = Server(
            config, _listen(config, host, port, uds), collector.settle, drain_timeout=drain_timeout
        )
    except StartError as error:
        _exit(error)
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises the signal again when it has stopped
        server.run()


async def serve(
    app: object,
    *,
    host: str = "127.0.0.1",
    port: int = 3000,
    uds: str | None = None,
    on_start: Callable[[str], None] | None = None,
    drain_timeout: float = DRAIN_TIMEOUT,
    signals: bool = True,
    **options: Any,
) -> None:
    """Serve inside a running event loop until SIGINT, SIGTERM or cancellation, which stop gracefully.

    Takes what `run` takes, except `reload`, `workers` and what concerns the whole process (`gc_freeze`,
    `gc_threshold`). Without `signals` these are left to others.
    `on_start` is called once, with the URL of
    the server (`http://127.0.0.1:49152`, or `unix:/path`), when clients can connect. Raises
    `StartError` if the server cannot start.
    """
    if "reload" in options or "workers" in options:
        raise TypeError("serve() stays in this process: reload and workers are for run()")
    if "gc_freeze" in options or "gc_threshold" in options:
        raise TypeError(
            "serve() leaves the garbage collector alone: gc_freeze and gc_threshold are for run()"
        )
    config = _config(app, options)
    config.load()
    sockets = _listen(config, host, port, uds)
    server = Server(config, sockets, on_start, drain_timeout=drain_timeout, signals=signals)
    try:
        await server.serve()
    except asyncio.CancelledError:
        if server.started:
            await server.shutdown()
        raise
    finally:
        server.release()


@contextlib.asynccontextmanager
async def serving(
    app: object, *, host: str = "127.0.0.1", port: int = 0, **options: Any
) -> AsyncIterator[str]:
    """Serve inside a running event loop while the block runs; gives the URL. For scripts and tests.

    Takes what `serve` takes. Signals and logging stay as they are. Raises `StartError` if the server
    cannot start, and at the end of the block what it failed with meanwhile.
    """
    started: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    options = {"log_config": None, "signals": False, **options}
    task = asyncio.create_task(serve(app, host=host, port=port, on_start=started.set_result, **options))
    try:
        await asyncio.wait((task, started), return_when=asyncio.FIRST_COMPLETED)
        if not started.done():
            await task
        yield started.result()
    finally:
        task.cancel()
        await asyncio.wait((task,))
    if not task.cancelled():
        task.result()


class Config(uvicorn.Config):
    """uvicorn's configuration for an application given as `run` takes it.

    With `reload`, uvicorn resolves the import string again in each new process, here.
    """

    def load_app(self) -> Any:
        return application(load(self.app) if isinstance(self.app, str) else self.app)


class Collector:
    """The garbage collector of a process that serves."""

    def __init__(self, *, freeze: bool, threshold: int | None) -> None:
        self._freeze = freeze
        self._threshold = threshold

    def settle(self, address: str) -> None:
        """The application has started."""
        if self._threshold is not None:
            gc.set_threshold(self._threshold, *gc.get_threshold()[1:])
        if self._freeze:
            gc.freeze()


class Server(uvicorn.Server):
    """uvicorn's server on sockets that are already bound."""

    def __init__(
        self,
        config: Config,
        sockets: list[socket.socket],
        on_start: Callable[[str], None] | None = None,
        *,
        drain_timeout: float = 0.0,
        signals: bool = True,
    ) -> None:
        super().__init__(config)
        self._sockets = sockets
        self._on_start = on_start
        self._drain_timeout = drain_timeout
        self._signals = signals
        # Running, from SIGTERM on.
        self._draining: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """The whole life of a process; with `reload`, uvicorn calls this in each new one."""
        try:
            super().run(sockets or self._sockets)
        except StartError as error:
            _exit(error)
        finally:
            self.release()

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        await super().serve(sockets or self._sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        bound = sockets or self._sockets
        address = url(bound[0], self.config.host, secure=self.config.is_ssl)
        try:
            await super().startup(bound)
        except SystemExit:
            raise StartError("The application did not start; its error is logged above.") from None
        except OSError as error:  # another program began to listen after this one had bound
            await self.lifespan.shutdown()
            raise StartError(f"Cannot listen on {address}: {error.strerror}.") from None
        self._loop = asyncio.get_running_loop()
        _logger.info("Arcwire running on %s (Press CTRL+C to quit)", address)
        if self._on_start is not None:
            self._on_start(address)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        # Here, because a process that ends by SIGTERM comes no further than the end of `serve`.
        self.release()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        with super().capture_signals() if self._signals else contextlib.nullcontext():
            yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal: the first SIGTERM of a server that runs drains it, everything else stops it."""
        first = not self._captured_signals and not self.should_exit
        if sig == signal.SIGTERM and first and self._drain_timeout > 0 and self._loop is not None:
            self._captured_signals.append(sig)  # it is raised again at the end
            self._loop.call_soon_threadsafe(self._drain)
        else:
            super().handle_exit(sig, frame)

    def _drain(self) -> None:
        async def drain() -> None:
            _logger.info("Letting clients go (SIGTERM)")
            try:
                await draining.drain_all(self._drain_timeout)
            finally:
                self.should_exit = True

        self._draining = asyncio.create_task(drain())

    def release(self) -> None:
        """Close the sockets, and remove the file of a Unix socket; the second call does nothing."""
        sockets, self._sockets = self._sockets, []
        if sockets:
            release(sockets, self.config.uds)


def _run_reloading(app: object, host: str, port: int, uds: str | None, options: dict[str, Any]) -> None:
    if not isinstance(app, str):
        raise StartError(
            "Reloading needs an application that can be imported again: give it as 'module:attribute',"
            " or use 'arcwire run module:attribute --reload'.",
            exit_code=2,
        )
    config = _config(app, {**options, "reload": True})
    sockets = _listen(config, host, port, uds)
    try:
        ChangeReload(config, target=Server(config, []).run, sockets=sockets).run()
    finally:
        release(sockets, uds)


def _config(app: object, options: dict[str, Any]) -> Config:
    options = {
        "http": "arcwire.hosts.uvicorn:HttpProtocol",
        "ws": "arcwire.hosts.uvicorn:WebSocketProtocol",
        "ws_per_message_deflate": False,
        "access_log": False,
        "timeout_graceful_shutdown": 3,
        **options,
        "workers": 1,  # said, so that uvicorn does not take WEB_CONCURRENCY
    }
    _check_certificate(options)
    return Config(app, **options)  # type: ignore[arg-type]  # what `run` takes


def _listen(config: Config, host: str, port: int, uds: str | None) -> list[socket.socket]:
    if config.fd is not None:
        return [socket.socket(fileno=os.dup(config.fd))]
    config.host, config.port, config.uds = host, port, uds
    return bind(host, port) if uds is None else bind_unix(uds)


def _check_certificate(options: dict[str, Any]) -> None:
    """Try the TLS files, because `ssl` does not say which of them it could not read."""
    certificate, key, ca_certs = (
        options.get(name) for name in ("ssl_certfile", "ssl_keyfile", "ssl_ca_certs")
    )
    if certificate is None and key is not None:
        raise StartError("The key of a certificate is of no use without it: give ssl_certfile.", exit_code=2)
    for what, path in (("certificate", certificate), ("key", key), ("CA certificates", ca_certs)):
        if path is not None:
            try:
                Path(path).read_bytes()
            except OSError as error:
                raise StartError(f"Cannot read the {what} in {path}: {error.strerror}.") from None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    password = options.get("ssl_keyfile_password") or ""
    try:
        if certificate is not None:
            context.load_cert_chain(certificate, key, lambda: password)
        if ca_certs is not None:
            context.load_verify_locations(ca_certs)
    except (ssl.SSLError, ValueError) as error:
        files = ", ".join(str(path) for path in (certificate, key, ca_certs) if path is not None)
        reason = getattr(error, "reason", None) or error
        raise StartError(f"TLS cannot use {files}: wrong file, key or key password ({reason}).") from None


def _exit(error: StartError) -> NoReturn:
    sys.stderr.write(f"arcwire: {error}\n")
    sys.exit(error.exit_code)
