"""Tests of the server run on a clock that jumps: no test waits for a heartbeat."""

import asyncio
from collections.abc import Callable, Mapping

import pytest

from support.clock import JumpingLoop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"jumping": JumpingLoop}
