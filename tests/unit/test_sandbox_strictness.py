"""What the stand-ins read into a schema, take of one, and remember of a prompt."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.prompt_cache import PromptCache
from sandbox.providers.answers import with_notes
from sandbox.providers.strict_schema import anthropic_wrong, openai_wrong

OPEN: dict[str, Any] = {
    "type": "object",
    "properties": {"title": {"type": "string"}},
    "required": ["title"],
    "additionalProperties": False,
}


def of(**part: Any) -> dict[str, Any]:
    return {**OPEN, "properties": {"title": {"type": "string", **part}}}


def test_limits_in_a_description_are_put_back_where_the_schema_has_none() -> None:
    note = "A headline. Note: minimum length: 20, maximum length: 60."
    schema = with_notes(of(description=note, maxLength=50))
    assert schema["properties"]["title"] == {
        "type": "string",
        "description": note,
        "minLength": 20,
        "maxLength": 50,
    }


def test_a_property_called_description_is_no_description() -> None:
    schema = {**OPEN, "properties": {"description": {"type": "string"}}}
    assert with_notes(schema) == schema


@pytest.mark.parametrize("keyword", ["minLength", "maxLength", "uniqueItems", "default", "oneOf", "allOf"])
def test_strict_mode_takes_no(keyword: str) -> None:
    assert f"'{keyword}' is not permitted" in openai_wrong(of(**{keyword: 1}))


@pytest.mark.parametrize("keyword", ["pattern", "format", "enum", "description"])
def test_both_vendors_take(keyword: str) -> None:
    assert openai_wrong(of(**{keyword: "x"})) == anthropic_wrong(of(**{keyword: "x"})) == ""


def test_what_stands_in_definitions_and_lists_is_looked_at_too() -> None:
    inner = {**OPEN, "additionalProperties": True}
    for outer in ({**OPEN, "$defs": {"inner": inner}}, {**OPEN, "properties": {"title": {"items": inner}}}):
        assert "'additionalProperties' is required" in openai_wrong(outer)
        assert "must be explicitly set to false" in anthropic_wrong(outer)


def test_a_list_may_ask_anthropic_for_one_item_but_not_for_two() -> None:
    asked = [anthropic_wrong(of(type="array", minItems=number)) for number in (1, 2)]
    assert asked == ["", "For 'array' type, property 'minItems' is not supported"]


def test_a_prefix_is_read_from_the_cache_until_five_minutes_after_its_last_use() -> None:
    now = [0.0]
    cache = PromptCache(lambda: now[0])
    prompt = "x" * 320
    assert cache.use("m", prompt, [160, 320]) == (0, 100)
    assert cache.use("another", prompt, [320]) == (0, 100)
    now[0] = 299
    assert cache.use("m", "x" * 160 + "y" * 160, [160, 320]) == (50, 50)
    now[0] = 299 + 300
    assert cache.use("m", prompt, [160, 320]) == (0, 100)


def test_a_prompt_without_a_place_to_cache_is_not_cached() -> None:
    assert PromptCache().use("m", "x" * 320, []) == (0, 0)
