"""The Socket.IO client for code without an event loop.

    with arcwire.blocking.Client("https://example.com/chat") as socket:
        socket.emit("say", "hi")
        receipt = socket.timeout(5).emit_with_ack("say", "hi again", returns=Receipt)
        for event in socket.events("said"):
            print(*event.args)

A facade over `arcwire.Client`, which runs on a thread of its own: same names, same options, same errors.
"""

from arcwire.blocking.client import Client
from arcwire.blocking.socket import Emission, FlaggedSocket, Sending, Socket
from arcwire.blocking.streams import Events, Items, States

__all__ = ["Client", "Emission", "Events", "FlaggedSocket", "Items", "Sending", "Socket", "States"]
