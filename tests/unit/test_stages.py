"""One row a stage: the graph, the state, the store and the quote hold to it."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

import pytest

from domain.calls import JobKind
from domain.month import Month
from domain.review import POINTS, Point
from domain.stages import NEXT_REVIEW, REVIEWED, STAGES, WORKING, Kind, at_point, booked_as, named, of_kind
from domain.tables import load
from graph.content import build
from nodes.review import ReviewDna, ReviewPackages, ReviewPersonas, ReviewPosts, ReviewTopics
from store.schema.content import TABLES


def graph() -> Any:
    return build(None, sandbox=True)  # type: ignore[arg-type]  # only its shape is looked at


def test_every_node_of_the_graph_is_the_work_or_the_review_of_a_stage() -> None:
    named_here = {stage.node for stage in WORKING} | {stage.review_node for stage in REVIEWED}
    assert set(graph().nodes) == named_here | {"intake", "take_up", NEXT_REVIEW}


def test_every_review_point_is_the_point_of_one_reviewed_stage_in_the_order_of_the_month() -> None:
    assert POINTS == get_args(Point) == tuple(stage.point for stage in REVIEWED)


def test_every_review_node_asks_for_the_stage_whose_name_it_bears() -> None:
    reviews = (ReviewDna, ReviewPersonas, ReviewTopics, ReviewPosts, ReviewPackages)
    assert tuple(review.stage for review in reviews) == REVIEWED
    for review in reviews:
        assert type(graph().nodes[review.stage.review_node].runnable.afunc.node) is review


def test_every_key_of_cards_is_a_key_of_the_state_that_merges_card_by_card() -> None:
    hints = get_type_hints(Month, include_extras=True)
    for key in {stage.key for stage in STAGES if stage.key}:
        assert hints[key].__metadata__[-1].__name__ == "merge_cards", key


def test_every_kind_of_item_has_a_table_and_a_stage_that_makes_it() -> None:
    assert set(TABLES) == {kind.value for kind in Kind}
    assert [of_kind(kind).name for kind in Kind] == [
        *("research", "personas", "topics", "posts", "social", "images"),
    ]
    assert of_kind("asset", "video").name == "video"


def test_every_kind_of_job_is_bought_by_a_stage() -> None:
    assert {stage.job for stage in STAGES if stage.job} == set(JobKind)


def test_paid_calls_keep_the_names_under_which_earlier_ones_are_booked() -> None:
    booked = {stage.name: stage.booked_as for stage in STAGES if stage.booked_as}
    assert booked == {
        "research": "research",
        "personas": "personas",
        "topics": "topics",
        "posts": "write_post",
        "social": "social",
        "visuals": "visual",
        "images": "images",
        "video": "video",
    }


def test_a_paid_call_finds_its_stage_and_a_call_of_no_stage_finds_none() -> None:
    assert booked_as("write_post") is named("posts")
    assert booked_as("") is None
    assert booked_as("somewhere") is None


def test_every_step_of_a_quote_is_a_stage_that_buys() -> None:
    stages = {task["stage"] for task in load("app", "quote")["tasks"].values()}
    assert stages == {stage.name for stage in STAGES if stage.booked_as}


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_a_stage_that_is_decided_elsewhere_is_decided_at_a_point_that_is_asked(stage: Any) -> None:
    if stage.point:
        assert at_point(stage.point).key == (stage.key or "packages")


def test_no_item_of_a_month_is_decided_under_an_id_that_another_one_has() -> None:
    items = {stage.name: ["t01", "t02"] for stage in REVIEWED} | {
        "research": ["dna"],
        "personas": ["p1", "p2"],
    }
    asked = {stage.asked_as(item): (stage.name, item) for stage in REVIEWED for item in items[stage.name]}
    assert len(asked) == sum(map(len, items.values()))
    assert {"dna", "p1", "t01", "t01.post", "t01.package"} <= set(asked)
    assert all(named(name).item_of(id_) == item for id_, (name, item) in asked.items())
