"""What the graph draws is where the reviews really send: each holds the other."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

from domain.month import Month, new_card
from domain.review import Decision
from domain.stages import HANDOVER, NEXT_REVIEW
from graph.content import build
from graph.routing import MEETS
from nodes.review import ReviewDna, ReviewPackages, ReviewPersonas, ReviewPosts, ReviewTopics
from nodes.review.point import Review, Ruling

STATE: Any = {
    "topics": {"t01": {**new_card("Káva"), "status": "approved"}},
    "blog_posts": {"t01": new_card("Káva")},
    "packages": {"t01": new_card("Káva")},
    "platforms": ["linkedin"],
    "images": True,
    "video": True,
    "videos": 1,
}
REVIEWS = (ReviewDna, ReviewPersonas, ReviewTopics, ReviewPosts, ReviewPackages)


def graph() -> Any:
    return build(None, sandbox=True)  # type: ignore[arg-type]  # only its shape is looked at


async def in_a_run(work: Any) -> None:
    """Do something where there is a stream to write to."""
    small: Any = StateGraph(Month)
    small.add_node("work", lambda state: work() or {})
    small.add_edge(START, "work").add_edge("work", END)
    await small.compile().ainvoke(STATE)


@pytest.mark.parametrize("review", REVIEWS, ids=lambda review: review.__name__)
async def test_a_review_sends_to_the_nodes_that_the_graph_draws_from_it_and_to_no_other(
    review: type[Review],
) -> None:
    asks: Any = review(None)  # type: ignore[arg-type]  # nothing is read
    ruling = Ruling({"t01": {**new_card("Káva"), "revision": 1}}, [Decision("t01", "reject")], ["t01"])
    goals: set[str] = {asks.stage.review_node, asks.onward(STATE)}

    def decide() -> None:
        sent = [*asks.again(STATE, ruling), *asks.produce(STATE, ruling, {})]
        goals.update(each.node if isinstance(each, Send) else each for each in sent)

    await in_a_run(decide)
    assert goals == set(graph().nodes[asks.stage.review_node].ends)


def test_the_meeting_point_leads_to_the_reviews_that_meet_there_and_to_the_end() -> None:
    drawn = set(graph().branches[NEXT_REVIEW]["route"].ends)
    assert drawn == {stage.review_node for stage in MEETS} | {HANDOVER.node}
