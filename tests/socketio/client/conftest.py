"""Fixtures of the client's tests."""

import asyncio

import pytest

from support.engine_server import MemoryServer


@pytest.fixture
async def server():
    """A server in memory. Whatever clients did, no task of theirs is left, and the loop heard no error."""
    loop = asyncio.get_running_loop()
    raised = []
    loop.set_exception_handler(lambda _, context: raised.append(context))
    server = MemoryServer()
    yield server
    for client in server.clients:
        await client.close(grace=0)
    left = [task for task in asyncio.all_tasks() if "/arcwire/" in task.get_coro().cr_code.co_filename]
    assert not left
    assert not raised
