"""What became of what an experiment's arms asked for: from decisions, editions, the journal and the ledger.

A person's decisions count; what a policy approved tells nothing about the prompt.
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.stages import Kind, of_kind
from prompts.standing import Experiment
from store.schema.content import TABLES

Result = Literal["at_once", "after_edits", "after_rejection", "dropped", "failed"]
RESULTS: tuple[Result, ...] = ("at_once", "after_edits", "after_rejection", "dropped", "failed")


@dataclass(frozen=True, slots=True)
class Decided:
    """What a person decided about one item in the end.

    ``distance`` is the share of the words that the person changed, 0 to 1; None where nothing was approved.
    """

    arm: str
    company_id: str
    result: Result
    distance: float | None


@dataclass(frozen=True, slots=True)
class Worked:
    """What the calls for one item took. ``schema`` and ``rules`` count askings-again, by what was not kept."""

    arm: str
    company_id: str
    schema: int
    rules: int
    tokens: int
    cost_micro: int
    seconds: float


_Item = tuple[str, str]
"""Run and item."""


async def decided(connection: AsyncConnection, experiment: Experiment) -> dict[str, tuple[int, int]]:
    """Return by arm how often people approved at once, and how often they did not."""
    counts: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for one in await decisions(connection, experiment, distances=False):
        counts[one.arm][one.result != "at_once"] += 1
    return {arm: (found[0], found[1]) for arm, found in counts.items()}


async def decisions(
    connection: AsyncConnection, experiment: Experiment, *, distances: bool = True
) -> list[Decided]:
    """Return what was decided about every item that an arm asked for, and the items that were never made."""
    values = {"organization_id": experiment.organization_id, "experiment": experiment.id}
    found: list[Decided] = []
    for kind in Kind:
        point = of_kind(kind).point
        rows = (await connection.execute(_items(kind), {**values, "point": point})).all()
        found += _of_kind(rows, distances=distances)
    rows = (await connection.execute(_FAILED, values)).all()
    return found + [Decided(row.arm, row.company_id, "failed", None) for row in rows]


async def work(connection: AsyncConnection, experiment: Experiment) -> list[Worked]:
    """Return what the calls for every item took."""
    values = {"organization_id": experiment.organization_id, "experiment": experiment.id}
    rows = (await connection.execute(_WORK, values)).all()
    return [
        Worked(
            row.arm, row.company_id, row.schema, row.rules, int(row.tokens), int(row.cost), float(row.seconds)
        )
        for row in rows
    ]


def _items(kind: str) -> Any:
    table = TABLES[kind].name
    item = "split_part(i.item, '.', 1)" if kind in {"social", "asset"} else "i.item"
    return text(f"""
        select i.arm, i.company_id, i.run_id, i.item, i.revision, i.content as made, a.decision,
               (select e.content from {table} e
                 where e.organization_id = i.organization_id and e.run_id = i.run_id and e.item = i.item
                   and e.revision = i.revision and e.edition > 0
                 order by e.edition desc limit 1) as edited
          from {table} i
          join approvals a on a.organization_id = i.organization_id and a.run_id = i.run_id
                          and a.point = :point and a.item = {item} and a.revision = i.revision
         where i.organization_id = :organization_id and i.experiment = :experiment and i.edition = 0
           and not a.policy and a.decision in ('approve', 'edit', 'reject', 'drop')
         order by i.run_id, i.item, i.revision, a.decided_at""")


_FAILED = text("""
select distinct j.arm, j.company_id, j.run_id, j.item
  from jobs j
  join outcomes o on o.organization_id = j.organization_id and o.run_id = j.run_id and o.item = j.item
                 and o.kind in ('post', 'social')
 where j.organization_id = :organization_id and j.experiment = :experiment
   and o.status = 'failed'
   and o.revision = (select max(n.revision) from outcomes n
                      where n.organization_id = o.organization_id and n.run_id = o.run_id
                        and n.kind = o.kind and n.item = o.item)""")

_WORK = text("""
select j.arm, j.company_id, j.run_id, j.item,
       count(*) filter (where j.step like '%/again') as schema,
       count(*) filter (where j.step ~ '^(revise|again)-[0-9]+$') as rules,
       coalesce(sum(j.tokens_used), 0) as tokens,
       coalesce(sum(j.generation_time_seconds), 0) as seconds,
       coalesce(sum((select sum(a.cost_micro) from attempts a where a.job_id = j.id)), 0) as cost
  from jobs j
 where j.organization_id = :organization_id and j.experiment = :experiment
 group by j.arm, j.company_id, j.run_id, j.item
 order by j.run_id, j.item""")


def _of_kind(rows: Iterable[Any], *, distances: bool) -> list[Decided]:
    by_item: defaultdict[_Item, list[Any]] = defaultdict(list)
    for row in rows:
        by_item[row.run_id, row.item].append(row)
    found = (_decided(each, distances=distances) for each in by_item.values())
    return [one for one in found if one is not None]


def _decided(rows: list[Any], *, distances: bool) -> Decided | None:
    """Judge an item by its last decision; one that was sent back and is not decided again does not count yet."""
    last = rows[-1]
    if last.decision == "reject":
        return None
    if last.decision == "drop":
        return Decided(last.arm, last.company_id, "dropped", None)
    rejected = any(row.decision == "reject" for row in rows)
    edited = last.edited is not None
    result: Result = "after_rejection" if rejected else "after_edits" if edited else "at_once"
    distance = changed_share(last.made, last.edited) if edited and distances else 0.0
    return Decided(last.arm, last.company_id, result, distance)


def changed_share(made: Any, edited: Any) -> float:
    """Return which share of the words was changed, 0 to 1."""
    before, after = (_words(one) for one in (made, edited))
    if not before and not after:
        return 0.0
    return 1.0 - difflib.SequenceMatcher(None, before, after, autojunk=False).ratio()


def _words(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [word for key in sorted(value) for word in _words(value[key])]
    if isinstance(value, list):
        return [word for one in value for word in _words(one)]
    return str(value).split() if isinstance(value, str) else []
