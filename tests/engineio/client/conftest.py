"""What the tests of the client share."""

import asyncio
import os
from collections.abc import Callable, Mapping

import pytest
import uvloop

from arcwire.hosts import picows

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, LoopFactory]:
    """Modules with `ON_BOTH_LOOPS = True` run on uvloop too, because transports differ."""
    loops: dict[str, LoopFactory] = {"asyncio": asyncio.new_event_loop}
    if isinstance(item, pytest.Function) and getattr(item.module, "ON_BOTH_LOOPS", False):
        loops["uvloop"] = uvloop.new_event_loop
    return loops


@pytest.fixture(autouse=True)
def _short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most stub servers do not answer close frames; nobody has to wait for that."""
    monkeypatch.setattr(picows, "CLOSE_GRACE", 0.5)


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' machine may have proxies of its own."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
