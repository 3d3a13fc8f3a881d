"""What an experiment has shown so far, in figures with their intervals and in plain words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from prompts.experiments.outcomes import RESULTS, Decided, Result, Worked, decisions, work
from prompts.experiments.statistics import Estimate, difference, mean, wilson
from store.database import Database
from store.prompts.experiments import Arm, Experiment

_FEWEST_COMPANIES = 2


@dataclass(frozen=True)
class ArmReport:
    """One arm. Shares are of what was decided; means are per item, cost in micro-USD, time in seconds."""

    arm: Arm
    companies: int
    decided: int
    results: dict[Result, int]
    shares: dict[Result, Estimate | None]
    means: dict[str, Estimate | None]

    @property
    def at_once(self) -> tuple[int, int]:
        return self.results["at_once"], self.decided


@dataclass(frozen=True)
class ExperimentReport:
    """``winner`` is the name of the arm that is better for sure, or None; ``verdict`` says it in words."""

    experiment: Experiment
    arms: tuple[ArmReport, ...]
    winner: str | None
    verdict: str


async def report(database: Database, experiment: Experiment) -> ExperimentReport:
    """Compute everything anew from decisions, editions, the journal and the ledger."""
    async with database.transaction(experiment.organization_id) as connection:
        decided = await decisions(connection, experiment)
        worked = await work(connection, experiment)
    return judge(experiment, decided, worked)


def judge(experiment: Experiment, decided: Sequence[Decided], worked: Sequence[Worked]) -> ExperimentReport:
    """Turn what became of each item into a report."""
    arms = tuple(_arm(arm, decided, worked) for arm in experiment.arms)
    winner, words = _verdict(experiment, arms)
    return ExperimentReport(experiment, arms, winner, words)


def _arm(arm: Arm, decided: Sequence[Decided], worked: Sequence[Worked]) -> ArmReport:
    mine = [one for one in decided if one.arm == arm.name]
    done = [one for one in worked if one.arm == arm.name]
    counts = Counter(one.result for one in mine)
    return ArmReport(
        arm=arm,
        companies=len({one.company_id for one in mine} | {one.company_id for one in done}),
        decided=len(mine),
        results={result: counts[result] for result in RESULTS},
        shares={result: wilson(counts[result], len(mine)) for result in RESULTS},
        means={
            "edit_distance": mean([one.distance for one in mine if one.distance is not None]),
            "retries_schema": mean([one.schema for one in done]),
            "retries_rules": mean([one.rules for one in done]),
            "tokens": mean([one.tokens for one in done]),
            "cost_micro": mean([one.cost_micro for one in done]),
            "seconds": mean([one.seconds for one in done]),
        },
    )


def _verdict(experiment: Experiment, arms: Sequence[ArmReport]) -> tuple[str | None, str]:
    missing = sum(max(0, experiment.minimum - one.decided) for one in arms)
    if missing:
        return None, f"{_over(experiment)}Not enough yet: {_more(missing)}."
    rest = sorted(arms, key=lambda one: _share(one), reverse=True)
    best, second = rest[0], rest[1]
    gap = difference(second.at_once, best.at_once)
    assert gap is not None, "both have the minimum of decisions"
    words = (
        f"{_named(best)} was approved at once in {_percent(_share(best))} of {best.decided}, "
        f"{_named(second)} in {_percent(_share(second))} of {second.decided}"
    )
    spread = (
        f"the difference is {_points(gap.value)}, 95 % between {_points(gap.low)} and {_points(gap.high)}"
    )
    if gap.low > 0:
        return (
            best.arm.name,
            f"{_named(best)} is better. {words}: {spread}.{_caution(arms)}{_cost(best, second)}",
        )
    return None, f"No difference is certain. {words}: {spread}.{_caution(arms)}{_cost(best, second)}"


def _over(experiment: Experiment) -> str:
    ended = experiment.ends_at is not None and experiment.ends_at <= datetime.now(UTC)
    return "The time is over. " if ended and experiment.status == "running" else ""


def _more(missing: int) -> str:
    return "1 more decision" if missing == 1 else f"{missing} more decisions"


def _share(one: ArmReport) -> float:
    return one.results["at_once"] / one.decided


def _named(one: ArmReport) -> str:
    return f"{one.arm.name} (version {one.arm.version})"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _points(share: float) -> str:
    return f"{100 * share:.0f} points"


def _caution(arms: Sequence[ArmReport]) -> str:
    """A company's editors have a taste of their own: with one company an arm, it may be that which is measured."""
    few = [one.arm.name for one in arms if one.companies < _FEWEST_COMPANIES]
    if not few:
        return ""
    return f" Take it with care: only one company used {' and '.join(few)}, and it may be the company that differs."


def _cost(best: ArmReport, second: ArmReport) -> str:
    ours, theirs = best.means["cost_micro"], second.means["cost_micro"]
    if ours is None or theirs is None or not theirs.value:
        return ""
    if ours.low > theirs.high or ours.high < theirs.low:
        how = "dearer" if ours.value > theirs.value else "cheaper"
        return f" It is {how}: {_percent(abs(ours.value / theirs.value - 1))} an item."
    return ""
