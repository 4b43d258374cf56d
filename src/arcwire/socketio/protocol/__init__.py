"""The Socket.IO protocol, revision 5, without I/O.

https://github.com/socketio/socket.io-protocol
"""
