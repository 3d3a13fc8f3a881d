"""Who asks next."""

from __future__ import annotations

from typing import Any

import pytest

from domain.month import merge_cards
from graph.routing import route


@pytest.mark.parametrize(
    ("state", "goal"),
    [
        (
            {"topics": {"t01": {"status": "waiting"}}, "blog_posts": {"t02": {"status": "waiting"}}},
            "review_topics",
        ),
        (
            {"topics": {"t01": {"status": "approved"}}, "blog_posts": {"t01": {"status": "failed"}}},
            "review_posts",
        ),
        (
            {"blog_posts": {"t01": {"status": "approved"}}, "packages": {"t01": {"status": "working"}}},
            "review_packages",
        ),
        ({"blog_posts": {"t01": {"status": "dropped"}}, "packages": {}}, "handover"),
    ],
)
def test_the_earliest_review_with_something_to_ask_comes_next(state: Any, goal: str) -> None:
    assert route(state).goto == goal


def test_parallel_nodes_write_different_fields_of_one_card() -> None:
    left: Any = {"t01": {"status": "waiting", "social.x": "done"}}
    right: Any = {"t01": {"video": "failed"}}
    assert merge_cards(left, right) == {"t01": {"status": "waiting", "social.x": "done", "video": "failed"}}
    assert left == {"t01": {"status": "waiting", "social.x": "done"}}
