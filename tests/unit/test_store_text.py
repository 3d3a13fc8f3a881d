from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInput
from store.text import fold_key, json_text, original_json, original_text, storable_json, storable_text

ANY = st.text(alphabet=st.characters(exclude_categories=(), include_characters="\x00\ud800\udc00\ufdd0\\u0"))


def _joined(value: str) -> str:
    """Split surrogate pairs are one character, as any reader of UTF-16 takes them."""
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


@given(ANY)
def test_any_text_can_be_stored_and_comes_back_as_it_was(value: str) -> None:
    stored = storable_text(value)
    assert "\x00" not in stored
    stored.encode("utf-8")
    assert original_text(stored) == _joined(value)


@given(st.text().filter(lambda value: "\x00" not in value and "\ufdd0" not in value))
def test_a_text_that_can_be_stored_is_left_as_it_is(value: str) -> None:
    assert storable_text(value) == value


def test_a_split_surrogate_pair_is_joined_again() -> None:
    assert storable_text("\ud83d\ude00") == "😀"


def test_an_id_that_cannot_be_stored_is_no_other_id() -> None:
    assert storable_text("run-1\x00") != "run-1"


def test_keys_and_values_at_every_depth_are_escaped() -> None:
    value = {"a\x00": [{"b": ["c\x00"]}]}
    assert "\x00" not in str(storable_json(value))
    assert original_json(storable_json(value)) == value


@given(ANY)
def test_json_for_the_database_holds_the_whole_text(value: str) -> None:
    stored = json_text({"text": value})
    assert original_json(json.loads(stored)) == {"text": _joined(value)}
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
        storable_json(endless)


@pytest.mark.parametrize("other", ["KAVÁRNA  u mlýna", " Kavárna U Mlýna ", "Kava\u0301rna U Mly\u0301na"])
def test_names_that_read_the_same_have_the_same_key(other: str) -> None:
    assert fold_key(other) == fold_key("Kavárna U Mlýna")


def test_names_that_read_differently_have_different_keys() -> None:
    assert fold_key("Kavarna") != fold_key("Kavárna")
