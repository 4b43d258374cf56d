"""The Engine.IO protocol, revision 4, without I/O: time and ids are arguments.

https://github.com/socketio/engine.io-protocol
"""
