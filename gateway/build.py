"""Builds a gateway from its configuration; adapters are imported here, those of the configured providers alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from domain.errors import InvalidInput
from gateway.cache.exact import Cache, CachedCalls
from gateway.calls.attempt import CostTracker
from gateway.calls.breaker import CircuitBreakers
from gateway.calls.operations import Operations
from gateway.calls.pipeline import CallPipeline, Means
from gateway.calls.retry import RetryPolicy
from gateway.config import Engine, GatewayConfig
from gateway.gateway import Gateway
from gateway.limits.limiter import Limiter, OnWait
from gateway.ports import ImageProvider, TextEngine, VideoProvider
from gateway.providers import registry
from gateway.providers.building import Building
from gateway.providers.late import LateEngine
from gateway.providers.media_job import Fetcher
from store.content.files import FileStore
from store.database import Database
from store.money.journal import Journal
from store.money.ledger import Ledger
from store.money.prices import Prices
from store.shared.cache import AnswerCache
from store.shared.limits import SharedWindow
from store.shared.redis import SharedRedis


def preload(engine: Engine, providers: Iterable[str] | None = None) -> None:
    """Import what speaks to text models (seconds of work). A server does it at its start, outside the event loop.

    Args:
        engine: The engine that is used.
        providers: Those that may be asked; by default all that a key alone switches on.
    """
    known = registry.providers()
    names = registry.by_key_alone() if providers is None else providers
    for name in names:
        if adapter := known[name].adapter("text", engine):
            registry.load(adapter)


def build_gateway(
    config: GatewayConfig,
    database: Database,
    files: FileStore,
    fetcher: Fetcher,
    *,
    ledger: Ledger | None = None,
    prices: Prices | None = None,
    shared: SharedRedis | None = None,
    on_wait: OnWait | None = None,
) -> Gateway:
    """Wire a gateway.

    Args:
        config: Providers, models and limits.
        database: Where journal, ledger and prices are; ``Prices.load_shipped`` has to have run on it once.
        files: Where images and videos go.
        fetcher: Fetches media files; ``fetching.fetcher.SafeFetcher``.
        ledger: The process's ledger, where others read it too.
        prices: The process's prices, where others change them too.
        shared: Redis, where workers share what they know; without it each goes by what it has met itself.
        on_wait: Told of calls that wait for a place in a rate limit.
    """
    ledger = ledger or Ledger(database, default_limit_micro=config.monthly_budget_micro, world=config.world)
    calls = _calls(config, database, files, ledger, prices or Prices(database), shared, on_wait)
    building = {
        name: Building(registry.provider(name), provider, config, fetcher)
        for name, provider in config.providers.items()
    }
    engines = {
        name: _late_engine(of) for name, of in building.items() if of.its.adapter("text", config.engine)
    }
    return Gateway(
        config,
        calls,
        engines=engines,
        embeddings={name: built(of) for name, of in building.items() if (built := _builder(of, "embedding"))},
        search={name: built(of) for name, of in building.items() if (built := _builder(of, "search"))},
        images=_images(building, engines),
        videos=_videos(building),
    )


def _calls(
    config: GatewayConfig,
    database: Database,
    files: FileStore,
    ledger: Ledger,
    prices: Prices,
    shared: SharedRedis | None,
    on_wait: OnWait | None,
) -> CachedCalls:
    journal = Journal(database, owner=ledger.owner, in_hand=ledger.in_hand)
    window = SharedWindow(shared, config.world) if shared else None
    means = Means(
        journal=journal,
        tracker=CostTracker(ledger, prices, engine=config.engine),
        operations=Operations(journal, files),
        breakers=CircuitBreakers(shared, account=config.account),
        limiter=Limiter(config.limits, window, on_wait, account=config.account),
        policy=RetryPolicy(
            tries=config.tries,
            wait_seconds=config.max_backoff_seconds,
            last_wait_seconds=config.last_backoff_seconds,
        ),
        queue_seconds=config.queue_seconds,
        drain_seconds=config.drain_seconds,
    )
    cache = Cache(config.cache, AnswerCache(shared) if shared else None)
    return CachedCalls(CallPipeline(means), cache, journal, config)


def _late_engine(of: Building) -> LateEngine:
    def load() -> Callable[[], TextEngine]:
        builder = _builder(of, "text")
        assert builder, "only providers of text have an engine"
        return partial(builder, of)

    return LateEngine(of.gateway.engine, load)


def _builder(of: Building, ability: str) -> Callable[[Building], Any] | None:
    adapter = of.its.adapter(ability, of.gateway.engine)
    try:
        return registry.load(adapter) if adapter else None
    except ModuleNotFoundError as error:
        raise InvalidInput(
            f"{of.its.title} is spoken to through {error.name}, which is not installed.",
            next_step=f"Install {error.name}, or leave {of.its.name} out of the chains.",
        ) from error


def _images(building: Mapping[str, Building], engines: Mapping[str, TextEngine]) -> dict[str, ImageProvider]:
    return {
        name: registry.load(api.adapter)(replace(of, text=engines.get(name), api=api))
        for name, of in building.items()
        for api in of.its.images
    }


def _videos(building: Mapping[str, Building]) -> dict[str, VideoProvider]:
    return {
        api.name: registry.load(api.adapter)(replace(of, api=api))
        for of in building.values()
        for api in of.its.videos
    }
