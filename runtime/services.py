"""The only wiring: settings in, everything a run needs out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial

from app.companies import Companies
from app.deleting import DeletedRun, copy_thread, delete_run, forget_thread
from app.money.quoting import Quotes
from app.months import Months
from domain.worlds import World
from fetching.fetcher import SafeFetcher
from fetching.pages import PageReader
from gateway.build import build_gateway, preload
from gateway.config import GatewayConfig, ProviderConfig
from gateway.gateway import Gateway
from gateway.providers.litellm.prices import missing_rows
from gateway.providers.prices import shipped_prices
from gateway.providers.registry import providers
from nodes.work import Ports
from prompts.experiments.pauses import PauseRule
from prompts.registry import Prompts
from runtime.database import open_database
from runtime.progress import tell_of_wait
from runtime.sandbox import Sandbox
from runtime.servers import Servers, start_servers
from runtime.settings import Settings, stand_ins
from runtime.watching import Telemetry, watching
from store.checkpoints import PostHubSaver, checkpointer
from store.content.branches import Branches
from store.content.companies import CompanyData
from store.content.decisions import Decisions
from store.content.erasures import Erasures
from store.content.file_links import FileLinks
from store.content.files import FileStore
from store.content.items import Items
from store.content.reviews import Reviews
from store.content.runs import Runs
from store.content.tenants import Tenants
from store.database import Database
from store.folders import kept_secret, private_folder
from store.money.budgets import Budgets
from store.money.ledger import Ledger
from store.money.prices import Prices, today
from store.money.sweeper import Lease
from store.money.usage import UsageRecords
from store.reading import upgrade
from store.shared.cache import AnswerCache
from store.shared.redis import SharedRedis

_MEGABYTE = 1_000_000
_BUDGET_PATIENCE_SECONDS = 20.0
"""How long a call waits for the holds of its siblings when the budget is nearly spent."""


@dataclass(frozen=True)
class Services:
    """What is open for the life of a command or a server. ``notes`` are sentences for the person."""

    settings: Settings
    sandbox: Sandbox | None
    database: Database
    redis_uri: str
    saver: PostHubSaver
    ports: Ports
    answers: AnswerCache
    notes: tuple[str, ...]

    @property
    def gateway(self) -> Gateway:
        return self.ports.gateway

    @property
    def prompts(self) -> Prompts:
        return self.ports.prompts

    @property
    def items(self) -> Items:
        return self.ports.items

    @property
    def decisions(self) -> Decisions:
        return self.ports.decisions

    @property
    def tenants(self) -> Tenants:
        return self.ports.tenants

    @property
    def runs(self) -> Runs:
        return self.ports.runs

    @property
    def ledger(self) -> Ledger:
        return self.ports.ledger

    @property
    def pages(self) -> PageReader:
        return self.ports.pages

    async def delete_run(self, run_id: str) -> DeletedRun:
        """Delete a run of this organization for good. Raises as `app.deleting.delete_run`."""
        return await delete_run(self.ports, self.saver, self.settings.organization, run_id)

    @property
    def companies(self) -> Companies:
        """The companies of this organization."""
        data = CompanyData(self.database)
        return Companies(
            self.settings.organization, self.ports, data=data, saver=self.saver, answers=self.answers
        )

    @cached_property
    def months(self) -> Months:
        """The months of this organization."""
        limit = self.settings.monthly_budget_micro
        return Months(
            self.settings.organization,
            self.ports,
            saver=self.saver,
            quotes=_quotes(self.settings, self.database, self.prompts, self.ledger.world),
            budgets=Budgets(self.database, default_limit_micro=limit, world=self.ledger.world),
            sandbox=self.sandbox is not None,
        )


@asynccontextmanager
async def open_services(
    settings: Settings, *, buys: bool = True, servers: Servers | None = None
) -> AsyncIterator[Services]:
    """Open everything, and close it again in the opposite order.

    Where no provider key is set, the sandbox takes the place of every provider; with one real key none of it is
    mixed in.

    Args:
        settings: What to open.
        buys: False for commands that ask no provider: neither the sandbox nor an engine is loaded for them.
        servers: Where they are coming up already; without it they are started here.

    Raises:
        StoreUnavailable: The database does not answer.
        InfrastructureError: The sandbox is not installed, or did not start.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(_watching(settings) if buys else watching())
        if servers is None:
            servers = await stack.enter_async_context(start_servers(settings, buys=buys))
        stores, sandbox = await servers.ready()
        world = settings.world
        settings = _with_providers(settings, sandbox) if buys else without_providers(settings)
        await upgrade(stores.database_uri)
        database = Database(stores.database_uri)
        stack.push_async_callback(database.dispose)
        saver = await stack.enter_async_context(checkpointer(stores.database_uri))
        shared = SharedRedis(stores.redis_uri)
        stack.push_async_callback(shared.aclose)
        ports = await _ports(settings, database, shared, world)
        saver.on_copy, saver.on_delete = partial(copy_thread, ports), partial(forget_thread, ports, saver)
        await stack.enter_async_context(Lease(database, ports.ledger).kept())
        stack.push_async_callback(ports.gateway.aclose)
        await stack.enter_async_context(ports.prompts.watched())
        if buys:  # seconds of imports, while the first step reads the website
            stack.callback(_loading(settings).cancel)
        yield Services(
            settings, sandbox, database, stores.redis_uri, saver, ports, AnswerCache(shared), stores.notes
        )


