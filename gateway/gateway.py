"""Every paid call of the product: text, structured output, streamed text, embeddings, search, image, video."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Literal, TypeVar

from domain import steps
from domain.calls import (
    Call,
    ImageRequest,
    MediaResult,
    SearchRequest,
    SearchResult,
    Served,
    Source,
    Structured,
    TextRequest,
    TextResult,
    Usage,
    VideoRequest,
)
from domain.errors import FeatureNotAvailable
from domain.ids import canonical_json
from domain.tiers import cheapest_with, tier
from gateway.cache.exact import CachedCalls
from gateway.calls.judge import judge_image, judge_text, judge_vectors, judge_video
from gateway.calls.request import CallRequest, CallResult, Candidate
from gateway.calls.streaming import StreamRestarts
from gateway.calls.structured import ASKED_AGAIN, OTHER_MODEL, Parsed, Unfit, ask_again, read, unusable
from gateway.config import Deployment, GatewayConfig
from gateway.ports import (
    Answer,
    Attempt,
    EmbeddingProvider,
    ImageProvider,
    OnText,
    SearchProvider,
    TextEngine,
    VideoProvider,
)
from gateway.providers.media_prompt import with_negative
from store.money.prices import Units

T = TypeVar("T")

_EMBEDDING_BATCH = 100
_PROTOCOL_BYTES = 200
"""What the wire format itself may add to the tokens of a prompt; tokens are never more than bytes."""


class Gateway:
    """Every paid call of the product.

    Each method names its logical call by ``Call``; a call that is settled returns its stored answer and buys
    nothing. All of them raise the tree of ``domain.errors``: FeatureNotAvailable, BudgetExceeded and UnknownPrice
    before anything is sent, ProviderError with ``money`` after.
    """

    def __init__(
        self,
        config: GatewayConfig,
        calls: CachedCalls,
        *,
        engines: Mapping[str, TextEngine],
        embeddings: Mapping[str, EmbeddingProvider],
        search: Mapping[str, SearchProvider],
        images: Mapping[str, ImageProvider],
        videos: Mapping[str, VideoProvider],
    ) -> None:
        self._config = config
        self._calls = calls
        self._engines = engines
        self._embeddings = embeddings
        self._search = search
        self._images = images
        self._videos = videos

    @property
    def has_search(self) -> bool:
        """False when no search provider is configured."""
        return bool(self._search)

    async def text(self, call: Call, request: TextRequest) -> TextResult:
        """Answer a prompt.

        Raises:
            OutputTruncated: It hit ``max_tokens``.
            ContentBlocked: The provider's safety rules stopped it.
        """
        return await self._text(call, request, None)

    async def _text(
        self,
        call: Call,
        request: TextRequest,
        on_text: OnText | None,
        chain: tuple[Deployment, ...] | None = None,
    ) -> TextResult:
        chain = chain or self._config.chain(request.purpose)
        result = await self._calls.run(self._text_request(call, request, on_text, chain))
        text = str(result.output["text"])
        if on_text is not None and (result.replayed or result.cached):
            on_text(text)
        return TextResult(text, _served(result), result.output["raw"])

    def _text_request(
        self, call: Call, request: TextRequest, on_text: OnText | None, chain: tuple[Deployment, ...]
    ) -> CallRequest:
        restarts = StreamRestarts(on_text) if on_text else None
        return CallRequest(
            call=call,
            purpose=request.purpose,
            payload=asdict(replace(request, schema=dict(request.schema) if request.schema else None)),
            candidates=tuple(self._text_candidate(model, request, restarts) for model in chain),
            judge=judge_text,
            seconds=self._config.call_seconds,
        )

    def _text_candidate(
        self, model: Deployment, request: TextRequest, restarts: StreamRestarts | None
    ) -> Candidate:
        engine = self._engines[model.provider]
        schema = canonical_json(dict(request.schema)) if request.schema else ""
        most = {"input": _bytes(request.system, request.prompt, schema), "output": request.max_tokens}
        room = min(int(self._config.models.of(model).get("max_output_tokens", 0)), 2 * request.max_tokens)

        async def send(attempt: Attempt) -> Answer:
            on_text = restarts.begin() if restarts else None
            return await engine.complete(model.model, request, attempt, on_text)

        def longer() -> Candidate:
            return self._text_candidate(model, replace(request, max_tokens=room), restarts)

        candidate = self._candidate(model, most, send)
        return replace(candidate, longer=longer) if room > request.max_tokens else candidate

    def _candidate(self, model: Deployment, most: Units, send: Callable[[Attempt], Any]) -> Candidate:
        facts = self._config.models.of(model)
        seconds = self._config.text_seconds
        return Candidate(str(model), model.provider, model.model, most, send, seconds, facts=facts)

    async def structured(self, call: Call, request: TextRequest, parse: Callable[[Any], T]) -> Structured[T]:
        """Answer a prompt as JSON of ``request.schema`` and parse it.

        An answer that is no JSON is repaired; one that ``parse`` refuses is asked for once more, with what is
        wrong with it, then from another model where the chain has one. Each is a job of its own.

        Args:
            call: The logical call.
            request: Needs a schema.
            parse: Turns plain JSON into the value; raises ValueError (so also pydantic's ValidationError).

        Raises:
            BadOutput: It did not fit; ``details["raw"]`` is the last text.
        """
        return await self._structured(call, request, parse, None)

    async def stream_structured(
        self, call: Call, request: TextRequest, parse: Callable[[Any], T], on_text: OnText
    ) -> Structured[T]:
        """As ``structured``, with the text handed to ``on_text`` piece by piece while it is written."""
        return await self._structured(call, request, parse, on_text)

    async def _structured(
        self, call: Call, request: TextRequest, parse: Callable[[Any], T], on_text: OnText | None
    ) -> Structured[T]:
        first = await self._text(call, request, on_text)
        found = read(first.text, parse)
        if isinstance(found, Parsed):
            return Structured(found.value, first.served, found.warnings)
        again_call, again_request = ask_again(call, request, first.text, found)
        second = await self._text(again_call, again_request, None)
        found = read(second.text, parse)
        if isinstance(found, Parsed):
            return Structured(found.value, second.served, (ASKED_AGAIN, *found.warnings))
        return await self._from_another_model(call, request, parse, second, found)

    async def _from_another_model(
        self, call: Call, request: TextRequest, parse: Callable[[Any], T], last: TextResult, unfit: Unfit
    ) -> Structured[T]:
        others = tuple(
            model
            for model in self._config.chain(request.purpose)
            if (model.provider, model.model) != (last.served.provider, last.served.model)
        )
        if not others:
            raise unusable(last.text, unfit, last.served.provider, replayed=last.served.replayed)
        elsewhere = replace(call, step=steps.ask_elsewhere(call.step))
        third = await self._text(elsewhere, request, None, others)
        found = read(third.text, parse)
        if isinstance(found, Parsed):
            return Structured(found.value, third.served, (OTHER_MODEL, *found.warnings))
        raise unusable(third.text, found, third.served.provider, replayed=third.served.replayed)

    async def stream(self, call: Call, request: TextRequest) -> AsyncIterator[str]:
        """Yield a text piece by piece; its usage is booked when the last piece has come.

        Leaving early cuts the call off; what was sent by then is booked as lost. A stream that is cut is begun
        again: an empty ``Restarted`` says that the pieces before it are void.
        """
        pieces: asyncio.Queue[str | None] = asyncio.Queue()
        task = asyncio.create_task(self._text(call, request, pieces.put_nowait))
        task.add_done_callback(lambda _: pieces.put_nowait(None))
        try:
            while (piece := await pieces.get()) is not None:
                yield piece
            await task
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def embed(self, call: Call, texts: Sequence[str]) -> list[list[float]]:
        """Return a vector of length 1 for each text, in order."""
        vectors: list[list[float]] = []
        for start in range(0, len(texts), _EMBEDDING_BATCH):
            vectors += await self._embed(call, tuple(texts[start : start + _EMBEDDING_BATCH]))
        return vectors

    async def _embed(self, call: Call, texts: tuple[str, ...]) -> list[list[float]]:
        most = {"input": _bytes(*texts)}

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

    async def search(self, call: Call, request: SearchRequest) -> SearchResult:
        """Search the web and answer from what was found."""
        chain = self._config.chain("search")

        def candidate(model: Deployment) -> Candidate:
            facts = self._config.models.of(model)
            most = {
                "input": _bytes(request.system, request.question) + facts["context_tokens"],
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
        result = await self._calls.run(asked)
        sources = tuple(Source(**each) for each in result.output["sources"])
        return SearchResult(str(result.output["text"]), sources, _served(result))

    async def image(self, call: Call, request: ImageRequest) -> MediaResult:
        """Make an image and store it.

        Raises:
            FeatureNotAvailable: The tier has no images; names one that has.
        """
        _check_tier(call, "images")
        candidates = tuple(self._image_candidate(model, request) for model in self._config.images())
        asked = CallRequest(
            call=call,
            purpose="image",
            payload=asdict(request),
            candidates=candidates,
            judge=judge_image,
            seconds=self._config.call_seconds,
            collect_seconds=self._config.image_seconds,
        )
        return _media(await self._calls.run(asked))

    def _image_candidate(self, model: Deployment, request: ImageRequest) -> Candidate:
        provider = self._images[model.provider]
        facts = self._config.models.of(model)
        folded = with_negative(request.prompt, request.negative_prompt)
        by_token = "max_output_tokens" in facts
        return Candidate(
            name=str(model),
            provider=model.provider,
            model=model.model,
            most={"input": _bytes(folded), "image_token": facts["max_output_tokens"]}
            if by_token
            else {"image": 1},
            send=lambda attempt: provider.submit(model.model, request, attempt),
            deadline=self._config.image_seconds,
            collect=provider.collect,
            prompt=folded if by_token else request.prompt,
            facts=facts,
        )

    async def video(self, call: Call, request: VideoRequest) -> MediaResult:
        """Make a video and store it. It is submitted once; a repeated call goes on polling the same job.

        Raises:
            FeatureNotAvailable: The tier has no video; names one that has.
            MediaJobFailed: The job failed, or did not end in time (then its money is still held).
        """
        _check_tier(call, "video")
        candidates = tuple(
            self._video_candidate(name, model, request) for name, model in self._config.videos()
        )
        asked = CallRequest(
            call=call,
            purpose="video",
            payload=asdict(request),
            candidates=candidates,
            judge=judge_video,
            seconds=self._config.call_seconds,
            collect_seconds=self._config.video_seconds,
            rebuy=False,  # seconds of video are dear: what may have been bought is not bought again by itself
        )
        return _media(await self._calls.run(asked))

    def _video_candidate(self, name: str, model: Deployment, request: VideoRequest) -> Candidate:
        provider = self._videos[name]
        facts = self._config.models.of(model)
        shortest, longest = facts["seconds"]
        fitted = replace(request, duration_seconds=min(max(request.duration_seconds, shortest), longest))
        by_token = facts.get("video_tokens_per_second")
        most = (
            {
                "input": _bytes(request.prompt, request.negative_prompt),
                "output": facts["max_output_tokens"],
                "video_token": by_token * fitted.duration_seconds,
            }
            if by_token
            else {"second": fitted.duration_seconds}
        )
        return Candidate(
            name=name,
            provider=model.provider,
            model=model.model,
            most=most,
            send=lambda attempt: provider.submit(model.model, fitted, attempt),
            deadline=self._config.submit_seconds,
            collect=provider.collect,
            prompt=request.prompt,
            facts=facts,
        )

    async def aclose(self) -> None:
        """Close connections and let queued events be delivered."""
        await self._calls.aclose()
        for adapters in (self._engines, self._embeddings, self._search, self._images, self._videos):
            for adapter in adapters.values():
                await adapter.aclose()


def _check_tier(call: Call, feature: Literal["images", "video"]) -> None:
    if feature in tier(call.tier).features:
        return
    having = cheapest_with(feature)
    raise FeatureNotAvailable(
        f"The tier {call.tier} has no {feature}; {having} has.",
        next_step=f"Change to {having}, or go on without {feature}.",
        tier=call.tier,
        feature=feature,
        available_in=having,
    )


def _bytes(*texts: str) -> int:
    """An upper bound of a prompt's tokens: a token is at least one byte."""
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts) + _PROTOCOL_BYTES


def _served(result: CallResult) -> Served:
    served = result.output["served"]
    return Served(
        job_id=result.job_id,
        provider=str(served["provider"]),
        model=str(served["model"]),
        usage=Usage(**served["usage"]),
        cost_micro=int(served["cost_micro"]),
        replayed=result.replayed,
        deployment=str(served.get("deployment") or f"{served['provider']}/{served['model']}"),
        why=str(served.get("why", "")),
        cached=result.cached or served.get("basis") == "cache",
        saved_micro=int(served.get("saved_micro", 0)),
    )


def _media(result: CallResult) -> MediaResult:
    media = result.output["media"]
    return MediaResult(
        key=str(media["key"]),
        media_type=str(media["media_type"]),
        size=int(media["size"]),
        prompt=str(result.output["prompt"]),
        served=_served(result),
        seconds=float(media["seconds"]),
        thumbnail_key=media["thumbnail_key"],
    )


def _unit(vector: Sequence[float]) -> list[float]:
    """Scale to length 1: shortened embeddings come unnormalised."""
    length = math.sqrt(sum(each * each for each in vector))
    return [each / length for each in vector] if length else list(vector)
