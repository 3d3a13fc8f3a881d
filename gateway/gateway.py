"""Every paid call of the product: text, structured output, streamed text, embeddings, search, image, video."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.cache.exact import CachedCalls
from gateway.config import GatewayConfig
from gateway.media import MediaCalls
from gateway.ports import EmbeddingProvider, ImageProvider, LoadableEngine, SearchProvider, VideoProvider
from gateway.search import SearchCalls
from gateway.text import TextCalls


class Gateway(TextCalls, SearchCalls, MediaCalls):
    """Every paid call of the product; each kind stands in its own file.

    Each method names its logical call by ``Call``; a call that is settled returns its stored answer and buys
    nothing. All of them raise the tree of ``domain.errors``: FeatureNotAvailable, BudgetExceeded and UnknownPrice
    before anything is sent, ProviderError with ``money`` after.
    """

    def __init__(
        self,
        config: GatewayConfig,
        calls: CachedCalls,
        *,
        engines: Mapping[str, LoadableEngine],
        embeddings: Mapping[str, EmbeddingProvider],
        search: Mapping[str, SearchProvider],
        images: Mapping[str, ImageProvider],
        videos: Mapping[str, VideoProvider],
    ) -> None:
        super().__init__(config, calls)
        self._engines = engines
        self._embeddings = embeddings
        self._search = search
        self._images = images
        self._videos = videos

    @property
    def in_flight(self) -> int:
        """How many answers are awaited that are, or may be, paid for."""
        return self._calls.in_flight

    async def aclose(self) -> None:
        """Wait for answers in flight, up to the configuration's bound; then close connections."""
        await self._calls.aclose()
        for adapters in (self._engines, self._embeddings, self._search, self._images, self._videos):
            for adapter in adapters.values():
                await adapter.aclose()
