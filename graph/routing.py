"""Who asks next: the one place where everything that was worked on comes together."""

from __future__ import annotations

from typing import Any

from langgraph.types import Command

from domain.month import OPEN, Cards, Month, cards_of
from domain.stages import HANDOVER, PACKAGES, POSTS, TOPICS

MEETS = (TOPICS, POSTS, PACKAGES)
"""The stages whose items are worked on side by side; their reviews are asked in this order."""


def route(state: Month) -> Command[Any]:
    """Go to the earliest review that still has something to ask, or hand over.

    All makers of topics, posts and media lead here. They run in one superstep, so this runs once after all of
    them and sees all their results; a conditional edge beside them would not, and two reviews could ask at once.
    """
    asks = (stage.review_node for stage in MEETS if _waits(cards_of(state, stage)))
    return Command(goto=next(asks, HANDOVER.node))


def _waits(cards: Cards) -> bool:
    return any(card["status"] in OPEN for card in cards.values())
