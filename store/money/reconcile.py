"""Compares the ledger with a provider's bill and books what differs as adjustments.

The bill is the account's, so every organization of the database is compared. Sandbox runs are compared with the
sandbox's bill and with no other. Repeating it changes nothing: a difference is booked once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import stable_id
from domain.worlds import World
from store.database import Database
from store.money import sql
from store.money.bill import Bill, BillLine
from store.money.ledger import Ledger
from store.money.matching import Booked, Matched, Pair, match
from store.tenancy import SYSTEM


@dataclass(frozen=True, slots=True)
class ProviderReport:
    """One provider: micro-USD as billed, and as booked before and after.

    ``drift_percent`` is what the booked answers (not the lost ones) were off by, in percent of the bill; above 1
    a price row or the counting of units is wrong.
    """

    provider: str
    lines: int
    billed_micro: int
    booked_micro: int
    adjusted_micro: int
    open_micro: int
    drift_percent: Decimal


@dataclass(frozen=True, slots=True)
class ReconcileReport:
    """What reconciling found. ``adjustments`` were booked, unless it was only asked for."""

    bill: str
    month: str | None
    providers: tuple[ProviderReport, ...]
    adjustments: tuple[Pair, ...]
    open: tuple[Pair, ...]
    unknown_lines: tuple[BillLine, ...]
    missing: tuple[Booked, ...]
    sums: tuple[tuple[BillLine, int], ...]
    explained: bool


class Reconciler:
    """Compares and corrects."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self._database = database
        self._ledger = ledger

    async def now(self) -> datetime:
        """The database's clock; up to when a bill that is read right afterwards is complete."""
        async with self._database.transaction(SYSTEM) as connection:
            moment: datetime = (await connection.execute(sql("clock"))).scalar_one()
        return moment

    async def run(
        self, bill: Bill, *, world: World, month: str | None = None, book: bool = True
    ) -> ReconcileReport:
        """Compare a bill with the ledger; book every difference that is explained, in one transaction.

        Args:
            bill: The bill.
            world: Whose it is; attempts of the other one are not looked at.
            month: One month (``YYYY-MM``) alone.
            book: False only reports.
        """
        async with self._database.transaction(SYSTEM) as connection:
            await connection.execute(sql("lock_reconcile"))
            months = [month] if month else _months(bill)
            attempts = await _attempts(connection, months, world)
            lines = bill.lines if month is None else tuple(_around(bill.lines, month))
            matched = match(replace(bill, lines=lines), attempts, month=month)
            differing = [pair for pair in matched.pairs if pair.delta_micro]
            if book:
                # What the bill confirms is booked with 0: from then on it counts as certain.
                confirmed = [pair for pair in matched.pairs if pair.attempt.unsure and not pair.delta_micro]
                await self._book(connection, bill, [*differing, *confirmed])
        return _report(bill, month, matched, differing)

    async def _book(self, connection: AsyncConnection, bill: Bill, pairs: Iterable[Pair]) -> None:
        # In one order everywhere: two that book at once must not wait for each other.
        for pair in sorted(pairs, key=lambda pair: pair.attempt.id):
            line = pair.line.id if pair.line else ""
            await self._ledger.adjust(
                connection,
                pair.attempt.id,
                pair.delta_micro,
                reason="bill" if pair.line else "unbilled",
                source=bill.name,
                adjustment_id=stable_id("adjustment", pair.attempt.id, line, pair.attempt.cost_micro),
                bill_line=line or None,
            )


def _months(bill: Bill) -> list[str]:
    """The bill's months, and the one before each: a call may be billed just after its month's end."""
    months = {line.month for line in bill.lines} | {f"{bill.until:%Y-%m}"}
    return sorted(months | {_before(month) for month in months})


def _before(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year - 1:04}-12" if number == 1 else f"{year:04}-{number - 1:02}"


def _around(lines: Iterable[BillLine], month: str) -> Iterable[BillLine]:
    return (
        line for line in lines if line.month == month or (_before(line.month) == month and not line.is_sum)
    )


async def _attempts(connection: AsyncConnection, months: list[str], world: World) -> list[Booked]:
    rows = await connection.execute(sql("attempts_of_months"), {"months": months, "world": world})
    return [_booked(row) for row in rows]


def _booked(row: Any) -> Booked:
    return Booked(
        id=row.id,
        organization_id=row.organization_id,
        month=row.month,
        provider=row.provider,
        model=row.model,
        state=row.state,
        cost_micro=int(row.cost_micro),
        held_micro=int(row.held_micro),
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        request_ids=tuple(name for name in (row.provider_ref, row.request_id) if name),
        unsure=bool(row.unsure),
    )


def _report(bill: Bill, month: str | None, matched: Matched, differing: list[Pair]) -> ReconcileReport:
    return ReconcileReport(
        bill=bill.name,
        month=month,
        providers=tuple(_by_provider(matched)),
        adjustments=tuple(differing),
        open=tuple(matched.open),
        unknown_lines=tuple(matched.unknown_lines),
        missing=tuple(matched.missing),
        sums=tuple(matched.sums),
        explained=matched.explained,
    )


def _by_provider(matched: Matched) -> Iterable[ProviderReport]:
    figures: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for pair in matched.pairs:
        mine = figures[pair.attempt.provider]
        mine["booked"] += pair.attempt.cost_micro
        mine["adjusted"] += pair.delta_micro
        if pair.line:
            mine["lines"] += 1
            mine["billed"] += pair.line.cost_micro
            if pair.attempt.state == "settled":
                mine["answered"] += pair.line.cost_micro
                mine["off"] += abs(pair.delta_micro)
    for pair in matched.open:
        mine = figures[pair.attempt.provider]
        mine["open"] += pair.attempt.cost_micro
        mine["billed"] += pair.line.cost_micro if pair.line else 0
        mine["lines"] += 1
    for line in matched.unknown_lines:
        figures[line.provider]["billed"] += line.cost_micro
        figures[line.provider]["lines"] += 1
    for attempt in matched.missing:
        figures[attempt.provider]["booked"] += attempt.cost_micro
    for line, booked in matched.sums:
        figures[line.provider]["billed"] += line.cost_micro
        figures[line.provider]["booked"] += booked
        figures[line.provider]["lines"] += 1
    for provider in sorted(figures):
        yield _provider_report(provider, figures[provider])


def _provider_report(provider: str, mine: defaultdict[str, int]) -> ProviderReport:
    drift = Decimal(mine["off"]) * 100 / mine["answered"] if mine["answered"] else Decimal(0)
    return ProviderReport(
        provider=provider,
        lines=mine["lines"],
        billed_micro=mine["billed"],
        booked_micro=mine["booked"],
        adjusted_micro=mine["adjusted"],
        open_micro=mine["open"],
        drift_percent=drift.quantize(Decimal("0.01")),
    )
