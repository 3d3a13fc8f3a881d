"""What the tests of money share: holds to book, and looks into the tables."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from sqlalchemy import text

from domain.calls import Call, JobKind, TemplateRef, Usage
from store.database import Database
from store.money.journal import JobKey, Journal
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


async def settled(ledger: Ledger, cost: int, **changes: Any) -> str:
    """Book an answered call; returns its id."""
    hold = a_hold(cost * 2, **changes)
    await ledger.hold(hold)
    await ledger.settle(hold, cost_micro=cost, basis="usage", usage=USAGE)
    return hold.attempt_id


async def cache_hit(database: Database, item: str, saved_micro: int, **changes: Any) -> None:
    """Book a call that a cache answered."""
    key = JobKey(replace(CALL, item=item, **changes), "text", "hash", {})
    served = {"provider": "gemini", "model": "gemini-3.8-flash", "saved_micro": saved_micro}
    assert await Journal(database, owner="process-1").answer(key, {"served": served})


async def lost(ledger: Ledger, worst: int, **changes: Any) -> str:
    """Book a call whose answer never came; returns its id."""
    hold = a_hold(worst, **changes)
    await ledger.hold(hold)
    await ledger.lose(hold, error_code="AI_ANSWER_IN_DOUBT")
    return hold.attempt_id


async def rows(database: Database, query: str, **values: Any) -> list[Any]:
    async with database.transaction(SYSTEM) as connection:
        result = await connection.execute(text(query), values)
        return list(result) if result.returns_rows else []


async def budget(database: Database, organization: str = "org-1") -> tuple[int, int]:
    """Held and spent."""
    query = "select held_micro, spent_micro from budgets where organization_id = :id"
    (row,) = await rows(database, query, id=organization)
    return row.held_micro, row.spent_micro
