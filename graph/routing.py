"""Who asks next: the one place where everything that was worked on comes together."""

from __future__ import annotations

from typing import Literal

from langgraph.types import Command

from domain.month import Cards, Month

Reviews = Literal["review_topics", "review_posts", "review_packages", "handover"]


def route(state: Month) -> Command[Reviews]:
    """Go to the earliest review that still has something to ask, or hand over.

    All makers of topics, posts and media lead here. They run in one superstep, so this runs once after all of
    them and sees all their results; a conditional edge beside them would not, and two reviews could ask at once.
    """
    if _waits(state.get("topics", {})):
        return Command(goto="review_topics")
    if _waits(state.get("articles", {})):
        return Command(goto="review_posts")
    if _waits(state.get("packages", {})):
        return Command(goto="review_packages")
    return Command(goto="handover")


def _waits(cards: Cards) -> bool:
    return any(card["status"] in {"waiting", "failed", "working"} for card in cards.values())
