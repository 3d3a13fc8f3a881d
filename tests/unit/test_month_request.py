"""What a person asks for is checked before anything is spent."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, get_type_hints

import pytest

from domain.errors import InvalidInput, LimitExceeded
from domain.month import Month
from domain.month_request import MonthInput, MonthRequest, in_tier, parse
from domain.review import POINTS
from domain.tiers import tiers
from graph.content import build
from nodes.intake import RunContext

TODAY = date(2026, 11, 22)
GOOD = {"company": "Pražírna Lípa", "website": "https://lipa.cz", "month": "2027-01", "tier": "ultimate"}


def request(**changes: Any) -> Any:
    return parse({**GOOD, **changes}, today=TODAY)


def test_a_request_with_three_fields_gets_sensible_defaults() -> None:
    made = parse({k: GOOD[k] for k in ("company", "website", "month")}, today=TODAY)
    assert (made.posts, made.language, made.tier) == (4, "cs", "basic")
    assert made.platforms == ("instagram", "linkedin", "twitter")
    assert set(made.approve.values()) == {"ask"}


@pytest.mark.parametrize(
    ("word", "moment", "zone", "month"),
    [
        ("this", datetime(2026, 11, 25, 12, tzinfo=UTC), "Europe/Prague", "2026-11"),
        ("next", datetime(2026, 11, 25, 12, tzinfo=UTC), "Europe/Prague", "2026-12"),
        ("next", datetime(2026, 12, 1, tzinfo=UTC), "Europe/Prague", "2027-01"),
        ("this", datetime(2026, 12, 31, 23, 30, tzinfo=UTC), "Europe/Prague", "2027-01"),
        ("this", datetime(2027, 1, 1, 3, tzinfo=UTC), "America/New_York", "2026-12"),
        ("next", datetime(2027, 1, 1, 3, tzinfo=UTC), "America/New_York", "2027-01"),
    ],
)
def test_this_and_next_month_are_those_of_the_company_s_own_calendar(
    word: str, moment: datetime, zone: str, month: str
) -> None:
    assert parse({**GOOD, "month": word, "time_zone": zone}, today=moment).month == month


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


def test_a_request_without_a_tier_is_held_against_the_one_that_counts_once_it_is_known() -> None:
    asked = parse({**GOOD, "tier": "", "posts": 24}, today=TODAY)
    assert in_tier(asked, "pro", today=TODAY).tier == "pro"
    with pytest.raises(LimitExceeded, match="basic has 12 posts a month, 24"):
        in_tier(asked, None, today=TODAY)


def test_a_month_gets_the_tier_that_its_organization_was_put_on_and_no_other() -> None:
    with pytest.raises(LimitExceeded, match="on the tier pro, this month asks for ultimate") as refused:
        in_tier(request(tier="ultimate"), "pro", today=TODAY)
    assert "posthub organizations set-tier" in refused.value.next_step
    assert in_tier(request(tier="pro"), "pro", today=TODAY) == request(tier="pro")


def test_where_nobody_put_the_organization_on_a_tier_a_month_asks_for_its_own() -> None:
    assert in_tier(request(tier="ultimate"), None, today=TODAY).tier == "ultimate"


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


def test_a_request_that_is_kept_reads_back_as_it_was() -> None:
    made = request(templates={"BLOGPOST_GEN_V1": 3}, approve="auto", language="EN")
    assert MonthRequest.stored(made.as_json()) == made


def test_a_request_that_an_earlier_release_kept_is_still_read_though_its_month_is_over() -> None:
    kept = {
        "company": "Lípa",
        "website": "https://lipa.cz",
        "month": "2025-01",
        "posts": 2,
        "platforms": ["linkedin"],
        "tier": "basic",
        "language": "cs",
        "approve": {"dna": "ask"},
        "a_field_of_then": 1,
    }
    read = MonthRequest.stored(kept)
    assert (read.month, read.platforms, read.time_zone, read.templates) == (
        "2025-01",
        ("linkedin",),
        "Europe/Prague",
        {},
    )


def test_the_graph_asks_for_a_month_with_defaults_choices_ranges_patterns_and_examples() -> None:
    graph: Any = build(None, sandbox=True).compile()  # type: ignore[arg-type]  # only its shape is looked at
    form = graph.get_input_jsonschema()
    fields = form["properties"]
    assert list(fields) == list(MonthInput.model_fields)
    assert form["required"] == ["company", "website", "month"]
    assert fields["platforms"]["items"]["enum"][:3] == ["instagram", "linkedin", "twitter"]
    assert (fields["posts"]["minimum"], fields["posts"]["maximum"]) == (
        1,
        max(tier.posts_a_month for tier in tiers()),
    )
    assert fields["month"]["pattern"]
    assert all(field["description"] for field in fields.values())


def test_who_runs_a_month_chooses_a_tier_and_a_policy_for_each_review_point_from_lists() -> None:
    fields = RunContext.model_json_schema()["properties"]
    assert fields["tier"]["enum"] == [tier.name for tier in tiers()]
    one, each = fields["approve"]["anyOf"]
    assert one["enum"] == ["ask", "auto"]
    assert tuple(each["properties"]) == POINTS
    assert all(policy["enum"] == ["ask", "auto"] for policy in each["properties"].values())


def test_the_forms_defaults_are_those_that_a_request_gets() -> None:
    fields = MonthInput.model_json_schema()["properties"]
    made = parse({k: GOOD[k] for k in ("company", "website", "month")}, today=TODAY).as_json()
    told = {name: field["default"] for name, field in fields.items() if "default" in field}
    assert told == {name: made[name] for name in told}
    assert len(told) == len(fields) - 3


def test_every_example_of_the_form_is_taken() -> None:
    for name, field in MonthInput.model_fields.items():
        for example in field.examples or ():
            assert request(**{name: example})


def test_the_state_has_every_field_of_a_request_in_its_plain_type() -> None:
    state = get_type_hints(Month)
    for name, field in MonthRequest.model_fields.items():
        plain = {"platforms": list[str], "templates": dict[str, int]}.get(name, field.annotation)
        assert state[name] == plain, name
