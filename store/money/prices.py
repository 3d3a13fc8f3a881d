"""What providers charge, as dated rows; the arithmetic of a call's cost, exact to the micro-dollar.

A price row names a unit (``input``, ``cached_input``, ``output``, ``image``, ``image_token``,
``video_token``, ``second``, ``search``, ``thinking``) and what so many of it cost in USD. A ledger row names
the price rows it was booked with, so that a past month never changes. An unknown price is refused, never taken
for zero.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from domain.errors import InvalidInput, UnknownPrice
from domain.money import to_micro, to_micro_ceiling
from store.database import Database
from store.money.price_rows import PriceRow, unique
from store.schema import money
from store.tenancy import SYSTEM

__all__ = ["PriceBook", "PriceRow", "Prices", "Tariff", "Units", "today", "unknown_price"]

Units = Mapping[str, int | float | Decimal]
"""Unit → how many of it, as they are billed: each thing is counted under one unit only."""


_REREAD_SECONDS = 60.0
"""How soon a running server sees a price that was imported beside it."""
_LISTS = ("vendor", "brief", "litellm")
"""Where two lists price the same unit, the earlier counts; a list of the operator's own before all of them."""
_INSTEAD: Mapping[str, str] = {"thinking": "output", "cached_input": "input", "cache_write": "input"}
_DEARER: Mapping[str, str] = {"output": "thinking", "input": "cache_write"}
"""What all of a unit may turn out to be: nobody knows beforehand how much of it."""


@dataclass(frozen=True, slots=True)
class Tariff:
    """The prices of one model that an attempt is booked with, from its hold to its settle."""

    provider: str
    model: str
    rows: tuple[PriceRow, ...]

    @property
    def price_ids(self) -> tuple[str, ...]:
        return tuple(row.id for row in self.rows)

    def cost(self, units: Units) -> int:
        """Micro-USD of a call: the exact sum over its units, rounded half up once.

        Raises:
            UnknownPrice: Something was used that has no price.
        """
        return to_micro(self._usd(units))

    def upper_bound(self, units: Units) -> int:
        """Micro-USD that a call of at most these units can cost, rounded up.

        Raises:
            UnknownPrice: One of the units has no price.
        """
        dearest = (
            max(self._price(unit, count), self._price(_DEARER.get(unit, unit), count))
            for unit, count in _used(units)
        )
        return to_micro_ceiling(sum(dearest, Decimal(0)))

    def _usd(self, units: Units) -> Decimal:
        return sum((self._price(unit, count) for unit, count in _used(units)), Decimal(0))

    def _price(self, unit: str, count: Decimal) -> Decimal:
        by_unit = {row.unit: row for row in self.rows}
        row = by_unit.get(unit) or by_unit.get(_INSTEAD.get(unit, unit.partition(":")[0]))
        if row is None:
            raise unknown_price(self.provider, self.model, unit)
        return count * row.usd_per / row.per


class PriceBook:
    """Price rows, looked up by model and day."""

    def __init__(self, rows: Iterable[PriceRow]) -> None:
        self._rows = tuple(rows)
        self._by_id = {row.id: row for row in self._rows}
        self._by_model: defaultdict[tuple[str, str], list[PriceRow]] = defaultdict(list)
        for row in self._rows:
            self._by_model[row.provider, row.model].append(row)

    def tariff(self, provider: str, model: str, day: date) -> Tariff:
        """Return the prices of a model on a day.

        Raises:
            UnknownPrice: There is none.
        """
        chosen: dict[str, PriceRow] = {}
        for row in self._by_model.get((provider, model), ()):
            if row.holds_on(day) and (row.unit not in chosen or _rank(row) > _rank(chosen[row.unit])):
                chosen[row.unit] = row
        if not chosen:
            raise unknown_price(provider, model)
        return Tariff(provider, model, tuple(chosen.values()))

    def knows(self, provider: str, model: str, day: date) -> bool:
        """Whether a model has any price on a day."""
        return any(row.holds_on(day) for row in self._by_model.get((provider, model), ()))

    def rows(self) -> tuple[PriceRow, ...]:
        """Return every row, by provider, model, unit and day."""
        return tuple(
            sorted(
                self._rows,
                key=lambda row: (row.provider, row.model, row.unit, row.list_name, row.valid_from),
            )
        )

    def tariff_of(self, provider: str, model: str, price_ids: Iterable[str]) -> Tariff:
        """Return the prices that a ledger row names."""
        rows = (self._by_id[each] for each in price_ids if each in self._by_id)
        return Tariff(provider, model, tuple(rows))


