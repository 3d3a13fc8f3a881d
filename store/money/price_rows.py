"""Price rows as they are written down: checked before one of them is stored."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from domain.errors import InvalidInput
from domain.ids import stable_id

UNITS: Mapping[str, str] = {
    "input": "input tokens",
    "cached_input": "input tokens read from the provider's cache; without a row they cost what input costs",
    "cache_write": "input tokens written to the provider's cache; without a row they cost what input costs",
    "output": "output tokens",
    "thinking": "thinking tokens; without a row they cost what output costs",
    "image": "images",
    "image_token": "output tokens that are an image",
    "video_token": "output tokens that are video",
    "second": "seconds of video",
    "search": "web searches",
}
"""What is paid for. ``image`` and ``second`` may name a size, such as ``image:4K``."""

_UNIT = re.compile(rf"(?:{'|'.join(UNITS)}|(?:image|second):[A-Za-z0-9]{{1,12}})")
_NAME = re.compile(r"[^\s\x00-\x1f](?:[^\x00-\x1f]{0,198}[^\s\x00-\x1f])?")
_MOST = Decimal(1_000_000)
MAX_BYTES = 20_000_000


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

    def says_the_same(self, other: PriceRow) -> bool:
        """Whether two rows of one identity charge the same over the same days."""
        mine = (self.usd_per / self.per, self.valid_to)
        return mine == (other.usd_per / other.per, other.valid_to)


def parse_row(raw: Any, *, where: str = "The price", list_name: str = "") -> PriceRow:
    """Check one row.

    Args:
        raw: A mapping with provider, model, unit, usd_per, per, valid_from, source, and perhaps list and valid_to.
        where: How the row is called in a refusal.
        list_name: The list of rows that name none.

    Raises:
        InvalidInput: A field is missing or has a value that cannot be used; names it and what is allowed.
    """
    if not isinstance(raw, Mapping):
        raise _wrong(where, "row", "is no object", "Give provider, model, unit, usd_per, per and valid_from.")
    named = {name: _name(where, raw, name) for name in ("provider", "model", "source")}
    listed = _name(where, {"list": raw.get("list") or list_name}, "list")
    unit = str(raw.get("unit") or "")
    if not _UNIT.fullmatch(unit):
        what = f"is {unit[:40]!r}" if unit else "is missing"
        raise _wrong(where, "unit", what, f"Use one of {', '.join(UNITS)}, image:SIZE, second:SIZE.")
    valid_from = _day(where, raw, "valid_from")
    valid_to = _day(where, raw, "valid_to") if raw.get("valid_to") else None
    if valid_to is not None and valid_to < valid_from:
        raise _wrong(where, "valid_to", "is before valid_from", "Leave it out while the price holds.")
    identity = (listed, named["provider"], named["model"], unit, valid_from.isoformat())
    return PriceRow(
        id=stable_id("price", *identity),
        list_name=listed,
        provider=named["provider"],
        model=named["model"],
        unit=unit,
        usd_per=_amount(where, raw, "usd_per", above_zero=False),
        per=_amount(where, raw, "per", above_zero=True),
        valid_from=valid_from,
        valid_to=valid_to,
        source=named["source"],
    )


def read_price_file(path: Path) -> list[PriceRow]:
    """Read a file of price rows: JSON (a list, or an object with ``rows``) or CSV with a header.

    Raises:
        InvalidInput: It cannot be read, or a row cannot be used; names the row and the field.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InvalidInput(f"{path} is larger than {MAX_BYTES} bytes.", next_step="Split it.")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise InvalidInput(f"{path} cannot be read: {why}.", next_step="Check the path.") from error
    raws = (
        list(csv.DictReader(io.StringIO(text))) if path.suffix.lower() == ".csv" else _json_rows(path, text)
    )
    rows = [
        parse_row(raw, where=f"Row {number} of {path.name}", list_name=path.stem)
        for number, raw in enumerate(raws, start=1)
    ]
    if not rows:
        raise InvalidInput(f"{path} has no price row.", next_step="See the page docs/reference/money.md.")
    return unique(rows)


def unique(rows: Iterable[PriceRow]) -> list[PriceRow]:
    """Return rows without repetitions.

    Raises:
        InvalidInput: Two rows of one model, unit and day say different things.
    """
    found: dict[str, PriceRow] = {}
    for row in rows:
        if row.id in found and not row.says_the_same(found[row.id]):
            what = f"{row.provider}/{row.model} {row.unit} from {row.valid_from}"
            raise InvalidInput(f"Two rows price {what} differently.", next_step="Keep one.", field="usd_per")
        found[row.id] = row
    return list(found.values())


def _json_rows(path: Path, text: str) -> list[Any]:
    try:
        # A price is exact: its digits are kept as they stand.
        table = json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path} is no JSON.", next_step="Give JSON, or CSV in a .csv file.") from error
    rows = table.get("rows") if isinstance(table, dict) else table
    if not isinstance(rows, list):
        raise InvalidInput(
            f"{path} has no list of rows.", next_step='Give [{…}] or {"rows": [{…}]}.', field="rows"
        )
    return rows


def _name(where: str, raw: Mapping[str, Any], field: str) -> str:
    value = raw.get(field)
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise _wrong(where, field, "is missing or no name", "Give a text of 1 to 200 characters.")
    return value


def _amount(where: str, raw: Mapping[str, Any], field: str, *, above_zero: bool) -> Decimal:
    allowed = f"Give a number {'above 0' if above_zero else 'from 0'} and at most {_MOST:,}."
    try:
        value = Decimal(str(raw.get(field)).strip())
    except InvalidOperation as error:
        raise _wrong(where, field, f"is {str(raw.get(field))[:40]!r}", allowed) from error
    if not value.is_finite() or value < 0 or (above_zero and not value) or value > _MOST * 1000:
        raise _wrong(where, field, f"is {str(value)[:40]}", allowed)
    return value


def _day(where: str, raw: Mapping[str, Any], field: str) -> date:
    try:
        return date.fromisoformat(str(raw.get(field)))
    except ValueError as error:
        what = f"is {str(raw.get(field))[:40]!r}"
        raise _wrong(where, field, what, "Give a day as YYYY-MM-DD.") from error


def _wrong(where: str, field: str, what: str, allowed: str) -> InvalidInput:
    return InvalidInput(f"{where}: {field} {what}.", next_step=allowed, field=field)
