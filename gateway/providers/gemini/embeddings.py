"""Gemini's embeddings, for both engines: LiteLLM and LangChain drop the usage that comes with a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.calls.failures import in_doubt
from gateway.config import Deployment, Models, ProviderConfig
from gateway.ports import Answer, Attempt
from gateway.providers.building import Building
from gateway.providers.usage import usage_of
from gateway.providers.wire import Wire

_BYTES_PER_TOKEN = 3


def embeddings(of: Building) -> GeminiEmbeddings:
    """Build them for a gateway."""
    return GeminiEmbeddings(of.config, of.models, read_seconds=of.gateway.text_seconds)


class GeminiEmbeddings:
    """``POST /v1beta/models/{model}:batchEmbedContents`` (https://ai.google.dev/api/embeddings)."""

    def __init__(self, config: ProviderConfig, models: Models, *, read_seconds: float) -> None:
        self._wire = Wire(config, {"x-goog-api-key": config.api_key}, read_seconds=read_seconds)
        self._models = models

    async def embed(self, model: str, texts: Sequence[str], attempt: Attempt) -> Answer:
        """Return a vector for each text.

        Raises:
            ProviderError: As classified.
        """
        facts = self._models.of(Deployment(self._wire.provider, model))
        body = {"requests": [self._request(model, text, facts.get("dimensions")) for text in texts]}
        answer = await self._wire.post(f"/v1beta/models/{model}:batchEmbedContents", body, attempt)
        vectors = tuple(tuple(map(float, each["values"])) for each in answer.get("embeddings") or ())
        if len(vectors) != len(texts):
            raise in_doubt(self._wire.provider, f"{len(vectors)} vectors came for {len(texts)} texts")
        counted = (answer.get("usageMetadata") or {}).get("promptTokenCount")
        tokens = _estimate(texts) if counted is None else int(counted)
        usage, units = usage_of(prompt=tokens, output=0)
        return Answer(vectors=vectors, usage=usage, units=units, estimated=counted is None)

    def _request(self, model: str, text: str, dimensions: int | None) -> dict[str, Any]:
        size = {"outputDimensionality": dimensions} if dimensions else {}
        return {"model": f"models/{model}", "content": {"parts": [{"text": text}]}, **size}

    async def aclose(self) -> None:
        await self._wire.aclose()


def _estimate(texts: Sequence[str]) -> int:
    """Where the answer does not tell its tokens: about three bytes of Czech make one."""
    return sum(-(-len(text.encode()) // _BYTES_PER_TOKEN) for text in texts)
