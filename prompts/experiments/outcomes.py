"""What became of what an experiment's arms asked for: from decisions, editions, the journal and the ledger.

A person's decisions count; what a policy approved tells nothing about the prompt.
"""

from __future__ import annotations

import difflib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from domain.ids import whole_of
from domain.stages import Kind, of_kind
from domain.steps import Asking, asking_of
from store.database import Connection
from store.prompts import outcomes
from store.prompts.experiments import Experiment
from store.prompts.outcomes import Decision, MadeItem, StepWork

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


@dataclass(frozen=True, slots=True)
class _Judged:
    """A decision beside what it was about."""

    made: MadeItem
    edited: Any
    decision: str


async def decided(connection: Connection, experiment: Experiment) -> dict[str, tuple[int, int]]:
    """Return by arm how often people approved at once, and how often they did not."""
    counts: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for one in await decisions(connection, experiment, distances=False):
        counts[one.arm][one.result != "at_once"] += 1
    return {arm: (found[0], found[1]) for arm, found in counts.items()}


async def decisions(
    connection: Connection, experiment: Experiment, *, distances: bool = True
) -> list[Decided]:
    """Return what was decided about every item that an arm asked for, and the items that were never made."""
    found: list[Decided] = []
    for kind in Kind:
        point = of_kind(kind).point
        made = await outcomes.items(connection, experiment, kind) if point else []
        if point and made:
            runs = sorted({item.run_id for item in made})
            said = await outcomes.decisions(connection, experiment.organization_id, runs, point)
            found += _of_kind(made, said, distances=distances)
    failed = await outcomes.failed(connection, experiment)
    return found + [Decided(one.arm, one.company_id, "failed", None) for one in failed]


async def work(connection: Connection, experiment: Experiment) -> list[Worked]:
    """Return what the calls for every item took."""
    by_item: defaultdict[tuple[str, str, str, str], list[StepWork]] = defaultdict(list)
    for one in await outcomes.work(connection, experiment):
        by_item[one.run_id, one.item, one.arm, one.company_id].append(one)
    return [_worked(steps) for steps in by_item.values()]


def _worked(steps: Sequence[StepWork]) -> Worked:
    asked: Counter[Asking] = Counter()
    for one in steps:
        asked[asking_of(one.step)] += one.calls
    return Worked(
        arm=steps[0].arm,
        company_id=steps[0].company_id,
        schema=asked[Asking.SCHEMA],
        rules=asked[Asking.RULES],
        tokens=sum(one.tokens for one in steps),
        cost_micro=sum(one.cost for one in steps),
        seconds=sum(one.seconds for one in steps),
    )


def _of_kind(made: Sequence[MadeItem], said: Sequence[Decision], *, distances: bool) -> list[Decided]:
    """Judge every item by its decisions; a package is decided as a whole, and with it each of its parts."""
    by_revision: defaultdict[tuple[str, str, int], list[Decision]] = defaultdict(list)
    for decision in said:
        by_revision[decision.run_id, decision.item, decision.revision].append(decision)
    edited = {(one.run_id, one.item, one.revision): one.content for one in made if one.edition}
    by_item: defaultdict[tuple[str, str], list[_Judged]] = defaultdict(list)
    for one in made:
        if one.edition:
            continue
        for decision in by_revision[one.run_id, whole_of(one.item), one.revision]:
            text = edited.get((one.run_id, one.item, one.revision))
            by_item[one.run_id, one.item].append(_Judged(one, text, decision.decision))
    found = (_decided(each, distances=distances) for each in by_item.values())
    return [one for one in found if one is not None]


def _decided(judged: Sequence[_Judged], *, distances: bool) -> Decided | None:
    """Judge an item by its last decision; one that was sent back and is not decided again does not count yet."""
    last = judged[-1]
    arm, company_id = last.made.arm, last.made.company_id
    if last.decision == "reject":
        return None
    if last.decision == "drop":
        return Decided(arm, company_id, "dropped", None)
    rejected = any(one.decision == "reject" for one in judged)
    edited = last.edited is not None
    result: Result = "after_rejection" if rejected else "after_edits" if edited else "at_once"
    distance = changed_share(last.made.content, last.edited) if edited and distances else 0.0
    return Decided(arm, company_id, result, distance)


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
