"""Waiting for a place: exact over processes, fair, and never in the way of anything when Redis is gone."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import limits.aio.storage.redis.redispy as counting
import pytest

from domain.calls import Call, JobKind
from domain.errors import MoneyState, ProviderBusy
from gateway.limits.limiter import Limiter, Wait
from gateway.limits.rates import RateLimits
from store.shared.limits import SharedWindow
from store.shared.redis import RedisAway, SharedRedis

CALL = Call("org-1", "company-1", "run-1", "ultimate", JobKind.GENERATE_BLOGPOST, "write_post", "topic-1")

PROGRAM = """
import asyncio, json, sys, time
from domain.calls import Call, JobKind
from gateway.limits.limiter import Limiter
from gateway.limits.rates import RateLimits
from store.shared.limits import SharedWindow
from store.shared.redis import SharedRedis

times = []

class Noted(SharedWindow):
    async def take(self, *place):
        moment = time.time()
        taken = await super().take(*place)
        if taken:
            times.append(moment)
        return taken

async def main(uri, calls, limit, seconds):
    shared = SharedRedis(uri, answer_seconds=10)
    limiter = Limiter(RateLimits(seconds, {"gemini": limit}), Noted(shared))
    call = Call("org-1", "c", "r", "ultimate", JobKind.GENERATE_BLOGPOST, "n", "i")
    await asyncio.gather(*(limiter.admit(call, "gemini", seconds=60) for _ in range(calls)))
    print(json.dumps(times))
    await limiter.aclose()
    await shared.aclose()

asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:])))
"""


def most_within(times: list[float], seconds: float) -> int:
    """The most moments that lie within any window of this length."""
    times, most, first = sorted(times), 0, 0
    for last, moment in enumerate(times):
        while times[first] <= moment - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
async def shared(redis_uri: str) -> AsyncIterator[SharedRedis]:
    shared = SharedRedis(redis_uri, answer_seconds=10)
    yield shared
    await shared.aclose()


def limiter_for(shared: SharedRedis | None, limit: int, seconds: int = 60, **more: Any) -> Limiter:
    window = SharedWindow(shared) if shared else None
    return Limiter(RateLimits(seconds, {"gemini": limit}), window, **more)


async def test_two_processes_together_send_no_more_than_the_limit_and_nobody_is_refused(
    redis_uri: str,
) -> None:
    limit, seconds, calls = 60, 3, 120

    async def run() -> list[float]:
        arguments = ["-c", PROGRAM, redis_uri, str(calls), str(limit), str(seconds)]
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        times: list[float] = json.loads(out)
        return times

    first, second = await asyncio.gather(run(), run())
    assert len(first) == len(second) == calls
    # Noted a moment before the library looks at the clock: the window is shortened by that moment.
    assert most_within(first + second, seconds - 0.1) <= limit


async def test_at_sixty_a_minute_no_minute_of_three_has_more_whoever_asks(
    shared: SharedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(counting, "time", clock)
    processes = [SharedWindow(shared), SharedWindow(shared)]
    sent = []
    for tick in range(3 * 60 * 4):
        clock.now += 0.25
        if await processes[tick % 2].take("org-1:gemini", 60, 60):
            sent.append(clock.now)
    assert most_within(sent, 60.0) == 60
    assert len(sent) == 180


async def test_organizations_do_not_wait_for_each_other(shared: SharedRedis) -> None:
    limiter = limiter_for(shared, limit=1)
    for number in range(5):
        await limiter.admit(replace(CALL, organization_id=f"org-{number}"), "gemini", seconds=0.01)
    with pytest.raises(ProviderBusy):
        await limiter.admit(replace(CALL, organization_id="org-0"), "gemini", seconds=0.01)
    await limiter.aclose()


async def test_a_provider_without_a_limit_is_not_waited_for(shared: SharedRedis) -> None:
    limiter = limiter_for(shared, limit=1)
    for _ in range(5):
        await limiter.admit(CALL, "omni", seconds=0.01)


async def test_a_wait_that_is_too_long_is_refused_without_any_money_and_says_what_to_do(
    shared: SharedRedis,
) -> None:
    limiter = limiter_for(shared, limit=1)
    await limiter.admit(CALL, "gemini", seconds=5)
    with pytest.raises(ProviderBusy, match="1 calls in 60 seconds") as refused:
        await limiter.admit(CALL, "gemini", seconds=0.05)
    assert refused.value.money is MoneyState.NONE
    assert "POSTHUB_RATE_LIMITS" in refused.value.next_step
    await limiter.aclose()


async def test_a_person_who_waits_goes_before_batch_work_and_batch_work_goes_in_order(
    shared: SharedRedis,
) -> None:
    limiter = limiter_for(shared, limit=1, seconds=1)
    await limiter.admit(CALL, "gemini", seconds=5)
    order: list[str] = []

    async def ask(name: str, call: Call) -> None:
        await limiter.admit(call, "gemini", seconds=30)
        order.append(name)

    batch = [asyncio.create_task(ask(f"batch {number}", CALL)) for number in range(3)]
    await asyncio.sleep(0)
    person = asyncio.create_task(ask("make again", replace(CALL, revision=1)))
    await asyncio.gather(person, *batch)
    assert order == ["make again", "batch 0", "batch 1", "batch 2"]
    await limiter.aclose()


async def test_a_cancelled_wait_leaves_its_place_to_the_next(shared: SharedRedis) -> None:
    limiter = limiter_for(shared, limit=1, seconds=1)
    await limiter.admit(CALL, "gemini", seconds=5)
    gone = asyncio.create_task(limiter.admit(CALL, "gemini", seconds=30))
    stays = asyncio.create_task(limiter.admit(CALL, "gemini", seconds=30))
    await asyncio.sleep(0)
    gone.cancel()
    await stays
    assert limiter.waiting == 0
    await limiter.aclose()


async def test_a_call_that_will_wait_tells_of_its_place_and_about_how_long(shared: SharedRedis) -> None:
    told: list[Wait] = []
    limiter = limiter_for(shared, limit=2, seconds=60, on_wait=told.append)
    for _ in range(2):
        await limiter.admit(CALL, "gemini", seconds=5)
    waiting = [asyncio.create_task(limiter.admit(CALL, "gemini", seconds=30)) for _ in range(2)]
    while limiter.waiting < 2:
        await asyncio.sleep(0.01)
    assert [(wait.position, wait.seconds) for wait in told] == [(1, 30.0), (2, 60.0)]
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await limiter.aclose()


class Flickering(SharedWindow):
    """A Redis that is there or gone as the test says, and has forgotten everything when it comes back."""

    def __init__(self) -> None:
        self.gone = False
        self.taken = 0

    async def take(self, key: str, limit: int, seconds: int) -> bool:
        if self.gone:
            raise RedisAway
        self.taken += 1
        return self.taken <= limit

    async def opens_in(self, key: str, limit: int, seconds: int) -> float:
        raise RedisAway

    async def workers(self) -> int:
        return 2


async def admitted(limiter: Limiter, calls: int) -> int:
    results = await asyncio.gather(
        *(limiter.admit(CALL, "gemini", seconds=0.05) for _ in range(calls)), return_exceptions=True
    )
    return sum(result is None for result in results)


async def test_without_redis_a_process_keeps_to_its_share_and_nothing_bursts_when_redis_is_back() -> None:
    clock = Clock()
    window = Flickering()
    limiter = Limiter(RateLimits(60, {"gemini": 60}), window, now=clock.time)
    assert await admitted(limiter, 10) == 10
    window.gone = True
    assert await admitted(limiter, 100) == 20  # its half of the window, of which it had sent ten
    window.gone, window.taken = False, 0
    assert await admitted(limiter, 100) == 0
    clock.now += 61
    window.taken = 0
    assert await admitted(limiter, 100) == 60
    await limiter.aclose()


async def test_a_count_that_redis_has_lost_does_not_let_a_process_send_twice_the_limit() -> None:
    window = Flickering()
    limiter = Limiter(RateLimits(60, {"gemini": 60}), window, now=Clock().time)
    assert await admitted(limiter, 100) == 60
    window.taken = 0  # FLUSHALL
    assert await admitted(limiter, 100) == 0
    await limiter.aclose()


async def test_a_redis_that_hangs_holds_no_call_up_for_longer_than_its_time_limit() -> None:
    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    silent = SharedRedis(f"redis://127.0.0.1:{port}/0")
    limiter = limiter_for(silent, limit=600)
    began = time.monotonic()
    async with asyncio.timeout(300):
        for _ in range(250):
            await limiter.admit(CALL, "gemini", seconds=5)
    assert silent.is_gone
    # 250 calls at 0.2 s each would be 50 s: only the first of them asked.
    assert time.monotonic() - began < 25
    await limiter.aclose()
    await silent.aclose()
    server.close()
