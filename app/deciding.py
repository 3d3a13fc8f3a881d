"""Decisions on what waits become rows; whoever lets the run go on carries them out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.decisions import WaitingReview, understood
from domain.stages import at_point
from nodes.review.recording import past, record, said
from store.content.decisions import Decided, Decisions
from store.content.items import Owner


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an answer: how many decisions are recorded, and why the rest was not taken, in words."""

    recorded: int
    problems: tuple[str, ...]


async def decide(
    decisions: Decisions,
    owner: Owner,
    waiting: WaitingReview,
    given: Any,
    *,
    by: str,
    question: str = "",
    written_at: datetime | None = None,
    whole: bool = False,
) -> Taken:
    """Record decisions on what waits; nothing is done for them until the run goes on.

    Args:
        decisions: Where they are kept.
        owner: Whose run waits.
        waiting: What waits.
        given: The decisions, in any shape of `domain.review`.
        by: Who decides.
        question: Id of the question that they were given to; empty for what waits.
        written_at: When they were written down; None for decisions that are made now.
        whole: Take all of them or none.

    Raises:
        InvalidInput: As a whole they do not fit what waits, or there are none. Nothing is recorded.
    """
    stage = at_point(waiting.point)
    known = past(await decisions.all(owner))
    possible, problems = understood(
        waiting, given, known=known, question=question, written_at=written_at, whole=whole
    )
    late = await record(decisions, owner, stage, possible, by=by)
    made = sum(each.type != "later" for each in possible)
    return Taken(made - len(late), (*problems, *late))


def in_words(recorded: Iterable[Decided]) -> tuple[str, ...]:
    """Say who decided what, of decisions that are not carried out yet."""
    return tuple(said(at_point(each.point), each) for each in recorded)
