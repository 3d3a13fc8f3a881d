"""Drives a month in process: start it, let it go on, see what waits, answer, sum up."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from langchain_core.runnables import RunnableConfig

from app.deciding import Taken, decide, in_words
from app.decisions import WaitingReview, nothing_waits
from app.money.quotes import ComparedQuote
from app.money.quoting import Quotes
from app.summaries import ExportedRun, RunSummary, counts, words
from domain.errors import InvalidInput
from domain.money import to_usd
from domain.month import Month, cards_of
from domain.month_request import MonthRequest
from domain.stages import POSTS, Kind, of_kind
from exports.package.collect import collect
from exports.package.write import write
from graph.content import MAX_PARALLEL, MAX_STEPS
from graph.running import compiled
from nodes.intake import RunContext, check_website, open_run
from nodes.made import made
from nodes.work import Ports
from store.checkpoints import PostHubSaver
from store.content.items import ItemRecord, ItemStatus, Owner
from store.content.reviews import OutcomeStatus
from store.content.run_record import RunRecord, RunStatus
from store.money.budgets import Budgets

Event = Mapping[str, Any]

_MADE = frozenset({ItemStatus.DRAFT, ItemStatus.APPROVED, ItemStatus.PACKAGED})
"""Statuses of what a person sees; the store keeps working material beside it."""


class Months:
    """The months of one organization."""

    def __init__(
        self,
        organization: str,
        ports: Ports,
        *,
        saver: PostHubSaver,
        quotes: Quotes,
        budgets: Budgets,
        sandbox: bool,
    ) -> None:
        self._organization = organization
        self._ports = ports
        self._quotes = quotes
        self._budgets = budgets
        self._sandbox = sandbox
        self._graph = compiled(ports, sandbox=sandbox, checkpointer=saver)

    async def start(
        self, request: MonthRequest, *, out: Path | None, ceiling_micro: int | None = None
    ) -> str:
        """Check that the month can be made and keep it. Nothing is spent; `advance` begins the work.

        Args:
            request: What is asked for.
            out: Where the package goes; None for a place of ours.
            ceiling_micro: The most that the run may spend, in micro-USD.

        Returns:
            The thread id.

        Raises:
            InvalidInput: The website cannot be read, or a prompt version does not exist.
            LimitExceeded: The tier is not the organization's, or its companies or posts of the month are used up.
        """
        ports, request = self._ports, await self._quotes.granted(request)
        await ports.prompts.check(request.language, self._organization, request.templates)
        await check_website(ports.pages, request.website)
        run_id = str(uuid.uuid4())
        await open_run(ports, request, self._organization, run_id, sandbox=self._sandbox)
        await ports.runs.set_status(
            self._organization, run_id, RunStatus.RUNNING, out=str(out) if out else None
        )
        if ceiling_micro is not None:
            await self._budgets.set_run(self._organization, run_id, ceiling_micro)
        await self._quotes.keep(request, run_id)
        return run_id

    async def quoted(self, run_id: str) -> ComparedQuote | None:
        """Return the quote that a run was started with against what it has cost; None for a run without one."""
        return await self._quotes.compared(run_id)

    async def decide(
        self,
        run_id: str,
        given: Any,
        *,
        by: str,
        question: str = "",
        written_at: datetime | None = None,
        whole: bool = False,
    ) -> Taken:
        """Record decisions on what waits; `advance` carries them out. Arguments as `app.deciding.decide`."""
        run, waiting = await self.get(run_id), await self.review(run_id)
        return await decide(
            *(self._ports.decisions, _owner(run), waiting, given),
            by=by,
            question=question,
            written_at=written_at,
            whole=whole,
        )

    async def advance(self, run_id: str) -> AsyncGenerator[Event, None]:
        """Let a run go on until it waits, is done or fails; yields progress as it happens.

        What was decided and not yet carried out is carried out first.

        Raises:
            NotFound: The organization has no such run.
            InvalidInput: Another process works on it, another release of the graph started it, or it would mix
                the sandbox with real providers.
            PostHubError: The run failed; its row says why, and it can be resumed.
        """
        run = await self.get(run_id)
        async for event in self._stream(run):
            yield event
        waiting = await self.waiting(run_id)
        if waiting:
            yield {"event": "waiting", "point": waiting.point, "items": waiting.ids}
        else:
            yield {"event": "done", "out": (await self.get(run_id)).out}

    async def waiting(self, run_id: str) -> WaitingReview | None:
        """Return what waits for a person, or None."""
        run = await self.get(run_id)
        state = await self._graph.aget_state(_config(run_id))
        for task in state.tasks:
            for pending in task.interrupts:
                recorded = await self._ports.decisions.recorded(_owner(run))
                return WaitingReview(run_id, pending.value["point"], pending.value, in_words(recorded))
        return None

    async def review(self, run_id: str) -> WaitingReview:
        """Return what waits for a person.

        Raises:
            NotFound: The organization has no such run.
            InvalidInput: Nothing waits.
        """
        run, found = await self.get(run_id), await self.waiting(run_id)
        if found is None and await self._graph.is_lost(run_id):
            async for _ in self.advance(run_id):
                pass
            found = await self.waiting(run_id)
        if found is None:
            raise nothing_waits(run_id, run.standing)
        return found

    async def get(self, run_id: str) -> RunRecord:
        """Return a run; NotFound if the organization has none of this id."""
        return await self._ports.runs.get(self._organization, run_id)

    async def runs(self, limit: int = 50) -> list[RunRecord]:
        """Return the newest runs of the organization."""
        return await self._ports.runs.list(self._organization, limit=limit)

    async def cost_micro(self, run_id: str) -> int:
        """What a run has cost so far, in micro-USD."""
        return await self._ports.ledger.run_cost(self._organization, run_id)

    async def made(self, run: RunRecord) -> list[tuple[str, str]]:
        """Return (step, item) of what a run has made so far."""
        kinds = await self._made(run)
        return [
            (of_kind(kind, str(each.content.get("kind", ""))).name, each.item)
            for kind, records in kinds.items()
            for each in records
            if each.status in _MADE
        ]

    async def _made(self, run: RunRecord) -> dict[Kind, list[ItemRecord]]:
        return await made(self._ports.items, _owner(run), await self._month(run.id))

    async def _month(self, run_id: str) -> Month:
        state: Any = (await self._graph.aget_state(_config(run_id))).values
        return state  # type: ignore[no-any-return]

    async def fields(
        self, run: RunRecord, point: str, item: str, fields: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Return all fields of a waiting item: a request holds only a summary of an article."""
        if point != POSTS.point:
            return fields
        version = cards_of(await self._month(run.id), POSTS)[POSTS.item_of(item)]["version"]
        return (await self._ports.items.get(_owner(run), Kind.POST, POSTS.item_of(item), version)).content

    async def summary(self, run_id: str) -> RunSummary:
        """Sum a run up: status, what waits, counts, words of each post, cost by provider."""
        ports, run = self._ports, await self.get(run_id)
        mine = _owner(run)
        waiting = await self.waiting(run_id) if run.status == RunStatus.WAITING else None
        kinds = await self._made(run)
        newest = {(o.kind, o.item): o for o in await ports.reviews.outcomes(mine)}  # in order of revision
        outcomes = list(newest.values())
        return RunSummary(
            thread_id=run.id,
            status=run.standing,
            waiting={"point": waiting.point, "items": waiting.ids} if waiting else None,
            company=run.request["company"],
            month=run.month,
            tier=run.tier,
            sandbox=run.sandbox,
            counts=counts(kinds),
            words=words(kinds[Kind.POST]),
            decisions=tuple(await ports.decisions.accepted(mine)),
            failed=tuple(f"{o.item}: {o.reason}" for o in outcomes if o.status == OutcomeStatus.FAILED),
            skipped=tuple(f"{o.item}: {o.reason}" for o in outcomes if o.status == OutcomeStatus.SKIPPED),
            cost_usd=await self._cost(run_id),
            quote=await self.quoted(run_id),
            out=run.out,
            error=run.error,
        )

    async def export(self, run_id: str, out: Path) -> ExportedRun:
        """Write a run's package into a folder and return its page; the same run gives the same bytes.

        Raises:
            NotFound: The organization has no such run.
            InvalidInput: The folder holds something that PostHub did not write, or nothing is approved yet.
            StorageFull: A file could not be written.
        """
        ports = self._ports
        run = await self.get(run_id)
        package = await collect(
            _owner(run),
            await self._made(run),
            decisions=ports.decisions,
            reviews=ports.reviews,
            runs=ports.runs,
            tenants=ports.tenants,
            ledger=ports.ledger,
            prompts=ports.prompts,
        )
        if not package.posts:
            raise InvalidInput(
                f"The run {run_id} has no approved post yet.",
                next_step=f"Let it go on with: posthub resume {run_id}",
            )
        return ExportedRun(run_id, (await write(package, ports.files, out)).index)

    async def _stream(self, run: RunRecord) -> AsyncIterator[Event]:
        config = _config(run.id)
        started = (await self._graph.aget_state(config)).created_at is not None
        given: Any = None if started else _input(run)
        context = RunContext(
            organization=run.organization_id,
            tier=run.tier,
            approve=run.request["approve"],
            templates=run.request.get("templates", {}),
        )
        async for event in self._graph.astream(
            given, config, context=context, stream_mode="custom", durability="sync"
        ):
            yield event

    async def _cost(self, run_id: str) -> dict[str, str]:
        rows = await self._ports.ledger.totals(self._organization, run_id=run_id, by="provider")
        cost = {row.key: str(to_usd(row.cost_micro)) for row in rows}
        total = await self._ports.ledger.run_cost(self._organization, run_id)
        return {**cost, "total": str(to_usd(total))}


def _config(run_id: str) -> RunnableConfig:
    return {
        "configurable": {"thread_id": run_id},
        "recursion_limit": MAX_STEPS,
        "max_concurrency": MAX_PARALLEL,
    }


def _input(run: RunRecord) -> dict[str, Any]:
    return {key: value for key, value in run.request.items() if key not in {"tier", "approve", "templates"}}


def _owner(run: RunRecord) -> Owner:
    return Owner(run.organization_id, run.company_id, run.id)
