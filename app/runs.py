"""The runs of an organization, the newest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from store.content.runs import RunRecord, Runs


@dataclass(frozen=True, slots=True)
class RunList:
    """Runs, the newest first."""

    runs: tuple[RunRecord, ...]

    def as_json(self) -> dict[str, Any]:
        return {"runs": [_run(run) for run in self.runs]}


async def newest(runs: Runs, organization: str, *, limit: int = 50) -> RunList:
    """List an organization's newest runs."""
    return RunList(tuple(await runs.list(organization, limit=limit)))


def _run(run: RunRecord) -> dict[str, Any]:
    return {
        "thread_id": run.id,
        "status": run.standing,
        "waiting_at": run.waiting_at,
        "company": run.request["company"],
        "month": run.month,
        "tier": run.tier,
        "sandbox": run.sandbox,
        "out": run.out,
        "error": run.error,
        "created_at": run.created_at.isoformat(),
        "updated_at": run.updated_at.isoformat(),
    }
