"""What waits for a person in a run, and whether their decisions fit it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.content.shown import clean
from domain.errors import InvalidInput
from domain.review import parse_answer

_EXAMPLE = 'Write {"decisions": [{"id": "t01", "type": "approve"}]}; types: approve, edit, reject, drop.'


@dataclass(frozen=True, slots=True)
class WaitingItem:
    """One item that waits: its token, its fields, its text as Markdown, and what may be decided."""

    item: str
    token: str
    fields: Mapping[str, Any]
    text: str
    allowed: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.item,
            "token": self.token,
            "allowed": list(self.allowed),
            "fields": dict(self.fields),
            "text": self.text,
        }


@dataclass(frozen=True, slots=True)
class WaitingReview:
    """What a run asks a person: the review point and LangChain's HITL request, see `nodes.review.question`."""

    thread_id: str
    point: str
    request: Mapping[str, Any]

    @property
    def items(self) -> list[WaitingItem]:
        return waiting_items(self.request)

    @property
    def ids(self) -> list[str]:
        return list(self.request["items"])

    @property
    def question(self) -> str:
        """The id of exactly this question; empty where an earlier release asked it."""
        return str(self.request.get("question", ""))

    @property
    def problems(self) -> list[str]:
        """Why decisions that came before were not taken."""
        return list(self.request.get("problems", []))

    def as_json(self) -> dict[str, Any]:
        """For each item its id and token, what may be decided, its fields and its text."""
        return {
            "thread_id": self.thread_id,
            "status": "waiting",
            "point": self.point,
            "problems": self.problems,
            "items": [each.as_json() for each in self.items],
        }

    def check(self, given: Any, *, written_at: datetime | None = None) -> None:
        """Refuse decisions that do not fit. Arguments and errors as `check_decisions`."""
        check_decisions(given, self.request, self.thread_id, written_at=written_at)


def waiting_items(request: Mapping[str, Any]) -> list[WaitingItem]:
    """Read LangChain's HITL request as `nodes.review.question` builds it."""
    allowed, tokens = _allowed(request), request.get("tokens", {})
    return [
        WaitingItem(
            item, tokens.get(item, ""), _fields(action["args"]), clean(action["description"]), allowed[item]
        )
        for item, action in zip(request["items"], request["action_requests"], strict=True)
    ]


def check_decisions(
    given: Any, request: Mapping[str, Any], thread_id: str, *, written_at: datetime | None = None
) -> None:
    """Refuse decisions that do not fit what waits, so that either all of them count or none.

    Args:
        given: The decisions, in any shape of `domain.review`.
        request: What waits.
        thread_id: The run's, for the way on.
        written_at: When the decisions were written down; None for decisions that are made now.

    Raises:
        InvalidInput: A decision is not understood, or is about something that does not wait.
    """
    doubt = _doubt(request, written_at)
    answer = parse_answer(given, list(request["items"]), request.get("tokens", {}), doubt=doubt)
    problems = list(answer.problems)
    allowed = _allowed(request)
    for decision in answer.decisions:
        if decision.type != "later" and decision.type not in allowed[decision.item]:
            choices = ", ".join(allowed[decision.item])
            problems.append(f"{decision.item}: {decision.type} is not possible; use {choices}.")
    if problems:
        raise InvalidInput(
            f"The decisions were not taken, nothing changed: {' '.join(problems)}",
            next_step=f"See what waits with: posthub review {thread_id} --json",
        )
    if not answer.decisions:
        raise InvalidInput("There are no decisions in it.", next_step=_EXAMPLE)


def nothing_waits(thread_id: str, status: str) -> InvalidInput:
    """Build the refusal of an answer to a run that asks nothing."""
    step = f"Let it go on with: posthub resume {thread_id}"
    return InvalidInput(
        f"The run {thread_id} does not wait for a review; its status is {status}.",
        next_step=step if status != "done" else f"See: posthub show {thread_id}",
    )


def _allowed(request: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    configs = request["review_configs"]
    return {
        item: tuple(config["allowed_decisions"])
        for item, config in zip(request["items"], configs, strict=True)
    }


def _doubt(request: Mapping[str, Any], written_at: datetime | None) -> str:
    asked_at = request.get("asked_at")
    if written_at is None or asked_at is None or written_at > datetime.fromisoformat(asked_at):
        return ""
    return 'It was written before this was asked, so it must name the "token" of each item that it decides.'


def _fields(args: Mapping[str, Any]) -> Mapping[str, Any]:
    return {key: value for key, value in args.items() if key != "token"}
