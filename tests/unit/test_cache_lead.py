"""A leader's sign of life never keeps its answer from its caller."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from gateway.cache import exact as cache
from store.shared.cache import AnswerCache, CacheKey


class SwallowsCancel:
    """A Redis whose client loses a cancel that comes while it answers."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def keep_lead(self, key: CacheKey) -> None:
        self.asked.set()
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            return


async def test_a_cancel_that_redis_swallows_does_not_keep_the_leader_waiting() -> None:
    answers: Any = SwallowsCancel()
    async with asyncio.timeout(300):
        async with cache._leading(cast(AnswerCache, answers), CacheKey("org", "hash"), 0.01):
            await answers.asked.wait()
