"""Answers that may be given again, in Redis: lost with it at any time, and then bought again.

The organization stands first in every key, so that no answer is ever given to another one. Of the callers that
miss at the same time, in whichever process, one leads and the others wait for its answer.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from redis.asyncio import Redis

from store.shared.redis import RedisAway, SharedRedis
from store.text import json_text, original_json

LEAD_SECONDS = 10
"""A leader that has not said within this time that it still works counts as dead."""

_SCANNED = 500
"""Keys that Redis looks through at a time, so that nobody waits for it."""

_LOOK = """
local found = redis.call('get', KEYS[1])
if found then return found end
if redis.call('set', KEYS[2], ARGV[1], 'NX', 'EX', ARGV[2]) then return 1 end
return 0
"""
_KEEP = """
if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('expire', KEYS[1], ARGV[2]) end
return 0
"""
_STORE = """
redis.call('set', KEYS[1], ARGV[2], 'EX', ARGV[3])
if redis.call('get', KEYS[2]) == ARGV[1] then redis.call('del', KEYS[2]) end
return 1
"""
_LEAVE = """
if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end
return 0
"""


@dataclass(frozen=True, slots=True)
class CacheKey:
    """One organization and the hash of one whole request."""

    organization_id: str
    request_hash: str

    @property
    def text(self) -> str:
        # One hash slot for the answer and its lead; the hash has a fixed length, so no two keys run together.
        return f"posthub:cache:{{{self.organization_id}:{self.request_hash}}}"


Look = Mapping[str, Any] | Literal["lead", "wait"]


class AnswerCache:
    """Looks answers up and stores them.

    Args:
        shared: Redis. When it is away, every look-up is a lead and nothing is stored.
    """

    def __init__(self, shared: SharedRedis) -> None:
        self._shared = shared
        client = shared.client
        self._look = client.register_script(_LOOK)
        self._keep = client.register_script(_KEEP)
        self._store = client.register_script(_STORE)
        self._leave = client.register_script(_LEAVE)
        self._me = uuid.uuid4().hex

    async def look(self, key: CacheKey) -> Look:
        """Return the answer; else ``lead`` for the caller who is to bring it, or ``wait`` for the others."""
        keys = [key.text, f"{key.text}:lead"]
        try:
            found = await self._shared.ask(lambda _: self._look(keys, [self._me, LEAD_SECONDS]))
        except RedisAway:
            return "lead"
        if isinstance(found, str):
            answer = original_json(json.loads(found))
            assert isinstance(answer, dict)
            return answer
        return "lead" if found == 1 else "wait"

    async def keep_lead(self, key: CacheKey) -> None:
        """Say that the leader still works."""
        await self._run(self._keep, [f"{key.text}:lead"], [self._me, LEAD_SECONDS])

    async def store(self, key: CacheKey, answer: Mapping[str, Any], *, seconds: int) -> None:
        """Keep an answer for a time, and end the lead."""
        text = json_text(answer)
        await self._run(self._store, [key.text, f"{key.text}:lead"], [self._me, text, seconds])

    async def leave(self, key: CacheKey) -> None:
        """End the lead without an answer."""
        await self._run(self._leave, [f"{key.text}:lead"], [self._me])

    async def forget(self, organization_id: str) -> None:
        """Drop every answer of an organization.

        Raises:
            RedisAway: Redis does not answer; what is left there ends with its time.
        """
        prefix = re.sub(r"([*?\[\]\\])", r"\\\1", f"posthub:cache:{{{organization_id}:")

        async def drop(redis: Redis, cursor: int) -> int:
            following, keys = await redis.scan(cursor, f"{prefix}*", _SCANNED)
            if keys:
                await redis.unlink(*keys)
            return int(following)

        cursor = -1
        while cursor:
            cursor = await self._shared.ask(partial(drop, cursor=max(cursor, 0)))

    async def _run(self, script: Any, keys: list[str], arguments: list[Any]) -> None:
        try:
            await self._shared.ask(lambda _: script(keys, arguments))
        except RedisAway:
            return
