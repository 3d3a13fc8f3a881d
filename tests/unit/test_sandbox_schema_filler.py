from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from sandbox.prose.brief import Brief
from sandbox.prose.schema_filler import SchemaFiller
from sandbox.seeds import fingerprint

PROMPT = "Firma: Pražírna Hanácké zrno\nObor: pražírna výběrové kávy\nNapiš text na měsíc 2027-01."


def fill(schema: dict[str, Any], prompt: str = PROMPT) -> Any:
    return SchemaFiller(schema, Brief(fingerprint(prompt), prompt)).value()


def assert_valid(value: Any, schema: dict[str, Any]) -> None:
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(value)


NAMES = st.sampled_from(
    [
        "title",
        "heading",
        "content",
        "question",
        "answer",
        "hashtag",
        "slug",
        "keyword",
        "name",
        "age",
        "url",
        "date",
        "colorPalette",
        "altText",
        "popis",
        "nazev",
        "textContent",
        "focusKeyword",
        "values",
        "reason",
        "klicoveSlovo",
        "roleInCompany",
        "scene",
        "x",
    ]
)


@st.composite
def strings(draw: st.DrawFn) -> dict[str, Any]:
    low = draw(st.integers(0, 300))
    schema: dict[str, Any] = {"type": "string"}
    if draw(st.booleans()):
        schema["minLength"] = low
    if draw(st.booleans()):
        schema["maxLength"] = low + draw(st.integers(0, 900))
    return schema


@st.composite
def numbers(draw: st.DrawFn) -> dict[str, Any]:
    low = draw(st.integers(-500, 500))
    schema: dict[str, Any] = {"type": draw(st.sampled_from(["integer", "number"]))}
    schema[draw(st.sampled_from(["minimum", "exclusiveMinimum"]))] = low
    schema[draw(st.sampled_from(["maximum", "exclusiveMaximum"]))] = low + draw(st.integers(2, 300))
    return schema


LEAVES = st.one_of(
    strings(),
    numbers(),
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.sampled_from(
        [
            {"enum": ["a", "b", "c"]},
            {"const": {"k": [1, None]}},
            {"type": "string", "format": "date"},
            {"type": "string", "format": "email"},
            {"type": "string", "format": "uuid"},
            {"type": "string", "pattern": "^[a-z]{2,5}-[0-9]{3}$"},
            {"type": "string", "pattern": "^#[0-9A-F]{6}$"},
            {"type": ["string", "null"], "maxLength": 40},
            {"type": "integer", "multipleOf": 5, "minimum": 10, "maximum": 60},
        ]
    ),
)


def _nested(children: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    @st.composite
    def array(draw: st.DrawFn) -> dict[str, Any]:
        low = draw(st.integers(0, 4))
        return {
            "type": "array",
            "items": draw(children),
            "minItems": low,
            "maxItems": low + draw(st.integers(0, 4)),
        }

    @st.composite
    def obj(draw: st.DrawFn) -> dict[str, Any]:
        properties = draw(st.dictionaries(NAMES, children, min_size=1, max_size=5))
        required = draw(st.lists(st.sampled_from(sorted(properties)), unique=True))
        return {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        }

    @st.composite
    def combined(draw: st.DrawFn) -> dict[str, Any]:
        return {draw(st.sampled_from(["anyOf", "allOf"])): [draw(children)]}

    return st.one_of(array(), obj(), combined())


@given(st.recursive(LEAVES, _nested, max_leaves=12))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_value_fits_its_schema(schema: dict[str, Any]) -> None:
    assert_valid(fill(schema), schema)


@given(strings(), NAMES)
@settings(max_examples=200, deadline=None)
def test_every_kind_of_text_keeps_its_limits(schema: dict[str, Any], name: str) -> None:
    whole = {"type": "object", "properties": {name: schema}, "required": [name]}
    assert_valid(fill(whole), whole)


def test_long_text_aims_at_two_fifths_of_its_range_and_ends_with_a_sentence() -> None:
    schema = {
        "type": "object",
        "properties": {"content": {"type": "string", "minLength": 1000, "maxLength": 3000}},
    }
    text = fill(schema)["content"]
    assert 1500 <= len(text) <= 2100
    assert text[-1] in ".!?"


def test_no_sentence_is_said_twice_in_one_answer() -> None:
    section = {
        "type": "object",
        "properties": {"content": {"type": "string", "minLength": 1500, "maxLength": 1900}},
    }
    answer = fill(
        {"type": "object", "properties": {"sections": {"type": "array", "minItems": 6, "items": section}}}
    )
    text = " ".join(one["content"] for one in answer["sections"])
    sentences = [one for one in re.split(r"(?<=[.!?])\s+", text) if len(one) > 25]
    assert len(sentences) > 80
    assert len(sentences) == len(set(sentences))


def test_choices_differ_over_the_items_of_a_list_while_there_are_enough() -> None:
    item = {"type": "object", "properties": {"kind": {"enum": list("abcdef")}}, "required": ["kind"]}
    answer = fill({"type": "array", "items": item, "minItems": 6, "maxItems": 6})
    assert sorted(one["kind"] for one in answer) == list("abcdef")


def test_titles_of_one_list_differ() -> None:
    item = {"type": "object", "properties": {"title": {"type": "string"}, "focusKeyword": {"type": "string"}}}
    answer = fill({"type": "array", "items": item, "minItems": 72, "maxItems": 72})
    assert len({one["title"] for one in answer}) == 72
    assert len({one["focusKeyword"] for one in answer}) == 72


def test_key_phrases_that_the_prompt_has_are_not_proposed_again() -> None:
    item = {
        "type": "object",
        "properties": {"focusKeyword": {"type": "string"}},
        "required": ["focusKeyword"],
    }
    schema = {"type": "array", "items": item, "minItems": 10, "maxItems": 10}
    first = [one["focusKeyword"] for one in fill(schema)]
    second = [one["focusKeyword"] for one in fill(schema, PROMPT + "\nUž vyšlo: " + "; ".join(first))]
    assert not set(first) & set(second)


@pytest.mark.parametrize("words", ["must contain „{}“", "obsahuje přesně „{}“", 'contains "{}"'])
@pytest.mark.parametrize("name", ["title", "metaTitle", "metaDescription", "content", "heading", "x"])
def test_a_term_that_must_be_contained_is_contained(words: str, name: str) -> None:
    term = "domácí espresso"
    field = {"type": "string", "minLength": 25, "maxLength": 400, "description": words.format(term)}
    text = fill({"type": "object", "properties": {name: field}})[name]
    assert term in text or text.startswith("Domácí espresso")


def test_a_term_that_must_not_be_contained_is_not_forced_in() -> None:
    field = {"type": "string", "description": 'must not contain "zázrak"', "maxLength": 200}
    assert "zázrak" not in fill({"type": "object", "properties": {"content": field}})["content"]


def test_hashtags_have_no_spaces() -> None:
    tags = {"type": "array", "items": {"type": "string", "pattern": r"^#\w+$"}, "minItems": 5, "maxItems": 15}
    for tag in fill({"type": "object", "properties": {"hashtags": tags}})["hashtags"]:
        assert re.fullmatch(r"#\w+", tag)


def test_a_question_is_answered_by_its_own_answer() -> None:
    item = {"type": "object", "properties": {"question": {"type": "string"}, "answer": {"type": "string"}}}
    answers = fill({"type": "array", "items": item, "minItems": 6, "maxItems": 6})
    about_freezing = [one for one in answers if "zmrazit" in one["question"]]
    for one in about_freezing:
        assert "vzduchotěsně" in one["answer"]
    assert len({one["answer"] for one in answers}) == 6


def test_references_that_go_in_circles_come_to_an_end() -> None:
    node: dict[str, Any] = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "next": {"$ref": "#/$defs/node"}},
    }
    node["properties"]["children"] = {"type": "array", "items": {"$ref": "#/$defs/node"}}
    node["required"] = ["name"]
    schema = {"$ref": "#/$defs/node", "$defs": {"node": node}}
    assert_valid(fill(schema), schema)


