"""Reads a run's approved month from the store, once and completely."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from domain.ids import is_part_of
from exports.package.model import (
    ApprovalEntry,
    CompanyPackage,
    CostLine,
    Costs,
    DnaPackage,
    ImagePackage,
    MonthPackage,
    OutcomeEntry,
    PersonaPackage,
    PostPackage,
    PromptUse,
    Provenance,
    SocialPackage,
    TopicPackage,
    VideoPackage,
)
from prompts.registry import Prompts
from store.content.decisions import Decided, Decisions
from store.content.items import ItemRecord, ItemStatus, Kind, Owner
from store.content.reviews import Outcome, OutcomeStatus, Reviews
from store.content.run_record import RunRecord
from store.content.runs import Runs
from store.content.tenants import CompanyRecord, Tenants
from store.money.ledger import Ledger, TotalRow

INCLUDED = frozenset({ItemStatus.APPROVED, ItemStatus.PACKAGED})
"""Statuses of what is handed over; everything else is only named among the outcomes."""

Records = Mapping[Kind, Sequence[ItemRecord]]


async def collect(
    owner: Owner,
    records: Records,
    *,
    decisions: Decisions,
    reviews: Reviews,
    runs: Runs,
    tenants: Tenants,
    ledger: Ledger,
    prompts: Prompts,
) -> MonthPackage:
    """Read a run's month. Reads no clock, so that the same rows make the same package.

    Args:
        owner: Whose run.
        records: What was made, with its status; see `nodes.made`.
        decisions: What was decided.
        reviews: How each piece of work ended.
        runs: The run itself.
        tenants: The company.
        ledger: What it cost.
        prompts: The texts that asked; the manifest names each version by its content hash.

    Raises:
        NotFound: The run or its company is unknown, or another organization's.
        StoreUnavailable: PostgreSQL does not answer.
    """
    run = await runs.get(owner.organization_id, owner.run_id)
    company = await tenants.company(owner.organization_id, run.company_id)
    approvals = await decisions.accepted(owner)
    outcomes = await reviews.outcomes(owner)
    providers = await ledger.totals(owner.organization_id, run_id=owner.run_id, by="provider")
    kinds = await ledger.totals(owner.organization_id, run_id=owner.run_id, by="kind")
    templates = await ledger.totals(owner.organization_id, run_id=owner.run_id, by="template")
    language = str(run.request.get("language") or company.language)
    used = _prompts(records, templates)
    hashes = await prompts.hashes(language, used, organization=owner.organization_id)
    return MonthPackage(
        run_id=run.id,
        organization=owner.organization_id,
        company=_company(run, company, language),
        month=run.month,
        tier=run.tier,
        sandbox=run.sandbox,
        language=language,
        graph_version=run.graph_version,
        created_at=_moment(run.created_at),
        platforms=tuple(str(code) for code in run.request.get("platforms") or ()),
        dna=next((DnaPackage(r.content, _provenance(r)) for r in _included(records, Kind.DNA)), None),
        personas=tuple(
            PersonaPackage(r.item, r.content, _provenance(r)) for r in _included(records, Kind.PERSONA)
        ),
        topics=tuple(_topic(record) for record in _included(records, Kind.TOPIC)),
        posts=_posts(records),
        approvals=tuple(_approval(approval) for approval in approvals),
        outcomes=_outcomes(records, outcomes, approvals),
        prompts=tuple(PromptUse(*each, hashes.get(each)) for each in used),
        costs=_costs(providers, kinds),
    )


def _company(run: RunRecord, company: CompanyRecord, language: str) -> CompanyPackage:
    """The company as it was asked for: a later run may have changed its row."""

    def asked(field: str, stored: str) -> str:
        return str(run.request.get(field) or stored)

    return CompanyPackage(
        company_id=company.id,
        name=asked("company", company.name),
        website=asked("website", company.website),
        business_field=asked("business_field", company.business_field),
        product_type=asked("product_type", company.product_type),
        language=language,
        time_zone=asked("time_zone", company.time_zone),
    )


def _included(records: Records, kind: Kind) -> list[ItemRecord]:
    return [record for record in records[kind] if record.status in INCLUDED]


def _provenance(record: ItemRecord) -> Provenance:
    return Provenance(
        item_id=record.id,
        revision=record.revision,
        edition=record.edition,
        content_hash=record.content_hash,
        author=record.author,
        template=f"{record.template_code}@{record.template_version}" if record.template_code else None,
        model=record.model,
        findings=record.findings,
    )


def _topic(record: ItemRecord) -> TopicPackage:
    return TopicPackage(record.item, record.content, _provenance(record))


def _posts(records: Records) -> tuple[PostPackage, ...]:
    topics = {record.item: record for record in records[Kind.TOPIC]}
    posts = [
        _post(record, _topic(topics[record.item]), records)
        for record in _included(records, Kind.POST)
        if record.item in topics
    ]
    return tuple(sorted(posts, key=lambda post: (str(post.topic.content.get("plannedDate")), post.item)))


def _post(record: ItemRecord, topic: TopicPackage, records: Records) -> PostPackage:
    assets = [asset for asset in _included(records, Kind.ASSET) if asset.content.get("post") == record.item]
    videos = [_video(asset) for asset in assets if asset.content.get("kind") == "video"]
    return PostPackage(
        item=record.item,
        topic=topic,
        persona_item=topic.content.get("personaId"),
        post=record.content,
        social=tuple(
            _social(social)
            for social in _included(records, Kind.SOCIAL)
            if is_part_of(social.item, record.item)
        ),
        images=tuple(_image(asset) for asset in assets if asset.content.get("kind") == "image"),
        video=next(iter(videos), None),
        provenance=_provenance(record),
    )


def _social(record: ItemRecord) -> SocialPackage:
    content = record.content
    return SocialPackage(
        item=record.item,
        platform=str(content["platform"]),
        text=str(content.get("textContent") or ""),
        hashtags=tuple(map(str, content.get("hashtags") or ())),
        call_to_action=str(content.get("ctaText") or ""),
        caption=str(content["caption"]),
        length=int(content["length"]),
        limit=int(content["limit"]),
        provenance=_provenance(record),
    )


def _image(record: ItemRecord) -> ImagePackage:
    content = record.content
    return ImagePackage(
        item=record.item,
        key=str(content["key"]),
        media_type=str(content["mediaType"]),
        aspect_ratio=str(content["aspectRatio"]),
        alt_text=str(content.get("altText") or ""),
        prompt=str(content.get("prompt") or ""),
        negative_prompt=str(content.get("negativePrompt") or ""),
        provider=str(content.get("provider") or ""),
        model=str(content.get("model") or ""),
        platforms=tuple(map(str, content.get("platforms") or ())),
        provenance=_provenance(record),
    )


def _video(record: ItemRecord) -> VideoPackage:
    content = record.content
    thumbnail = content.get("thumbnailKey")
    return VideoPackage(
        item=record.item,
        key=str(content["key"]),
        thumbnail_key=str(thumbnail) if thumbnail else None,
        media_type=str(content["mediaType"]),
        seconds=float(content.get("seconds") or 0),
        aspect_ratio=str(content.get("aspectRatio") or ""),
        alt_text=str(content.get("altText") or ""),
        prompt=str(content.get("prompt") or ""),
        provider=str(content.get("provider") or ""),
        model=str(content.get("model") or ""),
        provenance=_provenance(record),
    )


def _approval(decided: Decided) -> ApprovalEntry:
    kept = {each.name: getattr(decided, each.name) for each in fields(ApprovalEntry)}
    return ApprovalEntry(**{**kept, "decided_at": _moment(decided.decided_at)})


def _outcomes(
    records: Records, outcomes: Iterable[Outcome], approvals: Sequence[Decided]
) -> tuple[OutcomeEntry, ...]:
    """Everything that is not in the package, and why: failures first, then what was not approved."""
    inside = {(kind.value, record.item) for kind in Kind for record in _included(records, kind)}
    ended = [
        _outcome(outcome)
        for outcome in outcomes
        if outcome.status != OutcomeStatus.DONE and (outcome.kind, outcome.item) not in inside
    ]
    told = {(entry.kind, entry.item) for entry in ended} | inside
    reasons = {approval.item: approval.reason for approval in approvals if approval.decision != "approve"}
    left = [
        OutcomeEntry(
            kind.value, r.item, r.revision, r.status, "NOT_APPROVED", reasons.get(r.item, ""), "none"
        )
        for kind in Kind
        for r in records[kind]
        if (kind.value, r.item) not in told
    ]
    return (*ended, *left)


def _outcome(outcome: Outcome) -> OutcomeEntry:
    return OutcomeEntry(
        outcome.kind,
        outcome.item,
        outcome.revision,
        outcome.status,
        outcome.code,
        outcome.reason,
        outcome.money,
    )


def _prompts(records: Records, templates: Iterable[TotalRow]) -> list[tuple[str, int]]:
    """Template versions of what is in the package, and those whose calls were paid for on the way."""
    used = {
        (record.template_code, record.template_version)
        for kind in Kind
        for record in _included(records, kind)
        if record.template_code and record.template_version is not None
    }
    used |= {pair for row in templates if (pair := _template(row.key))}
    return sorted(used)


def _template(key: str) -> tuple[str, int] | None:
    """Read a key of the ledger, ``CODE vN``."""
    code, _, version = key.rpartition(" v")
    return (code, int(version)) if code and version.isdecimal() else None


def _costs(providers: Sequence[TotalRow], kinds: Sequence[TotalRow]) -> Costs:
    return Costs(sum(row.cost_micro for row in providers), _lines(providers), _lines(kinds))


def _lines(rows: Iterable[Any]) -> tuple[CostLine, ...]:
    names = [each.name for each in fields(CostLine)]
    return tuple(CostLine(**{name: getattr(row, name) for name in names}) for row in rows)


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
