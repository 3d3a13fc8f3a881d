"""The words of a run's state: ids and small summaries, plain JSON; texts and media live in the store."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import TypedDict

GRAPH_VERSION = "1"
"""Rises when a waiting thread of the old graph could not go on in the new one."""

Status = Literal["waiting", "approved", "dropped", "failed", "working"]


class Card(TypedDict, total=False):
    """What the graph knows of one item. ``title`` and ``problem`` are for people."""

    status: Status
    revision: int
    title: str
    problem: str


Cards = dict[str, Card]


class Month(TypedDict, total=False):
    """The keys that nodes read; `graph.state` says how parallel writes to them are merged."""

    company: str
    website: str
    month: str
    posts: int
    platforms: list[str]
    language: str
    images: bool
    video: bool
    videos: int
    business_field: str
    product_type: str
    time_zone: str

    graph_version: str
    organization_id: str
    company_id: str
    run_id: str
    tier: str
    approve: dict[str, str]
    templates: dict[str, int]
    pins: dict[str, Pin]
    not_before: str

    dna: Cards
    personas: Cards
    topics: Cards
    articles: Cards
    packages: Cards
    problems: dict[str, list[str]]
    rework: list[Rework]
    package: str


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


class Work(TypedDict):
    """What a fan-out node gets: the month it works for and the one item."""

    month: Month
    item: str
    revision: int
    reason: str


Update = dict[str, Any]
