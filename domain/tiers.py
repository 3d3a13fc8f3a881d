"""What each tier has and how much of it; the figures are in ``data/tiers.json``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

from domain.errors import InvalidInput
from domain.tables import load
from domain.text import key, nearest

Feature = Literal["images", "video"]
FEATURES: tuple[Feature, ...] = ("images", "video")


@dataclass(frozen=True, slots=True)
class Tier:
    """One tier. ``companies`` is per organization, ``personas`` per company, ``regenerations`` per item."""

    name: str
    images: bool
    video: bool
    companies: int
    personas: int
    platforms: int
    posts_a_month: int
    regenerations: int
    source: str
    verified_at: str

    @property
    def features(self) -> frozenset[Feature]:
        """The paid features that this tier has beyond text and research."""
        return frozenset(one for one in FEATURES if getattr(self, one))


@cache
def tiers() -> tuple[Tier, ...]:
    """All tiers, the cheapest first."""
    table = load("domain", "tiers")
    dated = {"source": table["source"], "verified_at": table["verified_at"]}
    return tuple(Tier(**figures, **dated) for figures in table["tiers"])


def tier(name: str) -> Tier:
    """Return a tier by its name, whatever the case; InvalidInput when there is none of that name."""
    for one in tiers():
        if one.name == key(name):
            return one
    names = [one.name for one in tiers()]
    meant = nearest(name, names)
    hint = f"Did you mean {meant}?" if meant else f"Choose one of {', '.join(names)}."
    raise InvalidInput(f"There is no tier {name[:40]!r}.", next_step=hint)


def cheapest_with(feature: Feature) -> str:
    """Return the name of the cheapest tier that has a feature."""
    return next(one.name for one in tiers() if feature in one.features)


def organization_name(given: str, field: str = "organization") -> str:
    """Return the name of an organization as it was given.

    Args:
        given: The name.
        field: Where it was given, as the person calls it.

    Raises:
        InvalidInput: It is empty or holds only spaces; the empty name owns what all organizations share.
    """
    if not given.strip():
        raise InvalidInput(
            f"{field} is {given!r}, which names nobody who could pay.",
            next_step="Give an organization's name, or leave it out.",
            field=field,
        )
    return given
