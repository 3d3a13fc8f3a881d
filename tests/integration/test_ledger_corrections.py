"""A booked row never changes; what is learned later is a row of its own."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import DBAPIError

from domain.calls import Usage
from store.database import Database
from store.money.ledger import Ledger
from tests.money_rows import USAGE, a_hold, budget, cache_hit, lost, rows, settled

MONTH = "select sum(cost_micro) from ledger_entries where organization_id = 'org-1'"


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database, default_limit_micro=100_000)


async def adjust(ledger: Ledger, database: Database, attempt: str, delta: int, name: str = "a-1") -> bool:
    async with database.transaction("org-1") as connection:
        return await ledger.adjust(
            *(connection, attempt, delta),
            reason="bill",
            source="bill.jsonl",
            adjustment_id=name,
            bill_line="line-1",
        )


@pytest.mark.parametrize(
    "statement",
    [
        "update attempts set cost_micro = 1",
        "update attempts set state = 'void', cost_micro = 0",
        "update attempts set price_ids = '{}'",
        "delete from attempts",
        "update adjustments set delta_micro = 1",
        "delete from adjustments",
    ],
)
async def test_the_database_refuses_to_change_what_is_booked(
    ledger: Ledger, database: Database, statement: str
) -> None:
    attempt = await settled(ledger, 150)
    await adjust(ledger, database, attempt, 30)
    with pytest.raises(DBAPIError, match="never changes"):
        await rows(database, statement)
    assert await budget(database) == (0, 180)


async def test_an_open_row_cannot_be_taken_away(ledger: Ledger, database: Database) -> None:
    await ledger.hold(a_hold(100))
    with pytest.raises(DBAPIError, match="never changes"):
        await rows(database, "delete from attempts")


async def test_a_correction_moves_the_month_the_run_and_every_sum(ledger: Ledger, database: Database) -> None:
    attempt = await settled(ledger, 150)
    assert await adjust(ledger, database, attempt, -40)
    assert await budget(database) == (0, 110)
    assert await ledger.run_cost("org-1", "run-1") == 110
    (total,) = await ledger.totals("org-1", by="provider")
    assert (total.calls, total.cost_micro, total.adjusted_micro) == (1, 110, -40)
    assert (await ledger.attempt("org-1", attempt)).cost_micro == 150


async def test_a_correction_is_booked_once_however_often_it_is_repeated(
    ledger: Ledger, database: Database
) -> None:
    attempt = await settled(ledger, 150)
    assert await adjust(ledger, database, attempt, 40)
    assert not await adjust(ledger, database, attempt, 40)
    assert await budget(database) == (0, 190)


async def test_an_open_attempt_is_not_corrected(ledger: Ledger, database: Database) -> None:
    hold = a_hold(100)
    await ledger.hold(hold)
    assert not await adjust(ledger, database, hold.attempt_id, 40)
    assert await budget(database) == (100, 0)


async def test_a_corrected_attempt_counts_as_certain(ledger: Ledger, database: Database) -> None:
    sure, unsure = await lost(ledger, 500), await lost(ledger, 300)
    (before,) = await ledger.totals("org-1")
    assert (before.cost_micro, before.unsure_micro) == (800, 800)
    await adjust(ledger, database, sure, -100)
    await adjust(ledger, database, sure, -50, "a-2")
    (after,) = await ledger.totals("org-1")
    assert (after.cost_micro, after.unsure_micro, after.lost_micro) == (650, 300, 800)
    (kept,) = await rows(database, "select unsure_micro, adjusted_micro from usage_records")
    assert (kept.unsure_micro, kept.adjusted_micro) == (300, -150)
    assert (await ledger.attempt("org-1", unsure)).cost_micro == 300


async def test_an_answer_that_comes_after_its_process_was_taken_for_dead_corrects_the_row(
    ledger: Ledger, database: Database
) -> None:
    slow = Ledger(database, default_limit_micro=100_000)
    answered, refused = a_hold(500), a_hold(400)
    await slow.hold(answered)
    await slow.hold(refused)
    assert await ledger.close_orphans("org-1", "run-1") == 2
    assert await budget(database) == (0, 900)
    assert not await slow.settle(answered, cost_micro=120, basis="usage", usage=USAGE)
    assert not await slow.void(refused, error_code="AI_SERVICE_BUSY")
    assert not await slow.settle(answered, cost_micro=120, basis="usage", usage=USAGE)
    assert await budget(database) == (0, 120)


async def test_the_months_totals_are_kept_beside_the_rows_and_agree_with_them(
    ledger: Ledger, database: Database
) -> None:
    usage = Usage(
        input_tokens=7, output_tokens=5, thinking_tokens=3, cached_tokens=2, images=1, seconds=6.5, requests=1
    )
    for cost in (10, 20):
        hold = a_hold(100)
        await ledger.hold(hold)
        await ledger.settle(hold, cost_micro=cost, basis="usage", usage=usage)
    void = a_hold(100)
    await ledger.hold(void)
    await ledger.void(void, error_code="X")
    await adjust(ledger, database, await lost(ledger, 60), -10)
    await ledger.hold(a_hold(70))
    (month,) = await rows(database, "select * from usage_records")
    (sums,) = await rows(
        database,
        """select sum(calls) as calls, sum(cost_micro) as cost_micro, sum(input_tokens) as input_tokens,
                  sum(output_tokens) as output_tokens, sum(thinking_tokens) as thinking_tokens,
                  sum(cached_tokens) as cached_tokens, sum(images) as images, sum(seconds) as seconds,
                  sum(requests) as requests, sum(adjusted_micro) as adjusted_micro, sum(open_micro) as open_micro
             from usage_by_provider""",
    )
    assert {name: month._mapping[name] for name in sums._mapping} == dict(sums._mapping)
    assert (month.calls, month.cost_micro, month.open_micro, month.lost_micro) == (3, 80, 70, 60)


async def test_a_cache_hit_costs_nothing_and_names_what_it_saved(ledger: Ledger, database: Database) -> None:
    await settled(ledger, 150)
    for item in ("one", "other"):
        await cache_hit(database, item, 150)
    await cache_hit(database, "one", 9, organization_id="org-2")
    (total,) = await ledger.totals("org-1", by="provider")
    assert (total.cost_micro, total.calls, total.hits, total.saved_micro) == (150, 1, 2, 300)
    assert await budget(database) == (0, 150)
    (only_hits,) = await ledger.totals("org-2", by="day")
    assert (only_hits.calls, only_hits.saved_micro) == (0, 9)


async def test_days_are_summed_in_order_of_the_utc_day(ledger: Ledger, database: Database) -> None:
    await settled(ledger, 150)
    (day,) = await ledger.totals("org-1", by="day")
    (today,) = await rows(database, "select to_char(now() at time zone 'utc', 'YYYY-MM-DD') as day")
    assert (day.key, day.cost_micro) == (today.day, 150)
