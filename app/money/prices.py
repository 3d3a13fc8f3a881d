"""What providers charge, as dated rows: listed, added, compared with another list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.errors import InvalidInput, UnknownPrice
from gateway.providers.litellm.prices import litellm_rows
from store.money.price_rows import PriceRow, parse_row, read_price_file

if TYPE_CHECKING:
    from store.money.prices import PriceBook, Prices

FIELDS = ("list", "provider", "model", "unit", "usd_per", "per", "valid_from", "valid_to", "source")
"""A row's columns in a file, in their order."""


def row_as_json(row: PriceRow) -> dict[str, str]:
    """Return a row as a price file has it."""
    values = (
        row.list_name,
        row.provider,
        row.model,
        row.unit,
        _plain(row.usd_per),
        _plain(row.per),
        row.valid_from.isoformat(),
        row.valid_to.isoformat() if row.valid_to else "",
        row.source,
    )
    return dict(zip(FIELDS, values, strict=True))


@dataclass(frozen=True, slots=True)
class PriceRows:
    """Rows of the price list."""

    rows: tuple[PriceRow, ...]

    def as_json(self) -> dict[str, Any]:
        return {"rows": [row_as_json(row) for row in self.rows]}


@dataclass(frozen=True, slots=True)
class RowsAdded:
    """How many rows were read, and how many of them are new."""

    read: int
    added: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class RowAdded:
    """One row; ``added`` is 0 where it was there already."""

    added: int
    id: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class PriceDifference:
    """Where another list says something else; amounts as ``USD/units``, a dash where there is no row here."""

    provider: str
    model: str
    unit: str
    here: str
    there: str


@dataclass(frozen=True, slots=True)
class PriceDifferences:
    """What another list says differently."""

    source: str
    differences: tuple[PriceDifference, ...]

    def as_json(self) -> dict[str, Any]:
        return {"source": self.source, "differences": [asdict(each) for each in self.differences]}


class PriceList:
    """The price rows of this installation."""

    def __init__(self, prices: Prices) -> None:
        self._prices = prices

    async def rows(
        self, *, provider: str | None = None, model: str | None = None, day: date | None = None
    ) -> PriceRows:
        """Return the rows of a provider, of a model, or that hold on a day."""
        return PriceRows(tuple(_chosen(await self._prices.book(), provider, model, day)))

    async def add(self, rows: Sequence[PriceRow]) -> RowsAdded:
        """Add rows, all of them or none.

        Raises:
            InvalidInput: One would change a price that is known.
        """
        return RowsAdded(len(rows), await self._prices.add(rows))

    async def add_one(self, row: PriceRow) -> RowAdded:
        """Add one row. Raises as `add`."""
        return RowAdded(await self._prices.add([row]), row.id)

    async def differences(self, source: str, rows: Sequence[PriceRow]) -> PriceDifferences:
        """Compare what holds here today with the rows of another list."""
        return PriceDifferences(source, tuple(differences(await self._prices.book(), rows, today())))


def differences(book: PriceBook, rows: Sequence[PriceRow], day: date) -> list[PriceDifference]:
    """Return where rows say something else than what holds here on a day; models that are not here are left out."""
    found = []
    for row in rows:
        try:
            here = {each.unit: each for each in book.tariff(row.provider, row.model, day).rows}
        except UnknownPrice:
            continue
        mine = here.get(row.unit)
        if mine is None or mine.usd_per / mine.per != row.usd_per / row.per:
            known = f"{_plain(mine.usd_per)}/{_plain(mine.per)}" if mine else "–"
            there = f"{_plain(row.usd_per)}/{_plain(row.per)}"
            found.append(PriceDifference(row.provider, row.model, row.unit, known, there))
    return found


def read_rows(source: str, valid_from: date | None = None) -> list[PriceRow]:
    """Read a price file, or with ``litellm`` the map that LiteLLM brings along, from a day on.

    Raises:
        InvalidInput: The file cannot be read, or a row of it cannot be used.
    """
    if source != "litellm":
        return read_price_file(Path(source).expanduser())
    return litellm_rows(valid_from or today())


def own_row(valid_from: date | None, **given: str) -> PriceRow:
    """Return a row of the list ``own``, which counts before all others; without a day from today.

    Raises:
        InvalidInput: It cannot be used; names the field.
    """
    return parse_row({"list": "own", **given, "valid_from": (valid_from or today()).isoformat()})


def parse_day(value: str, field: str) -> date:
    """Read ``YYYY-MM-DD``.

    Raises:
        InvalidInput: It is no day.
    """
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise InvalidInput(
            f"The day {value[:40]!r} is not of the form YYYY-MM-DD.",
            next_step="Use, say, 2026-11-22.",
            field=field,
        ) from error


def today() -> date:
    """The UTC day by which prices are looked up."""
    return datetime.now(UTC).date()


def _chosen(book: PriceBook, provider: str | None, model: str | None, day: date | None) -> list[PriceRow]:
    rows = [row for row in book.rows() if provider in {None, row.provider} and model in {None, row.model}]
    if day is None:
        return rows
    holding = {
        price
        for key in {(row.provider, row.model) for row in rows if row.holds_on(day)}
        for price in book.tariff(*key, day).price_ids
    }
    return [row for row in rows if row.id in holding]


def _plain(amount: Any) -> str:
    return f"{amount.normalize():f}"
