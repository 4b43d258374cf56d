"""The Socket.IO client for code without an event loop."""
