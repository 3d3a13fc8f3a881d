from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInput
from store.text import clean_json, clean_text, fold_key, json_text


@given(st.text(alphabet=st.characters(exclude_categories=(), include_characters="\x00\ud800\udc00")))
def test_a_cleaned_text_can_always_be_stored(value: str) -> None:
    cleaned = clean_text(value)
    assert "\x00" not in cleaned
    cleaned.encode("utf-8")


@given(st.text().filter(lambda value: "\x00" not in value))
def test_a_text_that_can_be_stored_is_left_as_it_is(value: str) -> None:
    assert clean_text(value) == value


def test_a_split_surrogate_pair_is_joined_again() -> None:
    assert clean_text("\ud83d\ude00") == "😀"


def test_keys_and_values_at_every_depth_are_cleaned() -> None:
    assert clean_json({"a\x00": [{"b": ("c\x00",)}]}) == {"a": [{"b": ["c"]}]}


@given(st.text(alphabet=st.characters(exclude_categories=(), include_characters="\x00\ud800\\u0")))
def test_json_for_the_database_holds_the_cleaned_text(value: str) -> None:
    stored = json_text({"text": value})
    assert json.loads(stored) == {"text": clean_text(value)}
    assert "\x00" not in stored
    stored.encode("utf-8")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_what_is_no_plain_json_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInput, match="not plain JSON"):
        json_text({"value": value})


def test_a_structure_nested_without_end_is_bad_input() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(InvalidInput):
        clean_json(endless)


@pytest.mark.parametrize("other", ["KAVÁRNA  u mlýna", " Kavárna U Mlýna ", "Kava\u0301rna U Mly\u0301na"])
def test_names_that_read_the_same_have_the_same_key(other: str) -> None:
    assert fold_key(other) == fold_key("Kavárna U Mlýna")


def test_names_that_read_differently_have_different_keys() -> None:
    assert fold_key("Kavarna") != fold_key("Kavárna")
