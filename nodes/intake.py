"""Intake: checks the request, opens the company and the run, and pins the prompt versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.errors import FetchFailed, InvalidInput, LimitExceeded, NotFound, UnsafeUrl
from domain.month import GRAPH_VERSION, Month, Update
from domain.month_fields import AHEAD, day_in, policies
from domain.month_request import ApproveSchema, MonthInput, MonthRequest, TierName, parse
from domain.review import Policy
from domain.stages import RESEARCH, WORKING
from domain.tiers import organization_name, tier
from fetching.pages import PageReader
from nodes.acting import Acting, acting
from nodes.work import Ports, announce
from prompts.versions import unknown_template
from store.content.items import Items
from store.content.run_record import RunRecord
from store.content.tenants import Tenants

_NODES_BY_PROMPT = {
    code: [stage.node for stage in WORKING if code in stage.templates]
    for stage in WORKING
    for code in stage.templates
}


def _prompts_of_nodes() -> dict[str, Any]:
    """Tell Studio which node asks with which prompt. What is chosen is a version, not the prompt's text."""
    version = {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "minLength": 1}]}
    described: dict[str, Any] = {
        code: {**version, "title": code, "description": f"For {', '.join(used)}.", "langgraph_nodes": used}
        for code, used in _NODES_BY_PROMPT.items()
    }
    everywhere = sorted({node for used in _NODES_BY_PROMPT.values() for node in used})
    return {"langgraph_nodes": everywhere, "properties": described}


class RunContext(BaseModel):
    """Who runs a month, and how it is approved. In Studio this is the assistant's configuration."""

    model_config = ConfigDict(extra="ignore")

    organization: str = Field(
        "local",
        description="The organization that pays; on a server with keys it is the key's.",
        examples=["local", "acme"],
        json_schema_extra={"minLength": 1},
    )
    tier: TierName = Field(
        "ultimate",
        description="What the month may use; where the organization was put on a tier, that one counts.",
    )
    approve: Annotated[Policy | dict[str, Policy], ApproveSchema] = Field(
        "ask", description="ask or auto; or one of them for each of dna, personas, topics, posts, packages."
    )
    templates: dict[str, int | str] = Field(
        default_factory=dict,
        description="Prompt versions by template, as numbers or labels: BLOGPOST_GEN_V1: 3, or staging.",
        json_schema_extra=_prompts_of_nodes(),
    )

    @classmethod
    def read(cls, given: Any) -> RunContext:
        """Check a context as an engine or an assistant gives it; what is left out has its default.

        Raises:
            InvalidInput: No month can be run with it; says what of it is wrong.
        """
        try:
            context = cls.model_validate(given or {}, from_attributes=True)
        except ValidationError as error:
            wrong = "; ".join(
                f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:5]
            )
            raise InvalidInput(
                f"The context cannot be used: {wrong}.", next_step="Correct the assistant's configuration."
            ) from error
        organization_name(context.organization)
        tier(context.tier)
        policies(context.approve)
        if unknown := sorted(context.templates.keys() - _NODES_BY_PROMPT):
            raise unknown_template(unknown[0], {*_NODES_BY_PROMPT})
        return context


