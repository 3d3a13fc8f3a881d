"""What every working node shares: its ports, naming a paid call, progress, and typed outcomes."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from langgraph.config import get_stream_writer

from domain import steps
from domain.calls import Call, Structured, TemplateRef, TextRequest
from domain.errors import (
    BadOutput,
    ContentBlocked,
    FeatureNotAvailable,
    InfrastructureError,
    OutputTruncated,
    PostHubError,
    ProviderError,
)
from domain.ids import whole_of
from domain.month import CardStatus, Month, Part, Update, cards_of
from domain.stages import PERSONAS, RESEARCH, TOPICS, Kind, Stage
from fetching.pages import PageReader
from gateway.calls.structured import ASKED_AGAIN
from gateway.gateway import Gateway
from nodes.acting import belongs
from prompts.registry import Prompts, Rendered
from store.content.branches import Branches
from store.content.decisions import Decisions
from store.content.erasures import Erasures
from store.content.file_links import FileLinks
from store.content.files import FileStore
from store.content.items import ItemRecord, Items, Owner
from store.content.reviews import Outcome, OutcomeStatus, Reviews
from store.content.runs import Runs
from store.content.tenants import Tenants
from store.money.ledger import Ledger

T = TypeVar("T")

USELESS: tuple[type[ProviderError], ...] = (BadOutput, ContentBlocked, OutputTruncated)
"""Answers that were paid for and are of no use: the journal answers them again as they are."""
_RETRIES = 3

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ports:
    """Everything outside that a node may use; wired in `runtime.services`, nowhere else."""

    gateway: Gateway
    prompts: Prompts
    items: Items
    decisions: Decisions
    reviews: Reviews
    tenants: Tenants
    runs: Runs
    branches: Branches
    erasures: Erasures
    ledger: Ledger
    files: FileStore
    links: FileLinks
    pages: PageReader
    packages: Path
    """Where packages go that were given no place."""


@dataclass(frozen=True)
class Task:
    """Names the work on one item; every paid call made for it carries this name."""

    stage: Stage
    item: str
    revision: int = 0

    @property
    def kind(self) -> Kind:
        """What kind of item is made."""
        assert self.stage.kind is not None, "a stage that works on items has a kind of them"
        return self.stage.kind

    def call(self, month: Month, step: str, template: TemplateRef | None) -> Call:
        assert self.stage.job is not None, "a stage that buys has a kind of job"
        return Call(
            organization_id=belongs(month["organization_id"]),
            company_id=month["company_id"],
            run_id=month["run_id"],
            origin=month["origin_run_id"],
            tier=month["tier"],
            kind=self.stage.job,
            node=self.stage.booked_as,
            item=self.item,
            revision=self.revision,
            step=step,
            template=template,
        )


def owner(month: Month) -> Owner:
    """Whose items these are. Raises NotFound where whoever acts proved to be another organization's."""
    return Owner(belongs(month["organization_id"]), month["company_id"], month["run_id"])


async def ask(
    ports: Ports,
    month: Month,
    task: Task,
    code: str,
    variables: Mapping[str, Any],
    schema: Mapping[str, Any],
    parse: Callable[[Any], T],
    *,
    step: str = steps.DRAFT,
    on_text: Callable[[str], None] | None = None,
    resumable: tuple[type[ProviderError], ...] = (),
) -> tuple[Structured[T], Rendered]:
    """Render a template, ask the gateway for JSON of a schema, return the parsed answer and what asked.

    The call is streamed where ``on_text`` is given, which then gets the answer's text as it arrives.
    ``resumable`` is for steps whose failure ends the run: a failure of these kinds that an earlier process has met
    already is asked anew as a call of its own, a few times, so that resuming the run can get past it.

    Raises:
        ProviderError: No usable answer came; says what it cost.
        NotAllowed: Tier or budget refuse the call.
    """
    rendered = await render(ports, month, code, variables)
    request = TextRequest(
        purpose=rendered.purpose,
        system=rendered.system,
        prompt=rendered.user,
        max_tokens=rendered.max_tokens,
        schema=schema,
        temperature=rendered.temperature,
    )
    for retry in range(_RETRIES + 1):
        call = task.call(month, f"{step}/resumed-{retry}" if retry else step, rendered.ref)
        try:
            if on_text is None:
                answer = await ports.gateway.structured(call, request, parse)
            else:
                answer = await ports.gateway.stream_structured(call, request, parse, on_text)
        except ProviderError as error:
            if isinstance(error, BadOutput):
                await ports.prompts.schema_failed(month["organization_id"], rendered.ref)
            if not isinstance(error, resumable) or retry == _RETRIES or not error.details.get("replayed"):
                raise
        else:
            if ASKED_AGAIN in answer.warnings:
                await ports.prompts.schema_failed(month["organization_id"], rendered.ref)
            return answer, rendered
    raise AssertionError("unreachable")


