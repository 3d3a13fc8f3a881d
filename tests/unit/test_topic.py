from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.content.topic import Slot, Topic, parse_topics, plan_slots, slot_of, topic_problems, topics_schema
from domain.errors import InvalidInput

CAST = ["p1", "p2", "p3"]


@dataclass(frozen=True)
class Earlier:
    title: str
    focus_keyword: str


def _words(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "title": f"Jak vybrat zrnkovou kávu na doma {number}",
        "subtitle": "Tři otázky, které stojí za to si položit",
        "description": "Pro lidi, kteří přešli z kapslí, nevědí, čím začít, a chtějí poradit bez odborných slov. "
        * 2,
        "keywords": ["káva domů", "zrnková káva", "mletí kávy"],
        "focusKeyword": f"zrnková káva {number}",
        "searchIntent": "informational",
        **changes,
    }


def _topics(*numbers: int) -> list[Topic]:
    slots = plan_slots("2027-01", len(numbers), CAST)
    return parse_topics([_words(number) for number in numbers], slots)


@given(
    year=st.integers(2024, 2040),
    month=st.integers(1, 12),
    count=st.integers(1, 80),
    cast=st.integers(1, 6),
    not_before=st.one_of(st.none(), st.dates(date(2023, 12, 1), date(2040, 12, 31))),
)
def test_slots_are_exactly_as_many_in_the_month_and_spread_evenly(
    year: int, month: int, count: int, cast: int, not_before: date | None
) -> None:
    written = f"{year}-{month:02d}"
    personas = [f"p{number}" for number in range(cast)]
    end = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    if not_before and not_before > end:
        with pytest.raises(InvalidInput, match="is over"):
            plan_slots(written, count, personas, not_before)
        return
    slots = plan_slots(written, count, personas, not_before)
    start = max(date(year, month, 1), not_before or date.min)
    days = (end - start).days + 1
    dates = [slot.date for slot in slots]
    assert len(slots) == count
    assert dates == sorted(dates)
    assert all(start <= day <= end for day in dates)
    assert max(Counter(dates).values()) <= -(-count // days)
    turns = Counter(slot.persona for slot in slots)
    assert max(turns.values()) - min(turns.get(one, 0) for one in personas) <= 1
    if 1 < count <= days:
        gaps = [(later - earlier).days for earlier, later in pairwise(dates)]
        assert max(gaps) - min(gaps) <= 1
    assert plan_slots(written, count, personas, not_before) == slots


def test_items_are_named_in_the_order_of_their_dates() -> None:
    assert [slot.item for slot in plan_slots("2027-01", 3, CAST)] == ["t01", "t02", "t03"]


def test_four_topics_of_january_stand_in_the_middle_of_its_quarters() -> None:
    days = [slot.date.day for slot in plan_slots("2027-01", 4, CAST)]
    assert days == [4, 12, 20, 28]


@pytest.mark.parametrize(
    "month", ["2027", "2027-13", "2027-00", "27-01", "2027-1", "2027-01-05", "0000-01", "", "leden"]
)
def test_a_month_that_is_none_is_refused(month: str) -> None:
    with pytest.raises(InvalidInput, match="2027-01"):
        plan_slots(month, 1, CAST)


@pytest.mark.parametrize(("count", "cast"), [(0, CAST), (1, [])])
def test_a_plan_without_topics_or_personas_is_refused(count: int, cast: list[str]) -> None:
    with pytest.raises(InvalidInput):
        plan_slots("2027-01", count, cast)


def test_the_schema_names_every_slot() -> None:
    slots = plan_slots("2027-01", 3, CAST)
    topics = topics_schema(slots)["properties"]["topics"]
    assert (topics["minItems"], topics["maxItems"]) == (3, 3)
    assert topics["items"]["properties"]["item"]["enum"] == ["t01", "t02", "t03"]


def test_a_usual_answer_fits_the_schema() -> None:
    slots = plan_slots("2027-01", 2, CAST)
    jsonschema.validate({"topics": [_words(n, item=f"t0{n}") for n in (1, 2)]}, topics_schema(slots))


def test_day_and_author_come_from_the_slot_whatever_the_model_says() -> None:
    slots = plan_slots("2027-01", 1, CAST)
    (topic,) = parse_topics({"topics": [_words(1, plannedDate="1999-01-01", personaId="p9")]}, slots)
    assert (topic.planned_date, topic.persona_id) == (slots[0].date, "p1")
    assert slot_of(topic) == slots[0]


def test_topics_go_to_the_slot_that_they_name() -> None:
    slots = plan_slots("2027-01", 3, CAST)
    rows = [_words(1, item="t03"), _words(2, item="t01"), _words(3, item="t02")]
    assert [topic.title[-1] for topic in parse_topics(rows, slots)] == ["2", "3", "1"]


def test_topics_that_name_a_taken_slot_or_none_fill_what_is_left() -> None:
    slots = plan_slots("2027-01", 3, CAST)
    rows = [_words(1, item="t02"), _words(2, item="t02"), _words(3, item="t77")]
    topics = parse_topics(rows, slots)
    assert [topic.item for topic in topics] == ["t01", "t02", "t03"]
    assert [topic.title[-1] for topic in topics] == ["2", "1", "3"]


@pytest.mark.parametrize("answer", [None, {}, {"topics": []}, [_words(1)], ["a", "b"]])
def test_another_number_of_topics_is_refused(answer: Any) -> None:
    with pytest.raises(ValueError, match="exactly 2 topics"):
        parse_topics(answer, plan_slots("2027-01", 2, CAST))


def test_a_topic_without_a_focus_keyword_is_refused() -> None:
    with pytest.raises(ValueError, match="focusKeyword"):
        parse_topics([_words(1, focusKeyword=" ")], plan_slots("2027-01", 1, CAST))


def test_different_topics_have_no_problems() -> None:
    assert topic_problems(_topics(1, 2, 3)) == {}


def test_of_two_alike_the_later_is_to_change() -> None:
    slots = plan_slots("2027-01", 2, CAST)
    rows = [_words(1), _words(1, title="JAK  vybrat zrnkovou kávu na DOMA 1", focusKeyword="ZRNKOVÁ káva 1")]
    problems = topic_problems(parse_topics(rows, slots))
    assert list(problems) == ["t02"]
    assert [("title" in one, "t01" in one) for one in problems["t02"]] == [(True, True), (False, True)]


def test_compatibility_forms_do_not_hide_a_repeat() -> None:
    slots = plan_slots("2027-01", 2, CAST)
    rows = [_words(1, focusKeyword="ﬁltr na kávu"), _words(2, focusKeyword="filtr na kávu")]
    assert list(topic_problems(parse_topics(rows, slots))) == ["t02"]


def test_earlier_articles_count_in_both_shapes() -> None:
    record = Earlier("Jiný název", "zrnková káva 1")
    plain = {"title": "jak vybrat zrnkovou kávu na doma 2", "focusKeyword": "jiné slovo"}
    problems = topic_problems(_topics(1, 2), [record, plain])
    assert "another article" in problems["t01"][0]
    assert "The title" in problems["t02"][0]


def test_what_is_stored_is_read_back_unchanged() -> None:
    (topic,) = _topics(1)
    assert topic.plain()["plannedDate"] == "2027-01-16"
    assert Topic.model_validate(topic.plain()) == topic
    assert slot_of(topic) == Slot("t01", date(2027, 1, 16), "p1")
