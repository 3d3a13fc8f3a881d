from __future__ import annotations

import json
from typing import Any

import pytest

from domain.content.dna import CompanyDNA
from domain.content.edits import FIXED, changes, schema_of
from domain.content.persona import Persona
from domain.content.post import BlogPost
from domain.errors import InvalidInput

PERSONA = Persona.model_validate(
    {
        "characterName": "Eva Malá",
        "jungArchetype": "sage",
        "mbtiType": "INTJ",
        "age": 40,
        "colorPalette": ["red", "sand"],
    }
).plain()
POST = {
    "title": "Káva",
    "metaTitle": "Káva",
    "faqs": [{"question": "Proč?", "answer": "Proto."}],
    "body": "Úvod.\n\n## Proč\n\nProto.",
    "wordCount": 4,
    "findings": ["Krátké."],
}
POST_SCHEMA = {
    **schema_of(BlogPost),
    "properties": {**schema_of(BlogPost)["properties"], "body": {"type": "string"}},
}


def of_persona(**edited: Any) -> dict[str, Any]:
    return changes({**PERSONA, **edited}, PERSONA, schema_of(Persona), FIXED["personas"])


def of_post(**edited: Any) -> dict[str, Any]:
    return changes({**POST, **edited}, POST, POST_SCHEMA, FIXED["posts"])


def as_a_form_sends(fields: dict[str, Any]) -> dict[str, str]:
    """All fields as text, as Agent Inbox and agent-chat-ui send them after Reset (JSON.stringify)."""
    return {
        key: value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        for key, value in fields.items()
    }


def test_of_all_fields_that_come_back_only_the_changed_one_counts() -> None:
    assert of_post(title="Čaj") == {"title": "Čaj"}


def test_fields_that_all_came_back_as_text_are_no_changes() -> None:
    form = as_a_form_sends(PERSONA) | {"age": "44"}
    assert changes(form, PERSONA, schema_of(Persona), {}) == {"age": 44}
    form = as_a_form_sends(POST) | {"metaTitle": "Čaj"}
    assert changes(form, POST, POST_SCHEMA, FIXED["posts"]) == {"metaTitle": "Čaj"}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ('["#112233","#445566"]', ["#112233", "#445566"]),
        ('  ["#112233", "rgb(1, 2, 3)"]\n', ["#112233", "rgb(1, 2, 3)"]),
        ("[]", []),
        ("warm red, sand", "warm red, sand"),  # the model splits one line at its commas
        ("7", "7"),
    ],
)
def test_a_list_may_come_as_json_text(text: str, meant: Any) -> None:
    assert of_persona(colorPalette=text) == {"colorPalette": meant}


def test_objects_may_come_as_json_text_at_any_depth() -> None:
    faqs = [{"question": "Kdy?", "answer": "Ráno."}]
    assert of_post(faqs=json.dumps(faqs)) == {"faqs": faqs}
    assert of_post(faqs=[json.dumps(faqs[0])]) == {"faqs": faqs}


def test_text_that_looks_like_json_stays_text_where_text_belongs() -> None:
    assert of_persona(dominantValue="[2026]", roleInCompany="12", hobbyOutsideWork="null") == {
        "dominantValue": "[2026]",
        "roleInCompany": "12",
    }


@pytest.mark.parametrize("text", ['["#112233", "#445566"', "{", '{"a": 1}'])
def test_broken_or_unfitting_json_is_refused_and_not_split_at_its_commas(text: str) -> None:
    with pytest.raises(
        InvalidInput, match=r"colorPalette: the text is not the JSON that belongs there \(array\)"
    ):
        of_persona(colorPalette=text)


@pytest.mark.parametrize(
    ("edited", "words"),
    [
        ({"wordCount": 900}, "wordCount cannot be edited: it is counted"),
        ({"wordCount": "900"}, "wordCount cannot be edited"),
        ({"findings": []}, "findings cannot be edited"),
        ({"titel": "Čaj"}, "There is no field 'titel'; there are title, "),
        ({"faqs": [{"question": "Proč?"}]}, "faqs.0: 'answer' is a required property"),
        ({"faqs": [{"question": "a", "answer": "b", "source": "c"}]}, "'source' was unexpected"),
        ({}, "Nothing in it was changed"),
    ],
)
def test_what_cannot_be_edited_is_refused_by_name(edited: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        of_post(**edited)


def test_an_entry_of_a_list_that_is_no_text_is_refused_and_not_left_out() -> None:
    dna = CompanyDNA(values=("klid",)).plain()
    with pytest.raises(InvalidInput, match=r"values\.1: 5 is not of type 'string'"):
        changes({"values": ["klid", 5]}, dna, schema_of(CompanyDNA), FIXED["dna"])


def test_a_field_is_also_known_by_its_name_inside() -> None:
    assert changes({"meta_title": "Čaj"}, POST, POST_SCHEMA, FIXED["posts"]) == {"metaTitle": "Čaj"}


def test_other_line_ends_are_no_change() -> None:
    assert of_post(title="Čaj", body=POST["body"].replace("\n", "\r\n")) == {"title": "Čaj"}  # type: ignore[attr-defined]
