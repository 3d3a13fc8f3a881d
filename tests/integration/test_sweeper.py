"""Leases, and what becomes of the holds of processes that died."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from store.database import Database
from store.money.ledger import Ledger
from store.money.sweeper import Lease
from tests.money_rows import CALL, a_hold, budget, rows

STATES = "select state, basis, error_code from attempts order by opened_at"


def a_ledger(database: Database) -> Ledger:
    return Ledger(database, default_limit_micro=100_000)


async def states(database: Database) -> list[str]:
    return [row.state for row in await rows(database, STATES)]


async def dead_with_holds(database: Database, *micros: int) -> Ledger:
    """A process that held money and whose lease has run out."""
    dead = a_ledger(database)
    await Lease(database, dead, lease_seconds=-1).beat()
    for micro in micros:
        await dead.hold(a_hold(micro))
    return dead


async def test_the_holds_of_a_dead_process_are_booked_as_lost_at_worst_case(database: Database) -> None:
    await dead_with_holds(database, 300, 200)
    living = a_ledger(database)
    assert await Lease(database, living).sweep() == 2
    (row, _) = await rows(database, STATES)
    assert (row.state, row.basis, row.error_code) == ("lost", "worst_case", "PROCESS_ENDED")
    assert await budget(database) == (0, 500)
    assert await Lease(database, living).sweep() == 0


async def test_a_living_process_keeps_its_holds(database: Database) -> None:
    other, living = a_ledger(database), a_ledger(database)
    await Lease(database, other).beat()
    await other.hold(a_hold(300))
    await living.hold(a_hold(200))
    assert await Lease(database, living).sweep() == 0
    assert await budget(database) == (500, 0)


async def test_a_media_job_that_the_provider_still_knows_stays_open(database: Database) -> None:
    await dead_with_holds(database, 300)
    await rows(database, "update attempts set provider_ref = 'v-1'")
    assert await Lease(database, a_ledger(database)).sweep() == 0
    assert await states(database) == ["held"]


async def test_a_process_that_never_took_a_lease_is_dead_after_an_hour(database: Database) -> None:
    unknown = a_ledger(database)
    await unknown.hold(a_hold(100))
    sweeper = Lease(database, a_ledger(database))
    assert await sweeper.sweep() == 0
    await rows(database, "update attempts set opened_at = now() - interval '61 minutes'")
    assert await sweeper.sweep() == 1


async def test_every_run_and_organization_is_swept(database: Database) -> None:
    dead = await dead_with_holds(database, 100)
    await dead.hold(a_hold(50, call=replace(CALL, organization_id="org-2", run_id="run-9")))
    assert await Lease(database, a_ledger(database)).sweep() == 2
    assert await budget(database) == (0, 100)
    assert await budget(database, "org-2") == (0, 50)


async def test_eight_sweepers_at_once_book_each_hold_once(database: Database) -> None:
    await dead_with_holds(database, *[10] * 30)
    found = await asyncio.gather(*(Lease(database, a_ledger(database)).sweep() for _ in range(8)))
    assert sum(found) == 30
    assert await budget(database) == (0, 300)


async def test_a_kept_lease_stays_fresh_sweeps_at_its_start_and_ends_with_its_block(
    database: Database,
) -> None:
    await dead_with_holds(database, 100)
    living = a_ledger(database)
    alive = "select lease_until > now() as alive from workers where id = :id"
    async with Lease(database, living, lease_seconds=0.5).kept(beat_seconds=0.05):
        assert await states(database) == ["lost"]
        await asyncio.sleep(1)
        assert [row.alive for row in await rows(database, alive, id=living.owner)] == [True]
    assert [row.alive for row in await rows(database, alive, id=living.owner)] == [False]


async def test_leases_of_long_ago_are_forgotten_unless_something_is_still_held(database: Database) -> None:
    gone, holding = await dead_with_holds(database), await dead_with_holds(database, 100)
    await rows(database, "update attempts set provider_ref = 'v-1'")
    await rows(database, "update workers set lease_until = now() - interval '8 days'")
    await Lease(database, a_ledger(database)).sweep()
    kept = [row.id for row in await rows(database, "select id from workers")]
    assert (gone.owner in kept, holding.owner in kept) == (False, True)
