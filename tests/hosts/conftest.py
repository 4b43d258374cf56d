"""On which event loops the tests of hosts run."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop

from support.clock import JumpingLoop

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, LoopFactory]:
    """Which loops a module runs on.

    With `ON_BOTH_LOOPS = True` asyncio's and uvloop, because transports differ; with
    `ON_JUMPING_LOOP = True` one whose time jumps, for what needs no sockets.
    """
    if isinstance(item, pytest.Function) and getattr(item.module, "ON_JUMPING_LOOP", False):
        return {"jumping": JumpingLoop}
    loops: dict[str, LoopFactory] = {"asyncio": asyncio.new_event_loop}
    if isinstance(item, pytest.Function) and getattr(item.module, "ON_BOTH_LOOPS", False):
        loops["uvloop"] = uvloop.new_event_loop
    return loops
