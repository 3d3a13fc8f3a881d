"""What workers tell each other through Redis, and that none of them needs it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from domain.errors import ProviderBusy
from gateway.calls.breaker import REFRESH_SECONDS, CircuitBreakers
from store.shared.redis import SharedRedis

PAUSE = ProviderBusy("busy", retry_after_seconds=30.0)
BROKEN = ProviderBusy("busy")


@pytest.fixture
async def shared(redis_uri: str) -> AsyncIterator[SharedRedis]:
    shared = SharedRedis(redis_uri, answer_seconds=5)
    yield shared
    await shared.aclose()


async def learn(breakers: CircuitBreakers) -> None:
    await asyncio.sleep(REFRESH_SECONDS * 1.2)
    await breakers.refresh(["p/m"])


async def test_a_pause_that_one_worker_was_asked_for_is_kept_by_the_others(shared: SharedRedis) -> None:
    one, other = CircuitBreakers(shared), CircuitBreakers(shared)
    await other.refresh(["p/m"])
    one.failed("p/m", PAUSE)
    await one.aclose()
    await learn(other)
    assert 25 < other.cooldown("p/m").seconds <= 30
    assert not other.cooldown("p/m").broken
    assert other.cooldown("p/other").seconds == 0


async def test_a_breaker_that_one_worker_opened_is_open_for_the_others(shared: SharedRedis) -> None:
    one, other = CircuitBreakers(shared), CircuitBreakers(shared)
    for _ in range(6):
        one.failed("p/m", BROKEN)
    await one.aclose()
    await other.refresh(["p/m"])
    assert other.is_open("p/m")


async def test_without_redis_a_worker_goes_by_what_it_has_met_itself() -> None:
    gone = SharedRedis("redis://127.0.0.1:1/0")
    breakers = CircuitBreakers(gone)
    await breakers.refresh(["p/m"])
    breakers.failed("p/m", PAUSE)
    await breakers.aclose()
    assert breakers.cooldown("p/m").seconds > 25
    await gone.aclose()