async def render(ports: Ports, month: Month, code: str, variables: Mapping[str, Any]) -> Rendered:
    """Render the version of a template that the month started with."""
    return await ports.prompts.render(
        code,
        variables,
        language=month["language"],
        pinned=month["templates"],
        pins=month.get("pins"),
        organization=month["organization_id"],
    )


async def template_ref(ports: Ports, month: Month, code: str) -> TemplateRef:
    """Return the version of a template that the month started with, as artefacts remember it."""
    return await ports.prompts.ref(
        code,
        language=month["language"],
        pinned=month["templates"],
        pins=month.get("pins"),
        organization=month["organization_id"],
    )


async def meant(ports: Ports, month: Month, stage: Stage, item: str) -> ItemRecord:
    """Return the version of an item that the month's card means, not the newest one of the run.

    Raises:
        NotFound: The card names content that this run does not have.
    """
    assert stage.kind is not None, "a stage that works on items has a kind of them"
    return await ports.items.get(owner(month), stage.kind, item, cards_of(month, stage)[item]["version"])


async def kept(ports: Ports, month: Month, stage: Stage, *, approved: bool = False) -> list[ItemRecord]:
    """Return the items of a stage that were not dropped, or only the approved ones, as the month's cards mean them."""
    assert stage.kind is not None, "a stage that works on items has a kind of them"
    versions = {
        item: card["version"]
        for item, card in cards_of(month, stage).items()
        if "version" in card
        and (card["status"] == CardStatus.APPROVED if approved else card["status"] != CardStatus.DROPPED)
    }
    return await ports.items.of(owner(month), stage.kind, versions)


async def topic_of(ports: Ports, month: Month, item: str) -> tuple[ItemRecord, ItemRecord]:
    """Return a topic and the persona who writes about it, as the month's cards mean them."""
    topic = await meant(ports, month, TOPICS, item)
    return topic, await meant(ports, month, PERSONAS, topic.content["personaId"])


async def company(ports: Ports, month: Month) -> dict[str, Any]:
    """Return the template variable ``company``: who it is and what research found."""
    dna = await meant(ports, month, RESEARCH, "dna")
    return company_without_dna(month) | {"company_dna": dna.content}


def company_without_dna(month: Month) -> dict[str, Any]:
    return {
        "name": month["company"],
        "website": month["website"],
        "business_field": month.get("business_field", ""),
        "product_type": month.get("product_type", ""),
        "language": month["language"],
        "company_dna": None,
    }


def announce(stage: Stage, items: Sequence[str]) -> None:
    """Tell whoever watches which items a stage is about to make."""
    get_stream_writer()({"event": "step", "step": stage.name, "items": list(items)})


def progress(stage: Stage, item: str, status: str, label: str = "") -> None:
    """Tell whoever watches what became of one item: ``done``, ``failed``, ``skipped`` or ``again``."""
    get_stream_writer()(
        {"event": "item", "step": stage.name, "item": item, "status": str(status), "label": label}
    )


async def guarded(
    ports: Ports, month: Month, task: Task, work: Callable[[], Awaitable[ItemRecord]]
) -> ItemRecord | PostHubError:
    """Do one item's work; a failure becomes a typed outcome and never reaches the item's siblings.

    Only a store that does not answer stops the run: nothing can be recorded without it.
    """
    try:
        made = await work()
    except InfrastructureError:
        raise
    except PostHubError as error:
        return await _failed(ports, month, task, error)
    except Exception as error:  # a defect of ours in one item: its siblings' paid calls go on
        log.exception("%s failed for %s", task.stage.booked_as, task.item)
        wrapped = PostHubError(
            f"{task.stage.booked_as} met an unexpected {type(error).__name__}.",
            next_step="See the log; then make it again.",
        )
        return await _failed(ports, month, task, wrapped)
    await record_done(ports, month, task)
    progress(task.stage, task.item, OutcomeStatus.DONE)
    return made


def part_of_package(task: Task, made: ItemRecord | PostHubError) -> Update:
    """How the work on a part of a package ended, as the package's card keeps it."""
    part: Part = {"kind": task.kind.value, "status": OutcomeStatus.DONE.value, "problem": ""}
    if isinstance(made, PostHubError):
        part |= {"status": OutcomeStatus.FAILED.value, "problem": str(made)}
    else:
        part["version"] = made.version
    return {task.stage.key: {whole_of(task.item): {"parts": {task.item: part}}}}


async def record_done(ports: Ports, month: Month, task: Task) -> None:
    """Record that the work on an item ended well."""
    await ports.reviews.record_outcome(
        owner(month), Outcome(task.kind.value, task.item, task.revision, OutcomeStatus.DONE)
    )


async def _failed(ports: Ports, month: Month, task: Task, error: PostHubError) -> PostHubError:
    status = OutcomeStatus.SKIPPED if isinstance(error, FeatureNotAvailable) else OutcomeStatus.FAILED
    outcome = Outcome(
        task.kind.value, task.item, task.revision, status, error.code, str(error), error.money.value
    )
    await ports.reviews.record_outcome(owner(month), outcome)
    progress(task.stage, task.item, status, error.message)
    return error
