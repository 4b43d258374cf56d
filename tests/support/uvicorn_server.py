"""A uvicorn server in the loop of the test."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from arcwire.hosts.uvicorn.run import serve
from support.raw_http import PATIENCE


class Running:
    """A server that runs: where it is, and the task that is its life."""

    def __init__(self, url: str, task: asyncio.Task[None]) -> None:
        self.url = url
        self.task = task

    async def stop(self) -> None:
        """Stop gracefully; fails if that takes long."""
        self.task.cancel()
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait((self.task,))


@asynccontextmanager
async def running(app: object, **options: Any) -> AsyncIterator[Running]:
    """Serve `app` on a free port, or as `options` of `serve` say, until the block ends.

    Fails if anything raised in a callback of the loop, where nobody but the loop sees it.
    """
    loop = asyncio.get_running_loop()
    raised: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: raised.append(context))
    started: asyncio.Future[str] = loop.create_future()
    options = {"port": 0, "log_config": None, **options}
    # uvicorn turns its access log off for the whole process.
    access_log = logging.getLogger("uvicorn.access")
    handlers, propagate = access_log.handlers, access_log.propagate
    task = asyncio.create_task(serve(app, on_start=started.set_result, **options))
    await asyncio.wait((task, started), return_when=asyncio.FIRST_COMPLETED)
    if not started.done():
        await task
    server = Running(started.result(), task)
    try:
        yield server
    finally:
        await server.stop()
        access_log.handlers, access_log.propagate = handlers, propagate
    if not task.cancelled():
        task.result()
    assert not raised
