"""What waits for a person in a run, and whether their decisions fit it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.content.shown import clean
from domain.errors import InvalidInput
from domain.review import Decision, Waiting, parse_answer

_LOOK = "Look at what waits and decide again."
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
    decided: tuple[str, ...] = ()
    """What was decided and is not carried out yet, in words."""

    @property
    def items(self) -> list[WaitingItem]:
        return waiting_items(self.request)

    @property
    def ids(self) -> list[str]:
        return list(self.request["items"])

    @property
    def tokens(self) -> Mapping[str, str]:
        """The token of each item; empty where an earlier release asked."""
        tokens = self.request.get("tokens", {})
        return {item: tokens.get(item, "") for item in self.ids}

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
            "decided": list(self.decided),
            "items": [each.as_json() for each in self.items],
        }


def waiting_items(request: Mapping[str, Any]) -> list[WaitingItem]:
    """Read LangChain's HITL request as `nodes.review.question` builds it."""
    allowed, tokens = _allowed(request), request.get("tokens", {})
    return [
        WaitingItem(
            item, tokens.get(item, ""), _fields(action["args"]), clean(action["description"]), allowed[item]
        )
        for item, action in zip(request["items"], request["action_requests"], strict=True)
    ]


def understood(
    waiting: WaitingReview,
    given: Any,
    *,
    known: Mapping[str, str] | None = None,
    question: str = "",
    written_at: datetime | None = None,
    whole: bool = False,
) -> tuple[list[Decision], list[str]]:
    """Return the decisions that are possible, and what is wrong with the rest.

    Arguments and errors as `app.deciding.decide`; ``known`` says of each item, by id, who decided what of it before.
    """
    doubt = _doubt(waiting, question, written_at)
    answer = parse_answer(given, Waiting(waiting.tokens, doubt, past=known or {}))
    allowed = _allowed(waiting.request)
    possible = [each for each in answer.decisions if each.type in (*allowed[each.item], "later")]
    problems = [*answer.problems, *(_impossible(e, allowed) for e in answer.decisions if e not in possible)]
    if whole and problems:
        raise InvalidInput(
            f"The decisions were not taken, nothing changed: {' '.join(problems)}",
            next_step=f"See what waits with: posthub review {waiting.thread_id} --json",
        )
    if not possible and not problems:
        raise InvalidInput("There are no decisions in it.", next_step=_EXAMPLE)
    return possible, problems


def _impossible(decision: Decision, allowed: Mapping[str, tuple[str, ...]]) -> str:
    choices = ", ".join(allowed[decision.item])
    return f"{decision.item}: {decision.type} is not possible; use {choices}."


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


def _doubt(waiting: WaitingReview, question: str, written_at: datetime | None) -> str:
    if question and question != waiting.question:
        return f"The answer decided nothing: it was given to what waited before. {_LOOK}"
    asked_at = waiting.request.get("asked_at")
    if written_at is None or asked_at is None or written_at > datetime.fromisoformat(asked_at):
        return ""
    return 'It was written before this was asked, so it must name the "token" of each item that it decides.'


def _fields(args: Mapping[str, Any]) -> Mapping[str, Any]:
    return {key: value for key, value in args.items() if key != "token"}
