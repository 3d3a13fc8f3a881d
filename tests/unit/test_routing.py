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
    assert route(state) == goal


def test_parallel_nodes_write_different_fields_of_one_card() -> None:
    left: Any = {"t01": {"status": "waiting", "parts": {"t01.x": {"status": "done"}}}}
    right: Any = {"t01": {"parts": {"t01.video": {"status": "failed"}}}}
    both = {"t01.x": {"status": "done"}, "t01.video": {"status": "failed"}}
    assert merge_cards(left, right) == {"t01": {"status": "waiting", "parts": both}}
    assert left == {"t01": {"status": "waiting", "parts": {"t01.x": {"status": "done"}}}}


def test_a_part_that_fails_keeps_the_version_that_it_had() -> None:
    version = {"revision": 0, "edition": 0, "hash": "a"}
    left: Any = {"t01": {"parts": {"t01.x": {"status": "done", "version": version}}}}
    right: Any = {"t01": {"parts": {"t01.x": {"status": "failed"}}}}
    assert merge_cards(left, right)["t01"]["parts"] == {"t01.x": {"status": "failed", "version": version}}
