"""The sockets a server listens on, bound before the application starts.

uvicorn binds after the application has started and reports a taken port as an error number; bound
here, a port is known (also when it was 0) and refused early, in a sentence.
"""

import contextlib
import errno
import os
import socket
import stat
import sys
from typing import Any

from arcwire.hosts.uvicorn.errors import StartError


def bind(host: str, port: int) -> list[socket.socket]:
    """Bind `port` on each address of `host` (two for `localhost`); port 0 takes a free one.

    Raises `StartError`. Addresses of a family that the machine does not have are left out.
    """
    sockets: list[socket.socket] = []
    failure: OSError | None = None
    for family, address in _addresses(host, port):
        if port == 0 and sockets:
            # The same free port on all addresses.
            address = (address[0], sockets[0].getsockname()[1], *address[2:])
        try:
            sockets.append(_bind(family, address))
        except OSError as error:
            failure = error
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                break
    else:
        if sockets:
            return sockets
    for sock in sockets:
        sock.close()
    assert failure is not None
    raise StartError(_why_not(failure, host, port))


def bind_unix(path: str) -> list[socket.socket]:
    """Bind a Unix socket, in place of one that a server left behind. Raises `StartError`."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        permissions = _clear(path)
        sock.bind(path)
        os.chmod(path, permissions)
    except OSError as error:
        sock.close()
        raise StartError(f"Cannot listen on {path}: {error.strerror or error}.") from None
    except StartError:
        sock.close()
        raise
    return [sock]


def release(sockets: list[socket.socket], uds: str | None) -> None:
    """Close what `bind` or `bind_unix` gave."""
    for sock in sockets:
        sock.close()
    if uds is not None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(uds)


def url(sock: socket.socket, host: str, *, secure: bool) -> str:
    """Where a bound socket answers: `http://127.0.0.1:3000`, or `unix:/path`."""
    name = sock.getsockname()
    if isinstance(name, str):
        return f"unix:{name}"
    scheme = "https" if secure else "http"
    return f"{scheme}://[{host}]:{name[1]}" if ":" in host else f"{scheme}://{host}:{name[1]}"


def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, Any]]:
    if not 0 <= port <= 65535:
        raise StartError(f"There is no port {port}: ports go from 0 to 65535.", exit_code=2)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StartError(f"Host {host!r} has no address: {reason}.", exit_code=2) from None
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def _bind(family: socket.AddressFamily, address: Any) -> socket.socket:
    # The protocol is named because asyncio turns Nagle's algorithm off only where it sees TCP; with it,
    # an answer written in two parts takes 40 ms.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform != "win32":  # there it would let two programs share the port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # As asyncio does: `::` and `0.0.0.0` are two addresses, with two sockets.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is already in use: stop the program that has it, or choose another port."
        )
    if error.errno == errno.EACCES:
        return f"Port {port} on {host} is not open to this user: choose one above 1023."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine."
    return f"Cannot listen on port {port} of {host}: {error.strerror}."


def _clear(path: str) -> int:
    """Remove the socket that a server left behind; returns the permissions of the next one."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return 0o666  # as uvicorn: a proxy usually runs as another user
    if not stat.S_ISSOCK(mode):
        raise StartError(f"Cannot listen on {path}: there is a file that is not a socket.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        if probe.connect_ex(path) == 0:
            raise StartError(f"The socket {path} is already in use: stop the program that has it.")
    os.unlink(path)
    return stat.S_IMODE(mode)
