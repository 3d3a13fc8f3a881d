"""Budgets: of an organization in a month, and the ceiling that a run may have of its own.

They are hard: a hold that does not fit is refused before anything is sent. At 80 and at 100 % an event is written
once for each limit, as a row of ``budget_events`` and as a warning in the log; 100 % is reached when a call was
refused for want of money, or when what was spent reached the limit.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.errors import BudgetExceeded
from domain.money import format_usd
from domain.worlds import World
from store.database import Database
from store.money import sql

log = logging.getLogger(__name__)

THRESHOLDS = (80, 100)
"""Percent of the limit at which somebody is told."""


@dataclass(frozen=True, slots=True)
class Left:
    """What is left for a hold; the run's figures are None where it has no ceiling of its own."""

    month: str
    limit_micro: int
    held_micro: int
    spent_micro: int
    run_limit_micro: int | None = None
    run_held_micro: int | None = None
    run_spent_micro: int | None = None

    @property
    def month_micro(self) -> int:
        return self.limit_micro - self.held_micro - self.spent_micro

    @property
    def run_micro(self) -> int | None:
        if self.run_limit_micro is None:
            return None
        return self.run_limit_micro - (self.run_held_micro or 0) - (self.run_spent_micro or 0)

    def may_fit_later(self, needed_micro: int) -> bool:
        """Whether an amount could fit if every open hold were given back."""
        month = self.limit_micro - self.spent_micro >= needed_micro
        return month and (self.run_limit_micro or needed_micro) - (self.run_spent_micro or 0) >= needed_micro


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """A month's budget; ``own_limit`` is False where the configuration's amount holds."""

    organization_id: str
    month: str
    limit_micro: int
    own_limit: bool
    held_micro: int
    spent_micro: int
    lost_micro: int
    unsure_micro: int
    adjusted_micro: int
    world: World = World.REAL

    @property
    def left_micro(self) -> int:
        return self.limit_micro - self.held_micro - self.spent_micro


@dataclass(frozen=True, slots=True)
class BudgetEvent:
    """A threshold that was reached."""

    month: str
    percent: int
    limit_micro: int
    spent_micro: int
    happened_at: datetime


class Budgets:
    """Reads and sets budgets.

    Args:
        database: Where they are kept.
        default_limit_micro: The month's budget of an organization that has none of its own.
        world: Whose money they are about.
    """

    def __init__(self, database: Database, *, default_limit_micro: int, world: World = World.REAL) -> None:
        self._database = database
        self._world = world
        self._default_limit = default_limit_micro

    async def show(self, organization_id: str, month: str | None = None) -> BudgetRow:
        """Return a month's budget, this month's without one; one indexed read, however many calls it sums."""
        values = {
            "organization_id": organization_id,
            "world": self._world,
            "month": month,
            "default_limit": self._default_limit,
        }
        async with self._database.transaction(organization_id) as connection:
            row = (await connection.execute(sql("show_budget"), values)).mappings().one()
        return BudgetRow(organization_id=organization_id, world=self._world, **row)

    async def any(self, organization_id: str) -> bool:
        """Whether the organization has spent in this world, or has a budget of its own there, in whatever month."""
        values = {"organization_id": organization_id, "world": self._world}
        async with self._database.transaction(organization_id) as connection:
            return bool(await connection.scalar(sql("is_of_world"), values))

    async def set(self, organization_id: str, month: str, limit_micro: int) -> BudgetRow:
        """Give a month a limit of its own; one below what is spent refuses every further call."""
        values = {
            "organization_id": organization_id,
            "world": self._world,
            "month": month,
            "limit": limit_micro,
        }
        async with self._database.transaction(organization_id) as connection:
            await connection.execute(sql("set_budget"), values)
        return await self.show(organization_id, month)

    async def set_run(self, organization_id: str, run_id: str, limit_micro: int) -> None:
        """Give a run a ceiling; to be called while nothing of it is under way."""
        values = {"run_id": run_id, "organization_id": organization_id, "limit": limit_micro}
        async with self._database.transaction(organization_id) as connection:
            await connection.execute(sql("set_run_budget"), values)

    async def events(self, organization_id: str, month: str) -> Sequence[BudgetEvent]:
        """Return the thresholds that a month has reached, in order."""
        values = {"organization_id": organization_id, "world": self._world, "month": month}
        async with self._database.transaction(organization_id) as connection:
            rows = (await connection.execute(sql("budget_events"), values)).mappings().all()
        return [BudgetEvent(**row) for row in rows]


def announce(row: Any) -> None:
    """Log the thresholds that a booking has crossed, which its own statement has written down.

    Args:
        row: What the booking's statement returned: organization_id, world, month, spent_micro, held_micro,
            limit_micro, crossed.
    """
    for percent in row.crossed:
        reached = (row.limit_micro, row.spent_micro, row.held_micro)
        _log_reached(row.organization_id, World(row.world), row.month, percent, *reached)


async def announce_refusal(
    database: Database, organization_id: str, world: World, left: Left, needed_micro: int
) -> None:
    """Write down that a month's budget is used up, where that is why a call was refused."""
    if left.month_micro >= needed_micro:
        return
    values = {
        "organization_id": organization_id,
        "world": world,
        "month": left.month,
        "limit_micro": left.limit_micro,
        "spent_micro": left.spent_micro,
    }
    async with database.transaction(organization_id) as connection:
        first = await connection.scalar(sql("mark_used_up"), values)
    if first:
        reached = (left.limit_micro, left.spent_micro, left.held_micro)
        _log_reached(organization_id, world, left.month, 100, *reached)


def _log_reached(
    organization_id: str,
    world: World,
    month: str,
    percent: int,
    limit_micro: int,
    spent_micro: int,
    held_micro: int,
) -> None:
    log.warning(
        "The budget of organization %s for %s has reached %d %%: of %s, %s are spent and %s held for calls under way.",
        organization_id if world is World.REAL else f"{organization_id} in the sandbox",
        month,
        percent,
        format_usd(limit_micro),
        format_usd(spent_micro),
        format_usd(held_micro),
        extra={
            "event": "budget.threshold",
            "organization_id": organization_id,
            "world": world.value,
            "month": month,
            "percent": percent,
            "limit_micro": limit_micro,
            "spent_micro": spent_micro,
            "held_micro": held_micro,
        },
    )


def exceeded(left: Left, needed_micro: int, **details: Any) -> BudgetExceeded:
    """Build the refusal of a call that does not fit, with what is left."""
    of_run = left.run_micro is not None and left.run_micro < needed_micro
    micro = left.run_micro if of_run and left.run_micro is not None else left.month_micro
    what = "ceiling of this run" if of_run else f"budget of {left.month}"
    way_on = (
        "Raise it with: posthub budget set --thread THREAD --usd AMOUNT; then resume the run."
        if of_run
        else "Raise it with: posthub budget set --usd AMOUNT, or go on next month; the run can be resumed."
    )
    return BudgetExceeded(
        f"The {what} has {format_usd(micro)} left, and this call may cost up to {format_usd(needed_micro)}.",
        next_step=way_on,
        scope="run" if of_run else "month",
        left_micro=micro,
        needed_micro=needed_micro,
        **details,
    )
