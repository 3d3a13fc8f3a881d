"""Which versions are in use: labels, pauses and running experiments, as they are in the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from domain.worlds import World
from store.database import Connection
from store.prompts import experiments, labels, pauses
from store.prompts.experiments import Experiment
from store.prompts.labels import LabelKey
from store.prompts.templates import TemplateKey
from store.schema.prompts import EVERY_COMPANY, SHARED

PRODUCTION = "production"
FALLBACK_LANGUAGE = "cs"


@dataclass(frozen=True)
class ActiveVersions:
    """A picture of the tables at one moment."""

    labels: Mapping[LabelKey, str] = field(default_factory=dict)
    paused: frozenset[tuple[str, str]] = frozenset()
    """Organization and template id."""
    experiments: Mapping[tuple[str, str, str], Experiment] = field(default_factory=dict)
    """By organization, code and language."""

    def keys(self, organization_id: str) -> set[TemplateKey]:
        """Code and language of every template that an organization can use."""
        return {
            (code, language)
            for owner, company, code, language, label in self.labels
            if label == PRODUCTION and owner in (SHARED, organization_id) and company == EVERY_COMPANY
        }

    def key(self, organization_id: str, code: str, language: str) -> TemplateKey | None:
        """The template of a language; Czech stands in for a language that has none."""
        found = self.keys(organization_id)
        for key in ((code, language), (code, FALLBACK_LANGUAGE)):
            if key in found:
                return key
        return None

    def labelled(
        self, organization_id: str, key: TemplateKey, label: str, company_id: str = EVERY_COMPANY
    ) -> tuple[str, str] | None:
        """Return the template id on which a label stands and whose label it is; the nearest owner counts."""
        for source, owner, company in _owners(organization_id, company_id):
            found = self.labels.get((owner, company, *key, label))
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


async def load(connection: Connection, world: World) -> ActiveVersions:
    """Read the tables, as they are for a world."""
    running = await experiments.running_everywhere(connection)
    return ActiveVersions(
        await labels.everywhere(connection),
        await pauses.in_force(connection, world),
        {(one.organization_id, one.code, one.language): replace(one, world=world) for one in running},
    )
