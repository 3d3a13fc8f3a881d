"""Places in a moving window, counted in Redis for all processes together.

The window is that of the library ``limits``: one Lua call a place, exact over any number of processes.
"""

from __future__ import annotations

import time
import uuid
from typing import Any

from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter

from domain.worlds import World
from store.shared.redis import SharedRedis

_ALIVE_SECONDS = 30.0


class SharedWindow:
    """Counts places by key.

    Args:
        shared: Redis; a place is asked for briefly.
        world: Whose processes share what there is.
    """

    def __init__(self, shared: SharedRedis, world: World = World.REAL) -> None:
        self._shared = shared
        self._workers = f"posthub:workers:{world}"
        pool: Any = shared.pool  # the library's own annotation knows of plain options alone
        storage = RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix="posthub:limit",
            connection_pool=pool,
        )
        self._window = MovingWindowRateLimiter(storage)
        self._worker = uuid.uuid4().hex

    async def take(self, key: str, limit: int, seconds: int) -> bool:
        """Take a place; False where the window is full.

        Raises:
            RedisAway: Redis does not answer.
        """
        item = RateLimitItemPerSecond(limit, seconds)
        return await self._shared.ask(lambda _: self._window.hit(item, key))

    async def opens_in(self, key: str, limit: int, seconds: int) -> float:
        """Seconds until the oldest place is free again.

        Raises:
            RedisAway: Redis does not answer.
        """
        item = RateLimitItemPerSecond(limit, seconds)
        stats = await self._shared.ask(lambda _: self._window.get_window_stats(item, key))
        return max(0.0, stats.reset_time - time.time())

    async def workers(self) -> int:
        """Sign this process in, and return how many there are.

        Raises:
            RedisAway: Redis does not answer.
        """
        now = time.time()
        async with self._shared.client.pipeline(transaction=False) as pipeline:
            pipeline.zadd(self._workers, {self._worker: now})
            pipeline.zremrangebyscore(self._workers, "-inf", now - _ALIVE_SECONDS)
            pipeline.zcard(self._workers)
            answers = await self._shared.ask(lambda _: pipeline.execute())
        return max(1, int(answers[-1]))
