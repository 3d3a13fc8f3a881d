"""Experiments between versions of a prompt: started, watched, ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from app.prompts.library import Library
from domain.errors import InvalidInput
from prompts.experiments import lifecycle
from prompts.experiments.lifecycle import ExperimentSpec, parse_arms
from prompts.experiments.report import ArmReport, ExperimentReport, report
from store.prompts.experiments import Arm, Experiment

__all__ = [
    "ExperimentList",
    "ExperimentSpec",
    "ExperimentStatus",
    "Experiments",
    "parse_arms",
    "parse_moment",
]


@dataclass(frozen=True, slots=True)
class ExperimentStatus:
    """What an experiment has shown so far. ``companies``: the arm of each, by id."""

    report: ExperimentReport
    companies: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        experiment = self.report.experiment
        return {
            "id": experiment.id,
            "code": experiment.code,
            "language": experiment.language,
            "status": experiment.status,
            "allocation": experiment.allocation,
            "minimum": experiment.minimum,
            "starts_at": experiment.starts_at.isoformat(),
            "ends_at": experiment.ends_at.isoformat() if experiment.ends_at else None,
            "companies": self.companies,
            "arms": [_arm(each) for each in self.report.arms],
            "winner": self.report.winner,
            "verdict": self.report.verdict,
        }


@dataclass(frozen=True, slots=True)
class ExperimentList:
    """Experiments with what they have shown."""

    experiments: tuple[ExperimentStatus, ...]

    def as_json(self) -> dict[str, Any]:
        return {"experiments": [each.as_json() for each in self.experiments]}


def _arm(each: ArmReport) -> dict[str, Any]:
    return {
        "name": each.arm.name,
        "version": each.arm.version,
        "weight": each.arm.weight,
        "decided": each.decided,
        "results": each.results,
        "shares": {key: asdict(value) if value else None for key, value in each.shares.items()},
        "means": {key: asdict(value) if value else None for key, value in each.means.items()},
    }


@dataclass(frozen=True)
class Experiments:
    """The experiments of one organization."""

    library: Library

    async def start(self, code: str, language: str, spec: ExperimentSpec, *, reason: str = "") -> Experiment:
        """Start one. Raises as `prompts.experiments.lifecycle.start`."""
        key = await self.library.key(code, language)
        return await lifecycle.start(self.library.editor, key, spec, reason=reason)

    async def status(self, code: str | None, language: str) -> ExperimentList:
        """Return what the newest experiment on a template has shown; without a template, all that run.

        Raises:
            NotFound: There is no such template, or no experiment on it.
        """
        return ExperimentList(tuple([await self._seen(one) for one in await self._wanted(code, language)]))

    async def _wanted(self, code: str | None, language: str) -> Sequence[Experiment]:
        editor = self.library.editor
        if code is None:
            return [one for one in await lifecycle.all_of(editor) if one.status == "running"]
        return [await lifecycle.found(editor, await self.library.key(code, language))]

    async def _seen(self, one: Experiment) -> ExperimentStatus:
        editor = self.library.editor
        return ExperimentStatus(await report(editor.database, one), await lifecycle.assignments(editor, one))

    async def stop(self, code: str, language: str, *, reason: str = "") -> None:
        """End one; production stays as it is. Raises as `prompts.experiments.lifecycle.stop`."""
        await lifecycle.stop(self.library.editor, await self.library.key(code, language), reason=reason)

    async def promote(
        self, code: str, language: str, *, arm: str | None = None, reason: str = ""
    ) -> tuple[Arm, ExperimentReport]:
        """Put the winner, or an arm, into production. Raises as `prompts.experiments.lifecycle.promote`."""
        key = await self.library.key(code, language)
        return await lifecycle.promote(self.library.editor, key, arm=arm, reason=reason)


def parse_moment(value: str | None) -> datetime | None:
    """Read a day or a moment, UTC where it says nothing else.

    Raises:
        InvalidInput: It is none.
    """
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise InvalidInput(f"{value[:40]!r} is no date.", next_step="Write it as YYYY-MM-DD.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
