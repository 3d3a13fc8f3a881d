from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from domain.content.persona import (
    ARCHETYPES,
    MBTI_TYPES,
    Persona,
    duplicates,
    parse_personas,
    personas_schema,
)


def _persona(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "characterName": f"Jana {number}",
        "jungArchetype": ARCHETYPES[number],
        "mbtiType": MBTI_TYPES[number],
        "roleInCompany": f"role {number}",
        **changes,
    }


def _example(schema: dict[str, Any], bound: str) -> Any:
    """An answer at every minimum or every maximum of a schema."""
    if "enum" in schema:
        return schema["enum"][0]
    if schema["type"] == "object":
        return {name: _example(one, bound) for name, one in schema["properties"].items()}
    if schema["type"] == "array":
        return [_example(schema["items"], bound)] * schema[f"{bound}Items"]
    return "x" * schema[f"{bound}Length"] if schema["type"] == "string" else schema[f"{bound}imum"]


def test_there_are_twelve_archetypes_and_sixteen_types() -> None:
    assert (len(set(ARCHETYPES)), len(set(MBTI_TYPES))) == (12, 16)


@pytest.mark.parametrize("bound", ["min", "max"])
def test_an_answer_at_every_bound_of_the_schema_is_read(bound: str) -> None:
    schema = personas_schema(2)
    answer = _example(schema, bound)
    jsonschema.validate(answer, schema)
    assert len(parse_personas(answer, 2)) == 2


def test_only_free_archetypes_and_types_can_be_chosen() -> None:
    items = personas_schema(1, ["sage", "hero"], ["INTJ"])["properties"]["personas"]["items"]
    assert items["properties"]["jungArchetype"]["enum"] == ["hero", "sage"]
    assert items["properties"]["mbtiType"]["enum"] == ["INTJ"]


def test_the_schema_asks_for_every_field_of_a_persona() -> None:
    items = personas_schema(1)["properties"]["personas"]["items"]
    assert set(items["properties"]) == set(parse_personas([_persona(0)], 1)[0].plain())


def test_case_of_archetype_and_type_does_not_matter() -> None:
    (persona,) = parse_personas([_persona(0, jungArchetype=" Sage ", mbtiType="intj")], 1)
    assert (persona.jung_archetype, persona.mbti_type) == ("sage", "INTJ")


@pytest.mark.parametrize("missing", ["characterName", "jungArchetype", "mbtiType"])
def test_name_archetype_and_type_are_required(missing: str) -> None:
    row = _persona(0)
    del row[missing]
    with pytest.raises(ValidationError):
        parse_personas([row], 1)


@pytest.mark.parametrize("answer", [{}, [], "text", None, {"personas": [_persona(0)]}])
def test_too_few_personas_are_refused_with_their_number(answer: Any) -> None:
    with pytest.raises(ValueError, match="exactly 2 personas"):
        parse_personas(answer, 2)


def test_personas_beyond_the_number_are_left_out() -> None:
    assert len(parse_personas({"personas": [_persona(n) for n in range(4)]}, 3)) == 3


@pytest.mark.parametrize(
    "repeat",
    [
        {"jungArchetype": ARCHETYPES[0]},
        {"mbtiType": MBTI_TYPES[0]},
        {"characterName": "JANA  0"},
        {"roleInCompany": "Role 0"},
    ],
)
def test_only_the_later_one_of_two_alike_is_asked_again(repeat: dict[str, str]) -> None:
    personas = parse_personas([_persona(0), _persona(1, **repeat), _persona(2)], 3)
    assert duplicates(personas) == [1]


def test_six_different_personas_repeat_nothing() -> None:
    assert duplicates(parse_personas([_persona(n) for n in range(6)], 6)) == []


def test_a_persona_that_is_asked_again_claims_nothing_for_itself() -> None:
    rows = [_persona(0), _persona(1, mbtiType=MBTI_TYPES[0]), _persona(2, jungArchetype=ARCHETYPES[1])]
    assert duplicates(parse_personas(rows, 3)) == [1]


def test_lists_that_a_form_sends_as_one_line_are_read() -> None:
    persona = Persona.model_validate(_persona(0, colorPalette="cream, deep brown"))
    assert persona.color_palette == ("cream", "deep brown")


@pytest.mark.parametrize("level", [-1, 101])
def test_neuroticism_is_between_0_and_100(level: int) -> None:
    with pytest.raises(ValidationError):
        Persona.model_validate(_persona(0, neuroticismLevel=level))


def test_what_is_stored_is_read_back_unchanged() -> None:
    persona = Persona.model_validate(_persona(0, age=41, colorPalette=["cream"]))
    assert Persona.model_validate(persona.plain()) == persona
