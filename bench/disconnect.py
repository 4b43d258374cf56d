"""What a disconnection costs: it should depend on the rooms of that socket, not on all there are.

    python bench/disconnect.py

Sockets are real but for their network: their links are kept in memory.
"""

import asyncio
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from arcwire import Server
from support.memory import MemoryClient

ROOMS_OF_A_SOCKET = 3


async def measure(sockets: int, rooms: int) -> float:
    """Microseconds of CPU time a disconnection, of a tenth of the sockets."""
    io = Server()
    clients = [MemoryClient(io) for _ in range(sockets)]
    for client in clients:
        client.send("0")
    for number, socket in enumerate(io.sockets.values()):
        socket.join(*(f"room {(number * 7 + i) % rooms}" for i in range(ROOMS_OF_A_SOCKET)))
    leaving = clients[::10]
    start = time.process_time()
    for client in leaving:
        client.drop()
    cost = (time.process_time() - start) / len(leaving)
    assert len(io.sockets) == sockets - len(leaving)
    await io.close()
    return cost * 1e6


async def main() -> None:
    sys.stdout.write("| sockets | rooms | us a disconnection |\n|--:|--:|--:|\n")
    for sockets, rooms in ((1_000, 100), (1_000, 1_000), (10_000, 1_000), (10_000, 10_000), (30_000, 30_000)):
        best = min([await measure(sockets, rooms) for _ in range(3)])
        sys.stdout.write(f"| {sockets:,} | {rooms:,} | {best:.1f} |\n")


if __name__ == "__main__":
    asyncio.run(main())
