"""Budgets: hard, exact under concurrency, without locking anybody out, and announced once."""

from __future__ import annotations

import asyncio
import logging
import sys
from dataclasses import replace

import pytest

from domain.errors import BudgetExceeded, InvalidInput
from domain.money import parse_month, parse_usd
from store.database import Database
from store.money.budgets import Budgets
from store.money.ledger import Ledger
from tests.money_rows import CALL, USAGE, a_hold, budget, lost, rows, settled


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database, default_limit_micro=1000)


@pytest.fixture
def budgets(database: Database) -> Budgets:
    return Budgets(database, default_limit_micro=1000)


async def this_month(budgets: Budgets) -> str:
    return (await budgets.show("org-1")).month


async def test_a_budget_of_its_own_takes_the_place_of_the_configured_one(
    ledger: Ledger, budgets: Budgets
) -> None:
    assert (await budgets.show("org-1")).limit_micro == 1000
    shown = await budgets.set("org-1", await this_month(budgets), 5000)
    assert (shown.limit_micro, shown.own_limit, shown.left_micro) == (5000, True, 5000)
    await ledger.hold(a_hold(4000))
    assert (await budgets.show("org-1")).left_micro == 1000


async def test_a_world_is_in_use_once_something_was_bought_or_set_there(
    ledger: Ledger, budgets: Budgets
) -> None:
    void, bought = a_hold(10), a_hold(10)
    await ledger.hold(void)
    await ledger.void(void, error_code="AI_PROVIDER_BUSY")
    assert not await budgets.any("org-1")
    await ledger.hold(bought)
    assert await budgets.any("org-1")
    await ledger.settle(bought, cost_micro=0, basis="usage", usage=USAGE)
    assert await budgets.any("org-1")
    await budgets.set("org-2", await this_month(budgets), 5000)
    assert await budgets.any("org-2")


async def test_a_budget_below_what_is_spent_refuses_and_what_is_under_way_is_settled(
    ledger: Ledger, budgets: Budgets, database: Database
) -> None:
    hold = a_hold(600)
    await ledger.hold(hold)
    await budgets.set("org-1", await this_month(budgets), 100)
    with pytest.raises(BudgetExceeded):
        await ledger.hold(a_hold(1))
    assert await ledger.settle(hold, cost_micro=550, basis="usage", usage=USAGE)
    assert await budget(database) == (0, 550)


async def test_a_refusal_says_what_is_left_and_the_command_that_raises_it(ledger: Ledger) -> None:
    await ledger.hold(a_hold(900))
    with pytest.raises(BudgetExceeded, match=r"\$0\.0001 left") as caught:
        await ledger.hold(a_hold(101))
    details = caught.value.details
    assert (details["scope"], details["left_micro"], details["needed_micro"]) == ("month", 100, 101)
    assert "posthub budget set" in caught.value.next_step


async def test_a_run_with_a_ceiling_is_refused_above_it_and_its_siblings_are_not(
    ledger: Ledger, budgets: Budgets, database: Database
) -> None:
    await budgets.set_run("org-1", "run-1", 300)
    hold = a_hold(250)
    await ledger.hold(hold)
    with pytest.raises(BudgetExceeded, match="ceiling of this run") as caught:
        await ledger.hold(a_hold(51))
    assert (caught.value.details["scope"], caught.value.details["left_micro"]) == ("run", 50)
    assert "--thread" in caught.value.next_step
    await ledger.hold(a_hold(400, call=replace(CALL, run_id="run-2")))
    await ledger.settle(hold, cost_micro=100, basis="usage", usage=USAGE)
    await ledger.hold(a_hold(200))
    assert await budget(database) == (600, 100)


async def test_a_hold_that_the_month_refuses_leaves_the_runs_ceiling_as_it_was(
    ledger: Ledger, budgets: Budgets, database: Database
) -> None:
    await budgets.set_run("org-1", "run-1", 5000)
    with pytest.raises(BudgetExceeded):
        await ledger.hold(a_hold(1001))
    (row,) = await rows(database, "select held_micro, spent_micro from run_budgets")
    assert (row.held_micro, row.spent_micro) == (0, 0)


async def test_a_ceiling_given_later_counts_what_the_run_has_spent(ledger: Ledger, budgets: Budgets) -> None:
    await settled(ledger, 200)
    await lost(ledger, 100)
    await budgets.set_run("org-1", "run-1", 350)
    with pytest.raises(BudgetExceeded):
        await ledger.hold(a_hold(51))
    await ledger.hold(a_hold(50))


async def test_thresholds_are_announced_once_in_the_table_and_in_the_log(
    ledger: Ledger, budgets: Budgets, caplog: pytest.LogCaptureFixture
) -> None:
    month = await this_month(budgets)
    with caplog.at_level(logging.WARNING, "store.money.budgets"):
        for cost in (300, 300, 190):
            await settled(ledger, cost, held_micro=cost)
        assert await budgets.events("org-1", month) == []
        for cost in (10, 100, 100):
            await settled(ledger, cost, held_micro=cost)
        for _ in range(3):
            with pytest.raises(BudgetExceeded):
                await ledger.hold(a_hold(1))
    events = await budgets.events("org-1", month)
    assert [(event.percent, event.spent_micro) for event in events] == [(80, 800), (100, 1000)]
    assert [record.args[2] for record in caplog.records if isinstance(record.args, tuple)] == [80, 100]


