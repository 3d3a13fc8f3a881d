"""Web search by grounding with Google Search: an answer of a Gemini model that says which pages it stands on.

https://ai.google.dev/gemini-api/docs/google-search; from Gemini 3 on each query is billed. Whether it searches is the
model's own choice: an answer that it did not search for is of no use here, for nothing shows where its facts are from.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from domain.calls import SearchRequest, Source
from gateway.config import Deployment, Models, ProviderConfig
from gateway.ports import Answer, Attempt, Finish
from gateway.providers.building import Building
from gateway.providers.gemini.wire import finish_of, reason_of, usage_of_metadata
from gateway.providers.wire import Wire, is_on_this_machine, trusted_authorities

_REDIRECTS = "vertexaisearch.cloud.google.com"
_REDIRECT_PATH = "/grounding-api-redirect/"
_REDIRECT_SECONDS = 3.0


def search(of: Building) -> Grounding:
    """Build it for a gateway."""
    return Grounding(of.config, of.models, read_seconds=of.gateway.text_seconds)


class Grounding:
    """``POST /v1beta/models/{model}:generateContent`` with the tool ``google_search``.

    Args:
        config: The provider.
        models: The dated table of models.
        read_seconds: The longest silence.
    """

    def __init__(self, config: ProviderConfig, models: Models, *, read_seconds: float) -> None:
        self._wire = Wire(config, {"x-goog-api-key": config.api_key}, read_seconds=read_seconds)
        self._models = models
        self._hosts = {_REDIRECTS, urlsplit(config.base_url).hostname}
        # A client of its own: where a source leads is asked for without the key.
        self._redirects = httpx.AsyncClient(
            timeout=_REDIRECT_SECONDS,
            follow_redirects=False,
            verify=trusted_authorities(),
            trust_env=not is_on_this_machine(config.base_url),
        )

    async def search(self, model: str, request: SearchRequest, attempt: Attempt) -> Answer:
        """Ask one question.

        Raises:
            ProviderError: As classified.
        """
        facts = self._models.of(Deployment(self._wire.provider, model))
        path = f"/v1beta/models/{model}:generateContent"
        answer = _read(await self._wire.post(path, _body(facts, request), attempt))
        return replace(answer, sources=await self._led(answer.sources))

    async def _led(self, sources: Sequence[Source]) -> tuple[Source, ...]:
        """Put the page in the place of the redirect that stands for it, which ends after some days."""
        urls = await asyncio.gather(*(self._behind(source.url) for source in sources))
        found = {url: replace(source, url=url) for url, source in zip(urls, sources, strict=True)}
        return tuple(found.values())

    async def _behind(self, url: str) -> str:
        parts = urlsplit(url)
        if parts.hostname not in self._hosts or not parts.path.startswith(_REDIRECT_PATH):
            return url
        try:
            response = await self._redirects.get(url)
        except httpx.HTTPError:
            return url
        led = urljoin(url, response.headers.get("location", ""))
        return led if urlsplit(led).scheme in {"http", "https"} else url

    async def aclose(self) -> None:
        await self._wire.aclose()
        await self._redirects.aclose()


def _body(facts: Mapping[str, Any], request: SearchRequest) -> dict[str, Any]:
    settings: dict[str, Any] = {"maxOutputTokens": request.max_tokens}
    if facts.get("thinking"):
        settings["thinkingConfig"] = {"thinkingLevel": str(facts["thinking"]).upper()}
    body: dict[str, Any] = {
        "contents": [{"role": "user", "parts": [{"text": _question(request)}]}],
        "tools": [{"google_search": {}}],
        "generationConfig": settings,
    }
    if request.system:
        body["systemInstruction"] = {"parts": [{"text": request.system}]}
    return body


def _question(request: SearchRequest) -> str:
    """The question, with the operators of Google Search for the sites that it is limited to."""
    sites = " OR ".join(
        f"-site:{domain[1:]}" if domain.startswith("-") else f"site:{domain}" for domain in request.domains
    )
    return f"{request.question}\n\n{sites}" if sites else request.question


def _read(answer: Mapping[str, Any]) -> Answer:
    metadata = answer.get("usageMetadata") or {}
    candidate: Mapping[str, Any] = next(iter(answer.get("candidates") or ()), {})
    grounding = candidate.get("groundingMetadata") or {}
    queries = {query for query in grounding.get("webSearchQueries") or () if query}
    usage, units = usage_of_metadata(metadata)
    sources = tuple(_sources(grounding))
    reason = reason_of([answer])
    finish = finish_of(reason)
    if finish is Finish.STOP and not sources:
        finish, reason = Finish.OTHER, "NO_SEARCH"
    return Answer(
        text="".join(_texts(candidate)),
        sources=sources,
        usage=replace(usage, requests=len(queries)),
        units={**units, "search": len(queries)} if metadata else None,
        finish=finish,
        reason=reason,
        raw={"id": answer.get("responseId"), "model": answer.get("modelVersion"), "queries": sorted(queries)},
    )


def _texts(candidate: Mapping[str, Any]) -> Iterator[str]:
    for part in (candidate.get("content") or {}).get("parts") or ():
        if not part.get("thought"):
            yield str(part.get("text") or "")


def _sources(grounding: Mapping[str, Any]) -> Iterator[Source]:
    chunks = grounding.get("groundingChunks") or ()
    for number, chunk in enumerate(chunks):
        web = chunk.get("web") or {}
        if url := str(web.get("uri") or ""):
            yield Source(url=url, title=str(web.get("title") or ""), snippet=_snippet(grounding, number))


def _snippet(grounding: Mapping[str, Any], number: int) -> str:
    """The first sentence of the answer that stands on a page."""
    for support in grounding.get("groundingSupports") or ():
        if number in (support.get("groundingChunkIndices") or ()):
            return str((support.get("segment") or {}).get("text") or "")
    return ""
