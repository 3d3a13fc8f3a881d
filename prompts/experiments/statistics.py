"""How sure a figure is: intervals for shares and for means."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

Z95 = 1.959963984540054
_RESAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


def wilson(successes: int, total: int, z: float = Z95) -> Estimate | None:
    """Return a share with Wilson's score interval; None without any observation.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).
    """
    if total <= 0:
        return None
    share = successes / total
    middle = share + z * z / (2 * total)
    margin = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return Estimate(share, max(0.0, (middle - margin) / scale), min(1.0, (middle + margin) / scale))


def difference(first: tuple[int, int], second: tuple[int, int]) -> Estimate | None:
    """Return the second share minus the first with Newcombe's interval; each is (successes, total).

    R. G. Newcombe, Interval estimation for the difference between independent proportions, Statistics in
    Medicine 17 (1998), method 10.
    """
    one, two = wilson(*first), wilson(*second)
    if one is None or two is None:
        return None
    gap = two.value - one.value
    below = math.hypot(two.value - two.low, one.high - one.value)
    above = math.hypot(two.high - two.value, one.value - one.low)
    return Estimate(gap, gap - below, gap + above)


def mean(values: Sequence[float], seed: int = 1) -> Estimate | None:
    """Return a mean with its percentile bootstrap interval; None without any value. The same values give the same."""
    if not values:
        return None
    middle = math.fsum(values) / len(values)
    draw = random.Random(seed)
    size = len(values)
    means = sorted(math.fsum(draw.choices(values, k=size)) / size for _ in range(_RESAMPLES))
    return Estimate(middle, means[int(0.025 * _RESAMPLES)], means[int(0.975 * _RESAMPLES) - 1])
