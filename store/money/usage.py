"""What calls of a template have used so far, and what approved posts came of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.worlds import World
from store.database import Database
from store.money import sql
from store.text import fold_key

_LAST = 200
"""Calls of a template that are looked at, the newest."""


@dataclass(frozen=True, slots=True)
class Typical:
    """Average tokens of a template's call, over ``calls`` of them."""

    calls: int
    input_tokens: float
    output_tokens: float


@dataclass(frozen=True, slots=True)
class KeptQuote:
    """What was said before a run about what it would cost. ``lines`` as `app.money.quoting.kept` makes them."""

    expected_micro: int
    worst_micro: int
    lines: list[dict[str, Any]]


class UsageRecords:
    """Reads what was used; keeps quotes beside it."""

    def __init__(self, database: Database, *, world: World = World.REAL) -> None:
        self._database = database
        self._world = world

    async def typical(self, organization_id: str, company: str) -> Mapping[str, Typical]:
        """Return what a company's calls have used by template code; nothing for a new company."""
        values = {
            "organization_id": organization_id,
            "world": self._world,
            "name_key": fold_key(company),
            "last": _LAST,
        }
        async with self._database.transaction(organization_id) as connection:
            rows = (await connection.execute(sql("typical_tokens"), values)).all()
        return {
            row.template_code: Typical(int(row.calls), float(row.input_tokens), float(row.output_tokens))
            for row in rows
        }

    async def approved_posts(
        self, organization_id: str, *, month: str | None = None, run_id: str | None = None
    ) -> int:
        """Count the approved posts of the runs that a month's or a run's costs belong to."""
        values = {
            "organization_id": organization_id,
            "world": self._world,
            "month": month,
            "run_id": run_id,
        }
        async with self._database.transaction(organization_id) as connection:
            return int(await connection.scalar(sql("approved_posts"), values) or 0)

    async def keep_quote(self, organization_id: str, run_id: str, quote: KeptQuote) -> None:
        """Keep a run's quote; the first one stays."""
        values = {
            "run_id": run_id,
            "organization_id": organization_id,
            "expected": quote.expected_micro,
            "worst": quote.worst_micro,
            "lines": json.dumps(quote.lines),
        }
        async with self._database.transaction(organization_id) as connection:
            await connection.execute(sql("keep_quote"), values)

    async def quote(self, organization_id: str, run_id: str) -> KeptQuote | None:
        """Return the quote that a run was started with."""
        values = {"organization_id": organization_id, "run_id": run_id}
        async with self._database.transaction(organization_id) as connection:
            row = (await connection.execute(sql("quote_of_run"), values)).mappings().first()
        return KeptQuote(**row) if row else None

    async def actual(self, organization_id: str, run_id: str) -> dict[tuple[str, str], int]:
        """Return micro-USD of a run by (node, provider)."""
        values = {"organization_id": organization_id, "run_id": run_id}
        async with self._database.transaction(organization_id) as connection:
            rows = (await connection.execute(sql("actual_cost"), values)).all()
        return {(row.node, row.provider): int(row.cost_micro) for row in rows}
