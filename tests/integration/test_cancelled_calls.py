"""Who is cancelled or was asleep buys nothing more: what has been sent is settled and kept, and is not bought again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from domain.calls import Call, ImageRequest, JobKind, TextRequest, VideoRequest
from fetching.fetcher import SafeFetcher
from gateway.build import build_gateway
from gateway.config import GatewayConfig, ProviderConfig
from gateway.gateway import Gateway
from gateway.providers.prices import shipped_prices
from store.content.files import FileStore
from store.database import Database
from store.money.ledger import Ledger
from store.money.prices import Prices
from tests.money_rows import rows

CALL = Call("org-1", "company-1", "run-1", "ultimate", JobKind.GENERATE_BLOGPOST, "node", "item")
ASK = TextRequest("text", "Jsi autor.", "Napiš odstavec o kávě.", 2000)
IMAGE = ImageRequest("Šálek", "blurry", "1:1")
VIDEO = VideoRequest("Pára", "text", "9:16", 6)

Making = Callable[[Gateway], Coroutine[Any, Any, Any]]


class Shop:
    """Gateways of one database, each as a process of its own would have it, and what they were billed for."""

    def __init__(self, sandbox: Any, database: Database, files: FileStore) -> None:
        names = ("gemini", "perplexity", "nanobana", "veo")
        providers = {name: ProviderConfig(name, "sandbox-key", sandbox.base_url) for name in names}
        self.config = GatewayConfig(providers=providers, poll_seconds=0.1)
        self.sandbox = sandbox
        self.database = database
        self._files = files
        self._before = {line["id"] for line in sandbox.bill()}
        self.open: list[Gateway] = []

    def gateway(self, **changes: Any) -> Gateway:
        ledger = Ledger(self.database, default_limit_micro=50_000_000)
        config = replace(self.config, **changes)
        self.open.append(build_gateway(config, self.database, self._files, SafeFetcher(), ledger=ledger))
        return self.open[-1]

    def billed(self) -> int:
        return sum(line["id"] not in self._before for line in self.sandbox.bill())

    async def states(self) -> Counter[str]:
        return Counter(row.state for row in await rows(self.database, "select state from attempts"))

    async def jobs(self) -> Counter[str]:
        return Counter(row.status for row in await rows(self.database, "select status from jobs"))

    async def until(self, state: str) -> None:
        """Wait until an attempt is in a state."""
        async with asyncio.timeout(60):
            while not (await self.states())[state]:
                await asyncio.sleep(0.02)

    async def cancelled(self, gateway: Gateway, *calls: Coroutine[Any, Any, Any]) -> None:
        """Make calls and cancel them all while their answers are awaited."""
        tasks = [asyncio.ensure_future(call) for call in calls]
        async with asyncio.timeout(60):
            while gateway.in_flight < len(tasks):
                await asyncio.sleep(0.02)
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(each) for each in ended] == [asyncio.CancelledError] * len(tasks)


@pytest.fixture
async def shop(sandbox: Any, database: Database, files: FileStore) -> AsyncIterator[Shop]:
    await Prices(database).load_shipped(shipped_prices())
    shop = Shop(sandbox, database, files)
    yield shop
    for gateway in shop.open:
        await gateway.aclose()


async def _left(gateway: Gateway) -> None:
    async for _ in gateway.stream(CALL, ASK):
        return


KINDS: dict[str, Making] = {
    "text": lambda gateway: gateway.text(CALL, ASK),
    "image": lambda gateway: gateway.image(CALL, IMAGE),
    "video": lambda gateway: gateway.video(CALL, VIDEO),
    "embedding": lambda gateway: gateway.embed(CALL, ["káva", "čaj"]),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("same_process", [True, False], ids=["asked-again", "asked-by-the-next-process"])
async def test_what_was_sent_for_a_cancelled_caller_is_kept_for_the_next(
    shop: Shop, kind: str, same_process: bool
) -> None:
    first = shop.gateway()
    shop.sandbox.fault("slow", seconds=1.5)
    await shop.cancelled(first, KINDS[kind](first))
    if not same_process:
        await first.aclose()
        assert (await shop.jobs())["processing"] == 0
    await KINDS[kind](first if same_process else shop.gateway())
    assert shop.billed() == 1
    assert await shop.states() == Counter(settled=1)


async def test_forty_cancelled_calls_are_all_kept(shop: Shop) -> None:
    shop.sandbox.fault("slow", seconds=6.0)
    gateway = shop.gateway()
    await shop.cancelled(gateway, *(gateway.text(replace(CALL, item=f"i{n}"), ASK) for n in range(40)))
    again = await asyncio.gather(*(gateway.text(replace(CALL, item=f"i{n}"), ASK) for n in range(40)))
    assert all(each.served.replayed for each in again)
    assert shop.billed() == 40
    assert await shop.states() == Counter(settled=40)


async def test_a_stream_that_is_left_is_kept_whole(shop: Shop) -> None:
    gateway = shop.gateway()
    await _left(gateway)
    await gateway.aclose()
    assert (await shop.gateway().text(CALL, ASK)).served.replayed
    assert shop.billed() == 1


async def test_nothing_is_asked_again_for_a_caller_that_has_gone(shop: Shop) -> None:
    shop.sandbox.fault("hang", provider="gemini")
    gateway = shop.gateway(text_seconds=1.5)
    await shop.cancelled(gateway, gateway.text(CALL, ASK))
    await shop.until("lost")
    await gateway.aclose()
    assert await shop.states() == Counter(lost=1)  # where a caller waits, the other model is asked now
    assert await shop.jobs() == Counter(cancelled=1)


async def test_a_caller_that_waits_for_its_next_try_is_cut_short_at_once(shop: Shop) -> None:
    shop.sandbox.fault("status", status=429, retry_after=8, provider="gemini")
    gateway = shop.gateway()
    task = asyncio.ensure_future(gateway.text(CALL, ASK))
    await shop.until("void")
    await asyncio.sleep(0.1)
    task.cancel()
    async with asyncio.timeout(5):
        await asyncio.wait([task])
    assert await shop.jobs() == Counter(cancelled=1)
    assert shop.billed() == 0


async def test_who_asks_while_the_answer_is_awaited_gets_it(shop: Shop) -> None:
    shop.sandbox.fault("slow", seconds=2.0)
    gateway = shop.gateway()
    leader = asyncio.ensure_future(gateway.text(CALL, ASK))
    while not gateway.in_flight:
        await asyncio.sleep(0.02)
    others = [asyncio.ensure_future(gateway.text(CALL, ASK)) for _ in range(3)]
    await asyncio.sleep(0.2)
    leader.cancel()
    assert len({(await other).text for other in others}) == 1
    assert shop.billed() == 1


async def test_the_end_of_the_process_waits_no_longer_than_it_is_told(shop: Shop) -> None:
    shop.sandbox.fault("hang", provider="gemini")
    gateway = shop.gateway(drain_seconds=0.5)
    await shop.cancelled(gateway, gateway.text(CALL, ASK))
    async with asyncio.timeout(10):
        await gateway.aclose()
    assert await shop.states() == Counter(lost=1)
    assert await shop.jobs() == Counter(cancelled=1)


async def test_a_timeout_around_a_call_is_a_cancel_as_well(shop: Shop) -> None:
    shop.sandbox.fault("slow", seconds=2.5)
    gateway = shop.gateway()
    await gateway.embed(replace(CALL, item="warm"), ["teplo"])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.0):
            await gateway.embed(CALL, ["káva"])
    await gateway.embed(CALL, ["káva"])
    assert shop.billed() == 2


async def test_a_process_that_slept_while_another_bought_the_answer_takes_that_one(shop: Shop) -> None:
    shop.sandbox.fault("status", status=503, retry_after=3, provider="gemini", times=1)
    slow, quick = shop.gateway(), shop.gateway()
    sleeping = asyncio.ensure_future(slow.text(CALL, ASK))
    await shop.until("void")
    await rows(shop.database, "update jobs set lease_until = now()")
    bought = await quick.text(CALL, ASK)
    woken = await sleeping
    assert (bought.served.replayed, woken.served.replayed) == (False, True)
    assert woken.text == bought.text
    assert shop.billed() == 1
