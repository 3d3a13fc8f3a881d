"""Images and videos, made and stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Literal

from domain.calls import Call, ImageRequest, MediaResult, VideoRequest
from domain.errors import FeatureNotAvailable
from domain.tiers import cheapest_with, tier
from gateway.asking import Asking, bytes_of, served_of
from gateway.calls.judge import judge_image, judge_video
from gateway.calls.request import CallRequest, CallResult, Candidate
from gateway.config import Deployment
from gateway.ports import ImageProvider, LoadableEngine, VideoProvider
from gateway.providers.media_prompt import with_negative


class MediaCalls(Asking):
    """Calls that bring a file."""

    _engines: Mapping[str, LoadableEngine]
    _images: Mapping[str, ImageProvider]
    _videos: Mapping[str, VideoProvider]

    def need(self, purpose: Literal["image", "video"]) -> None:
        """See to it that somebody can make it, before anything is paid towards it.

        Raises:
            FeatureNotAvailable: No provider that makes it is configured; names the keys that would do.
        """
        if not self._config.serves(purpose):
            lack = self._config.lack_of(purpose)
            raise FeatureNotAvailable(lack.message, next_step=lack.next_step)

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
        engine = self._engines.get(model.provider) if by_token else None
        return Candidate(
            name=str(model),
            provider=model.provider,
            model=model.model,
            most={"input": bytes_of(folded), "image_token": facts["max_output_tokens"]}
            if by_token
            else {"image": 1},
            send=lambda attempt: provider.submit(model.model, request, attempt),
            deadline=self._config.image_seconds,
            collect=provider.collect,
            prompt=folded if by_token else request.prompt,
            ready=engine.ready if engine else None,
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
                "input": bytes_of(request.prompt, request.negative_prompt),
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


def _media(result: CallResult) -> MediaResult:
    media = result.output["media"]
    return MediaResult(
        key=str(media["key"]),
        media_type=str(media["media_type"]),
        size=int(media["size"]),
        prompt=str(result.output["prompt"]),
        served=served_of(result),
        seconds=float(media["seconds"]),
        thumbnail_key=media["thumbnail_key"],
    )
