"""Who asks next: the one place where everything that was worked on comes together."""

from __future__ import annotations

from typing import Any

from langgraph.graph import END

from domain.month import OPEN, Cards, Month, cards_of
from domain.stages import HANDOVER, NEXT_REVIEW, PACKAGES, POSTS, REVIEWED, TOPICS, WORKING

MEETS = (TOPICS, POSTS, PACKAGES)
"""The stages whose items are worked on side by side; their reviews are asked in this order."""


TAKEN_UP = (*(stage.node for stage in WORKING), *(stage.review_node for stage in REVIEWED), NEXT_REVIEW, END)
"""Where a month can stand whose thread lost what it was about to do."""


def begin(state: Month) -> str:
    """A thread carries one month: an input where there is one already begins no other."""
    return "take_up" if state.get("run_id") else "intake"


async def meet(_: Month) -> dict[str, Any]:
    """Where all makers of topics, posts and media lead.

    They run in one superstep, so this runs once after all of them, and what follows sees all their results; a
    conditional edge beside them would not, and two reviews could ask at once.
    """
    return {}


def route(state: Month) -> str:
    """Go to the earliest review that still has something to ask, or hand over.

    An edge and no command, so that it is followed where somebody edits the state of a thread that waits.
    """
    asks = (stage.review_node for stage in MEETS if _waits(cards_of(state, stage)))
    return next(asks, HANDOVER.node)


def _waits(cards: Cards) -> bool:
    return any(card["status"] in OPEN for card in cards.values())
