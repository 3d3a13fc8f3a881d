"""Group commit: what is written at the same time is written by one statement.

While a statement is under way the next one gathers, so a lone write waits for nobody and a crowd shares its
round trips and its waits for the disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

from domain.errors import StorageFull, StoreUnavailable

T = TypeVar("T")
R = TypeVar("R")

_MOST = 100
_Place = tuple[T, asyncio.Future[R]]


class GroupCommit(Generic[T, R]):
    """Gathers writes.

    Args:
        write: Writes all that it is given, or nothing of it, and returns a result for each.
    """

    def __init__(self, write: Callable[[Sequence[T]], Awaitable[Sequence[R]]]) -> None:
        self._write = write
        self._waiting: list[_Place[T, R]] = []
        self._writer: asyncio.Task[None] | None = None

    async def __call__(self, item: T) -> R:
        """Write an item with those beside it.

        A caller that is cancelled does not know whether it was written. What ``write`` raises of several is met
        by the one that it is about: each is then written by itself.
        """
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._writer is None:
            # Of no caller: neither the first one's cancel nor its context is that of the others.
            self._writer = asyncio.create_task(self._run(), context=Context())
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
                await self._flush([place for place in batch if not place[1].done()])
        finally:
            self._writer = None

    async def _flush(self, batch: Sequence[_Place[T, R]]) -> None:
        try:
            results = await self._write([item for item, _ in batch]) if batch else ()
        except Exception as error:
            if len(batch) == 1 or isinstance(error, StoreUnavailable | StorageFull):
                _tell(batch, error)
                return
            for place in batch:
                await self._flush([place])
        except BaseException:
            for _, future in batch:
                future.cancel()
            raise
        else:
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)


def _tell(batch: Sequence[_Place[T, R]], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
