"""What a month was said to cost, and what it has cost since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from domain.money import usd_text
from domain.stages import booked_as
from domain.tables import load

if TYPE_CHECKING:
    from store.money.usage import KeptQuote, UsageRecords


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """One step at one provider; amounts in micro-USD."""

    step: str
    node: str
    provider: str
    calls: int
    expected_micro: int
    worst_micro: int

    def as_json(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "provider": self.provider,
            "calls": self.calls,
            "expected_usd": usd_text(self.expected_micro),
            "worst_usd": usd_text(self.worst_micro),
        }


@dataclass(frozen=True, slots=True)
class Quote:
    """What a month is expected to cost and can cost at most.

    ``learned``: templates of which history was used. ``left_out``: what was asked for and nobody can make, in words.
    """

    lines: tuple[QuoteLine, ...]
    learned: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def expected_micro(self) -> int:
        return sum(line.expected_micro for line in self.lines)

    @property
    def worst_micro(self) -> int:
        return sum(line.worst_micro for line in self.lines)

    def as_json(self) -> dict[str, Any]:
        return {
            "expected_usd": usd_text(self.expected_micro),
            "worst_usd": usd_text(self.worst_micro),
            "learned_from": list(self.learned),
            "left_out": list(self.left_out),
            "lines": [line.as_json() for line in self.lines],
        }


@dataclass(frozen=True, slots=True)
class ComparedLine:
    """A line of a quote beside what was really spent, in micro-USD; nothing was quoted where both are 0."""

    step: str
    provider: str
    expected_micro: int
    worst_micro: int
    actual_micro: int

    def as_json(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "provider": self.provider,
            "expected_usd": usd_text(self.expected_micro),
            "worst_usd": usd_text(self.worst_micro),
            "actual_usd": usd_text(self.actual_micro),
        }


@dataclass(frozen=True, slots=True)
class ComparedQuote:
    """The quote that a run was started with against what it has cost so far."""

    expected_micro: int
    worst_micro: int
    lines: tuple[ComparedLine, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "expected_usd": usd_text(self.expected_micro),
            "worst_usd": usd_text(self.worst_micro),
            "lines": [line.as_json() for line in self.lines],
        }


async def compared(usage: UsageRecords, organization: str, run_id: str) -> ComparedQuote | None:
    """Return a run's quote against what it has cost; None for a run without one."""
    kept = await usage.quote(organization, run_id)
    return compare(kept, await usage.actual(organization, run_id)) if kept else None


def compare(quote: KeptQuote, actual: Mapping[tuple[str, str], int]) -> ComparedQuote:
    """Put what was spent, in micro-USD by (node, provider), beside the lines of a quote, in their order."""
    spent: dict[tuple[str, str], int] = {}
    for (node, provider), micro in actual.items():
        key = (step_of(node), provider)
        spent[key] = spent.get(key, 0) + micro
    lines = []
    for line in quote.lines:
        key = (step_of(line["node"]), line["provider"])
        lines.append(ComparedLine(*key, line["expected_micro"], line["worst_micro"], spent.pop(key, 0)))
    lines += [ComparedLine(step, provider, 0, 0, micro) for (step, provider), micro in sorted(spent.items())]
    return ComparedQuote(quote.expected_micro, quote.worst_micro, tuple(lines))


@cache
def tasks() -> Mapping[str, Mapping[str, Any]]:
    """What a month does that costs something, from `data/quote.json`."""
    table: Mapping[str, Mapping[str, Any]] = load("app", "quote")["tasks"]
    return table


def step_of(node: str) -> str:
    """Return the stage that a node's costs belong to."""
    stage = booked_as(node)
    return stage.name if stage else node
