"""The cost tracker: LiteLLM's hooks announce each attempt and say what it was billed for; the ledger books that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from domain.calls import TextRequest, Usage
from domain.errors import UnknownPrice
from fetching.fetcher import SafeFetcher
from gateway.build import build_gateway
from gateway.calls.attempt import BookedAttempt, CostTracker
from gateway.config import GatewayConfig, ProviderConfig
from gateway.gateway import Gateway
from gateway.ports import Answer, Operation
from gateway.providers.prices import shipped_prices
from store.content.files import FileStore
from store.database import Database
from store.money.journal import StoredAnswer
from store.money.ledger import Ledger
from store.money.prices import Prices
from tests.gateway_standin import Standin, standing_in
from tests.money_rows import CALL, budget, rows

USAGE = Usage(input_tokens=1000, output_tokens=400, thinking_tokens=100, cached_tokens=200, requests=1)
UNITS = {"input": 800, "cached_input": 200, "output": 300, "thinking": 100}
COST = 600 + 15 + 1500
"""800 input at 0.75, 200 cached at 0.075 and 400 output at 3.75 USD a million, in micro-USD."""
ASK = TextRequest("text", "", "Napiš pozdrav.", 500)
KEPT = StoredAnswer("job-1", {"text": "ahoj"}, 1500)


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database, default_limit_micro=1_000_000)


@pytest.fixture
async def tracker(database: Database, ledger: Ledger) -> CostTracker:
    prices = Prices(database)
    await prices.load_shipped(shipped_prices())
    return CostTracker(ledger, prices, engine="litellm")


@pytest.fixture
def standin() -> Iterator[Standin]:
    with standing_in() as one:
        yield one


@pytest.fixture
async def gateway(
    standin: Standin, tracker: CostTracker, ledger: Ledger, database: Database, files: FileStore
) -> AsyncIterator[Gateway]:
    providers = {"gemini": ProviderConfig("gemini", "key", standin.base_url)}
    one = build_gateway(GatewayConfig(providers=providers), database, files, SafeFetcher(), ledger=ledger)
    yield one
    await one.aclose()


async def opened(tracker: CostTracker, model: str = "gemini-3.8-flash") -> BookedAttempt:
    return await tracker.open(CALL, "job-1", "gemini", model, {"input": 2000, "output": 500})


async def never(attempt: BookedAttempt, operation: Operation) -> None:
    raise AssertionError("a text is never an operation")


async def test_what_a_hook_reports_is_what_the_ledger_books(tracker: CostTracker, database: Database) -> None:
    attempt = await opened(tracker)

    async def send(attempt: BookedAttempt) -> Answer:
        await attempt.sending()
        attempt.report(Answer(usage=USAGE, units=UNITS))
        return Answer(usage=Usage(), units=None, text="ahoj")

    answer = await attempt.make(send, 5.0, never)
    assert isinstance(answer, Answer)
    assert (answer.text, answer.usage) == ("ahoj", USAGE)
    await attempt.settle(answer, KEPT)
    assert await budget(database) == (0, COST)


async def test_an_answer_that_no_hook_spoke_of_is_booked_at_the_most_it_can_have_cost(
    tracker: CostTracker, database: Database
) -> None:
    attempt = await opened(tracker)
    await attempt.sending()
    await attempt.settle(Answer(usage=Usage(), units=None, text="ahoj"), KEPT)
    assert await budget(database) == (0, attempt.held_micro)
    (row,) = await rows(database, "select basis from attempts")
    assert row.basis == "worst_case"


async def test_a_whole_answer_of_litellm_costs_what_the_provider_bills_for_it(
    gateway: Gateway, standin: Standin, database: Database
) -> None:
    served = (await gateway.text(CALL, ASK)).served
    assert served.cost_micro == standin.billed > 0
    (row,) = await rows(database, "select basis, cost_micro, output_tokens from attempts")
    assert (row.basis, row.cost_micro, row.output_tokens) == (
        "usage",
        standin.billed,
        served.usage.output_tokens,
    )


async def test_without_the_hooks_word_a_call_through_litellm_is_booked_at_its_worst_case(
    gateway: Gateway, standin: Standin, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.providers.litellm.engine import CostHooks

    monkeypatch.delattr(CostHooks, "async_post_call_success_deployment_hook")
    await gateway.text(CALL, ASK)
    (row,) = await rows(database, "select basis, cost_micro, held_micro from attempts")
    assert (row.basis, row.cost_micro) == ("worst_case", row.held_micro)
    assert row.cost_micro > standin.billed


async def test_a_stream_and_a_whole_answer_of_the_same_text_cost_the_same(
    gateway: Gateway, database: Database
) -> None:
    await gateway.text(CALL, ASK)
    assert [piece async for piece in gateway.stream(replace(CALL, item="streamed"), ASK)]
    whole, streamed = await rows(database, "select basis, cost_micro from attempts order by opened_at")
    assert whole == streamed


async def test_the_events_that_follow_an_answer_book_nothing_again(
    gateway: Gateway, standin: Standin, database: Database
) -> None:
    calls = (gateway.text(replace(CALL, item=f"i{number}"), ASK) for number in range(5))
    await asyncio.gather(*calls)
    await gateway.aclose()
    assert await budget(database) == (0, standin.billed)
    assert await rows(database, "select 1 from adjustments") == []


async def test_the_providers_own_figure_counts_before_the_prices(
    tracker: CostTracker, database: Database
) -> None:
    attempt = await opened(tracker)
    await attempt.sending()
    await attempt.settle(Answer(usage=USAGE, units=UNITS, reported_usd=Decimal("0.00537")), KEPT)
    (row,) = await rows(database, "select basis, cost_micro from attempts")
    assert (row.basis, row.cost_micro) == ("provider", 5370)


async def test_a_model_without_a_price_is_refused_before_anything_is_held(
    tracker: CostTracker, database: Database
) -> None:
    with pytest.raises(UnknownPrice):
        await opened(tracker, "nobody-knows")
    assert await rows(database, "select 1 from attempts") == []
