"""What a run made, what waits in it, what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.money.quotes import ComparedQuote
from domain.stages import at_point
from store.content.decisions import Decided
from store.content.items import NOT_PLANNED, ItemRecord, ItemStatus, Kind


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run at a glance.

    Attributes:
        thread_id: The run.
        status: Done, waiting, running, stopped, cancelled or failed.
        waiting: The review point and the items that wait there.
        counts: How many personas, topics, posts, social posts, images and videos are kept.
        words: Of each post, by its slug.
        decisions: What was decided and carried out, oldest first.
        failed: ``item: reason`` of what could not be made.
        skipped: The same of what was left out.
        cost_usd: Exact amounts by provider, and their total.
        quote: What had been said before.
        out: The folder of the package.
        error: Why it failed, as JSON.
    """

    thread_id: str
    status: str
    waiting: Mapping[str, Any] | None
    company: str
    month: str
    tier: str
    sandbox: bool
    counts: Mapping[str, int]
    words: Mapping[str, int]
    decisions: tuple[Decided, ...]
    failed: tuple[str, ...]
    skipped: tuple[str, ...]
    cost_usd: Mapping[str, str]
    quote: ComparedQuote | None
    out: str | None
    error: Any

    def as_json(self) -> dict[str, Any]:
        plain = {name: getattr(self, name) for name in self.__slots__}
        return plain | {
            "approvals": len(self.decisions),
            "decisions": [_decided(each) for each in self.decisions],
            "failed": list(self.failed),
            "skipped": list(self.skipped),
            "quote": self.quote.as_json() if self.quote else None,
        }


@dataclass(frozen=True, slots=True)
class ExportedRun:
    """A package that was written; ``index`` is the page to open."""

    thread_id: str
    index: Path

    def as_json(self) -> dict[str, Any]:
        return {"thread_id": self.thread_id, "out": str(self.index.parent), "index": str(self.index)}


def _decided(row: Decided) -> dict[str, Any]:
    return {
        "id": at_point(row.point).asked_as(row.item),
        "decision": row.decision,
        "by": row.decided_by,
        "at": row.decided_at.isoformat(),
        "reason": row.reason,
    }


def counts(kinds: Mapping[Kind, list[ItemRecord]]) -> dict[str, int]:
    """Count what is kept of each kind."""

    def kept(kind: Kind) -> list[ItemRecord]:
        return [record for record in kinds[kind] if record.status not in NOT_PLANNED]

    media = [record.content["kind"] for record in kept(Kind.ASSET)]
    return {
        "personas": len(kept(Kind.PERSONA)),
        "topics": len(kept(Kind.TOPIC)),
        "posts": len(kept(Kind.POST)),
        "social": len(kept(Kind.SOCIAL)),
        "images": media.count("image"),
        "videos": media.count("video"),
    }


def words(posts: list[ItemRecord]) -> dict[str, int]:
    """Count the words of each post that is kept, by its slug."""
    return {
        record.content["slug"]: record.content["wordCount"]
        for record in posts
        if record.status != ItemStatus.DROPPED
    }
