"""Leaving blocks of a blocking client that is closed."""

import pytest

from arcwire import Disconnected
from arcwire.blocking import Client
from support.servers import ServerProcess


def test_leaving_hides_no_exception(server: ServerProcess) -> None:
    client = Client(server.url)
    socket = client.connect()
    events = socket.events()

    def leave() -> None:
        with client.of("/"), events, socket.states():
            client.close()
            raise LookupError

    with pytest.raises(LookupError):
        leave()
    events.close()
    socket.disconnect()
    with pytest.raises(Disconnected):
        socket.events()
