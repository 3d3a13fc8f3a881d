"""What a review point asks: the request that tools read, and whether an answer is certainly one to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from langchain_core.runnables import RunnableConfig

from domain.ids import stable_id

ANSWERS = "posthub_question"
"""Key of a run's configuration: the id of the question that its answer was given to."""

_REQUEST_STARTED = "__request_start_time_ms__"
"""When the LangGraph server got the request; clients cannot set it, and it stays when a run is repeated."""


@dataclass(frozen=True)
class Shown:
    """One item as a person sees it: fields that can be edited, and the whole as Markdown."""

    fields: Mapping[str, Any]
    text: str
    content_hash: str
    edition: int


@dataclass(frozen=True)
class Asked:
    """One item of a question: its id, its token, what is shown, and what may be decided."""

    item: str
    token: str
    shown: Shown
    allowed: Sequence[str]


@dataclass(frozen=True)
class Question:
    """Everything that waits at a review point; the same items in the same versions are the same question."""

    run_id: str
    point: str
    items: Sequence[Asked]

    @property
    def id(self) -> str:
        return stable_id("question", self.run_id, self.point, *self.tokens.values())

    @property
    def tokens(self) -> dict[str, str]:
        """The token of each item."""
        return {each.item: each.token for each in self.items}

    def request(self, node: str, problems: Sequence[str], asked_at: datetime) -> dict[str, Any]:
        """Build LangChain's HITL request, with the question's id, its moment and its tokens beside it.

        Args:
            node: The review node, which is the actions' name.
            problems: What could not be taken of the last answer.
            asked_at: When this was asked for the first time.
        """
        actions, configs = [], []
        for each in self.items:
            fields = {"id": each.item, "token": each.token, **each.shown.fields}
            actions.append(
                {"name": node, "args": fields, "arguments": fields, "description": each.shown.text}
            )
            configs.append({"action_name": node, "allowed_decisions": list(each.allowed)})
        return {
            "point": self.point,
            "run_id": self.run_id,
            "question": self.id,
            "asked_at": asked_at.isoformat(),
            "items": list(self.tokens),
            "tokens": self.tokens,
            "problems": list(problems),
            "action_requests": actions,
            "review_configs": configs,
        }

    def doubt(self, config: RunnableConfig, asked_at: datetime) -> str:
        """Say why an answer without tokens may be meant for another question; empty where it is certain.

        Args:
            config: The run's that brought the answer.
            asked_at: When this was asked for the first time.
        """
        known = config.get("configurable", {})
        if known.get(ANSWERS) == self.id:
            return ""
        started = _moment(known.get(_REQUEST_STARTED))
        if started and started > asked_at:
            return ""
        why = f"it was sent before this was asked ({asked_at:%Y-%m-%d %H:%M:%S} UTC)" if started else ""
        why = why or "it does not say what it is about"
        return (
            f"The answer decided nothing: {why}. Look at what waits and decide again; "
            'a decision that names the "token" of its item is always understood.'
        )


def now() -> datetime:
    """The clock of the process that asks: where it answers requests too, both moments are of one clock."""
    return datetime.now(UTC)


def _moment(milliseconds: Any) -> datetime | None:
    if not isinstance(milliseconds, int):
        return None
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