def _watching(settings: Settings) -> AbstractContextManager[Telemetry]:
    names = {name: each.genai for name, each in providers().items()}
    return watching(settings.metrics_port, signals=settings.otlp, names=names)


def _loading(settings: Settings) -> asyncio.Future[None]:
    loop = asyncio.get_running_loop()
    loading = loop.run_in_executor(None, preload, settings.engine, settings.providers)
    # what fails here fails again, and is told, when the engine is asked
    loading.add_done_callback(lambda done: done.cancelled() or done.exception())
    return loading


def _with_providers(settings: Settings, sandbox: Sandbox | None) -> Settings:
    return in_sandbox(settings, sandbox) if sandbox else settings


async def _ports(settings: Settings, database: Database, shared: SharedRedis, world: World) -> Ports:
    rule = PauseRule(share=settings.prompt_pause_share)
    prompts = Prompts(database, pause_rule=rule, world=world)
    await prompts.sync_shipped()
    await _know_prices(settings, Prices(database))
    files = FileStore(settings.files_url)
    fetcher = SafeFetcher(allowed_private=settings.private_hosts, max_bytes=2 * _MEGABYTE)
    ledger = Ledger(
        database,
        default_limit_micro=settings.monthly_budget_micro,
        world=world,
        patience_seconds=_BUDGET_PATIENCE_SECONDS,
    )
    gateway = build_gateway(
        gateway_config(settings), database, files, fetcher, ledger=ledger, shared=shared, on_wait=tell_of_wait
    )
    return Ports(
        gateway=gateway,
        prompts=prompts,
        items=Items(database, world=world),
        decisions=Decisions(database),
        reviews=Reviews(database),
        tenants=Tenants(database),
        runs=Runs(database),
        branches=Branches(database),
        erasures=Erasures(database),
        ledger=ledger,
        files=files,
        links=_links(settings),
        pages=PageReader(fetcher, own_sites=settings.own_sites),
        packages=private_folder(settings.home / "packages"),
    )


def _links(settings: Settings) -> FileLinks:
    given = settings.link_secret.encode()
    return FileLinks(given or kept_secret(settings.home / "file-links.key"), settings.public_url)


@asynccontextmanager
async def open_quotes(settings: Settings) -> AsyncIterator[Quotes]:
    """Open what a quote needs; without a provider key it is of the sandbox's stand-ins.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    world = settings.world
    if not settings.has_provider_key:
        settings = replace(settings, providers=stand_ins(settings, "", "sandbox"))
    async with open_database(settings) as database:
        prompts = Prompts(database, world=world)
        await _know_prices(settings, Prices(database))
        await prompts.sync_shipped()
        yield _quotes(settings, database, prompts, world)


def _quotes(settings: Settings, database: Database, prompts: Prompts, world: World) -> Quotes:
    return Quotes(
        settings.organization,
        config=gateway_config(settings),
        prompts=prompts,
        prices=Prices(database),
        usage=UsageRecords(database, world=world),
        tenants=Tenants(database),
    )


async def _know_prices(settings: Settings, prices: Prices) -> None:
    """See to it that what is shipped is priced, and what a chain names is where LiteLLM's map knows it."""
    await prices.load_shipped(shipped_prices())
    chained = {model for chain in settings.models.chains.values() for model in chain}
    await prices.add(missing_rows(await prices.book(), chained, today()))


def gateway_config(settings: Settings) -> GatewayConfig:
    """What the gateway has to be told: only providers that have a key."""
    return GatewayConfig(
        providers={
            name: ProviderConfig(name, provider.api_key, provider.base_url, provider.options)
            for name, provider in settings.providers.items()
            if provider.api_key is not None
        },
        engine=settings.engine,
        monthly_budget_micro=settings.monthly_budget_micro,
        image_order=settings.image_order,
        video_order=settings.video_order,
        poll_seconds=settings.video_poll_seconds,
        drain_seconds=settings.drain_seconds,
        models=settings.models,
        limits=settings.rate_limits,
        cache=settings.cache,
        sandbox=settings.sandbox,
    )


def in_sandbox(settings: Settings, sandbox: Sandbox) -> Settings:
    """Point every provider at the sandbox, and let its company sites and media be fetched."""
    return replace(
        settings,
        providers=stand_ins(settings, sandbox.base_url, sandbox.api_key),
        private_hosts=settings.private_hosts | {sandbox.host},
        video_poll_seconds=min(settings.video_poll_seconds, 1.0),
        rate_limits=settings.rate_limits.in_sandbox(),
        sandbox=True,
    )


def without_providers(settings: Settings) -> Settings:
    """Leave every key out, so that nothing can be bought."""
    providers = {name: replace(provider, api_key=None) for name, provider in settings.providers.items()}
    return replace(settings, providers=providers)
