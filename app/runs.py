"""The runs of an organization, the newest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from store.content.run_record import RunRecord
from store.content.run_record import newest as read_newest
from store.reading import Reader


@dataclass(frozen=True, slots=True)
class RunList:
    """Runs, the newest first."""

    runs: tuple[RunRecord, ...]

    def as_json(self) -> dict[str, Any]:
        return {"runs": [_run(run) for run in self.runs]}


def newest(reader: Reader, organization: str, *, limit: int = 50) -> RunList:
    """List an organization's newest runs. Blocks."""
    return RunList(tuple(read_newest(reader, organization, limit)))


def _run(run: RunRecord) -> dict[str, Any]:
    return {
        "thread_id": run.id,
        "status": run.standing,
        "waiting_at": run.waiting_at,
        "company": run.request["company"],
        "month": run.month,
        "copied_from": run.parent_run_id,
        "tier": run.tier,
        "sandbox": run.sandbox,
        "out": run.out,
        "error": run.error,
        "created_at": run.created_at.isoformat(),
        "updated_at": run.updated_at.isoformat(),
    }
