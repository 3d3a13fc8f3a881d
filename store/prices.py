"""What providers charge, as dated rows; the arithmetic of a call's cost, exact to the micro-dollar.

A price row names a unit (``input``, ``cached_input``, ``output``, ``image``, ``image_token``,
``video_token``, ``second``, ``search``) and what so many of it cost in USD. A ledger row names the price rows
it was booked with, so that a past month never changes. An unknown price is refused, never taken for zero.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import resources
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from domain.errors import UnknownPrice
from domain.ids import stable_id
from domain.money import to_micro, to_micro_ceiling
from store.database import Database
from store.schema import money

Units = Mapping[str, int | float | Decimal]
"""Unit → how many of it, as they are billed: each thing is counted under one unit only."""


@dataclass(frozen=True, slots=True)
class PriceRow:
    """``usd_per`` USD for ``per`` units, from ``valid_from`` through ``valid_to``."""

    id: str
    list_name: str
    provider: str
    model: str
    unit: str
    usd_per: Decimal
    per: Decimal
    valid_from: date
    valid_to: date | None
    source: str

    def holds_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


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
        return to_micro_ceiling(self._usd(units))

    def _usd(self, units: Units) -> Decimal:
        by_unit = {row.unit: row for row in self.rows}
        total = Decimal(0)
        for unit, count in units.items():
            if not count:
                continue
            row = by_unit.get(unit)
            if row is None:
                raise unknown_price(self.provider, self.model, unit)
            total += Decimal(str(count)) * row.usd_per / row.per
        return total


class PriceBook:
    """Price rows, looked up by model and day."""

    def __init__(self, rows: Iterable[PriceRow]) -> None:
        self._rows = tuple(rows)
        self._by_id = {row.id: row for row in self._rows}

    def tariff(self, provider: str, model: str, day: date) -> Tariff:
        """Return the prices of a model on a day.

        Raises:
            UnknownPrice: There is none.
        """
        rows = tuple(
            row for row in self._rows if (row.provider, row.model) == (provider, model) and row.holds_on(day)
        )
        if not rows:
            raise unknown_price(provider, model)
        return Tariff(provider, model, rows)

    def tariff_of(self, provider: str, model: str, price_ids: Iterable[str]) -> Tariff:
        """Return the prices that a ledger row names."""
        rows = (self._by_id[each] for each in price_ids if each in self._by_id)
        return Tariff(provider, model, tuple(rows))


class Prices:
    """The price table in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._book: PriceBook | None = None

    async def load_shipped(self) -> int:
        """Add the shipped rows that are not there yet; returns how many. Safe to repeat."""
        values = [_values(row) for row in shipped()]
        statement = insert(money.prices).on_conflict_do_nothing().returning(money.prices.c.id)
        async with self._database.transaction() as connection:
            added = (await connection.execute(statement, values)).all()
        self._book = None
        return len(added)

    async def book(self) -> PriceBook:
        """Return all rows; read once, until ``forget``."""
        if self._book is None:
            async with self._database.transaction() as connection:
                rows = (await connection.execute(select(money.prices))).mappings().all()
            fields = PriceRow.__slots__
            self._book = PriceBook(PriceRow(**{name: row[name] for name in fields}) for row in rows)
        return self._book

    def forget(self) -> None:
        """Read the table again at the next use; for after it was changed."""
        self._book = None


def shipped() -> list[PriceRow]:
    """Return the rows of ``data/prices.json``: the vendors' lists and the brief's own, with their sources."""
    table = json.loads(resources.files("store").joinpath("data/prices.json").read_text(encoding="utf-8"))
    return [_parse(row) for row in table["rows"]]


def today() -> date:
    """The UTC day by which prices are looked up."""
    return datetime.now(UTC).date()


def unknown_price(provider: str, model: str, unit: str | None = None) -> UnknownPrice:
    """Build the refusal of a call that cannot be priced."""
    what = f"{unit} of {provider}/{model}" if unit else f"{provider}/{model}"
    return UnknownPrice(
        f"The price of {what} is not known, and a call without a price is refused.",
        next_step="Add a dated row to the prices table, or choose a model that has one.",
        provider=provider,
        model=model,
    )


def _parse(row: Mapping[str, Any]) -> PriceRow:
    identity = (row["list"], row["provider"], row["model"], row["unit"], row["valid_from"])
    return PriceRow(
        id=stable_id("price", *identity),
        list_name=row["list"],
        provider=row["provider"],
        model=row["model"],
        unit=row["unit"],
        usd_per=Decimal(row["usd_per"]),
        per=Decimal(row["per"]),
        valid_from=date.fromisoformat(row["valid_from"]),
        valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
        source=row["source"],
    )


def _values(row: PriceRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in PriceRow.__slots__}