async def test_a_refusal_for_want_of_money_announces_that_the_budget_is_used_up(
    ledger: Ledger, budgets: Budgets
) -> None:
    await settled(ledger, 450)
    with pytest.raises(BudgetExceeded):
        await ledger.hold(a_hold(600))
    assert [event.percent for event in await budgets.events("org-1", await this_month(budgets))] == [100]


async def test_an_announcement_tells_what_is_spent_from_what_is_only_held(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    await settled(ledger, 100)
    await ledger.hold(a_hold(700))
    with caplog.at_level(logging.WARNING, "store.money.budgets"), pytest.raises(BudgetExceeded):
        await ledger.hold(a_hold(600))
    assert [(record.spent_micro, record.held_micro) for record in caplog.records] == [(100, 700)]  # type: ignore[attr-defined]
    assert "$0.0001 are spent and $0.0007 held" in caplog.messages[0]


async def test_a_raised_budget_announces_its_own_thresholds(ledger: Ledger, budgets: Budgets) -> None:
    month = await this_month(budgets)
    await settled(ledger, 850, held_micro=850)
    await budgets.set("org-1", month, 2000)
    await settled(ledger, 800, held_micro=800)
    events = await budgets.events("org-1", month)
    assert [(event.percent, event.limit_micro) for event in events] == [(80, 1000), (80, 2000)]


async def test_forty_settles_at_once_announce_each_threshold_once(ledger: Ledger, budgets: Budgets) -> None:
    holds = [a_hold(25) for _ in range(40)]
    for hold in holds:
        await ledger.hold(hold)
    settles = (ledger.settle(hold, cost_micro=25, basis="usage", usage=USAGE) for hold in holds)
    await asyncio.gather(*settles)
    events = await budgets.events("org-1", await this_month(budgets))
    assert [event.percent for event in events] == [80, 100]


async def test_a_patient_hold_waits_for_the_holds_of_others_to_be_given_back(
    database: Database, ledger: Ledger
) -> None:
    patient = Ledger(database, default_limit_micro=1000, patience_seconds=30)
    open_one = a_hold(900)
    await ledger.hold(open_one)
    waiting = asyncio.create_task(patient.hold(a_hold(500)))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await ledger.settle(open_one, cost_micro=100, basis="usage", usage=USAGE)
    await waiting
    assert await budget(database) == (500, 100)


async def test_a_patient_hold_that_can_never_fit_is_refused_at_once(database: Database) -> None:
    patient = Ledger(database, default_limit_micro=1000, patience_seconds=3600)
    await settled(patient, 501, held_micro=600)
    await patient.hold(a_hold(100))
    with pytest.raises(BudgetExceeded):
        await patient.hold(a_hold(500))


SPENDERS = """
import asyncio, random, sys
from domain.errors import BudgetExceeded
from store.database import Database
from store.money.ledger import Ledger
from tests.money_rows import USAGE, a_hold

async def spend(ledger):
    while True:
        hold = a_hold(5_000)
        try:
            await ledger.hold(hold)
        except BudgetExceeded:
            return
        await asyncio.sleep(random.uniform(0, 0.02))
        cost = random.randint(500, 1500)
        await ledger.settle(hold, cost_micro=cost, basis="usage", usage=USAGE)

async def main(uri, limit):
    database = Database(uri, pool_size=10)
    ledger = Ledger(database, default_limit_micro=int(limit), patience_seconds=60)
    await asyncio.gather(*(spend(ledger) for _ in range(100)))
    await database.dispose()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_200_callers_in_2_processes_spend_the_budget_to_within_1_percent_and_never_exceed_it(
    database: Database,
) -> None:
    limit = 1_000_000
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", SPENDERS, database.uri, str(limit))
        for _ in range(2)
    ]
    ending = asyncio.gather(*(process.wait() for process in processes))
    most = 0
    while not ending.done():
        for row in await rows(database, "select held_micro + spent_micro as used from budgets"):
            most = max(most, row.used)
        await asyncio.sleep(0.02)
    assert await ending == [0, 0]
    held, spent = await budget(database)
    assert held == 0
    assert 0 < most <= limit
    assert limit * 0.99 <= spent <= limit
    (sums,) = await rows(database, "select sum(cost_micro) as cost from attempts")
    assert sums.cost == spent


@pytest.mark.parametrize("value", ["-1", "abc", "", "NaN", "Infinity", "1e99", "0.0000001", "1,5", "$5"])
def test_an_amount_that_is_none_is_refused_with_what_is_allowed(value: str) -> None:
    with pytest.raises(InvalidInput, match="usd") as caught:
        parse_usd(value)
    assert "USD from 0" in caught.value.next_step
    assert caught.value.exit_status == 2


@pytest.mark.parametrize(
    ("value", "micro"), [("0", 0), ("25", 25_000_000), (" 0.000001 ", 1), ("1e2", 10**8)]
)
def test_an_amount_is_read_to_the_micro_dollar(value: str, micro: int) -> None:
    assert parse_usd(value) == micro


@pytest.mark.parametrize(
    "value", ["2026-13", "2026-00", "26-01", "2026-1", "leden", "", "2026-011", "1999-12"]
)
def test_a_month_that_does_not_exist_is_refused(value: str) -> None:
    with pytest.raises(InvalidInput, match="month") as caught:
        parse_month(value)
    assert caught.value.details["field"] == "month"
