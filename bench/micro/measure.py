"""Does the works whose names match, under callgrind; started by `count.py`.

    valgrind --tool=callgrind --instr-atstart=no ... measure.py COUNTER PATTERN...

`COUNTER` is the compiled counter.c. Each work is dumped as `NAME:1` and `NAME:2`, with `count` and
twice as many turns: their difference has nothing of what surrounds the turns. A line for each work
tells its name, `count`, and the messages in a turn. Without valgrind it counts nothing.
"""

import asyncio
import ctypes
import gc
import sys
import traceback
from fnmatch import fnmatch

from memory import Loop
from works import WORKS, Work

WARM_UP = 4
"""Times `count` turns before the first count: CPython specializes what runs often."""


async def measure(counter: ctypes.CDLL, patterns: list[str]) -> None:
    works: dict[str, Work] = {}
    for name in [name for name in WORKS if any(fnmatch(name, pattern) for pattern in patterns)]:
        try:
            works[name] = await WORKS[name]()
            await turn(works[name], WARM_UP * works[name].count)
        except (AttributeError, ImportError, TypeError):
            # This commit has no such function.
            sys.stderr.write(f"{name}: {traceback.format_exc(limit=-1)}")
            works.pop(name, None)
    # The collector would begin at times that depend on everything else that lives.
    gc.collect()
    gc.disable()
    counter.start()
    for name, work in works.items():
        # What was translated for the warm-up has to be translated again, which takes no instructions.
        for times in (1, 2):
            if work.prepare is not None:
                await work.prepare(times * work.count)
            counter.zero()
            await work.run(times * work.count)
            counter.dump(f"{name}:{times}".encode())
        sys.stdout.write(f"{name} {work.count} {work.messages}\n")


async def turn(work: Work, count: int) -> None:
    if work.prepare is not None:
        await work.prepare(count)
    await work.run(count)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(measure(ctypes.CDLL(sys.argv[1]), sys.argv[2:]))
