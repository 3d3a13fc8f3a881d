"""Money is an integer number of micro-USD (1 USD = 1,000,000), never a float."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal

MICRO = Decimal(1_000_000)


def to_micro(usd: Decimal | str | int) -> int:
    """Round an amount in USD half up to whole micro-USD; what a provider charged for one call."""
    return int((Decimal(usd) * MICRO).to_integral_value(ROUND_HALF_UP))


def to_micro_ceiling(usd: Decimal | str | int) -> int:
    """Round an amount in USD up to whole micro-USD; for upper bounds that a hold reserves."""
    return int((Decimal(usd) * MICRO).to_integral_value(ROUND_CEILING))


def to_usd(micro: int) -> Decimal:
    """Return micro-USD as an exact amount in USD with six decimals."""
    return (Decimal(micro) / MICRO).quantize(Decimal("0.000001"))


def format_usd(micro: int) -> str:
    """Format for people: ``$1.23``, or ``$0.0042`` where cents would say nothing."""
    usd = to_usd(micro)
    return f"${usd:.2f}" if abs(usd) >= 1 or micro == 0 else f"${usd:.4f}"