@dataclass(frozen=True)
class Intake:
    ports: Ports
    sandbox: bool

    async def __call__(self, state: Month, config: RunnableConfig, runtime: Runtime[RunContext]) -> Update:
        context, who = runtime.context or RunContext(), acting(config)
        if who:
            context = context.model_copy(update={"organization": who.organization})
        organization_name(context.organization)
        run_id = str(config["configurable"]["thread_id"])
        run = await self._opened(state, context, run_id, who)
        request = MonthRequest.stored(run.request)
        today = day_in(request.time_zone, datetime.now(UTC))
        chosen = await self.ports.prompts.resolve(
            request.language,
            organization=context.organization,
            company=run.company_id,
            wanted=request.templates,
        )
        announce(RESEARCH, ["dna"])
        return {
            **request.as_json(),
            "graph_version": GRAPH_VERSION,
            "organization_id": context.organization,
            "company_id": run.company_id,
            "run_id": run_id,
            "origin_run_id": run_id,
            "not_before": today.isoformat() if request.month == f"{today:%Y-%m}" else "",
            "templates": {code: choice.version.number for code, choice in chosen.items()},
            "pins": {code: choice.pin() for code, choice in chosen.items()},
        }

    async def _tier(self, context: RunContext, *, proven: bool) -> str:
        """Return the tier that the organization was put on; the context's counts where nobody has to prove who asks."""
        own = await self.ports.tenants.tier_of(context.organization)
        if own is None and proven:
            raise InvalidInput(
                f"{context.organization!r} is on no tier yet.",
                next_step="Have it set with: posthub organizations set-tier NAME TIER",
            )
        return own or context.tier

    async def _opened(self, state: Month, context: RunContext, run_id: str, who: Acting | None) -> RunRecord:
        """Return the run that was opened for exactly this request, or check the request and open it."""
        given: dict[str, Any] = {name: state[name] for name in MonthInput.model_fields if name in state}  # type: ignore[literal-required]
        asked = {**given, "tier": context.tier, "approve": context.approve, "templates": context.templates}
        try:
            run = await self.ports.runs.get(context.organization, run_id)
        except NotFound:
            run = None
        if run is not None and run.request == asked:
            return run
        if run is not None and asked.get("month") in AHEAD:
            asked["month"] = run.month  # what the word meant when the month was opened
        asked["tier"] = await self._tier(context, proven=who is not None)
        request = parse(asked, today=datetime.now(UTC))
        await self.ports.prompts.check(request.language, context.organization, request.templates)
        if run is None:
            await check_website(self.ports.pages, request.website)
        run = await open_run(self.ports, request, context.organization, run_id, sandbox=self.sandbox)
        if MonthRequest.stored(run.request) != request:
            raise InvalidInput(
                f"This thread carries {run.request['company']} through {run.month} already.",
                next_step="Start another month on a thread of its own.",
            )
        return run


async def check_website(pages: PageReader, url: str) -> None:
    """See to it, before anything is paid, that there is something to read.

    Raises:
        InvalidInput: It cannot be read.
        UnsafeUrl: It must not be read.
    """
    try:
        await pages.read(url)
    except UnsafeUrl:
        raise
    except FetchFailed as error:
        raise InvalidInput(
            f"The website cannot be used. {error.message}", next_step=error.next_step
        ) from error


async def open_run(
    ports: Ports,
    request: MonthRequest,
    organization: str,
    run_id: str,
    *,
    sandbox: bool,
) -> RunRecord:
    """Open the company and the run of a month, the one place where either begins.

    Args:
        ports: Where both are kept.
        request: A checked request.
        organization: Who pays.
        run_id: The thread id. A run that was opened already stays as it is.
        sandbox: Whether stand-ins take the providers' place.

    Raises:
        InvalidInput: The company has the month already, and it was not asked for again.
        LimitExceeded: The tier's companies, or its posts of the month, are used up.
        NotFound: The id is another organization's.
    """
    company_id = await _open_company(ports.tenants, request, organization)
    run = RunRecord(
        id=run_id,
        organization_id=organization,
        company_id=company_id,
        month=request.month,
        tier=request.tier,
        request=request.as_json(),
        sandbox=sandbox,
        graph_version=GRAPH_VERSION,
    )
    if not request.again:
        await ports.runs.refuse_second(run)
    await _check_quota(ports.items, request, organization, company_id, run_id)
    return await ports.runs.create(run, once=not request.again)


async def _open_company(tenants: Tenants, request: MonthRequest, organization: str) -> str:
    await tenants.ensure_organization(organization)
    return await tenants.ensure_company(
        organization,
        name=request.company,
        website=request.website,
        language=request.language,
        time_zone=request.time_zone,
        business_field=request.business_field,
        product_type=request.product_type,
        max_companies=tier(request.tier).companies,
    )


async def _check_quota(
    items: Items, request: MonthRequest, organization: str, company_id: str, run_id: str
) -> None:
    """Hold what is asked for against what other runs of the company have planned for the month."""
    planned = await items.planned_count(organization, company_id, request.month, exclude_run=run_id)
    most = tier(request.tier).posts_a_month
    if planned + request.posts > most:
        raise LimitExceeded(
            f"The tier {request.tier} has {most} posts a month; {planned} are planned for {request.month} already.",
            next_step=f"Ask for at most {max(0, most - planned)} with --posts, or choose a higher tier.",
        )