def test_places_of_a_tuple_are_filled_one_by_one() -> None:
    schema = {"type": "array", "prefixItems": [{"const": "a"}, {"type": "integer"}], "items": False}
    value = fill(schema)
    assert_valid(value, schema)
    assert len(value) == 2


def test_items_that_must_be_unique_are() -> None:
    schema = {"type": "array", "items": {"type": "string"}, "uniqueItems": True, "minItems": 8, "maxItems": 8}
    assert_valid(fill(schema), schema)


def test_the_openapi_subset_in_capitals_is_understood() -> None:
    schema = {
        "type": "OBJECT",
        "properties": {
            "n": {"type": "INTEGER", "nullable": True},
            "t": {"type": "ARRAY", "items": {"type": "STRING"}},
        },
        "required": ["n", "t"],
    }
    value = fill(schema)
    assert isinstance(value["n"], int)
    assert all(isinstance(one, str) for one in value["t"])


def test_facts_are_quoted_from_the_prompt_and_missing_ones_stay_missing() -> None:
    fact = {"type": ["string", "null"], "description": "null when the sources do not say."}
    schema = {"type": "object", "properties": {"mission": fact, "vision": fact}}
    told = "Naším posláním je pražit kávu tak, aby byl slyšet její původ."
    assert fill(schema, f"{PROMPT}\n{told}") == {"mission": told, "vision": None}


def test_a_field_that_wants_english_gets_english_in_a_czech_prompt() -> None:
    field = {"type": "string", "minLength": 120, "maxLength": 420, "description": "English. What is seen."}
    scene = fill({"type": "object", "properties": {"scene": field}})["scene"]
    assert not re.search(r"[ěščřžýůťďň]", scene)
    assert "light" in scene or "window" in scene or "camera" in scene or "background" in scene


def test_property_order_follows_required() -> None:
    schema = {"type": "object", "properties": {"a": {}, "b": {}, "c": {}}, "required": ["c", "a"]}
    assert list(fill(schema)) == ["c", "a", "b"]


def test_the_people_of_one_list_differ_in_role_and_in_their_phrases() -> None:
    phrases = {"type": "array", "items": {"type": "string"}, "minItems": 3, "maxItems": 3}
    properties = {
        "characterName": {"type": "string"},
        "roleInCompany": {"type": "string"},
        "favoritePhrases": phrases,
    }
    people = fill({"type": "array", "items": {"type": "object", "properties": properties}, "minItems": 6})
    assert len({one["characterName"] for one in people}) == 6
    assert len({one["roleInCompany"] for one in people}) == 6
    assert len({tuple(one["favoritePhrases"]) for one in people}) >= 5
