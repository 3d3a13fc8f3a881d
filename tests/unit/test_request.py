"""What a person asks for is checked before anything is spent."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from domain.errors import InvalidInput, LimitExceeded
from domain.request import parse

TODAY = date(2026, 11, 22)
GOOD = {"company": "Pražírna Lípa", "website": "https://lipa.cz", "month": "2027-01", "tier": "ultimate"}


def request(**changes: Any) -> Any:
    return parse({**GOOD, **changes}, today=TODAY)


def test_a_request_with_three_fields_gets_sensible_defaults() -> None:
    made = parse({k: GOOD[k] for k in ("company", "website", "month")}, today=TODAY)
    assert (made.posts, made.language, made.tier) == (4, "cs", "basic")
    assert made.platforms == ("instagram", "linkedin", "twitter")
    assert set(made.approve.values()) == {"ask"}


def test_the_present_month_can_still_be_planned() -> None:
    assert request(month="2026-11").month == "2026-11"


@pytest.mark.parametrize(
    "month", ["", "2027", "2027-13", "2027-1", "01-2027", "2027-00", "leden", "2026-10", "2099-01"]
)
def test_a_month_that_is_malformed_past_or_far_away_is_refused(month: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        request(month=month)
    assert refused.value.exit_status == 2
    assert refused.value.next_step


@pytest.mark.parametrize("posts", [0, -1, "x", None])
def test_a_number_of_posts_below_one_is_refused(posts: Any) -> None:
    with pytest.raises(InvalidInput):
        request(posts=posts)


def test_more_posts_than_the_tier_has_are_refused_naming_its_number() -> None:
    with pytest.raises(LimitExceeded, match="pro has 24 posts a month, 25"):
        request(tier="pro", posts=25)


def test_more_platforms_than_the_tier_has_are_refused() -> None:
    with pytest.raises(LimitExceeded, match="basic has 3 platforms"):
        request(tier="basic", platforms="instagram,linkedin,twitter,facebook")


def test_an_unknown_platform_is_refused_with_its_nearest_neighbour() -> None:
    with pytest.raises(InvalidInput) as refused:
        request(platforms="instagarm")
    assert "instagram" in str(refused.value)


def test_an_unknown_tier_is_refused_with_the_tiers_there_are() -> None:
    with pytest.raises(InvalidInput) as refused:
        request(tier="gold")
    assert "ultimate" in str(refused.value)


@pytest.mark.parametrize("name", ["", "   ", "!!!", "x" * 10_000, "Firma\u202e", "a\x00b"])
def test_a_company_name_that_is_empty_endless_or_has_hidden_characters_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        request(company=name)


@pytest.mark.parametrize(
    "site", ["", "firma.cz", "ftp://firma.cz", "javascript:alert(1)", "https://", "http:///x"]
)
def test_a_website_that_is_no_http_address_is_refused(site: str) -> None:
    with pytest.raises(InvalidInput, match="website"):
        request(website=site)


@pytest.mark.parametrize(
    "fields", [{"time_zone": "Mars/X"}, {"platforms": ""}, {"platforms": []}, {"language": "x1"}]
)
def test_a_field_that_names_nothing_that_exists_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        request(**fields)
    assert refused.value.next_step


def test_a_platform_that_is_named_twice_counts_once() -> None:
    assert request(platforms="linkedin,linkedin").platforms == ("linkedin",)


def test_approval_can_be_automatic_for_some_points_only() -> None:
    made = request(approve={"dna": "auto", "posts": "ask"})
    assert made.approve == {
        "dna": "auto",
        "personas": "ask",
        "topics": "ask",
        "posts": "ask",
        "packages": "ask",
    }


@pytest.mark.parametrize("approve", ["maybe", {"publish": "auto"}, {"dna": "never"}, 7])
def test_an_approval_policy_that_is_not_understood_is_refused(approve: Any) -> None:
    with pytest.raises(InvalidInput):
        request(approve=approve)