class Prices:
    """The price table in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._book: PriceBook | None = None
        self._read_at = 0.0

    async def load_shipped(self, rows: Iterable[PriceRow]) -> int:
        """Add the rows that are not there yet; returns how many. Safe to repeat: what is there stays as it is."""
        values = [_values(row) for row in rows]
        if not values:
            return 0
        statement = insert(money.prices).on_conflict_do_nothing().returning(money.prices.c.id)
        async with self._database.transaction(SYSTEM) as connection:
            added = (await connection.execute(statement, values)).all()
        self._book = None
        return len(added)

    async def add(self, rows: Iterable[PriceRow]) -> int:
        """Add rows, all or none; returns how many are new.

        Raises:
            InvalidInput: One of them is there already and says something else: ledger rows name it, so it must
                not change.
        """
        wanted = {row.id: row for row in unique(rows)}
        if not wanted:
            return 0
        statement = insert(money.prices).on_conflict_do_nothing().returning(money.prices.c.id)
        query = select(money.prices).where(money.prices.c.id.in_(list(wanted)))
        async with self._database.transaction(SYSTEM) as connection:
            added = (await connection.execute(statement, [_values(row) for row in wanted.values()])).all()
            for stored in (await connection.execute(query)).mappings():
                row = PriceRow(**{name: stored[name] for name in PriceRow.__slots__})
                if not row.says_the_same(wanted[row.id]):
                    raise _changed(row)
        self.forget()
        return len(added)

    async def book(self) -> PriceBook:
        """Return all rows; read again after a minute, or after ``forget``."""
        if self._book is None or time.monotonic() - self._read_at > _REREAD_SECONDS:
            self._read_at = time.monotonic()
            async with self._database.transaction(SYSTEM) as connection:
                rows = (await connection.execute(select(money.prices))).mappings().all()
            fields = PriceRow.__slots__
            self._book = PriceBook(PriceRow(**{name: row[name] for name in fields}) for row in rows)
        return self._book

    def forget(self) -> None:
        """Read the table again at the next use; for after it was changed."""
        self._book = None


def _used(units: Units) -> Iterator[tuple[str, Decimal]]:
    yield from ((unit, Decimal(str(count))) for unit, count in units.items() if count)


def today() -> date:
    """The UTC day by which prices are looked up."""
    return datetime.now(UTC).date()


def unknown_price(provider: str, model: str, unit: str | None = None) -> UnknownPrice:
    """Build the refusal of a call that cannot be priced."""
    what = f"{unit} of {provider}/{model}" if unit else f"{provider}/{model}"
    return UnknownPrice(
        f"The price of {what} is not known, and a call without a price is refused.",
        next_step=(
            f"Add it with: posthub prices add --provider {provider} --model {model} --unit {unit or 'UNIT'} "
            "--usd AMOUNT --per COUNT --source WHERE; or choose a model that has one."
        ),
        provider=provider,
        model=model,
    )


def _rank(row: PriceRow) -> tuple[int, date]:
    own = row.list_name not in _LISTS
    return (len(_LISTS) if own else len(_LISTS) - 1 - _LISTS.index(row.list_name)), row.valid_from


def _changed(row: PriceRow) -> InvalidInput:
    what = f"{row.provider}/{row.model} {row.unit} of list {row.list_name} from {row.valid_from}"
    return InvalidInput(
        f"The price of {what} is there already and says something else.",
        next_step="A price row never changes, for past calls name it. Give the new price a later valid_from.",
        field="valid_from",
    )


def _values(row: PriceRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in PriceRow.__slots__}
