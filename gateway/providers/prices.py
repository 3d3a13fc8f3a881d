"""The price rows that the providers bring along, with their sources."""

from __future__ import annotations

from gateway.providers.registry import providers
from store.money.price_rows import PriceRow, parse_row


def shipped_prices() -> list[PriceRow]:
    """Return the rows of every provider's own file."""
    return [parse_row({**row, "provider": each.name}) for each in providers().values() for row in each.prices]
