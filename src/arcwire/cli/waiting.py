"""Waiting for the first of several things."""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

T = TypeVar("T")


async def first_of(*awaitables: Awaitable[T]) -> T:
    """What the first gives or raises that is done; the others are cancelled, and waited for.

    Of several that are done at the same time, the one that is named first counts.
    """
    futures: list[asyncio.Future[Any]] = [asyncio.ensure_future(each) for each in awaitables]
    try:
        await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
        return next(future for future in futures if future.done()).result()  # type: ignore[no-any-return]
    finally:
        for future in futures:
            future.cancel()
        await asyncio.gather(*futures, return_exceptions=True)
