from __future__ import annotations

import math

import pytest

from domain.errors import InvalidInput
from prompts.experiments.allocation import by_thompson, by_weight, share
from prompts.experiments.lifecycle import parse_arms
from prompts.experiments.outcomes import changed_share
from prompts.experiments.statistics import difference, mean, wilson
from store.prompts.experiments import Arm

ARMS = (Arm("A", 1, "a", 0.8), Arm("B", 2, "b", 0.2))


@pytest.mark.parametrize(
    ("successes", "total", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662)],
)
def test_wilsons_interval_is_the_one_of_the_tables(
    successes: int, total: int, low: float, high: float
) -> None:
    found = wilson(successes, total)
    assert found is not None
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_newcombes_interval_is_the_one_of_his_paper() -> None:
    found = difference((48, 80), (56, 70))  # 56/70 against 48/80: 0.2000 (0.0524, 0.3339)
    assert found is not None
    assert [round(each, 4) for each in (found.value, found.low, found.high)] == [0.2, 0.0524, 0.3339]


def test_without_an_observation_there_is_no_figure() -> None:
    assert wilson(0, 0) is None
    assert mean([]) is None
    assert difference((0, 0), (1, 2)) is None


def test_a_bootstrapped_mean_is_the_same_for_the_same_values_and_lies_within_its_interval() -> None:
    values = [1.0, 2.0, 2.0, 3.0, 9.0]
    found = mean(values)
    assert found == mean(values)
    assert found is not None
    assert found.low < math.fsum(values) / 5 == found.value < found.high


def test_companies_are_spread_by_the_weights() -> None:
    got = [by_weight(ARMS, share("e", f"company-{number}")).name for number in range(4000)]
    assert 0.77 < got.count("A") / 4000 < 0.83
    assert [by_weight(ARMS, share("e", "company-7")).name] * 3 == [got[7]] * 3


def test_what_does_better_gets_more_companies() -> None:
    known = {"A": (10, 40), "B": (40, 10)}
    got = [by_thompson(ARMS, known, f"company-{number}").name for number in range(200)]
    assert got.count("B") > 190
    assert by_thompson(ARMS, {}, "x") == by_thompson(ARMS, {}, "x")


@pytest.mark.parametrize(
    ("text", "arms"),
    [
        ("3:0.5,4:0.5", ((3, 0.5), (4, 0.5))),
        ("1:0.2, 2:0.3, 5:0.5", ((1, 0.2), (2, 0.3), (5, 0.5))),
        ("1,2", ((1, 0.5), (2, 0.5))),
    ],
)
def test_arms_are_versions_with_weights(text: str, arms: tuple[tuple[int, float], ...]) -> None:
    assert parse_arms(text) == arms


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("3:0.5,4:0.6", "sum to 1.1"),
        ("3:0.5,4:0.4", "sum to 0.9"),
        ("3:1,4:0", "sum|above 0"),
        ("3:0.5,3:0.5", "twice"),
        ("3:1", "2 to 8"),
        ("3:0.5,4", "no weight"),
        ("a:0.5,b:0.5", "not understood"),
        ("3:-0.5,4:1.5", "not understood"),
        ("3:nan,4:1", "not understood"),
        ("", "not understood"),
    ],
)
def test_arms_that_cannot_be_are_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as refused:
        parse_arms(text)
    assert refused.value.next_step


def test_the_distance_of_an_edit_is_the_share_of_changed_words() -> None:
    made = {"title": "jedna dvě", "sections": [{"content": "tři čtyři"}], "wordCount": 4}
    assert changed_share(made, made) == 0
    assert changed_share(made, {**made, "title": "jedna pět"}) == 0.25
    assert changed_share(made, {"title": "úplně jiné", "sections": []}) == 1.0
