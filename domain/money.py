"""Money is an integer number of micro-USD (1 USD = 1,000,000), never a float."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal, InvalidOperation

from domain.errors import InvalidInput

MICRO = Decimal(1_000_000)

MOST_USD = Decimal(1_000_000_000)
"""More than any budget: an amount above it is a slip of the finger."""

_MONTH = re.compile(r"(20\d{2})-(0[1-9]|1[0-2])")


def to_micro(usd: Decimal | str | int) -> int:
    """Round an amount in USD half up to whole micro-USD; what a provider charged for one call."""
    return int((Decimal(usd) * MICRO).to_integral_value(ROUND_HALF_UP))


def to_micro_ceiling(usd: Decimal | str | int) -> int:
    """Round an amount in USD up to whole micro-USD; for upper bounds that a hold reserves."""
    return int((Decimal(usd) * MICRO).to_integral_value(ROUND_CEILING))


def to_usd(micro: int) -> Decimal:
    """Return micro-USD as an exact amount in USD with six decimals."""
    return (Decimal(micro) / MICRO).quantize(Decimal("0.000001"))


def usd_text(micro: int) -> str:
    """Return the exact amount in USD as text, as JSON carries it: money is never a float."""
    return str(to_usd(micro))


def format_usd(micro: int) -> str:
    """Format for people: ``$1.23``, or ``$0.0042`` where cents would say nothing."""
    usd = to_usd(micro)
    return f"${usd:.2f}" if abs(usd) >= 1 or micro == 0 else f"${usd:.4f}"


def parse_month(value: str) -> str:
    """Return ``YYYY-MM``.

    Raises:
        InvalidInput: There is no such month.
    """
    if not _MONTH.fullmatch(value):
        raise InvalidInput(
            f"The month {value[:40]!r} is not of the form YYYY-MM.",
            next_step="Use a year from 2000 on and a month from 01 to 12, say 2026-11.",
            field="month",
        )
    return value


def parse_usd(value: str, field: str = "usd") -> int:
    """Return an amount in micro-USD.

    Raises:
        InvalidInput: It is no number, negative, finer than a micro-dollar or beyond any budget.
    """
    try:
        usd = Decimal(value.strip())
        fits = usd.is_finite() and 0 <= usd <= MOST_USD and usd * 1_000_000 == int(usd * 1_000_000)
    except (InvalidOperation, ValueError):
        fits = False
    if not fits:
        raise InvalidInput(
            f"The {field} {value[:40]!r} is no amount.",
            next_step=f"Give USD from 0 to {MOST_USD:,}".replace(",", " ")
            + " with at most six decimals, such as 25 or 0.50.",
            field=field,
        )
    return to_micro(usd)
