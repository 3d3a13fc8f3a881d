"""Web search, and vectors of texts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

from domain import steps
from domain.calls import Call, SearchRequest, SearchResult, Source
from domain.content.damage import broken, restore
from domain.errors import BadOutput
from gateway.asking import Asking, bytes_of, served_of
from gateway.calls.judge import judge_text, judge_vectors
from gateway.calls.request import CallRequest, CallResult, Candidate
from gateway.calls.structured import Unfit, read_plain, unusable
from gateway.config import Deployment
from gateway.ports import EmbeddingProvider, SearchProvider

_EMBEDDING_BATCH = 100


class SearchCalls(Asking):
    """Calls that find: on the web, and by likeness."""

    _search: Mapping[str, SearchProvider]
    _embeddings: Mapping[str, EmbeddingProvider]

    @property
    def has_search(self) -> bool:
        """False when no search provider is configured."""
        return self._config.serves("search")

    async def search(self, call: Call, request: SearchRequest) -> SearchResult:
        """Search the web and answer from what was found; an answer that reads as damaged is asked for once more.

        Raises:
            BadOutput: Both were damaged, or nothing but the model's thinking; ``details["raw"]`` is the last text.
        """
        result = await self._searched(call, request)
        try:
            return _sound(result)
        except BadOutput:
            again = replace(call, step=steps.ask_again(call.step))
            return _sound(await self._searched(again, request))

    async def _searched(self, call: Call, request: SearchRequest) -> CallResult:
        chain = self._config.chain("search")

        def candidate(model: Deployment) -> Candidate:
            facts = self._config.models.of(model)
            most = {
                "input": bytes_of(request.system, request.question) + facts["context_tokens"],
                "output": request.max_tokens,
                "search": facts["max_searches"],
            }
            provider = self._search[model.provider]
            return self._candidate(
                model, most, lambda attempt: provider.search(model.model, request, attempt)
            )

        candidates = tuple(map(candidate, chain))
        asked = CallRequest(
            call, "search", asdict(request), candidates, judge_text, self._config.call_seconds
        )
        return await self._calls.run(asked)

    async def embed(self, call: Call, texts: Sequence[str]) -> list[list[float]]:
        """Return a vector of length 1 for each text, in order."""
        vectors: list[list[float]] = []
        for start in range(0, len(texts), _EMBEDDING_BATCH):
            vectors += await self._embed(call, tuple(texts[start : start + _EMBEDDING_BATCH]))
        return vectors

    async def _embed(self, call: Call, texts: tuple[str, ...]) -> list[list[float]]:
        most = {"input": bytes_of(*texts)}

        def candidate(model: Deployment) -> Candidate:
            provider = self._embeddings[model.provider]
            return self._candidate(model, most, lambda attempt: provider.embed(model.model, texts, attempt))

        result = await self._calls.run(
            CallRequest(
                call=call,
                purpose="embedding",
                payload={"texts": list(texts)},
                candidates=tuple(map(candidate, self._config.chain("embedding"))),
                judge=judge_vectors,
                seconds=self._config.call_seconds,
            )
        )
        return [_unit(vector) for vector in result.output["vectors"]]


def _sound(result: CallResult) -> SearchResult:
    """Read an answer, with what is damaged for certain restored.

    Raises:
        BadOutput: It is damaged beyond that.
    """
    text, served = str(result.output["text"]), served_of(result)
    found = read_plain(text)
    if isinstance(found, Unfit):
        raise unusable(text, found, served.provider, replayed=result.replayed)
    sources, notes = [], list(found.warnings)
    for row in result.output["sources"]:
        title, restored = restore(str(row["title"]))
        snippet, _ = restore(str(row["snippet"]))
        sources.append(Source(**{**row, "title": title, "snippet": snippet}))
        notes += [f"In the title of {row['url']}: {note}" for note in (*restored, *broken(title))]
    return SearchResult(found.value, tuple(sources), served, tuple(notes))


def _unit(vector: Sequence[float]) -> list[float]:
    """Scale to length 1: shortened embeddings come unnormalised."""
    length = math.sqrt(sum(each * each for each in vector))
    return [each / length for each in vector] if length else list(vector)
