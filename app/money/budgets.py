"""What an organization may spend in a month, and a run at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from domain.money import parse_month, usd_text
from domain.worlds import World

if TYPE_CHECKING:
    from store.content.runs import Runs
    from store.money.budgets import BudgetEvent, BudgetRow, Budgets


@dataclass(frozen=True, slots=True)
class RunCeiling:
    """The most that one run may spend, over all months."""

    thread_id: str
    ceiling_micro: int

    def as_json(self) -> dict[str, Any]:
        return {"thread_id": self.thread_id, "ceiling_micro": self.ceiling_micro}


@dataclass(frozen=True, slots=True)
class BudgetReport:
    """A month's budget, the thresholds that it has reached, and the ceiling of a run where one was set just now.

    ``other_micro`` is what the month has spent in the other world, of a budget of its own.
    """

    row: BudgetRow
    events: tuple[BudgetEvent, ...]
    run: RunCeiling | None = None
    other_micro: int = 0

    def as_json(self) -> dict[str, Any]:
        row = self.row
        return {
            "organization": row.organization_id,
            "month": row.month,
            "world": row.world.value,
            "other_world_usd": usd_text(self.other_micro),
            "limit_usd": usd_text(row.limit_micro),
            "own_limit": row.own_limit,
            "spent_usd": usd_text(row.spent_micro),
            "unsure_usd": usd_text(row.unsure_micro),
            "lost_usd": usd_text(row.lost_micro),
            "adjusted_usd": usd_text(row.adjusted_micro),
            "held_usd": usd_text(row.held_micro),
            "left_usd": usd_text(row.left_micro),
            "events": [_event(event) for event in self.events],
            **({"run": self.run.as_json()} if self.run else {}),
        }


def _event(event: BudgetEvent) -> dict[str, Any]:
    return {
        "percent": event.percent,
        "limit_usd": usd_text(event.limit_micro),
        "spent_usd": usd_text(event.spent_micro),
        "at": event.happened_at.isoformat(),
    }


class SpendingLimits:
    """The budgets of one organization in one world, and the ceilings of its runs."""

    def __init__(
        self, organization: str, *, budgets: Mapping[World, Budgets], runs: Runs, world: World
    ) -> None:
        self._organization = organization
        self._budgets = budgets[world]
        self._others = budgets[world.other]
        self._runs = runs

    async def show(self, month: str | None = None, *, run: RunCeiling | None = None) -> BudgetReport:
        """Return a month's budget; ``YYYY-MM`` (UTC), without it this month's.

        Raises:
            InvalidInput: There is no such month.
        """
        if month is not None:
            parse_month(month)
        row = await self._budgets.show(self._organization, month)
        events = await self._budgets.events(self._organization, row.month)
        other = await self._others.show(self._organization, row.month)
        return BudgetReport(row, tuple(events), run, other.spent_micro)

    async def set(self, micro: int, month: str | None = None) -> BudgetReport:
        """Set a month's budget in micro-USD. Raises as `show`."""
        month = (await self.show(month)).row.month
        await self._budgets.set(self._organization, month, micro)
        return await self.show(month)

    async def set_ceiling(self, thread: str, micro: int) -> BudgetReport:
        """Set the most that a run may spend, in micro-USD.

        Raises:
            NotFound: The organization has no such run.
        """
        await self._runs.get(self._organization, thread)
        await self._budgets.set_run(self._organization, thread, micro)
        return await self.show(run=RunCeiling(thread, micro))
