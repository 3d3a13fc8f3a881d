"""Builds a gateway from its configuration; the engine is imported here, when it is chosen."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass

from domain.calls import ImageRequest
from gateway.cache.exact import Cache
from gateway.calls.breaker import CircuitBreakers
from gateway.calls.pipeline import CallPipeline
from gateway.calls.retry import RetryPolicy
from gateway.config import Engine, GatewayConfig, ProviderConfig
from gateway.gateway import Gateway
from gateway.limits.limiter import Limiter, OnWait
from gateway.ports import (
    Answer,
    Attempt,
    EmbeddingProvider,
    ImageProvider,
    Operation,
    SearchProvider,
    TextEngine,
    VideoProvider,
)
from gateway.providers.gemini.embeddings import GeminiEmbeddings
from gateway.providers.gemini.video import GoogleVeo, OmniVideo
from gateway.providers.media_job import Fetcher, Polling
from gateway.providers.nanobana import Nanobana
from gateway.providers.perplexity import Perplexity
from gateway.providers.veo import VeoHttp
from store.content.files import FileStore
from store.database import Database
from store.money.journal import Journal
from store.money.ledger import Ledger
from store.money.prices import Prices
from store.shared.cache import AnswerCache
from store.shared.limits import SharedWindow
from store.shared.redis import SharedRedis
from store.shared.semantic import SemanticAnswers

_ENGINES: Mapping[Engine, str] = {
    "litellm": "gateway.providers.litellm.engine",
    "google": "gateway.providers.gemini.google_engine",
}


def preload(engine: Engine) -> None:
    """Import an engine (seconds of work). A server does it at its start, outside the event loop."""
    importlib.import_module(_ENGINES[engine])


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
    ledger = ledger or Ledger(database, default_limit_micro=config.monthly_budget_micro)
    pipeline = CallPipeline(
        ledger,
        Journal(database, owner=ledger.owner),
        prices or Prices(database),
        files,
        engine=config.engine,
        breakers=CircuitBreakers(shared),
        limiter=Limiter(config.limits, SharedWindow(shared) if shared else None, on_wait),
        queue_seconds=config.queue_seconds,
        cache=Cache(config.cache, AnswerCache(shared) if shared else None),
        policy=RetryPolicy(
            tries=config.tries,
            wait_seconds=config.max_backoff_seconds,
            last_wait_seconds=config.last_backoff_seconds,
        ),
    )
    engine = _engine(config)
    return Gateway(
        config,
        pipeline,
        engine=engine,
        embeddings=_embeddings(config),
        search=_search(config),
        images=_images(config, fetcher, engine),
        videos=_videos(config, fetcher),
        semantic=SemanticAnswers(database),
    )


def _engine(config: GatewayConfig) -> TextEngine | None:
    gemini = config.providers.get("gemini")
    if gemini is None:
        return None
    if config.engine == "litellm":
        from gateway.providers.litellm.engine import LiteLLMEngine

        return LiteLLMEngine(gemini, config.models, read_seconds=config.text_seconds)
    from gateway.providers.gemini.google_engine import GoogleEngine

    return GoogleEngine(gemini, config.models, read_seconds=config.text_seconds)


def _embeddings(config: GatewayConfig) -> dict[str, EmbeddingProvider]:
    gemini = config.providers.get("gemini")
    if gemini is None:
        return {}
    return {"gemini": GeminiEmbeddings(gemini, config.models, read_seconds=config.text_seconds)}


def _search(config: GatewayConfig) -> dict[str, SearchProvider]:
    provider = config.providers.get("perplexity")
    if provider is None:
        return {}
    return {"perplexity": Perplexity(provider, config.models, read_seconds=config.text_seconds)}


def _images(config: GatewayConfig, fetcher: Fetcher, engine: TextEngine | None) -> dict[str, ImageProvider]:
    made: dict[str, ImageProvider] = {}
    if nanobana := config.providers.get("nanobana"):
        made["nanobana"] = Nanobana(nanobana, fetcher, read_seconds=config.image_seconds)
    if engine is not None:
        made["gemini"] = EngineImages(engine)
    return made


def _videos(config: GatewayConfig, fetcher: Fetcher) -> dict[str, VideoProvider]:
    polling = Polling(config.poll_seconds, config.video_seconds)
    seconds = config.submit_seconds
    made: dict[str, VideoProvider] = {}
    if veo := config.providers.get("veo"):
        made["veo"] = VeoHttp(veo, fetcher, polling, read_seconds=seconds)
    if gemini := config.providers.get("gemini"):
        made["omni"] = _google(OmniVideo, "omni", gemini, config, fetcher, polling)
        made["veo-google"] = _google(GoogleVeo, "veo-google", gemini, config, fetcher, polling)
    return made


def _google(
    kind: type[OmniVideo] | type[GoogleVeo],
    name: str,
    provider: ProviderConfig,
    config: GatewayConfig,
    fetcher: Fetcher,
    polling: Polling,
) -> VideoProvider:
    facts = config.models.of(config.models.videos[name])
    return kind(provider, fetcher, polling, facts, read_seconds=config.submit_seconds)


@dataclass(frozen=True, slots=True)
class EngineImages:
    """Images by the engine's own text-and-image models: answered at once, so there is nothing to collect."""

    engine: TextEngine

    async def submit(self, model: str, request: ImageRequest, attempt: Attempt) -> Answer | Operation:
        return await self.engine.draw(model, request, attempt)

    async def collect(self, operation: Operation) -> Answer:
        raise AssertionError("a Gemini image is never an operation")

    async def aclose(self) -> None:
        """The engine is closed by itself."""
