"""What a call costs here: list price times units, rounded half up to whole micro-USD once per call."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import Any

_MILLION = Decimal(1_000_000)
_PER_TOKEN = {
    "input_tokens": "input",
    "output_tokens": "output",
    "cached_tokens": "cached",
    "cache_write_tokens": "cache_write",
    "image_tokens": "image",
    "video_tokens": "video",
}
_PER_PIECE = {"searches": "search", "pictures": "picture", "seconds": "second"}


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = json.loads((Path(__file__).parent / "prices.json").read_text(encoding="utf-8"))
    return data


def tokens_of(what: str) -> int:
    """Tokens of one image, of one 4K image or of one second of video."""
    return int(_data()["tokens"][what])


@cache
def row(model: str, on: date, provider: str = "") -> dict[str, Any] | None:
    """The price row of a model that is valid on a day, or None where it has none at the provider, or at any."""
    name = _data()["aliases"].get(model, model)
    rows = [
        one
        for one in _data()["rows"]
        if one["model"] == name
        and (not provider or one["provider"] == provider)
        and one["valid_from"] <= on.isoformat()
    ]
    return max(rows, key=lambda one: str(one["valid_from"])) if rows else None


@dataclass(frozen=True)
class Cost:
    """Exact parts in USD and the sum as it is billed."""

    parts: dict[str, Decimal]
    micro: int


def cost_of(model: str, units: dict[str, int | float], provider: str = "") -> Cost:
    """Price the units of one call. Output tokens include thinking, as providers bill them."""
    price = row(model, datetime.now(UTC).date(), provider)
    if price is None:
        raise KeyError(model)
    parts: dict[str, Decimal] = {}
    for unit, amount in units.items():
        if unit in _PER_TOKEN:
            parts[unit] = Decimal(str(amount)) * Decimal(price.get(_PER_TOKEN[unit], "0")) / _MILLION
        elif unit in _PER_PIECE:
            parts[unit] = Decimal(str(amount)) * Decimal(price.get(_PER_PIECE[unit], "0"))
    total = sum(parts.values(), Decimal(0))
    return Cost(parts, int((total * _MILLION).to_integral_value(ROUND_HALF_UP)))


def sells(model: str, unit: str) -> bool:
    """Whether a model has a price for ``image``, ``video``, ``second`` or another unit."""
    price = row(model, datetime.now(UTC).date())
    return price is not None and unit in price


def served(provider: str) -> list[str]:
    """A provider's models that are answered for."""
    return sorted({str(one["model"]) for one in _data()["rows"] if one["provider"] == provider})


def of_provider(provider: str, model: str) -> dict[str, Any] | None:
    """Today's row of a model, or None where the provider does not serve it."""
    return row(model, datetime.now(UTC).date(), provider)
