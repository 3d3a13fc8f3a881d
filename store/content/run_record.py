"""A run as it is kept, and the list of them; loads little, so that ``posthub runs`` answers soon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from store.reading import Reader, seen_by
from store.statements import by_position


class RunStatus(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    WAITING = "waiting"
    """For a person."""
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


STOPPED = "stopped"
"""How a run stands that is kept as running though no process works on it."""


@dataclass(frozen=True)
class RunRecord:
    """A run. ``id`` is the LangGraph thread's; ``request`` is what was asked for, as plain JSON.

    ``error`` is a failure as ``PostHubError.as_json`` gives it. ``worked_on``: some process has it in its hands now.
    ``parent_run_id``: the run that this one's thread is a copy of; ``origin_run_id``: the first run of that family.
    The two moments are the database's.
    """

    id: str
    organization_id: str
    company_id: str
    month: str
    tier: str
    request: dict[str, Any]
    graph_version: str
    status: str = RunStatus.RUNNING
    waiting_at: str | None = None
    error: dict[str, Any] | None = None
    out: str | None = None
    sandbox: bool = False
    worked_on: bool = False
    parent_run_id: str | None = None
    origin_run_id: str | None = None
    created_at: datetime = field(default=datetime.min.replace(tzinfo=UTC))
    updated_at: datetime = field(default=datetime.min.replace(tzinfo=UTC))

    @property
    def standing(self) -> str:
        """The status as people see it: a run that no process works on any more does not run, it was stopped."""
        return STOPPED if self.status == RunStatus.RUNNING and not self.worked_on else self.status


WORKED_ON = """(
  exists (select 1 from pg_locks l
           where l.locktype = 'advisory' and l.granted
             and l.database = (select d.oid from pg_database d where d.datname = current_database())
             and (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended('posthub:run:' || runs.id, 0))
  or exists (select 1 from jobs j join workers w on w.id = j.owner
              where j.organization_id = runs.organization_id and j.run_id = runs.id
                and j.status = 'processing' and w.lease_until > now())
  or runs.updated_at > now() - interval '45 seconds')"""
"""Whether some process has a row of ``runs`` in its hands."""

NEWEST = f"""
select runs.*, {WORKED_ON} as worked_on from runs
 where organization_id = :organization_id
 order by created_at desc, id limit :limit"""


def record(row: Mapping[str, Any]) -> RunRecord:
    """Return a row of ``runs`` with ``worked_on`` as a record."""
    moments = {name: row[name].astimezone(UTC) for name in ("created_at", "updated_at")}
    return RunRecord(**{**row, **moments})


def newest(reader: Reader, organization_id: str, limit: int) -> list[RunRecord]:
    """Return an organization's runs, the newest first. Blocks."""
    query = by_position(NEWEST, "organization_id", "limit")
    with seen_by(reader, organization_id):
        return [record(row) for row in reader.execute(query, [organization_id, limit])]
