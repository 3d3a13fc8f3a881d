"""The ledger: holds, closes and sums, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from domain.calls import Call, JobKind, TemplateRef, Usage
from domain.errors import BudgetExceeded
from store.database import Database
from store.money.ledger import Hold, Ledger
from store.tenancy import SYSTEM

CALL = Call(
    organization_id="org-1",
    company_id="company-1",
    run_id="run-1",
    tier="pro",
    kind=JobKind.GENERATE_TOPICS,
    node="topics",
    item="month",
    template=TemplateRef("TOPIC_GEN_V1", 2, "hash"),
)
USAGE = Usage(input_tokens=10, output_tokens=5, requests=1)


def a_hold(micro: int, **changes: Any) -> Hold:
    hold = Hold(
        str(uuid.uuid4()), "job-1", CALL, "gemini", "gemini-3.8-flash", "litellm", micro, ("price-1",)
    )
    return replace(hold, **changes)


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database, default_limit_micro=1000)


async def budget(database: Database, organization: str = "org-1") -> tuple[int, int]:
    query = text("select held_micro, spent_micro from budgets where organization_id = :id")
    async with database.transaction(SYSTEM) as connection:
        row = (await connection.execute(query, {"id": organization})).one()
    return row.held_micro, row.spent_micro


async def state(database: Database, attempt_id: str) -> Any:
    async with database.transaction(SYSTEM) as connection:
        query = text("select * from attempts where id = :id")
        return (await connection.execute(query, {"id": attempt_id})).one()


async def test_a_hold_reserves_and_a_settle_spends_what_was_really_used(
    ledger: Ledger, database: Database
) -> None:
    hold = a_hold(400)
    await ledger.hold(hold)
    assert await budget(database) == (400, 0)
    assert await ledger.settle(hold, cost_micro=150, basis="usage", usage=USAGE)
    assert await budget(database) == (0, 150)
    row = await state(database, hold.attempt_id)
    assert (row.state, row.cost_micro, row.input_tokens, row.closed_at is None) == ("settled", 150, 10, False)


async def test_the_hold_is_booked_in_the_utc_month_of_the_databases_clock(
    ledger: Ledger, database: Database
) -> None:
    month = await ledger.hold(a_hold(1))
    async with database.transaction(SYSTEM) as connection:
        now = await connection.scalar(text("select to_char(now() at time zone 'utc', 'YYYY-MM')"))
    assert month == now


async def test_a_hold_beyond_the_budget_is_refused_and_says_what_is_left(ledger: Ledger) -> None:
    await ledger.hold(a_hold(700))
    with pytest.raises(BudgetExceeded) as refusal:
        await ledger.hold(a_hold(301))
    assert refusal.value.details["left_micro"] == 300
    await ledger.hold(a_hold(300))


async def test_the_very_first_hold_is_refused_too_when_it_is_beyond_the_budget(ledger: Ledger) -> None:
    with pytest.raises(BudgetExceeded):
        await ledger.hold(a_hold(1001))
    await ledger.hold(a_hold(1000))


async def test_a_budget_row_of_its_own_counts_instead_of_the_default(
    ledger: Ledger, database: Database
) -> None:
    async with database.transaction(SYSTEM) as connection:
        await connection.execute(
            text(
                "insert into budgets (organization_id, month, limit_micro) "
                "values ('org-1', to_char(now() at time zone 'utc', 'YYYY-MM'), 5000)"
            )
        )
    await ledger.hold(a_hold(4000))
    assert await ledger.left("org-1") == 1000


async def test_a_raised_default_counts_at_once(ledger: Ledger, database: Database) -> None:
    await ledger.hold(a_hold(1000))
    with pytest.raises(BudgetExceeded):
        await ledger.hold(a_hold(1))
    await Ledger(database, default_limit_micro=1001).hold(a_hold(1))


async def test_200_holds_at_once_never_exceed_the_budget(ledger: Ledger, database: Database) -> None:
    results = await asyncio.gather(*(ledger.hold(a_hold(30)) for _ in range(200)), return_exceptions=True)
    held = sum(isinstance(each, str) for each in results)
    assert held == 33
    assert await budget(database) == (990, 0)
    assert all(isinstance(each, str | BudgetExceeded) for each in results)


async def test_a_void_gives_the_whole_hold_back(ledger: Ledger, database: Database) -> None:
    hold = a_hold(400)
    await ledger.hold(hold)
    assert await ledger.void(hold, error_code="AI_SERVICE_BUSY")
    assert await budget(database) == (0, 0)
    row = await state(database, hold.attempt_id)
    assert (row.state, row.cost_micro, row.error_code) == ("void", 0, "AI_SERVICE_BUSY")


async def test_a_lost_attempt_is_spent_at_its_worst_case(ledger: Ledger, database: Database) -> None:
    hold = a_hold(400)
    await ledger.hold(hold)
    assert await ledger.lose(hold, error_code="AI_ANSWER_IN_DOUBT")
    assert await budget(database) == (0, 400)
    assert (await state(database, hold.attempt_id)).basis == "worst_case"


async def test_a_row_that_is_closed_never_changes(ledger: Ledger, database: Database) -> None:
    hold = a_hold(400)
    await ledger.hold(hold)
    await ledger.settle(hold, cost_micro=150, basis="usage", usage=USAGE)
    before = await state(database, hold.attempt_id)
    assert not await ledger.settle(hold, cost_micro=90, basis="provider", usage=Usage())
    assert not await ledger.void(hold, error_code="X")
    assert not await ledger.lose(hold, error_code="X")
    assert await state(database, hold.attempt_id) == before
    assert await budget(database) == (0, 150)


async def test_nobody_closes_what_another_organization_holds(ledger: Ledger, database: Database) -> None:
    mine, theirs = a_hold(1000), a_hold(1000, call=replace(CALL, organization_id="org-2", run_id="run-2"))
    await asyncio.gather(ledger.hold(mine), ledger.hold(theirs))
    foreign = replace(theirs, call=mine.call)
    assert await ledger.settle(foreign, cost_micro=7, basis="usage", usage=USAGE) is False
    assert (await budget(database), await budget(database, "org-2")) == ((1000, 0), (1000, 0))


async def test_an_overrun_is_written_as_it_was(ledger: Ledger, database: Database) -> None:
    hold = a_hold(1000)
    await ledger.hold(hold)
    assert await ledger.settle(hold, cost_micro=2500, basis="provider", usage=USAGE)
    assert await budget(database) == (0, 2500)
    assert await ledger.left("org-1") == -1500


async def test_twenty_settles_of_one_attempt_at_once_book_it_once(ledger: Ledger, database: Database) -> None:
    hold = a_hold(400)
    await ledger.hold(hold)
    settles = (ledger.settle(hold, cost_micro=150, basis="usage", usage=USAGE) for _ in range(20))
    assert sum(await asyncio.gather(*settles)) == 1
    assert await budget(database) == (0, 150)


async def test_orphans_of_other_processes_are_lost_and_living_and_media_attempts_stay(
    ledger: Ledger, database: Database
) -> None:
    dead = Ledger(database, default_limit_micro=1000)
    orphan, media, mine, elsewhere = a_hold(100), a_hold(100), a_hold(100), a_hold(100)
    for hold in (orphan, media):
        await dead.hold(hold)
    await dead.hold(replace(elsewhere, call=replace(CALL, run_id="run-2")))
    await ledger.hold(mine)
    async with database.transaction(SYSTEM) as connection:
        await connection.execute(
            text("update attempts set provider_ref = 'v-1' where id = :id"), {"id": media.attempt_id}
        )
    assert await ledger.close_orphans("org-1", "run-1") == 1
    found = {
        hold.attempt_id: (await state(database, hold.attempt_id)).state for hold in (orphan, media, mine)
    }
    assert list(found.values()) == ["lost", "held", "held"]
    assert (await state(database, elsewhere.attempt_id)).state == "held"
    assert await budget(database) == (300, 100)
    assert await ledger.close_orphans("org-1", "run-1") == 0


async def test_totals_sum_by_provider_template_and_company_and_see_one_organization_alone(
    ledger: Ledger, database: Database
) -> None:
    first, second, lost, open_one = a_hold(100), a_hold(100, provider="perplexity"), a_hold(50), a_hold(70)
    stranger = a_hold(100, call=replace(CALL, organization_id="org-2"))
    for hold in (first, second, lost, open_one, stranger):
        await ledger.hold(hold)
    await ledger.settle(first, cost_micro=10, basis="usage", usage=USAGE)
    await ledger.settle(second, cost_micro=20, basis="provider", usage=Usage(requests=1))
    await ledger.lose(lost, error_code="X")
    await ledger.settle(stranger, cost_micro=99, basis="usage", usage=USAGE)
    (total,) = await ledger.totals("org-1")
    assert (total.calls, total.cost_micro, total.held_micro, total.lost_micro) == (4, 80, 70, 50)
    by_provider = {row.key: row.cost_micro for row in await ledger.totals("org-1", by="provider")}
    assert by_provider == {"gemini": 60, "perplexity": 20}
    assert [row.key for row in await ledger.totals("org-1", by="template")] == ["TOPIC_GEN_V1 v2"]
    assert [row.key for row in await ledger.totals("org-1", by="kind")] == ["generate_topics"]
    assert await ledger.totals("org-1", month="2020-01", by="company") == []
    assert [await ledger.run_cost(whose, "run-1") for whose in ("org-1", "org-2")] == [80, 99]


async def test_the_totals_of_nothing_are_empty(ledger: Ledger) -> None:
    assert await ledger.totals("org-1", by="provider") == []
    assert await ledger.run_cost("org-1", "run-1") == 0
