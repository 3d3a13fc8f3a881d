"""Google's video APIs: Omni over Interactions, and Veo over long-running operations.

https://ai.google.dev/gemini-api/docs/video; LiteLLM is not used for them: it takes a failed operation for a
completed one, drops the negative prompt, and sends Omni to the wrong address.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from domain.calls import Usage, VideoRequest
from gateway.calls.failures import job_failed
from gateway.config import ProviderConfig
from gateway.ports import Answer, Attempt, Finish, MediaFile, Operation
from gateway.providers.building import Building
from gateway.providers.gemini.wire import tokens_of_modality
from gateway.providers.media_job import Fetcher, Polling, fetch, poll
from gateway.providers.media_prompt import nearest_ratio, with_negative
from gateway.providers.wire import Wire, text_of

_UNENDED = frozenset({"in_progress", "queued", "pending"})


def omni(of: Building) -> OmniVideo:
    """Build Omni for a gateway."""
    return OmniVideo(of.config, of.fetcher, of.polling, _facts(of), read_seconds=of.gateway.submit_seconds)


def veo(of: Building) -> GoogleVeo:
    """Build Google's own Veo for a gateway."""
    return GoogleVeo(of.config, of.fetcher, of.polling, _facts(of), read_seconds=of.gateway.submit_seconds)


def _facts(of: Building) -> Mapping[str, Any]:
    assert of.api is not None, "a video API is built by its row"
    return of.its.models[of.api.model]


class _GoogleVideo:
    def __init__(
        self,
        config: ProviderConfig,
        fetcher: Fetcher,
        polling: Polling,
        facts: Mapping[str, Any],
        *,
        read_seconds: float,
    ) -> None:
        self._headers = {"x-goog-api-key": config.api_key}
        self._config = config
        self._wire = Wire(config, self._headers, read_seconds=read_seconds)
        self._fetcher = fetcher
        self._polling = polling
        self._facts = facts

    async def _fetch(self, uri: str) -> MediaFile:
        # The fetcher gives the key to the provider's own host alone.
        return await fetch(self._fetcher, self._config, uri, self._headers)

    async def aclose(self) -> None:
        await self._wire.aclose()


class OmniVideo(_GoogleVideo):
    """``POST /v1beta/interactions`` in the background, ``GET /v1beta/interactions/{id}``."""

    async def submit(self, model: str, request: VideoRequest, attempt: Attempt) -> Operation:
        body = {
            "model": model,
            "input": with_negative(request.prompt, request.negative_prompt),
            "background": True,
            "response_format": {
                "type": "video",
                "delivery": "uri",
                "aspect_ratio": nearest_ratio(request.aspect_ratio, self._facts["aspect_ratios"]),
                "resolution": self._facts["resolution"],
                "duration": f"{request.duration_seconds}s",
            },
        }
        answer = await self._wire.post("/v1beta/interactions", body, attempt)
        return Operation(text_of(answer, "id", self._wire.provider), {"seconds": request.duration_seconds})

    async def collect(self, operation: Operation) -> Answer:
        done = await poll(self._wire.provider, self._polling, lambda: self._ended(operation.id))
        seconds = float(operation.facts["seconds"])
        status = str(done["status"])
        usage, units = _omni_usage(done.get("usage") or {}, seconds)
        if status != "completed" and not any(units.values()):
            raise job_failed(self._wire.provider, _reason(done))
        video = next(_videos(done), None)
        return Answer(
            media=await self._file(video) if video else None,
            text=" ".join(_texts(done)),
            # A refusal comes as "completed" with words alone.
            finish=Finish.BLOCKED if status == "completed" else Finish.OTHER,
            reason="no video" if status == "completed" else _reason(done),
            seconds=seconds,
            usage=usage,
            units=units,
        )

    async def _ended(self, job_id: str) -> Mapping[str, Any] | None:
        answer = await self._wire.get(f"/v1beta/interactions/{job_id}")
        return None if answer.get("status") in _UNENDED else answer

    async def _file(self, video: Mapping[str, Any]) -> MediaFile:
        if video.get("uri"):
            return await self._fetch(str(video["uri"]))
        return MediaFile(base64.b64decode(video.get("data") or ""), str(video.get("mime_type") or ""))


class GoogleVeo(_GoogleVideo):
    """``POST /v1beta/models/{model}:predictLongRunning``, ``GET /v1beta/{operation}``."""

    async def submit(self, model: str, request: VideoRequest, attempt: Attempt) -> Operation:
        parameters = {
            "aspectRatio": nearest_ratio(request.aspect_ratio, self._facts["aspect_ratios"]),
            "durationSeconds": request.duration_seconds,
            "resolution": self._facts["resolution"],
        }
        if request.negative_prompt:
            parameters["negativePrompt"] = request.negative_prompt
        body = {"instances": [{"prompt": request.prompt}], "parameters": parameters}
        answer = await self._wire.post(f"/v1beta/models/{model}:predictLongRunning", body, attempt)
        return Operation(text_of(answer, "name", self._wire.provider), {"seconds": request.duration_seconds})

    async def collect(self, operation: Operation) -> Answer:
        done = await poll(self._wire.provider, self._polling, lambda: self._ended(operation.id))
        if done.get("error"):
            raise job_failed(self._wire.provider, str(done["error"].get("message") or "no reason given"))
        made = (done.get("response") or {}).get("generateVideoResponse") or {}
        samples = made.get("generatedSamples") or []
        if not samples:
            reasons = made.get("raiMediaFilteredReasons") or ["no video"]
            raise job_failed(self._wire.provider, "; ".join(map(str, reasons)))
        seconds = float(operation.facts["seconds"])
        return Answer(
            media=await self._fetch(str(samples[0]["video"]["uri"])),
            seconds=seconds,
            usage=Usage(seconds=seconds, requests=1),
            units={"second": seconds},
        )

    async def _ended(self, operation: str) -> Mapping[str, Any] | None:
        answer = await self._wire.get(f"/v1beta/{operation}")
        return answer if answer.get("done") else None


def _omni_usage(usage: Mapping[str, Any], seconds: float) -> tuple[Usage, Mapping[str, int]]:
    input_tokens = int(usage.get("total_input_tokens") or 0)
    output_tokens = int(usage.get("total_output_tokens") or 0)
    video = tokens_of_modality(usage.get("output_tokens_by_modality") or (), "VIDEO")
    people = Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        seconds=seconds if video else 0.0,
        requests=1,
    )
    return people, {"input": input_tokens, "output": output_tokens - video, "video_token": video}


def _contents(answer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for step in answer.get("steps") or answer.get("outputs") or ():
        if step.get("type") == "model_output":
            yield from step.get("content") or ()


def _videos(answer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from (each for each in _contents(answer) if each.get("type") == "video")


def _texts(answer: Mapping[str, Any]) -> Iterator[str]:
    yield from (str(each.get("text") or "") for each in _contents(answer) if each.get("type") == "text")


def _reason(answer: Mapping[str, Any]) -> str:
    error = answer.get("error")
    said = error.get("message") if isinstance(error, dict) else error
    return str(said or answer.get("status"))
