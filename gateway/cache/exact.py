"""Answers given again: one caller of many buys, all others of the same organization get its answer for nothing.

The key is everything that is asked, down to the facts that are sent about each model of the chain, and whom it
is asked: an answer of the sandbox, of another address or of another account is never given. Callers in one
process wait for the leader's own result; callers in other processes look into Redis until it is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from domain.errors import MoneyState, PostHubError
from domain.ids import content_hash
from gateway.cache.policy import CachePolicy
from gateway.calls.pipeline import CallPipeline
from gateway.calls.request import CallRequest, CallResult
from gateway.config import GatewayConfig
from store.money.journal import Journal, recorded_error
from store.money.observe import tell
from store.shared.cache import LEAD_SECONDS, AnswerCache, CacheKey

_LOOK_AGAIN_SECONDS = (0.02, 0.05, 0.1, 0.2)
_WHY = "the same request was answered before"

Output = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Hit:
    """An answer that another job bought."""

    output: Output

    @property
    def saved_micro(self) -> int:
        """What it cost when it was bought."""
        return int(self.output["served"]["cost_micro"])

    def for_nothing(self) -> dict[str, Any]:
        """Return the answer as it is stored for this caller: it cost nothing, and says what it saved."""
        served = {**self.output["served"], "cost_micro": 0, "basis": "cache", "saved_micro": self.saved_micro}
        return {**self.output, "served": {**served, "why": _WHY}}


def key_of(request: CallRequest, engine: str, accounts: str) -> CacheKey:
    """Return the key of everything that a request asks, and of whom it is asked."""
    template = request.call.template.identity() if request.call.template else None
    whole = {
        "purpose": request.purpose,
        "engine": engine,
        "accounts": accounts,
        "template": template,
        "request": dict(request.payload),
        "chain": [
            [candidate.name, candidate.deployment, dict(candidate.facts)] for candidate in request.candidates
        ],
    }
    return CacheKey(request.call.organization_id, content_hash(whole))


class Cache:
    """Finds answers, or lets exactly one caller bring them.

    Args:
        policy: What is kept for how long.
        answers: Redis, where there is one; without it callers of one process share their answers at least.
    """

    def __init__(self, policy: CachePolicy, answers: AnswerCache | None) -> None:
        self._policy = policy
        self._answers = answers
        self._flights: dict[CacheKey, asyncio.Future[Output | None]] = {}

    def seconds(self, request: CallRequest) -> int:
        """How long an answer to this request is kept; 0 where the cache is not to be asked."""
        return self._policy.seconds(request.call, request.purpose)

    async def find(
        self, key: CacheKey, seconds: int, buy: Callable[[], Awaitable[CallResult]]
    ) -> CallResult | Hit:
        """Return an answer of before, or what ``buy`` brings.

        Raises:
            PostHubError: The leader's failure; a caller that waited for it has spent nothing.
        """
        while (flight := self._flights.get(key)) is not None:
            output = await _of_leader(flight)
            if output is not None:
                return Hit(output)
        flight = self._flights[key] = asyncio.get_running_loop().create_future()
        try:
            found = await self._find(key, seconds, buy)
        except PostHubError as error:
            flight.set_exception(error)
            flight.exception()  # looked at: nobody has to be waiting
            raise
        except BaseException:
            flight.set_result(None)  # cut short: the next caller leads
            raise
        else:
            replayed = isinstance(found, CallResult) and found.replayed
            flight.set_result(None if replayed else found.output)
            return found
        finally:
            del self._flights[key]

    async def _find(
        self, key: CacheKey, seconds: int, buy: Callable[[], Awaitable[CallResult]]
    ) -> CallResult | Hit:
        if self._answers is None:
            return await buy()
        looked = 0
        while (found := await self._answers.look(key)) == "wait":
            await asyncio.sleep(_LOOK_AGAIN_SECONDS[min(looked, len(_LOOK_AGAIN_SECONDS) - 1)])
            looked += 1
        if not isinstance(found, str):
            return Hit(found)
        async with _leading(self._answers, key):
            result = await buy()
            if not result.replayed:
                await self._answers.store(key, result.output, seconds=seconds)
            return result


class CachedCalls:
    """Stands before the pipeline with its interface: what another job bought is given again for nothing.

    Args:
        calls: Buys what is not known.
        cache: Finds answers.
        journal: Keeps a found answer as the job's own.
        config: Says whom is asked, by which engine and in which world.
    """

    def __init__(self, calls: CallPipeline, cache: Cache, journal: Journal, config: GatewayConfig) -> None:
        self._calls = calls
        self._cache = cache
        self._journal = journal
        self._config = config

    @property
    def in_flight(self) -> int:
        """How many answers are awaited that are, or may be, paid for."""
        return self._calls.in_flight

    async def run(self, request: CallRequest) -> CallResult:
        """Return the answer to a request, found or bought; raises as the pipeline does."""
        request = replace(request, world=self._config.world)
        seconds = self._cache.seconds(request)
        if not seconds:
            return await self._calls.run(request)
        key = key_of(request, self._config.engine, self._config.accounts)
        found = await self._cache.find(key, seconds, lambda: self._calls.run(request))
        return found if isinstance(found, CallResult) else await self._give(request, found)

    async def _give(self, request: CallRequest, hit: Hit) -> CallResult:
        """Keep a found answer as this job's own, so that the job gives the same one when it runs again."""
        key, output = request.key, hit.for_nothing()
        if not await self._journal.answer(key, output):
            return await self._calls.run(request)
        tell(lambda observer: observer.cache_hit(request.call, output["served"]["provider"], hit.saved_micro))
        return CallResult(key.id, output, replayed=False, cached=True)

    async def aclose(self) -> None:
        """Close what stands behind."""
        await self._calls.aclose()


@asynccontextmanager
async def _leading(
    answers: AnswerCache, key: CacheKey, beat_seconds: float = LEAD_SECONDS / 3
) -> AsyncIterator[None]:
    """Say again and again that the leader works, and end its lead however it ends."""
    ended = False

    async def keep() -> None:
        while not ended:  # a cancel may be lost in Redis's client, and nobody waits for this task
            await asyncio.sleep(beat_seconds)
            await answers.keep_lead(key)

    keeping = asyncio.create_task(keep())
    try:
        yield
    except BaseException:
        await asyncio.shield(answers.leave(key))
        raise
    finally:
        ended = True
        keeping.cancel()


async def _of_leader(flight: asyncio.Future[Output | None]) -> Output | None:
    try:
        return await asyncio.shield(flight)
    except PostHubError as error:
        raise recorded_error({**error.as_json(), "money": MoneyState.NONE.value}) from error
