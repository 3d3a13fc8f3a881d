"""Sums over the ledger, for whoever looks at what was spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.worlds import World

By = Literal["provider", "company", "template", "job", "kind", "day"]


@dataclass(frozen=True, slots=True)
class TotalRow:
    """A sum over attempts.

    Attributes:
        key: What it is the sum of: a provider, a company's id, a day (UTC) …
        calls: Attempts, without those that were provably not billed.
        cost_micro: Settled, lost and adjusted.
        held_micro: Reserved for attempts under way.
        lost_micro: Of the cost: what was sent without a whole answer, as first booked.
        unsure_micro: Of the cost: estimated or at worst case, and not yet corrected by a bill.
        adjusted_micro: Of the cost: corrections.
        saved_micro: What cache hits would have cost.
        hits: Calls that a cache answered.
    """

    key: str
    calls: int
    cost_micro: int
    held_micro: int
    lost_micro: int
    input_tokens: int
    output_tokens: int
    images: int
    seconds: float
    unsure_micro: int = 0
    adjusted_micro: int = 0
    saved_micro: int = 0
    hits: int = 0


_KEYS: Mapping[By | None, str] = {
    None: "'total'",
    "provider": "provider",
    "company": "company_id",
    "template": "coalesce(template_code || ' v' || template_version, 'none')",
    "job": "job_id",
    "kind": "kind",
    "day": "to_char(booked_at at time zone 'utc', 'YYYY-MM-DD')",
}

_WHERE = """
 where organization_id = :organization_id
   and (cast(:month as text) is null or month = :month)
   and case when cast(:run_id as text) is null then world = :world else run_id = :run_id end
 group by 1"""

_SPENT = """
select {key} as key, count(*) filter (where state not in ('void', 'adjusted')) as calls,
       coalesce(sum(cost_micro), 0) as cost_micro, coalesce(sum(held_micro), 0) as held_micro,
       coalesce(sum(cost_micro) filter (where state = 'lost'), 0) as lost_micro,
       coalesce(sum(unsure_micro), 0) as unsure_micro, coalesce(sum(adjusted_micro), 0) as adjusted_micro,
       sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens,
       sum(images) as images, sum(seconds) as seconds
  from ledger_entries"""

_SAVED = "select {key} as key, count(*) as hits, sum(saved_micro) as saved_micro from cache_hits"


async def read_totals(
    connection: AsyncConnection,
    organization_id: str,
    *,
    world: World,
    month: str | None,
    run_id: str | None,
    by: By | None,
) -> list[TotalRow]:
    """Sum a run's entries, or a world's of an organization, of a month (``YYYY-MM``) or all; the dearest first."""
    values = {"organization_id": organization_id, "world": world, "month": month, "run_id": run_id}
    spent = await connection.execute(text(_SPENT.format(key=_KEYS[by]) + _WHERE), values)
    rows = {str(row.key): _total(row) for row in spent}
    for hit in await connection.execute(text(_SAVED.format(key=_KEYS[by]) + _WHERE), values):
        row = rows.get(str(hit.key), TotalRow(str(hit.key), 0, 0, 0, 0, 0, 0, 0, 0.0))
        rows[row.key] = replace(row, hits=int(hit.hits), saved_micro=int(hit.saved_micro))
    return sorted(rows.values(), key=lambda row: row.key if by == "day" else (-row.cost_micro, row.key))


def _total(row: Any) -> TotalRow:
    return TotalRow(
        key=str(row.key),
        calls=int(row.calls),
        cost_micro=int(row.cost_micro),
        held_micro=int(row.held_micro),
        lost_micro=int(row.lost_micro),
        input_tokens=int(row.input_tokens),
        output_tokens=int(row.output_tokens),
        images=int(row.images),
        seconds=float(row.seconds),
        unsure_micro=int(row.unsure_micro),
        adjusted_micro=int(row.adjusted_micro),
    )
