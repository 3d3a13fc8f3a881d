"""What was spent, from the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from app.money.quotes import ComparedQuote, compared
from domain.money import parse_month, usd_text
from domain.worlds import World

if TYPE_CHECKING:
    from store.content.runs import Runs
    from store.content.tenants import Tenants
    from store.money.ledger import Ledger
    from store.money.totals import TotalRow
    from store.money.usage import UsageRecords


class By(StrEnum):
    """What costs are summed by."""

    PROVIDER = "provider"
    COMPANY = "company"
    TEMPLATE = "template"
    JOB = "job"
    KIND = "kind"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class CostReport:
    """What was asked, and what the ledger says.

    Attributes:
        by: What the rows are sums of.
        rows: The sums.
        month: Booked in this month alone, ``YYYY-MM`` (UTC).
        thread_id: Of this run alone.
        names: Company names by id, where companies are asked for.
        approved_posts: Posts that the costs have led to.
        quoted: Of a run: what had been said before.
        world: Of which they are.
        other_micro: What the same would be in the other world, which is not contained.
    """

    by: By
    rows: tuple[TotalRow, ...]
    month: str | None = None
    thread_id: str | None = None
    names: dict[str, str] = field(default_factory=dict)
    approved_posts: int = 0
    quoted: ComparedQuote | None = None
    world: World = World.REAL
    other_micro: int = 0

    def total(self, name: str) -> int:
        """Sum one of the rows' figures."""
        return sum(getattr(row, name) for row in self.rows)

    @property
    def unsure_percent(self) -> str:
        cost = self.total("cost_micro")
        return f"{100 * self.total('unsure_micro') / cost:.2f}" if cost else "0.00"

    @property
    def per_post_micro(self) -> int | None:
        return round(self.total("cost_micro") / self.approved_posts) if self.approved_posts else None

    def rows_as_json(self) -> list[dict[str, Any]]:
        """Exact amounts in USD as text."""
        return [self._row(row) for row in self.rows]

    def as_json(self) -> dict[str, Any]:
        each = self.per_post_micro
        return {
            "month": self.month,
            "thread_id": self.thread_id,
            "world": self.world.value,
            "other_world_usd": usd_text(self.other_micro),
            "by": self.by.value,
            "rows": self.rows_as_json(),
            "total_usd": usd_text(self.total("cost_micro")),
            "held_usd": usd_text(self.total("held_micro")),
            "saved_usd": usd_text(self.total("saved_micro")),
            "unsure_percent": self.unsure_percent,
            "approved_posts": self.approved_posts,
            "cost_per_approved_post_usd": None if each is None else usd_text(each),
            "quote": self.quoted.as_json()["lines"] if self.quoted else [],
        }

    def _row(self, row: TotalRow) -> dict[str, Any]:
        return {
            "key": row.key,
            **({"name": self.names[row.key]} if row.key in self.names else {}),
            "calls": row.calls,
            "cost_usd": usd_text(row.cost_micro),
            "held_usd": usd_text(row.held_micro),
            "lost_usd": usd_text(row.lost_micro),
            "unsure_usd": usd_text(row.unsure_micro),
            "adjusted_usd": usd_text(row.adjusted_micro),
            "saved_usd": usd_text(row.saved_micro),
            "cache_hits": row.hits,
            "input_tokens": row.input_tokens,
            "output_tokens": row.output_tokens,
            "images": row.images,
            "seconds": row.seconds,
        }


class Costs:
    """What one organization has spent, in one world or in a run."""

    def __init__(
        self,
        organization: str,
        *,
        ledgers: Mapping[World, Ledger],
        usage: UsageRecords,
        runs: Runs,
        tenants: Tenants,
        world: World,
    ) -> None:
        self._organization = organization
        self._ledgers = ledgers
        self._world = world
        self._usage = usage
        self._runs = runs
        self._tenants = tenants

    async def report(
        self, *, month: str | None = None, by: By = By.PROVIDER, thread: str | None = None
    ) -> CostReport:
        """Sum what was spent.

        Args:
            month: Booked in this month alone, ``YYYY-MM`` (UTC).
            by: What to sum by.
            thread: Of this run alone; its quote comes with it.

        Raises:
            InvalidInput: There is no such month.
            NotFound: The organization has no such run.
        """
        whose = self._organization
        if month is not None:
            parse_month(month)
        world = self._world
        if thread:
            world = World.of(sandbox=(await self._runs.get(whose, thread)).sandbox)
        rows = await self._ledgers[world].totals(whose, month=month, run_id=thread, by=by.value)
        return CostReport(
            by,
            tuple(rows),
            month,
            thread,
            names=await self._names(rows) if by is By.COMPANY else {},
            approved_posts=await self._usage.approved_posts(whose, month=month, run_id=thread),
            quoted=await compared(self._usage, whose, thread) if thread else None,
            world=world,
            other_micro=0 if thread else await self._other(month),
        )

    async def _other(self, month: str | None) -> int:
        rows = await self._ledgers[self._world.other].totals(self._organization, month=month)
        return sum(row.cost_micro for row in rows)

    async def _names(self, rows: list[TotalRow]) -> dict[str, str]:
        return {row.key: (await self._tenants.company(self._organization, row.key)).name for row in rows}
