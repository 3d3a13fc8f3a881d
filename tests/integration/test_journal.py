"""The journal: keys that come out the same, answers that stay, one worker for a job."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import text

from domain.calls import Call, JobKind, Usage
from domain.errors import BadOutput, MoneyState, ProviderBusy
from store.database import Database
from store.money.journal import Job, JobKey, Journal, StoredAnswer, recorded_error
from store.money.ledger import Ledger
from store.money.sweeper import Lease
from store.tenancy import SYSTEM
from tests.money_rows import a_hold, rows

CALL = Call("org-1", "company-1", "run-1", "pro", JobKind.GENERATE_TOPICS, "topics", "month")
KEY = JobKey(CALL, "text", "hash-of-request", {"chain": ["gemini/x"]})


@pytest.fixture
async def journal(database: Database) -> Journal:
    await living(database, "process-1")
    return Journal(database, owner="process-1")


async def living(database: Database, owner: str, *, seconds: float = 60) -> None:
    """Give a process's sign of life."""
    ledger = Ledger(database, default_limit_micro=0, owner=owner)
    await Lease(database, ledger, lease_seconds=seconds).beat()


async def claim(journal: Journal, key: JobKey = KEY, lease: float = 60) -> Job:
    return await journal.claim(key, lease_seconds=lease)


async def store(database: Database, answer: StoredAnswer, *, owner: str = "process-1") -> None:
    """As the pipeline does it, but for an attempt that is none: nothing is booked."""
    ledger = Ledger(database, default_limit_micro=0, owner=owner)
    assert not await ledger.settle(a_hold(0), cost_micro=0, basis="usage", usage=Usage(), answer=answer)


async def complete(database: Database, journal: Journal, job: Job, output: dict[str, object]) -> None:
    await store(database, StoredAnswer(job.id, output, 15), owner=journal.owner)
    journal.release(job.id)


@pytest.mark.parametrize(
    "other",
    [
        replace(KEY, request_hash="other"),
        replace(KEY, purpose="writing"),
        replace(KEY, call=replace(CALL, organization_id="org-2")),
        replace(KEY, call=replace(CALL, run_id="run-2")),
        replace(KEY, call=replace(CALL, item="other")),
        replace(KEY, call=replace(CALL, revision=1)),
        replace(KEY, call=replace(CALL, step="again")),
        replace(KEY, call=replace(CALL, node="topics/month", item="")),
    ],
)
def test_whatever_tells_calls_apart_makes_another_job(other: JobKey) -> None:
    assert other.id != KEY.id
    assert other.text != KEY.text


def test_the_same_call_is_the_same_job_whoever_serves_it() -> None:
    again = JobKey(replace(CALL), "text", "hash-of-request", {"chain": ["gemini/newer"]})
    assert again.id == KEY.id


async def test_a_completed_job_returns_its_answer_to_every_process(
    journal: Journal, database: Database
) -> None:
    job = await claim(journal)
    assert job.mine
    await complete(database, journal, job, {"text": "ahoj"})
    again = await claim(Journal(database, owner="process-2"))
    assert (again.mine, again.output, again.status) == (False, {"text": "ahoj"}, "completed")


async def test_an_answer_with_characters_that_the_database_refuses_is_kept_all_the_same(
    journal: Journal, database: Database
) -> None:
    job = await claim(journal)
    await complete(database, journal, job, {"text": "káva\x00 \ud800je"})
    assert (await claim(journal)).output == {"text": "káva\x00 \ud800je"}


async def test_a_second_caller_waits_for_the_first_ones_answer(journal: Journal, database: Database) -> None:
    job = await claim(journal)
    waiting = asyncio.create_task(claim(Journal(database, owner="process-2")))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await complete(database, journal, job, {"text": "ahoj"})
    assert (await waiting).output == {"text": "ahoj"}


async def test_a_waiting_caller_gets_the_failure_of_the_first_one(
    journal: Journal, database: Database
) -> None:
    job = await claim(journal)
    waiting = asyncio.create_task(claim(Journal(database, owner="process-2")))
    await asyncio.sleep(0.1)
    await journal.fail("org-1", job.id, ProviderBusy("gemini is busy.", next_step="Wait.", status=503))
    with pytest.raises(ProviderBusy, match="gemini is busy") as failure:
        await waiting
    assert failure.value.details["status"] == 503


async def test_a_failed_job_is_worked_on_again_by_the_next_caller(
    journal: Journal, database: Database
) -> None:
    job = await claim(journal)
    await journal.fail("org-1", job.id, ProviderBusy("busy"))
    journal.release(job.id)
    again = await claim(journal)
    assert again.mine
    (row,) = await rows(database, "select status, retry_count, max_retries, priority from jobs")
    assert (row.status, row.retry_count, row.max_retries, row.priority) == ("processing", 1, 3, 5)


async def test_a_useless_answer_stays_and_is_marked_failed(journal: Journal, database: Database) -> None:
    job = await claim(journal)
    useless = BadOutput("gemini answered with nothing.", money=MoneyState.SPENT)
    await store(database, StoredAnswer(job.id, {"text": ""}, 15, useless))
    again = await claim(Journal(database, owner="process-2"))
    assert (again.mine, again.status, again.output) == (False, "failed", {"text": ""})
    assert recorded_error(again.error or {}).money is MoneyState.SPENT


async def test_a_job_is_free_when_its_process_has_died_however_long_its_own_lease_is(
    journal: Journal, database: Database
) -> None:
    await claim(journal, lease=1200)
    await living(database, "process-1", seconds=0)
    again = await claim(Journal(database, owner="process-2"))
    assert (again.mine, again.taken_over) == (True, True)


async def test_a_job_whose_lease_has_ended_is_taken_over(journal: Journal, database: Database) -> None:
    await claim(journal, lease=0.2)
    again = await claim(Journal(database, owner="process-2"))
    assert again.mine
    assert again.taken_over


async def test_a_job_that_this_process_let_go_is_taken_up_at_once(journal: Journal) -> None:
    job = await claim(journal, lease=3600)
    journal.release(job.id)
    assert (await claim(journal)).taken_over


async def test_a_process_that_lost_its_job_cannot_overwrite_its_successor(
    journal: Journal, database: Database
) -> None:
    job = await claim(journal, lease=0)
    successor = Journal(database, owner="process-2")
    assert (await claim(successor)).mine
    await complete(database, journal, job, {"text": "late"})
    await journal.fail("org-1", job.id, ProviderBusy("late"))
    await complete(database, successor, job, {"text": "right"})
    assert (await claim(journal)).output == {"text": "right"}


async def test_the_provider_reference_stands_on_job_and_attempt(journal: Journal, database: Database) -> None:
    job = await claim(journal)
    await journal.refer("org-1", job.id, "attempt-1", {"id": "v-1", "facts": {"seconds": 8}})
    journal.release(job.id)
    assert (await claim(journal)).provider_ref == {"id": "v-1", "facts": {"seconds": 8}}
    await journal.forget_ref("org-1", job.id)
    journal.release(job.id)
    assert (await claim(journal)).provider_ref is None


async def test_a_job_keeps_what_was_asked_but_not_the_prompt(journal: Journal, database: Database) -> None:
    await claim(journal)
    async with database.transaction(SYSTEM) as connection:
        stored = await connection.scalar(text("select input from jobs"))
    assert stored == {"purpose": "text", "request_hash": "hash-of-request", "chain": ["gemini/x"]}
