from __future__ import annotations

from datetime import date

import pytest

from domain.content.platforms import Platform, aspect_ratio, platform, platforms
from domain.errors import InvalidInput


def test_the_six_platforms_are_there() -> None:
    codes = [one.code for one in platforms()]
    assert codes == ["instagram", "linkedin", "twitter", "facebook", "tiktok", "pinterest"]


@pytest.mark.parametrize("one", platforms(), ids=lambda one: one.code)
def test_every_limit_names_its_source_and_the_day_it_was_verified(one: Platform) -> None:
    names = {name for name, _ in one.figures}
    assert {"max_length", "hashtags_min", "hashtags_max", "visible_chars", "hashtag_max_length"} <= names
    for _, figure in one.figures:
        assert figure.source
        assert date.fromisoformat(figure.verified_at)


@pytest.mark.parametrize("one", platforms(), ids=lambda one: one.code)
def test_the_gate_is_the_smallest_number_of_all_sources(one: Platform) -> None:
    hashtags = dict(one.figures)["hashtags_max"]
    assert all(hashtags.value <= value for value, _ in hashtags.notes)


@pytest.mark.parametrize(
    ("code", "limit", "tags"),
    [
        ("instagram", 2200, (5, 5)),
        ("linkedin", 3000, (3, 5)),
        ("twitter", 280, (1, 2)),
        ("tiktok", 2000, (3, 5)),
        ("pinterest", 500, (2, 5)),
        ("facebook", 63206, (1, 2)),
    ],
)
def test_present_caps_stand_in_the_table(code: str, limit: int, tags: tuple[int, int]) -> None:
    one = platform(code)
    assert (one.max_length, (one.hashtags_min, one.hashtags_max)) == (limit, tags)


@pytest.mark.parametrize(
    ("format_code", "ratio"),
    [
        ("instagram_feed", "1:1"),
        ("instagram_story", "9:16"),
        ("facebook_feed", "16:9"),
        ("linkedin", "16:9"),
        ("tiktok", "9:16"),
        ("twitter", "16:9"),
        ("pinterest", "2:3"),
        ("anything_else", "1:1"),
    ],
)
def test_each_format_has_the_aspect_ratio_of_the_product(format_code: str, ratio: str) -> None:
    assert aspect_ratio(format_code) == ratio


def test_a_feed_image_has_the_ratio_of_the_feed() -> None:
    assert {one.code: one.aspect_ratio for one in platforms()} == {
        "instagram": "1:1", "linkedin": "16:9", "twitter": "16:9",
        "facebook": "16:9", "tiktok": "9:16", "pinterest": "2:3",
    }  # fmt: skip


def test_platforms_that_take_an_ai_flag_name_it() -> None:
    flags = {one.code: one.ai_flag for one in platforms() if one.ai_flag}
    assert flags == {
        "instagram": "is_ai_generated",
        "twitter": "made_with_ai",
        "tiktok": "video_made_with_ai",
    }


def test_a_mistyped_platform_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(InvalidInput, match="Did you mean linkedin"):
        platform("linkdin")


def test_an_unknown_platform_is_refused_with_all_that_exist() -> None:
    with pytest.raises(InvalidInput, match="instagram, linkedin"):
        platform("qqqqqq")


def test_case_and_spaces_do_not_matter() -> None:
    assert platform(" LinkedIn ").code == "linkedin"


def test_variables_for_templates_are_plain() -> None:
    variables = platform("linkedin").as_variables()
    assert variables["max_length"] == 3000
    assert all(type(value) in (str, int) for value in variables.values())
