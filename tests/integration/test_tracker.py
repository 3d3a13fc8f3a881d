"""The cost tracker: calls made elsewhere are booked like the gateway's own, once."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from domain.calls import Usage
from domain.errors import UnknownPrice
from gateway.calls.tracker import CostTracker
from gateway.providers.registry import shipped_prices
from store.database import Database
from store.money.ledger import Ledger
from store.money.prices import Prices
from tests.money_rows import CALL, a_hold, budget, rows

USAGE = Usage(input_tokens=1000, output_tokens=400, thinking_tokens=100, cached_tokens=200, requests=1)
COST = 600 + 15 + 1500
"""800 input at 0.75, 200 cached at 0.075 and 400 output at 3.75 USD a million, in micro-USD."""


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database, default_limit_micro=10_000)


@pytest.fixture
async def tracker(database: Database, ledger: Ledger) -> CostTracker:
    prices = Prices(database)
    await prices.load_shipped(shipped_prices())
    return CostTracker(database, ledger, prices)


async def test_text_images_and_video_make_up_the_months_cost(tracker: CostTracker) -> None:
    text = await tracker.track(CALL, "gemini", "gemini-3.8-flash", USAGE, call_id="c-1")
    image = await tracker.track_image(CALL, "nanobana", "imagen-3", call_id="c-2", images=2)
    video = await tracker.track_video(CALL, "veo", "veo-3", call_id="c-3", seconds=6)
    assert (text.cost_micro, image.cost_micro, video.cost_micro) == (COST, 40_000, 300_000)
    month = await tracker.monthly_cost("org-1")
    assert month.spent_micro == COST + 340_000
    assert (await tracker.monthly_cost("org-2")).spent_micro == 0


async def test_an_event_that_comes_again_books_nothing(tracker: CostTracker, database: Database) -> None:
    again = (tracker.track(CALL, "gemini", "gemini-3.8-flash", USAGE, call_id="c-1") for _ in range(10))
    booked = await asyncio.gather(*again)
    assert sum(each.first for each in booked) == 1
    assert await budget(database) == (0, COST)


async def test_an_event_of_an_attempt_that_the_gateway_holds_settles_it(
    tracker: CostTracker, ledger: Ledger, database: Database
) -> None:
    hold = a_hold(5000)
    await ledger.hold(hold)
    await tracker.track(CALL, "gemini", "gemini-3.8-flash", USAGE, call_id=hold.attempt_id)
    assert await budget(database) == (0, COST)


async def test_the_providers_own_figure_counts_before_the_prices(
    tracker: CostTracker, database: Database
) -> None:
    booked = await tracker.track(
        CALL, "perplexity", "nobody-knows", USAGE, call_id="c-1", reported_usd=Decimal("0.00537")
    )
    assert (booked.cost_micro, booked.basis) == (5370, "provider")
    (row,) = await rows(database, "select basis, price_ids from attempts")
    assert (row.basis, row.price_ids) == ("provider", [])


async def test_a_call_without_a_price_is_refused_and_not_booked_as_free(
    tracker: CostTracker, database: Database
) -> None:
    with pytest.raises(UnknownPrice):
        await tracker.track(CALL, "gemini", "nobody-knows", USAGE, call_id="c-1")
    assert await rows(database, "select 1 from attempts") == []


async def test_money_that_is_spent_is_written_down_even_over_the_budget(
    tracker: CostTracker, database: Database
) -> None:
    for number in range(2):
        await tracker.track_image(CALL, "nanobana", "imagen-3", call_id=f"c-{number}")
    assert await budget(database) == (0, 40_000)
