"""What an adapter is built from; the functions that the providers' files name take it."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.config import GatewayConfig, Models, ProviderConfig
from gateway.ports import TextEngine
from gateway.providers.media_job import Fetcher, Polling
from gateway.providers.registry import MediaApi, Provider


@dataclass(frozen=True, slots=True)
class Building:
    """One provider's part of a gateway.

    Attributes:
        its: What the provider says of itself.
        config: Where it is and with which key.
        gateway: Models and waiting times.
        fetcher: Fetches media files.
        text: The provider's own text models, for images that are made by them.
        api: Which of its media APIs is built; None for anything but media.
    """

    its: Provider
    config: ProviderConfig
    gateway: GatewayConfig
    fetcher: Fetcher
    text: TextEngine | None = None
    api: MediaApi | None = None

    @property
    def models(self) -> Models:
        return self.gateway.models

    @property
    def polling(self) -> Polling:
        return Polling(self.gateway.poll_seconds, self.gateway.video_seconds)
