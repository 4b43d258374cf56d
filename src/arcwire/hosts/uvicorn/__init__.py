"""The fast path under uvicorn: `--http arcwire.hosts.uvicorn:HttpProtocol --ws
arcwire.hosts.uvicorn:WebSocketProtocol`."""

from arcwire.hosts.uvicorn.http import HttpProtocol
from arcwire.hosts.uvicorn.websocket import WebSocketProtocol

__all__ = ["HttpProtocol", "WebSocketProtocol"]
