"""Nanobana's image API: one request, answered with the image's address."""

from __future__ import annotations

from domain.calls import ImageRequest, Usage
from gateway.config import ProviderConfig
from gateway.ports import Answer, Attempt, Operation
from gateway.providers.building import Building
from gateway.providers.media_job import Fetcher, fetch
from gateway.providers.wire import Wire


def images(of: Building) -> Nanobana:
    """Build it for a gateway."""
    return Nanobana(of.config, of.fetcher, read_seconds=of.gateway.image_seconds)


class Nanobana:
    """``POST /v1/images/generate`` → ``images[0].url``."""

    def __init__(self, config: ProviderConfig, fetcher: Fetcher, *, read_seconds: float) -> None:
        headers = {"Authorization": f"Bearer {config.api_key}"}
        self._config = config
        self._wire = Wire(config, headers, read_seconds=read_seconds)
        self._fetcher = fetcher

    async def submit(self, model: str, request: ImageRequest, attempt: Attempt) -> Answer | Operation:
        """Buy an image; an operation with its address, or an answer without a file where none was sent."""
        body = {
            "prompt": request.prompt,
            "negative_prompt": request.negative_prompt,
            "aspect_ratio": request.aspect_ratio,
            "model": model,
            "output_format": "png",
        }
        answer = await self._wire.post("/v1/images/generate", body, attempt)
        images = answer.get("images") or [{}]
        url = images[0].get("url")
        if not url:
            return Answer(usage=Usage(requests=1), units=None, reason="no image")
        return Operation(str(url))

    async def collect(self, operation: Operation) -> Answer:
        media = await fetch(self._fetcher, self._config, operation.id)
        return Answer(media=media, usage=Usage(images=1, requests=1), units={"image": 1})

    async def aclose(self) -> None:
        await self._wire.aclose()
