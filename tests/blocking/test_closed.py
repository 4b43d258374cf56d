"""Leaving blocks of a blocking client that is closed."""

import pytest

from arcwire import Disconnected
from arcwire.blocking import Client
from support.servers import ServerProcess


def test_leaving_hides_no_exception(server: ServerProcess) -> None:
    client = Client(server.url)
    socket = client.connect()
    with pytest.raises(LookupError), client.of("/") as root, socket.events() as events, socket.states():
        client.close()
        raise LookupError
    events.close()
    root.disconnect()
    with pytest.raises(Disconnected):
        socket.events()
