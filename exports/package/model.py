"""A whole month as plain data: everything the package shows, read once and never changed.

Nothing here is read from a clock: every moment comes from the database, so that a second export of the
same run is byte-identical. Money is integer micro-USD.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Plain = Mapping[str, Any]
"""Plain JSON, with the field names of the content models (camelCase, the DNA in snake_case)."""


@dataclass(frozen=True)
class Provenance:
    """Where an item's text comes from; an edited item names the person as its author."""

    item_id: str
    revision: int
    edition: int
    content_hash: str
    author: str
    template: str | None
    """``CODE@version`` of the prompt template, None where a person or our own code wrote it."""
    model: str | None
    findings: tuple[str, ...] = ()
    """What our own checks found and a person accepted, in words."""


@dataclass(frozen=True)
class DnaPackage:
    content: Plain
    provenance: Provenance


@dataclass(frozen=True)
class PersonaPackage:
    item: str
    content: Plain
    provenance: Provenance


@dataclass(frozen=True)
class TopicPackage:
    item: str
    content: Plain
    provenance: Provenance


@dataclass(frozen=True)
class SocialPackage:
    """One network's text. ``caption`` is what is sent; ``length`` is counted as that network counts it."""

    item: str
    platform: str
    text: str
    hashtags: tuple[str, ...]
    call_to_action: str
    caption: str
    length: int
    limit: int
    provenance: Provenance


@dataclass(frozen=True)
class ImagePackage:
    """One stored image; ``platforms`` are the codes of the networks that it is meant for."""

    item: str
    key: str
    media_type: str
    aspect_ratio: str
    alt_text: str
    prompt: str
    negative_prompt: str
    provider: str
    model: str
    platforms: tuple[str, ...]
    provenance: Provenance


@dataclass(frozen=True)
class VideoPackage:
    """One stored video. ``seconds`` is its length."""

    item: str
    key: str
    thumbnail_key: str | None
    media_type: str
    seconds: float
    aspect_ratio: str
    alt_text: str
    prompt: str
    provider: str
    model: str
    provenance: Provenance


@dataclass(frozen=True)
class PostPackage:
    """One approved post with all that was made from it. ``persona_item`` is None where nobody was planned."""

    item: str
    topic: TopicPackage
    persona_item: str | None
    post: Plain
    social: tuple[SocialPackage, ...]
    images: tuple[ImagePackage, ...]
    video: VideoPackage | None
    provenance: Provenance


@dataclass(frozen=True)
class ApprovalEntry:
    """One decision of a person, or of the policy (``policy`` is true)."""

    point: str
    item: str
    revision: int
    edition: int
    decision: str
    reason: str
    decided_by: str
    policy: bool
    content_hash: str
    decided_at: str
    """ISO 8601 in UTC."""


@dataclass(frozen=True)
class OutcomeEntry:
    """Why a piece of work is not in the package: failed, skipped, dropped, not approved."""

    kind: str
    item: str
    revision: int
    status: str
    code: str
    reason: str
    money: str


@dataclass(frozen=True)
class PromptUse:
    """A prompt template version that content of this month was asked with."""

    code: str
    version: int
    content_hash: str | None


@dataclass(frozen=True)
class CostLine:
    """What one provider or kind of job cost. ``lost_micro`` was billed without bringing a result."""

    key: str
    calls: int
    cost_micro: int
    held_micro: int
    lost_micro: int
    input_tokens: int
    output_tokens: int
    images: int
    seconds: float


@dataclass(frozen=True)
class Costs:
    """``total_micro`` is settled plus lost money, as the provider bills it."""

    total_micro: int
    by_provider: tuple[CostLine, ...]
    by_kind: tuple[CostLine, ...]


@dataclass(frozen=True)
class CompanyPackage:
    company_id: str
    name: str
    website: str
    business_field: str
    product_type: str
    language: str
    time_zone: str


@dataclass(frozen=True)
class MonthPackage:
    """A company's month. ``month`` is ``YYYY-MM``; ``created_at`` is the run's start, ISO 8601 in UTC."""

    run_id: str
    organization: str
    company: CompanyPackage
    month: str
    tier: str
    sandbox: bool
    language: str
    graph_version: str
    created_at: str
    platforms: tuple[str, ...]
    dna: DnaPackage | None
    personas: tuple[PersonaPackage, ...]
    topics: tuple[TopicPackage, ...]
    posts: tuple[PostPackage, ...]
    approvals: tuple[ApprovalEntry, ...]
    outcomes: tuple[OutcomeEntry, ...]
    prompts: tuple[PromptUse, ...]
    costs: Costs

    def persona(self, item: str | None) -> PersonaPackage | None:
        """Return the author with this item id, None where there is none."""
        return next((persona for persona in self.personas if persona.item == item), None)
