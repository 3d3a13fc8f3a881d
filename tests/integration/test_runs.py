from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys

import pytest
from sqlalchemy import text

from domain.errors import InvalidInput, NotFound
from store.content.items import Owner
from store.content.run_record import RunRecord
from store.content.runs import Runs
from store.database import Database
from store.tenancy import SYSTEM
from store.text import original_json


@pytest.fixture
def runs(database: Database) -> Runs:
    return Runs(database)


def _run(owner: Owner, run_id: str = "run-1", **changes: object) -> RunRecord:
    record = RunRecord(
        id=run_id,
        organization_id=owner.organization_id,
        company_id=owner.company_id,
        month="2027-01",
        tier="pro",
        request={"posts": 4, "platforms": ["linkedin"]},
        graph_version="1",
        sandbox=True,
    )
    return dataclasses.replace(record, **changes)  # type: ignore[arg-type]


async def test_a_run_comes_back_as_it_was_created(runs: Runs, owner: Owner) -> None:
    created = await runs.create(_run(owner))
    assert created == await runs.get(owner.organization_id, "run-1")
    assert (created.request["platforms"], created.sandbox, created.status) == (["linkedin"], True, "running")
    assert created.created_at.year > 2000


async def test_creating_a_run_again_changes_nothing(runs: Runs, owner: Owner) -> None:
    await runs.create(_run(owner))
    await runs.set_status("org-1", "run-1", "waiting", waiting_at="review_dna")
    again = await runs.create(_run(owner, month="2027-09"))
    assert (again.month, again.status) == ("2027-01", "waiting")


async def test_a_foreign_run_is_answered_as_an_unknown_one(runs: Runs, owner: Owner, stranger: Owner) -> None:
    await runs.create(_run(owner))
    with pytest.raises(NotFound) as foreign:
        await runs.get(stranger.organization_id, "run-1")
    with pytest.raises(NotFound) as taken:
        await runs.create(_run(stranger))
    with pytest.raises(NotFound) as unknown:
        await runs.get("nobody", "run-1")
    assert str(foreign.value) == str(taken.value) == str(unknown.value)
    assert await runs.list(stranger.organization_id) == []


async def test_an_id_that_no_database_can_hold_is_unknown(runs: Runs) -> None:
    with pytest.raises(NotFound):
        await runs.get("org-1", "x\x00\ud800")


async def test_runs_are_listed_newest_first(runs: Runs, owner: Owner) -> None:
    for run_id in ("a", "b", "c"):
        await runs.create(_run(owner, run_id))
    assert [run.id for run in await runs.list(owner.organization_id, limit=2)] == ["c", "b"]


async def test_a_status_brings_its_circumstances_and_drops_older_ones(runs: Runs, owner: Owner) -> None:
    await runs.create(_run(owner))
    await runs.set_status("org-1", "run-1", "failed", error={"code": "X", "message": "a\x00b"})
    assert original_json((await runs.get(owner.organization_id, "run-1")).error) == {
        "code": "X",
        "message": "a\x00b",
    }
    await runs.set_status("org-1", "run-1", "done", out="/tmp/out")
    await runs.set_status("org-1", "run-1", "waiting", waiting_at="review_posts")
    run = await runs.get(owner.organization_id, "run-1")
    assert (run.error, run.out, run.waiting_at) == (None, "/tmp/out", "review_posts")
    assert run.updated_at > run.created_at


async def test_an_unknown_status_or_run_is_refused(runs: Runs, owner: Owner) -> None:
    await runs.create(_run(owner))
    with pytest.raises(InvalidInput, match="no status"):
        await runs.set_status("org-1", "run-1", "asleep")
    with pytest.raises(NotFound):
        await runs.set_status("org-1", "run-2", "done")


async def test_a_run_is_worked_on_by_one_at_a_time(runs: Runs) -> None:
    async with runs.exclusive("org-1", "run-1", owner="me"), runs.exclusive("org-1", "run-2", owner="me"):
        with pytest.raises(InvalidInput, match="another process"):
            async with runs.exclusive("org-1", "run-1", owner="me", wait_seconds=0.0):
                pytest.fail("two at once")
    async with runs.exclusive("org-1", "run-1", owner="me"):
        pass


async def test_a_run_that_nobody_works_on_any_more_reads_as_stopped(
    runs: Runs, owner: Owner, database: Database
) -> None:
    async def standing() -> str:
        return (await runs.get(owner.organization_id, "run-1")).standing

    await runs.create(_run(owner))
    assert await standing() == "running", "whoever has just begun has the time to say so"
    async with database.transaction(SYSTEM) as connection:
        await connection.execute(text("update runs set updated_at = now() - interval '1 minute'"))
    assert await standing() == "stopped"
    async with runs.exclusive("org-1", "run-1", owner="me"):
        assert await standing() == "running"
    (listed,) = await runs.list(owner.organization_id)
    assert listed.standing == "stopped"
    await runs.set_status("org-1", "run-1", "waiting", waiting_at="topics")
    assert await standing() == "waiting"


HOLDER = """
import asyncio, sys
from store.database import Database
from store.content.runs import Runs
async def main():
    async with Runs(Database(sys.argv[1])).exclusive("org-1", "run-1", owner="me"):
        print("held", flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


async def test_a_killed_process_loses_its_run_at_once(runs: Runs, database_uri: str) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, database_uri], stdout=subprocess.PIPE)
    try:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        os.kill(holder.pid, signal.SIGKILL)
        async with runs.exclusive("org-1", "run-1", owner="me"):
            pass
    finally:
        holder.kill()
        holder.communicate()


SERVER = """
import asyncio, sys
from domain.calls import Call, JobKind
from store.database import Database
from store.money.journal import JobKey, Journal
from store.money.ledger import Ledger
from store.money.sweeper import Lease
from store.tenancy import SYSTEM
async def main():
    database = Database(sys.argv[1])
    await Lease(database, Ledger(database, default_limit_micro=0, owner="server")).beat()
    call = Call("org-1", "company-1", "run-1", "pro", JobKind.GENERATE_TOPICS, "topics", "all")
    await Journal(database, owner="server").claim(JobKey(call, "text", "hash", {}), lease_seconds=60)
    print("at work", flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


async def test_a_run_that_a_living_server_works_on_is_left_to_it(runs: Runs, database_uri: str) -> None:
    server = subprocess.Popen([sys.executable, "-c", SERVER, database_uri], stdout=subprocess.PIPE)
    try:
        assert server.stdout
        assert server.stdout.readline() == b"at work\n"
        with pytest.raises(InvalidInput, match=f"process {server.pid} on"):
            async with runs.exclusive("org-1", "run-1", owner="me", wait_seconds=0.0):
                pytest.fail("two at once")
        async with (
            runs.exclusive("org-1", "run-1", owner="server"),
            runs.exclusive("org-1", "run-2", owner="me"),
        ):
            pass
    finally:
        server.kill()
        server.communicate()
    async with runs.exclusive("org-1", "run-1", owner="me"):
        pass
