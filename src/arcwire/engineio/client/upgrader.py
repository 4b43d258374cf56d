"""What opens the WebSocket that a polling session moves to."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

from arcwire.engineio.client.address import Address
from arcwire.engineio.client.config import EngineClientConfig
from arcwire.engineio.client.websocket import open_websocket
from arcwire.engineio.link import LinkReceiver, WebSocketLink
from arcwire.errors import ConnectError

logger = logging.getLogger("arcwire.client")


class Upgradable(Protocol):
    """The connection."""

    url: str

    @property
    def sid(self) -> str: ...

    def open_probe(self, link: WebSocketLink, timeout: float) -> LinkReceiver:
        """A WebSocket for the session is open; it has to take over in time."""

    def link_lost(self, link: object) -> None:
        """The connection of the WebSocket has ended."""


class Upgrader:
    """One attempt. When no WebSocket gets through, the session goes on polling."""

    __slots__ = ("_address", "_config", "_connection", "_task")

    def __init__(self, address: Address, config: EngineClientConfig, connection: Upgradable) -> None:
        self._address = address
        self._config = config
        self._connection = connection
        self._task: asyncio.Task[None] | None = None

    def start(self, upgrades: Sequence[str]) -> None:
        """Begin, if that is wanted and the server offers it."""
        if self._config.upgrade and "websocket" in self._config.transports and "websocket" in upgrades:
            self._task = asyncio.get_running_loop().create_task(self._open())

    def stop(self) -> None:
        """Give up, if the WebSocket is not open yet."""
        if self._task is not None:
            self._task.cancel()

    async def _open(self) -> None:
        config, connection = self._config, self._connection

        def begin(link: WebSocketLink) -> LinkReceiver:
            return connection.open_probe(link, config.upgrade_timeout)

        try:
            async with asyncio.timeout(config.timeout):
                await open_websocket(
                    self._address,
                    config.of("websocket"),
                    begin,
                    sid=connection.sid,
                    on_lost=connection.link_lost,
                )
        except (ConnectError, TimeoutError) as error:
            config.memory.websocket_worked = False
            logger.debug("No upgrade of the connection to %s: %s", connection.url, error)
        else:
            config.memory.websocket_worked = True
