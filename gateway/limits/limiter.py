"""Waiting for a place in a provider's rate limit instead of being refused by it.

Each organization has its own window at each provider, so none of them waits for another. Whoever does not get a
place at once queues: interactive calls before batch, then first come, first served. Without Redis a process
keeps to its share of the window; what it sent before counts too, so that nothing bursts when Redis comes back.
Money is not touched: places are taken before anything is held.
"""

from __future__ import annotations

import asyncio
import heapq
import random
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from domain.calls import Call
from domain.errors import ProviderBusy
from gateway.limits.rates import RateLimits
from store.shared.limits import SharedWindow
from store.shared.redis import RedisAway

_SIGN_IN_SECONDS = 5.0
_UNKNOWN_WORKERS = 2
_SHORTEST_NAP = 0.01
_LONGEST_NAP = 1.0
_WORTH_TELLING_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Wait:
    """A call that has to wait: its place in the queue, and about how many seconds it will take."""

    call: Call
    provider: str
    position: int
    seconds: float
    limit: int
    window_seconds: int


OnWait = Callable[[Wait], None]


@dataclass(slots=True)
class _Queue:
    key: str
    limit: int
    waiting: list[tuple[int, int, asyncio.Future[None]]] = field(default_factory=list)
    sent: deque[float] = field(default_factory=deque)
    alone_until: float = 0.0
    pump: asyncio.Task[None] | None = None


class Limiter:
    """Hands out places.

    Args:
        limits: How many places there are.
        window: Redis, where there is one.
        on_wait: Told of each call that will wait noticeably; called in the caller's context.
        account: Names the account at a provider that the places are of.
        now: A monotonic clock.
    """

    def __init__(
        self,
        limits: RateLimits,
        window: SharedWindow | None = None,
        on_wait: OnWait | None = None,
        *,
        account: Callable[[str], str] = str,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._window = window
        self._on_wait = on_wait
        self._account = account
        self._now = now
        self._queues: dict[tuple[str, str], _Queue] = {}
        self._count = 0
        self._workers: int | None = None if window else 1
        self._signed_in_at = float("-inf")
        self._signing_in: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many calls wait at the moment."""
        return sum(len(queue.waiting) for queue in self._queues.values())

    async def admit(self, call: Call, provider: str, *, seconds: float) -> None:
        """Take a place, and wait for one at most ``seconds``.

        Raises:
            ProviderBusy: None became free in time; nothing was sent.
        """
        queue = self._queue(call.organization_id, provider)
        if queue is None or (not self._drop_gone(queue) and await self._take(queue)):
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(queue.waiting, (0 if call.is_interactive else 1, self._count, place))
        if queue.pump is None or queue.pump.done():
            queue.pump = asyncio.create_task(self._hand_out(queue))
        self._tell(call, provider, queue)
        try:
            async with asyncio.timeout(seconds):
                await place
        except TimeoutError as error:
            raise _no_room(provider, queue.limit, self._limits.seconds, seconds) from error

    def _queue(self, organization_id: str, provider: str) -> _Queue | None:
        limit = self._limits.of(organization_id, provider)
        if limit is None:
            return None
        self._keep_signed_in()
        place = (organization_id, provider)
        if place not in self._queues:
            self._queues[place] = _Queue(f"{self._account(provider)}:{organization_id}", limit)
        return self._queues[place]

    def _tell(self, call: Call, provider: str, queue: _Queue) -> None:
        position, window = len(queue.waiting), self._limits.seconds
        about = position / queue.limit * window
        if self._on_wait is not None and about >= _WORTH_TELLING_SECONDS:
            self._on_wait(Wait(call, provider, position, about, queue.limit, window))

    async def _hand_out(self, queue: _Queue) -> None:
        """Give places to those who wait, the first of the queue first, until nobody waits."""
        while self._drop_gone(queue):
            if not await self._take(queue):
                await asyncio.sleep(await self._nap(queue))
            elif self._drop_gone(queue):
                heapq.heappop(queue.waiting)[2].set_result(None)

    def _drop_gone(self, queue: _Queue) -> bool:
        while queue.waiting and queue.waiting[0][2].done():
            heapq.heappop(queue.waiting)
        return bool(queue.waiting)

    async def _take(self, queue: _Queue) -> bool:
        """Take a place in the shared window, or in this process's share of it while there is none."""
        now, window = self._now(), self._limits.seconds
        while queue.sent and queue.sent[0] <= now - window:
            queue.sent.popleft()
        share = max(1, queue.limit // (self._workers or _UNKNOWN_WORKERS))
        # Redis may have lost its count: what this process sent is never forgotten by the process.
        if len(queue.sent) >= (share if now < queue.alone_until else queue.limit):
            return False
        queue.sent.append(now)  # before the answer, or callers beside this one would not count it
        if await self._has_room(queue, share):
            return True
        with suppress(ValueError):
            queue.sent.remove(now)
        return False

    async def _has_room(self, queue: _Queue, share: int) -> bool:
        if self._window is None:
            return True
        try:
            return await self._window.take(queue.key, queue.limit, self._limits.seconds)
        except RedisAway:
            queue.alone_until = self._now() + self._limits.seconds
            return len(queue.sent) <= share

    async def _nap(self, queue: _Queue) -> float:
        """Until a place may be free again; spread, so that processes do not come back together."""
        opens = self._limits.seconds - (self._now() - queue.sent[0]) if queue.sent else _LONGEST_NAP
        if self._window is not None:
            with suppress(RedisAway):
                opens = await self._window.opens_in(queue.key, queue.limit, self._limits.seconds)
        return min(max(opens, _SHORTEST_NAP), _LONGEST_NAP) + random.random() * _SHORTEST_NAP

    def _keep_signed_in(self) -> None:
        """Let the other processes count this one, in the background."""
        if self._window is None or self._now() - self._signed_in_at < _SIGN_IN_SECONDS:
            return
        self._signed_in_at = self._now()
        self._signing_in = asyncio.create_task(self._sign_in(self._window))

    async def _sign_in(self, window: SharedWindow) -> None:
        with suppress(RedisAway):
            self._workers = await window.workers()

    async def aclose(self) -> None:
        """Stop handing out places."""
        tasks = [queue.pump for queue in self._queues.values() if queue.pump is not None]
        tasks += [self._signing_in] if self._signing_in is not None else []
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=1.0)  # a cancel may be lost in Redis's client


def _no_room(provider: str, limit: int, window: int, seconds: float) -> ProviderBusy:
    return ProviderBusy(
        f"The rate limit of {provider} ({limit} calls in {window} seconds) left no room within {seconds:g} "
        "seconds.",
        next_step="Resume the run later, or raise POSTHUB_RATE_LIMITS if the provider allows more.",
        provider=provider,
        limit=limit,
    )
