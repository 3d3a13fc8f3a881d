"""Redis as something that may be gone at any moment: asked briefly, left alone for a while when it fails.

It holds limits, cache and wake-ups, never money. Whoever asks has another way to go on without it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar
from urllib.parse import urlsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from domain.errors import InvalidInput

T = TypeVar("T")

ANSWER_SECONDS = 0.2
REST_SECONDS = 2.0
_CONNECTIONS = 64


class RedisAway(Exception):
    """Redis did not answer, or did not a moment ago."""


class SharedRedis:
    """One connection pool to Redis with a time limit on every question.

    Args:
        uri: ``redis://``, ``rediss://`` or ``unix://``.
        answer_seconds: After this Redis counts as gone.
        rest_seconds: How long it is then not asked again; after that one caller tries.
    """

    def __init__(
        self, uri: str, *, answer_seconds: float = ANSWER_SECONDS, rest_seconds: float = REST_SECONDS
    ) -> None:
        if urlsplit(uri).scheme not in {"redis", "rediss", "unix"}:
            raise InvalidInput(
                "The Redis address cannot be used.", next_step="Set REDIS_URI to redis://HOST:PORT/0."
            )
        self._seconds = answer_seconds
        self._rest = rest_seconds
        self._asleep_until = 0.0
        self._gone = False
        self.pool = BlockingConnectionPool.from_url(
            uri,
            max_connections=_CONNECTIONS,
            timeout=answer_seconds,
            socket_connect_timeout=answer_seconds,
            decode_responses=True,
            retry=Retry(NoBackoff(), 0),
        )
        self.client = Redis(connection_pool=self.pool)

    @property
    def is_gone(self) -> bool:
        """Whether the last question went unanswered."""
        return self._gone

    async def ask(self, question: Callable[[Redis], Awaitable[T]]) -> T:
        """Ask Redis.

        Raises:
            RedisAway: No answer in time, or Redis is being left alone.
        """
        now = time.monotonic()
        if self._gone:
            if now < self._asleep_until:
                raise RedisAway
            self._asleep_until = now + self._rest  # one caller tries, the others go on without
        try:
            async with asyncio.timeout(self._seconds):
                answer = await question(self.client)
        except (RedisError, OSError, TimeoutError) as error:
            self._gone = True
            self._asleep_until = time.monotonic() + self._rest
            raise RedisAway from error
        self._gone = False
        return answer

    async def aclose(self) -> None:
        """Close every connection."""
        await self.client.aclose()
        await self.pool.disconnect()
