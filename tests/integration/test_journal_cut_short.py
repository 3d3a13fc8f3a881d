"""A claim that is cut short leaves a job that the next caller can take."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from domain.calls import Call, JobKind
from store.database import Database
from store.money.journal import JobKey, Journal

CALL = Call("org-1", "company-1", "run-1", "ultimate", JobKind.GENERATE_BLOGPOST, "write", "topic-1")


@pytest.mark.parametrize("steps", [1, 2, 3])
async def test_a_claim_cancelled_at_any_moment_never_keeps_its_job_from_the_next_caller(
    database: Database, steps: int
) -> None:
    journal = Journal(database, owner="this-process")
    for moment in range(0, 60, steps):
        key = JobKey(replace(CALL, item=f"{steps}-{moment}"), "text", "hash", {})
        claim = asyncio.create_task(journal.claim(key, lease_seconds=600))
        for _ in range(moment):
            await asyncio.sleep(0)
            if steps > 1:
                await asyncio.sleep(0.0002 * steps)
        claim.cancel()
        held = await asyncio.gather(claim, return_exceptions=True)
        if not isinstance(held[0], BaseException):
            journal.release(key.id)
        async with asyncio.timeout(300):
            assert (await journal.claim(key, lease_seconds=600)).mine
        journal.release(key.id)
