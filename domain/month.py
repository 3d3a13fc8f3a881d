"""The words of a run's state: ids and small summaries, plain JSON; texts and media live in the store."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from domain.month_request import MonthRequest
from domain.review import Policy
from domain.stages import Stage

GRAPH_VERSION = "3"
"""Rises when a waiting thread of the old graph could not go on in the new one."""


class CardStatus(StrEnum):
    """Where an item stands; kept in the state by its value, for the state is plain JSON."""

    WAITING = "waiting"
    """For a decision."""
    WORKING = "working"
    """It is made again."""
    APPROVED = "approved"
    DROPPED = "dropped"
    FAILED = "failed"


OPEN = frozenset({CardStatus.WAITING, CardStatus.WORKING, CardStatus.FAILED})
"""Statuses of items of which there is still something to ask."""


class Version(TypedDict):
    """Which content of an item is meant, whatever else was made of it since, or on another branch.

    ``revision`` counts how often it was made again, ``edition`` the contents of one revision.
    """

    revision: int
    edition: int
    hash: str


class Part(TypedDict, total=False):
    """A text, a picture or a clip of a package. One that failed keeps the version that it had before, if any."""

    kind: str
    status: str
    problem: str
    version: Version


class Card(TypedDict, total=False):
    """What the graph knows of one item. ``title`` and ``problem`` are for people.

    ``revision`` counts how often the item was sent back; ``version`` is the content that is meant now, ``parts`` those
    of a package, by their names.
    """

    status: str
    revision: int
    title: str
    problem: str
    version: Version
    parts: dict[str, Part]


Cards = dict[str, Card]


def new_card(title: str, revision: int = 0, problem: str = "", version: Version | None = None) -> Card:
    """Return the card of an item that was just made, or that failed where there is a ``problem``."""
    status = CardStatus.FAILED if problem else CardStatus.WAITING
    card: Card = {"status": status.value, "revision": revision, "title": title, "problem": problem}
    return {**card, "version": version} if version else card


def merge_cards(left: Cards | None, right: Cards | None) -> Cards:
    """Merge by item, and field by field within an item: parallel nodes write different fields of one card."""
    merged: Cards = dict(left or {})
    for item, card in (right or {}).items():
        merged[item] = merge_card(merged.get(item, {}), card)
    return merged


def merge_card(left: Card, right: Card) -> Card:
    """Merge two halves of one card: fields of the right one win, parts are merged field by field too."""
    merged: Card = {**left, **right}
    if "parts" in right:
        parts = dict(left.get("parts", {}))
        for name, part in right["parts"].items():
            parts[name] = {**parts.get(name, {}), **part}
        merged["parts"] = parts
    return merged


Problems = dict[str, list[str]]
"""What could not be taken of the last answer, by review point, in words for a person."""


def merge_problems(left: Problems | None, right: Problems | None) -> Problems:
    return {**(left or {}), **(right or {})}


class Pin(TypedDict):
    """The prompt version that a run started with, by its id, and the experiment's arm that chose it, if any."""

    id: str
    experiment: str | None
    arm: str | None


class Rework(TypedDict):
    """An item to be made again, and why."""

    item: str
    revision: int
    reason: str


def newer(_: str, written: str) -> str:
    """Take what was written last: every node of a copied thread writes the same run."""
    return written


def _asked(name: str) -> Any:
    """Describe a field of the state as the request describes it."""
    return Field(description=MonthRequest.model_fields[name].description)


PlannedMonth = Annotated[str, Field(description="The month that is planned, YYYY-MM.")]
RunId = Annotated[str, Field(description="The run's id, which is the thread's.")]
CompanyId = Annotated[str, Field(description="The company's id.")]
PackagePath = Annotated[
    str, Field(description="Where the finished package lies, on the machine that made it.")
]
DnaCards = Annotated[Cards, Field(description="What research found out about the company."), merge_cards]
PersonaCards = Annotated[Cards, Field(description="The personas who write, p1 to p6."), merge_cards]
TopicCards = Annotated[Cards, Field(description="The month's topics, t01 and on."), merge_cards]
PostCards = Annotated[Cards, Field(description="The blog post of each topic."), merge_cards]
PackageCards = Annotated[
    Cards, Field(description="The social posts, pictures and clip of each post, together."), merge_cards
]


class Month(TypedDict, total=False):
    """A run's state, and how parallel writes to a key are merged. Whoever looks at a run sees it, but for `TECHNICAL`.

    The first keys are those of `domain.month_request.MonthRequest`, the cards' keys those of `domain.stages`.
    """

    company: Annotated[str, _asked("company")]
    website: Annotated[str, _asked("website")]
    month: PlannedMonth
    posts: Annotated[int, _asked("posts")]
    platforms: Annotated[list[str], _asked("platforms")]
    language: Annotated[str, _asked("language")]
    images: Annotated[bool, _asked("images")]
    video: Annotated[bool, _asked("video")]
    videos: Annotated[int, _asked("videos")]
    business_field: Annotated[str, _asked("business_field")]
    product_type: Annotated[str, _asked("product_type")]
    time_zone: Annotated[str, _asked("time_zone")]
    again: Annotated[bool, _asked("again")]
    tier: Annotated[str, _asked("tier")]
    approve: Annotated[dict[str, Policy], _asked("approve")]
    templates: Annotated[dict[str, int], Field(description="The prompt version of each template.")]

    graph_version: Annotated[str, Field(description="The version of the graph that began the month.")]
    organization_id: Annotated[str, Field(description="The organization that pays.")]
    company_id: CompanyId
    run_id: Annotated[RunId, newer]
    origin_run_id: Annotated[str, Field(description="Of a copied thread: the first run of them all.")]
    pins: dict[str, Pin]
    not_before: Annotated[
        str, Field(description="In a month that has begun, the first day that may be planned.")
    ]

    dna: DnaCards
    personas: PersonaCards
    topics: TopicCards
    blog_posts: PostCards
    packages: PackageCards
    problems: Annotated[
        Problems,
        Field(description="What could not be taken of the last answer, by review point."),
        merge_problems,
    ]
    package: PackagePath


TECHNICAL = frozenset({"pins"})
"""Keys of the state that only nodes read: shown to nobody who looks at a run."""


class Again(Month, total=False):
    """What a maker of several items gets: the month, and which of them are made again; none named means all."""

    rework: list[Rework]


def cards_of(month: Month, stage: Stage) -> Cards:
    """Return the cards of a stage's items."""
    return month.get(stage.key, {})  # type: ignore[return-value]  # the stages' keys are keys of cards


def with_cards(month: Month, stage: Stage, cards: Cards) -> Month:
    """Return the month with some of a stage's cards changed."""
    return {**month, stage.key: merge_cards(cards_of(month, stage), cards)}  # type: ignore[misc]


class Work(TypedDict):
    """What a fan-out node gets: the month it works for and the one item."""

    month: Month
    item: str
    revision: int
    reason: str


Update = dict[str, Any]
