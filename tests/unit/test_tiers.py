from __future__ import annotations

import pytest

from domain.errors import InvalidInput
from domain.tiers import cheapest_with, tier, tiers


@pytest.mark.parametrize(
    ("name", "features", "figures"),
    [
        ("basic", frozenset(), (1, 3, 3, 12, 1)),
        ("pro", frozenset({"images"}), (1, 6, 6, 24, 3)),
        ("ultimate", frozenset({"images", "video"}), (3, 6, 6, 72, 3)),
    ],
)
def test_a_tier_has_the_features_and_quotas_of_the_product(
    name: str, features: frozenset[str], figures: tuple[int, ...]
) -> None:
    one = tier(name)
    assert one.features == features
    assert (one.companies, one.personas, one.platforms, one.posts_a_month, one.regenerations) == figures


def test_every_tier_says_where_its_figures_come_from() -> None:
    assert all(one.source and one.verified_at for one in tiers())


def test_a_feature_names_the_cheapest_tier_that_has_it() -> None:
    assert (cheapest_with("images"), cheapest_with("video")) == ("pro", "ultimate")


def test_a_mistyped_tier_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(InvalidInput, match="Did you mean ultimate"):
        tier("ultimat")
