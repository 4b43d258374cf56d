"""The Engine.IO protocol, revisions 4 and 3, without I/O: time and ids are arguments.

https://github.com/socketio/engine.io-protocol
"""
