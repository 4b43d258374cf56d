"""TCP connections to a host by name: its addresses are tried in a race (RFC 8305, "Happy Eyeballs").

asyncio can do that too, but leaves sockets open where it is cancelled, and uvloop cannot.
"""

import asyncio
import ipaddress
import itertools
import socket
from collections.abc import Sequence
from typing import Any, TypeAlias, cast

_DELAY = 0.25
"""Seconds after which the next address is tried too."""

_Address: TypeAlias = tuple[str, int] | tuple[str, int, int, int]
_Info: TypeAlias = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]
_Candidate: TypeAlias = tuple[socket.AddressFamily, _Address]


async def connect_tcp(host: str, port: int, local_address: tuple[str, int] | None) -> socket.socket:
    """A connected, non-blocking socket. Raises OSError: `socket.gaierror` for a name without an address,
    else what became of the last address. Cancelling it leaves nothing open."""
    candidates = await _resolve(host, port)
    if local_address is not None:
        family = socket.AF_INET6 if ":" in local_address[0] else socket.AF_INET
        candidates = [candidate for candidate in candidates if candidate[0] is family] or candidates
    if len(candidates) == 1:
        return await _connect(candidates[0], local_address)
    return await _race(candidates, local_address)


async def _resolve(host: str, port: int) -> list[_Candidate]:
    try:
        # What is an address already needs no thread to be resolved in.
        version = ipaddress.ip_address(host).version
    except ValueError:
        infos = await _resolve_name(host, port)
        families: dict[socket.AddressFamily, list[_Candidate]] = {}
        for family, _, _, _, address in infos:
            families.setdefault(family, []).append((family, cast("_Address", address)))
        rows = itertools.zip_longest(*families.values())
        return [candidate for row in rows for candidate in row if candidate is not None]
    return [(socket.AF_INET if version == 4 else socket.AF_INET6, (host, port))]


async def _resolve_name(host: str, port: int) -> Sequence[_Info]:
    return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)


async def _connect(candidate: _Candidate, local_address: tuple[str, int] | None) -> socket.socket:
    family, address = candidate
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if local_address is not None:
            sock.bind(local_address)
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


async def _race(candidates: Sequence[_Candidate], local_address: tuple[str, int] | None) -> socket.socket:
    tries: list[asyncio.Task[socket.socket]] = []
    running: set[asyncio.Task[socket.socket]] = set()
    waiting = list(reversed(candidates))
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.ensure_future(_connect(waiting.pop(), local_address)))
            done, running = await asyncio.wait(
                running, timeout=_DELAY if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            tries += done
            if any(task.exception() is None for task in done):
                break
    finally:
        # Not awaited: cancelled tries close their sockets, and those that were faster are closed here.
        for task in running:
            task.add_done_callback(_close)
            task.cancel()
    connected = [task.result() for task in tries if task.exception() is None]
    if not connected:
        raise next(error for task in reversed(tries) if (error := task.exception()) is not None)
    for loser in connected[1:]:
        loser.close()
    return connected[0]


def _close(task: asyncio.Task[socket.socket]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()
