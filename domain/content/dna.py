"""What research knows of a company: facts with their sources, and gaps that stay gaps."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from domain.text import key, normal_json

TEXT_FACTS = ("mission", "vision", "target_audience", "industry", "usp")
LIST_FACTS = (
    "values", "audience_pain_points", "audience_desires", "products_services", "content_themes",
    "competitors",
)  # fmt: skip
TONE_FACTS = ("tone_formal_casual", "tone_serious_playful")
FACTS: tuple[str, ...] = (*TEXT_FACTS, *LIST_FACTS, *TONE_FACTS)

_MAX_URLS_IN_SCHEMA = 40  # large enums make providers refuse the schema


class FactSource(BaseModel):
    """Where a fact was read."""

    model_config = ConfigDict(extra="ignore", frozen=True, str_strip_whitespace=True)

    field: str
    url: str


class CompanyDNA(BaseModel):
    """A company's facts. What is not known is None or empty, never a guess.

    Tones are 0 to 100: formal to casual, serious to playful. ``raw`` keeps an answer that could not be read
    as facts, so that what was paid for is not thrown away.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, str_strip_whitespace=True)

    mission: str | None = None
    vision: str | None = None
    values: tuple[str, ...] = ()
    target_audience: str | None = None
    audience_pain_points: tuple[str, ...] = ()
    audience_desires: tuple[str, ...] = ()
    industry: str | None = None
    products_services: tuple[str, ...] = ()
    usp: str | None = None
    tone_formal_casual: int | None = Field(default=None, ge=0, le=100)
    tone_serious_playful: int | None = Field(default=None, ge=0, le=100)
    content_themes: tuple[str, ...] = ()
    competitors: tuple[str, ...] = ()
    sources: tuple[FactSource, ...] = ()
    raw: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _normal(cls, value: Any) -> Any:
        """``raw`` is evidence: it may hold anything."""
        return normal_json(value)

    @field_validator(*LIST_FACTS, mode="before")
    @classmethod
    def _list(cls, value: Any) -> Any:
        """Models send null for an empty list, forms send a list back as one line for each entry."""
        if isinstance(value, str):
            value = value.splitlines()
        if isinstance(value, list | tuple):
            entries = [one.strip() for one in value if isinstance(one, str)]
            return list({key(one): one for one in reversed(entries) if one}.values())[::-1]
        return () if value is None else value

    @field_validator(*TEXT_FACTS, "raw", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return None if isinstance(value, str) and not value.strip() else value

    def known(self) -> list[str]:
        """The names of the facts that have a value."""
        return [name for name in FACTS if getattr(self, name) not in (None, ())]

    def plain(self) -> dict[str, Any]:
        """Plain JSON; what is stored and what templates are given."""
        return self.model_dump(mode="json")


def dna_schema(known_urls: Collection[str]) -> dict[str, Any]:
    """JSON Schema of `CompanyDNA`; a source can only be an address that research has read."""
    properties: dict[str, Any] = {
        "mission": _text(200, "Why the company exists, in its own words as far as possible."),
        "vision": _text(200, "Where it wants to get."),
        "values": _texts(60, "A value that the company claims or shows."),
        "target_audience": _text(300, "Who buys, in one or two sentences."),
        "audience_pain_points": _texts(140, "What troubles these people."),
        "audience_desires": _texts(140, "What these people wish for."),
        "industry": _text(80, "The line of business in two to five words."),
        "products_services": _texts(100, "A product or service."),
        "usp": _text(250, "What sets it apart from its competitors."),
        "tone_formal_casual": _tone("0 is formal, 100 is casual."),
        "tone_serious_playful": _tone("0 is serious, 100 is playful."),
        "content_themes": _texts(80, "A theme that the company can write about with authority."),
        "competitors": _texts(80, "The name of a competitor."),
        "sources": _sources(list(known_urls)),
    }
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def dna_findings(dna: CompanyDNA, known_urls: Collection[str]) -> tuple[CompanyDNA, list[str]]:
    """Check facts against the pages that were read.

    Sources that were not read, or speak of nothing, are dropped. A fact whose sources were all of that kind
    is dropped too; a fact without any source is kept and named. Missing facts are named.

    Returns:
        The cleaned facts, and sentences for the editor who reviews them.
    """
    known = {url.rstrip("/") for url in known_urls}
    sound = [one for one in dna.sources if one.url.rstrip("/") in known]
    claimed, proven = {one.field for one in dna.sources}, {one.field for one in sound}
    invented = [name for name in dna.known() if name in claimed - proven]
    cleaned = dna.model_copy(update={name: _empty(name) for name in invented})
    kept = tuple(dict.fromkeys(one for one in sound if one.field in cleaned.known()))
    unproven = [name for name in cleaned.known() if name not in claimed]
    missing = [name for name in FACTS if name not in dna.known()]
    return cleaned.model_copy(update={"sources": kept}), [
        *(
            f"{_words(name)} was dropped: its source is not among the pages that were read."
            for name in invented
        ),
        *(f"{_words(name)} names no source: check it or clear it." for name in unproven),
        *(f"{_words(name)} was not found and stays empty." for name in missing),
    ]


def _empty(name: str) -> tuple[str, ...] | None:
    return () if name in LIST_FACTS else None


def _words(name: str) -> str:
    return "USP" if name == "usp" else name.replace("_", " ").capitalize()


def _text(longest: int, description: str) -> dict[str, Any]:
    return {
        "type": ["string", "null"],
        "minLength": 3,
        "maxLength": longest,
        "description": f"{description} null when the sources do not say.",
    }


def _texts(longest: int, description: str) -> dict[str, Any]:
    return {
        "type": "array",
        "minItems": 0,
        "maxItems": 6,
        "items": {"type": "string", "minLength": 3, "maxLength": longest, "description": description},
        "description": "Empty when the sources do not say.",
    }


def _tone(description: str) -> dict[str, Any]:
    return {
        "type": ["integer", "null"],
        "minimum": 0,
        "maximum": 100,
        "description": f"{description} null when the sources do not show it.",
    }


def _sources(urls: list[str]) -> dict[str, Any]:
    url: dict[str, Any] = {"type": "string", "description": "The page that says so."}
    if 0 < len(urls) <= _MAX_URLS_IN_SCHEMA:
        url["enum"] = urls
    return {
        "type": "array",
        "minItems": 0,
        "maxItems": 3 * len(FACTS) if urls else 0,
        "description": "For every fact given above at least one page that says so.",
        "items": {
            "type": "object",
            "properties": {"field": {"type": "string", "enum": list(FACTS)}, "url": url},
            "required": ["field", "url"],
            "additionalProperties": False,
        },
    }
