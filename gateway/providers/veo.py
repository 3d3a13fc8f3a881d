"""Veo's HTTP video API of the brief: submit, poll, fetch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.calls import Usage, VideoRequest
from domain.errors import FetchFailed, UnsafeUrl
from gateway.calls.failures import job_failed
from gateway.config import ProviderConfig
from gateway.ports import Answer, Attempt, MediaFile, Operation
from gateway.providers.building import Building
from gateway.providers.media_job import Fetcher, Polling, fetch, poll
from gateway.providers.wire import Wire, text_of


def videos(of: Building) -> VeoHttp:
    """Build it for a gateway."""
    return VeoHttp(of.config, of.fetcher, of.polling, read_seconds=of.gateway.submit_seconds)


class VeoHttp:
    """``POST /v1/videos/generate`` → id; ``GET /v1/videos/{id}`` → status, video_url, duration."""

    def __init__(
        self, config: ProviderConfig, fetcher: Fetcher, polling: Polling, *, read_seconds: float
    ) -> None:
        headers = {"Authorization": f"Bearer {config.api_key}"}
        self._config = config
        self._wire = Wire(config, headers, read_seconds=read_seconds)
        self._fetcher = fetcher
        self._polling = polling

    async def submit(self, model: str, request: VideoRequest, attempt: Attempt) -> Operation:
        body = {
            "prompt": request.prompt,
            "duration_seconds": request.duration_seconds,
            "aspect_ratio": request.aspect_ratio,
            "model": model,
        }
        answer = await self._wire.post("/v1/videos/generate", body, attempt)
        return Operation(text_of(answer, "id", self._wire.provider), {"seconds": request.duration_seconds})

    async def collect(self, operation: Operation) -> Answer:
        done = await poll(self._wire.provider, self._polling, lambda: self._ended(operation.id))
        if done["status"] != "completed":
            raise job_failed(self._wire.provider, str(done.get("error") or done["status"]))
        seconds = float(done.get("duration") or operation.facts["seconds"])
        return Answer(
            media=await fetch(self._fetcher, self._config, str(done.get("video_url") or "")),
            thumbnail=await self._thumbnail(done.get("thumbnail_url")),
            seconds=seconds,
            usage=Usage(seconds=seconds, requests=1),
            units={"second": seconds},
        )

    async def _ended(self, job_id: str) -> Mapping[str, Any] | None:
        answer = await self._wire.get(f"/v1/videos/{job_id}")
        return answer if answer.get("status") in {"completed", "failed", "cancelled"} else None

    async def _thumbnail(self, url: str | None) -> MediaFile | None:
        """A missing thumbnail is no reason to lose a video."""
        try:
            return await fetch(self._fetcher, self._config, url) if url else None
        except (FetchFailed, UnsafeUrl):
            return None

    async def aclose(self) -> None:
        await self._wire.aclose()
