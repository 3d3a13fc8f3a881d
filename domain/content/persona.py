"""The fictional authors and what keeps their voices apart."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from typing import Any, Literal, get_args

from pydantic import Field, field_validator

from domain.content.written import Content
from domain.text import key

Archetype = Literal[
    "innocent", "everyman", "hero", "outlaw", "explorer", "creator",
    "ruler", "magician", "lover", "caregiver", "jester", "sage",
]  # fmt: skip
MbtiType = Literal[
    "INTJ", "INTP", "ENTJ", "ENTP", "INFJ", "INFP", "ENFJ", "ENFP",
    "ISTJ", "ISFJ", "ESTJ", "ESFJ", "ISTP", "ISFP", "ESTP", "ESFP",
]  # fmt: skip
ARCHETYPES: tuple[str, ...] = get_args(Archetype)
MBTI_TYPES: tuple[str, ...] = get_args(MbtiType)

VOCABULARY_LEVELS = ("simple", "everyday", "expert", "literary")
SENTENCE_PREFERENCES = ("short", "medium", "long", "varied")
METAPHOR_USAGES = ("none", "rare", "moderate", "frequent")
ARGUMENT_STRUCTURES = (
    "story_first", "data_first", "problem_solution", "question_answer", "step_by_step", "comparison",
)  # fmt: skip


class Persona(Content):
    """One author. Name, archetype and MBTI type are required; an editor may leave all else empty.

    ``neuroticism_level`` is 0 (calm) to 100. Art style, palette and atmosphere are English: they go into
    visual prompts.
    """

    character_name: str = Field(min_length=1, max_length=120)
    jung_archetype: Archetype
    mbti_type: MbtiType
    age: int | None = Field(default=None, ge=16, le=99)
    role_in_company: str | None = None
    dominant_value: str | None = None
    main_frustration: str | None = None
    neuroticism_level: int | None = Field(default=None, ge=0, le=100)
    vocabulary_level: str | None = None
    sentence_preference: str | None = None
    metaphor_usage: str | None = None
    argument_structure: str | None = None
    favorite_phrases_keywords: tuple[str, ...] = ()
    unique_signature_ending: str | None = None
    art_style_name: str | None = None
    color_palette: tuple[str, ...] = ()
    visual_atmosphere: str | None = None
    backstory_highlight: str | None = None
    hobby_outside_work: str | None = None

    @field_validator("jung_archetype", mode="before")
    @classmethod
    def _archetype(cls, value: Any) -> Any:
        return value.strip().lower() if isinstance(value, str) else value

    @field_validator("mbti_type", mode="before")
    @classmethod
    def _mbti(cls, value: Any) -> Any:
        return value.strip().upper() if isinstance(value, str) else value

    @field_validator("favorite_phrases_keywords", "color_palette", mode="before")
    @classmethod
    def _list(cls, value: Any) -> Any:
        """Forms send lists back as one line."""
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return () if value is None else value


def personas_schema(
    count: int, archetypes: Collection[str] = ARCHETYPES, mbti: Collection[str] = MBTI_TYPES
) -> dict[str, Any]:
    """JSON Schema ``{"personas": [...]}`` of exactly ``count`` personas of the free archetypes and types."""
    return {
        "type": "object",
        "properties": {
            "personas": {
                "type": "array",
                "minItems": count,
                "maxItems": count,
                "items": _persona_schema(
                    [one for one in ARCHETYPES if one in archetypes],
                    [one for one in MBTI_TYPES if one in mbti],
                ),
            }
        },
        "required": ["personas"],
        "additionalProperties": False,
    }


def parse_personas(obj: Any, count: int) -> list[Persona]:
    """Read the model's answer (``{"personas": [...]}`` or the bare list).

    Raises:
        ValueError: It is no such list, has fewer than ``count`` personas, or one of them is not valid.
    """
    rows = obj.get("personas") if isinstance(obj, dict) else obj
    if not isinstance(rows, list) or len(rows) < count:
        have = len(rows) if isinstance(rows, list) else 0
        raise ValueError(f"personas must be a list of exactly {count} personas; there are {have}")
    return [Persona.model_validate(row) for row in rows[:count]]


def duplicates(personas: Sequence[Persona]) -> list[int]:
    """Return the indexes of personas whose archetype, MBTI type, name or role an earlier one has already."""
    seen: set[Hashable] = set()
    again = []
    for index, persona in enumerate(personas):
        marks = _marks(persona)
        if seen & marks:
            again.append(index)
        else:
            seen |= marks
    return again


def _marks(persona: Persona) -> set[Hashable]:
    marks: set[Hashable] = {
        ("archetype", persona.jung_archetype),
        ("mbti", persona.mbti_type),
        ("name", key(persona.character_name)),
    }
    return marks | ({("role", key(persona.role_in_company))} if persona.role_in_company else set())


def _persona_schema(archetypes: list[str], mbti: list[str]) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "characterName": _text(5, 40, "First name and surname, fictional, fitting the country. All differ."),
        "age": {"type": "integer", "minimum": 22, "maximum": 68},
        "roleInCompany": _text(5, 60, "Role and level: owner, head, specialist, junior… No two alike."),
        "jungArchetype": {"type": "string", "enum": archetypes, "description": "No two personas share one."},
        "mbtiType": {"type": "string", "enum": mbti, "description": "No two personas share one."},
        "dominantValue": _text(4, 60, "The value that guides all that the persona writes."),
        "mainFrustration": _text(20, 160, "What bothers the persona in its field."),
        "neuroticismLevel": {"type": "integer", "minimum": 0, "maximum": 100, "description": "0 is calm."},
        "vocabularyLevel": {"type": "string", "enum": list(VOCABULARY_LEVELS)},
        "sentencePreference": {"type": "string", "enum": list(SENTENCE_PREFERENCES)},
        "metaphorUsage": {"type": "string", "enum": list(METAPHOR_USAGES)},
        "argumentStructure": {"type": "string", "enum": list(ARGUMENT_STRUCTURES)},
        "favoritePhrasesKeywords": _list(3, 6, _text(3, 40, "A turn of phrase that gives the author away.")),
        "uniqueSignatureEnding": _text(10, 90, "The closing sentence of every article of the persona."),
        "artStyleName": _text(
            8, 60, "English. The style of its pictures, e.g. soft documentary photography."
        ),
        "colorPalette": _list(3, 5, _text(3, 24, "English colour words, e.g. warm terracotta.")),
        "visualAtmosphere": _text(8, 80, "English. The mood of its pictures, e.g. calm morning light."),
        "backstoryHighlight": _text(40, 240, "One moment of its past that shaped it."),
        "hobbyOutsideWork": _text(4, 80, "What it does after work."),
    }
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _text(shortest: int, longest: int, description: str) -> dict[str, Any]:
    return {"type": "string", "minLength": shortest, "maxLength": longest, "description": description}


def _list(fewest: int, most: int, items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "minItems": fewest, "maxItems": most, "items": items}
