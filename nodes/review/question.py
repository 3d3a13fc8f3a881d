"""What a review point asks: the request that tools read, and whether an answer is certainly one to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from langchain_core.runnables import RunnableConfig

from domain.ids import stable_id
from nodes.acting import person

_REQUEST_STARTED = "__request_start_time_ms__"
"""When the LangGraph server got the request; clients cannot set it, and it stays when a run is repeated."""

ON_A_BRANCH = "posthub_on_a_branch"
"""Whether a run goes on from a checkpoint that its client named, which the thread may have moved past."""

_CHECKPOINTS = "checkpoint_map"
"""Where LangGraph tells a node the checkpoint that it runs at; the graph that holds it is no other one's part."""


@dataclass(frozen=True)
class Shown:
    """One item as a person sees it: fields that can be edited, and the whole as Markdown."""

    fields: Mapping[str, Any]
    text: str
    content_hash: str
    edition: int


@dataclass(frozen=True)
class Brought:
    """Who brought an answer, and what its engine tells about how.

    Attributes:
        by: Who decides.
        at: Now.
        started: When the request was made; None where that is not told.
        request: The server's run; empty where there is none.
        checkpoint: Of the thread's, at which it is answered.
        on_a_branch: Whether the client named that checkpoint: what was accepted there is another branch's.
    """

    by: str
    at: datetime
    started: datetime | None
    request: str
    checkpoint: str
    on_a_branch: bool


@dataclass(frozen=True)
class Asked:
    """One item of a question: the id under which it is decided, its token, what is shown, what may be decided."""

    id: str
    item: str
    revision: int
    token: str
    shown: Shown
    allowed: Sequence[str]


@dataclass(frozen=True)
class Question:
    """Everything that waits at a review point; the same items in the same versions are the same question."""

    run_id: str
    point: str
    items: Sequence[Asked]
    asked_at: datetime
    """For the first time."""

    @property
    def id(self) -> str:
        return stable_id("question", self.run_id, self.point, *self.tokens.values())

    @property
    def tokens(self) -> dict[str, str]:
        """The token of each item."""
        return {each.id: each.token for each in self.items}

    def request(self, node: str, problems: Sequence[str]) -> dict[str, Any]:
        """Build LangChain's HITL request, with the question's id, its moment and its tokens beside it.

        Args:
            node: The review node; with the item's id it is the action's name.
            problems: What could not be taken of the last answer.
        """
        actions, configs = [], []
        for each in self.items:
            fields = {"id": each.id, "token": each.token, **each.shown.fields}
            name = f"{node}:{each.id}"  # tools look an action's config up by its name
            actions.append(
                {"name": name, "args": fields, "arguments": fields, "description": each.shown.text}
            )
            configs.append({"action_name": name, "allowed_decisions": list(each.allowed)})
        return {
            "point": self.point,
            "run_id": self.run_id,
            "question": self.id,
            "asked_at": self.asked_at.isoformat(),
            "items": list(self.tokens),
            "tokens": self.tokens,
            "problems": list(problems),
            "action_requests": actions,
            "review_configs": configs,
        }

    def doubt(self, brought: Brought) -> str:
        """Say why an answer without tokens may be meant for another question; empty where it is certain."""
        if brought.started and brought.started > self.asked_at:
            return ""
        why = f"it was sent before this was asked ({self.asked_at:%Y-%m-%d %H:%M:%S} UTC)"
        why = why if brought.started else "it does not say what it is about"
        return (
            f"The answer decided nothing: {why}. Look at what waits and decide again; "
            'a decision that names the "token" of its item is always understood.'
        )


def brought(config: RunnableConfig) -> Brought:
    """Read from a run's configuration what its engine tells about the answer that it brings."""
    known = config.get("configurable", {})
    return Brought(
        by=person(config),
        at=now(),
        started=_moment(known.get(_REQUEST_STARTED)),
        request=str(known.get("run_id") or ""),
        checkpoint=str(known.get(_CHECKPOINTS, {}).get("", "")),
        on_a_branch=bool(known.get(ON_A_BRANCH)),
    )


def now() -> datetime:
    """The clock of the process that asks: where it answers requests too, both moments are of one clock."""
    return datetime.now(UTC)


def _moment(milliseconds: Any) -> datetime | None:
    if not isinstance(milliseconds, int):
        return None
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
