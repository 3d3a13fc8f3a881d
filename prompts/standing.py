"""Which versions stand where: labels, pauses and running experiments, as they are in the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from prompts.versions import Place
from store.schema.prompts import EVERY_COMPANY, SHARED, prompt_experiments, prompt_labels, prompt_pauses

PRODUCTION = "production"
FALLBACK_LANGUAGE = "cs"

LabelKey = tuple[str, str, str, str, str]
"""Organization, company, code, language, label."""


@dataclass(frozen=True)
class Arm:
    """One version of an experiment; weights of all arms sum to 1."""

    name: str
    version: int
    template_id: str
    weight: float


@dataclass(frozen=True)
class Experiment:
    """Versions of one template that are tried against each other; the first arm is what the others are held against."""

    id: str
    organization_id: str
    code: str
    language: str
    status: str
    allocation: str
    arms: tuple[Arm, ...]
    minimum: int
    starts_at: datetime
    ends_at: datetime | None
    author: str
    reason: str
    created_at: datetime
    closed_at: datetime | None

    def active(self, now: datetime) -> bool:
        """Whether a run that starts now takes part."""
        return (
            self.status == "running"
            and self.starts_at <= now
            and (self.ends_at is None or now < self.ends_at)
        )

    def arm(self, name: str) -> Arm | None:
        return next((arm for arm in self.arms if arm.name == name), None)


@dataclass(frozen=True)
class Standing:
    """A picture of the tables at one moment."""

    labels: Mapping[LabelKey, str] = field(default_factory=dict)
    paused: frozenset[tuple[str, str]] = frozenset()
    """Organization and template id."""
    experiments: Mapping[tuple[str, str, str], Experiment] = field(default_factory=dict)
    """By organization, code and language."""

    def places(self, organization_id: str) -> set[Place]:
        """Code and language of every template that an organization can use."""
        return {
            (code, language)
            for owner, company, code, language, label in self.labels
            if label == PRODUCTION and owner in (SHARED, organization_id) and company == EVERY_COMPANY
        }

    def place(self, organization_id: str, code: str, language: str) -> Place | None:
        """The template of a language; Czech stands in for a language that has none."""
        found = self.places(organization_id)
        for place in ((code, language), (code, FALLBACK_LANGUAGE)):
            if place in found:
                return place
        return None

    def labelled(
        self, organization_id: str, place: Place, label: str, company_id: str = EVERY_COMPANY
    ) -> tuple[str, str] | None:
        """Return the template id on which a label stands and whose label it is; the nearest owner counts."""
        for source, owner, company in _owners(organization_id, company_id):
            found = self.labels.get((owner, company, *place, label))
            if found is not None:
                return found, source
        return None


def _owners(organization_id: str, company_id: str) -> list[tuple[str, str, str]]:
    owners = [("shipped", SHARED, EVERY_COMPANY)]
    if organization_id != SHARED:
        owners.insert(0, ("organization", organization_id, EVERY_COMPANY))
        if company_id != EVERY_COMPANY:
            owners.insert(0, ("company", organization_id, company_id))
    return owners


async def load(connection: AsyncConnection) -> Standing:
    """Read the tables."""
    labels = (await connection.execute(select(prompt_labels))).all()
    paused = (
        await connection.execute(select(prompt_pauses).where(prompt_pauses.c.lifted_at.is_(None)))
    ).all()
    running = select(prompt_experiments).where(prompt_experiments.c.status == "running")
    experiments = [experiment(row) for row in (await connection.execute(running)).all()]
    return Standing(
        {(r.organization_id, r.company_id, r.code, r.language, r.label): r.template_id for r in labels},
        frozenset((row.organization_id, row.template_id) for row in paused),
        {(one.organization_id, one.code, one.language): one for one in experiments},
    )


def experiment(row: Row[Any]) -> Experiment:
    fields: dict[str, Any] = dict(row._mapping)
    fields["arms"] = tuple(Arm(**arm) for arm in fields["arms"])
    for moment in ("starts_at", "ends_at", "created_at", "closed_at"):
        fields[moment] = fields[moment].astimezone(UTC) if fields[moment] else None
    return Experiment(**fields)
