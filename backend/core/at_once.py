"""Some at a time: what waits for stores and services is waited for together, but never all of it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

_Item = TypeVar("_Item")
_Done = TypeVar("_Done")


async def each(
    items: Iterable[_Item], one: Callable[[_Item], Awaitable[_Done]], *, limit: int
) -> list[_Done]:
    """`one` for each, `limit` at a time, in order. The first failure stops the others: nothing goes on unwatched."""
    free = asyncio.Semaphore(limit)

    async def limited(item: _Item) -> _Done:
        async with free:
            return await one(item)

    running = [asyncio.ensure_future(limited(item)) for item in items]
    try:
        return list(await asyncio.gather(*running))
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
