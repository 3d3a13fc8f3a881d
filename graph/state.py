"""The month's state: plain JSON values and ids, and how parallel writes to them are merged."""

from __future__ import annotations

from typing import Annotated, Any, Required

from pydantic import Field
from typing_extensions import TypedDict

from domain.month import Card, Cards, Pin, Rework


def merge_cards(left: Cards | None, right: Cards | None) -> Cards:
    """Merge by item, and field by field within an item: parallel nodes write different fields of one card."""
    merged: dict[str, Any] = dict(left or {})
    for item, card in (right or {}).items():
        merged[item] = {**merged.get(item, {}), **card}
    return merged


def merge_problems(
    left: dict[str, list[str]] | None, right: dict[str, list[str]] | None
) -> dict[str, list[str]]:
    return {**(left or {}), **(right or {})}


class MonthInput(TypedDict, total=False):
    """What a person gives to start a month; Studio draws its form from this."""

    company: Required[Annotated[str, Field(description="The company's name.")]]
    website: Required[Annotated[str, Field(description="Its public website, https://…")]]
    month: Required[Annotated[str, Field(description="The month to plan, YYYY-MM.")]]
    posts: Annotated[int, Field(description="How many blog posts.")]
    platforms: Annotated[
        list[str], Field(description="Of instagram, linkedin, twitter, facebook, tiktok, pinterest.")
    ]
    language: Annotated[str, Field(description="ISO 639-1 code of the content's language.")]
    images: Annotated[bool, Field(description="Make pictures (tiers pro and ultimate).")]
    video: Annotated[bool, Field(description="Make short clips (tier ultimate).")]
    videos: Annotated[int, Field(description="For how many posts a clip is made.")]
    business_field: Annotated[str, Field(description="The company's field, if research should not find it.")]
    product_type: Annotated[str, Field(description="What it sells, if research should not find it.")]
    time_zone: Annotated[str, Field(description="IANA time zone.")]


class MonthState(MonthInput, total=False):
    graph_version: str
    organization_id: str
    company_id: str
    run_id: str
    tier: str
    approve: dict[str, str]
    templates: dict[str, int]
    pins: dict[str, Pin]
    not_before: str

    dna: Annotated[Cards, merge_cards]
    personas: Annotated[Cards, merge_cards]
    topics: Annotated[Cards, merge_cards]
    articles: Annotated[Cards, merge_cards]
    packages: Annotated[Cards, merge_cards]
    problems: Annotated[dict[str, list[str]], merge_problems]
    rework: list[Rework]
    package: str


class MonthOutput(TypedDict, total=False):
    """What a finished month is: where it lies and what became of each item."""

    run_id: str
    company_id: str
    month: str
    package: str
    personas: dict[str, Card]
    topics: dict[str, Card]
    articles: dict[str, Card]
    packages: dict[str, Card]
