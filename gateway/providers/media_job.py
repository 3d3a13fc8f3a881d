"""What image and video adapters share: polling a job and fetching its file."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from domain.errors import AnswerInDoubt, FetchFailed, ProviderBusy, ProviderUnreachable
from gateway.calls.failures import job_unfinished
from gateway.config import ProviderConfig
from gateway.ports import MediaFile

T = TypeVar("T")

MAX_MEDIA_BYTES = 200_000_000
_FETCH_SECONDS = 60.0
_FETCH_AGAIN_SECONDS = (0.3, 1.0)


class FetchedFile(Protocol):
    """What a fetch brought."""

    @property
    def content(self) -> bytes: ...

    @property
    def media_type(self) -> str: ...


class Fetcher(Protocol):
    """Fetches a media file safely; ``fetching.fetcher.SafeFetcher`` is one."""

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        max_bytes: int | None = None,
        total_seconds: float | None = None,
        allowed_hosts: tuple[tuple[str, int], ...] = (),
        media_types: tuple[str, ...] = (),
    ) -> FetchedFile: ...


@dataclass(frozen=True, slots=True)
class Polling:
    """How often a job is asked for, and how long at most, in seconds."""

    interval: float
    total: float


async def poll(provider: str, polling: Polling, ask: Callable[[], Awaitable[T | None]]) -> T:
    """Ask until there is an answer. A poll that fails on the way is asked again: it buys nothing.

    Raises:
        MediaJobFailed: It did not end in time; its money stays held.
    """
    try:
        async with asyncio.timeout(polling.total):
            await asyncio.sleep(min(1.0, polling.interval))
            while True:
                try:
                    answer = await ask()
                except (ProviderBusy, ProviderUnreachable, AnswerInDoubt):
                    answer = None
                if answer is not None:
                    return answer
                await asyncio.sleep(polling.interval)
    except TimeoutError as error:
        raise job_unfinished(provider, polling.total) from error


async def fetch(
    fetcher: Fetcher, config: ProviderConfig, url: str, headers: Mapping[str, str] | None = None
) -> MediaFile:
    """Fetch a media file; the provider's own configured host may be a private one.

    It has been paid for and fetching is free, so a failure is tried again for a moment.

    Raises:
        UnsafeUrl: The provider named an address that must not be fetched.
        FetchFailed: It could not be read.
    """
    for seconds in _FETCH_AGAIN_SECONDS:
        try:
            return await _fetch_once(fetcher, config, url, headers)
        except FetchFailed:
            await asyncio.sleep(seconds)
    try:
        return await _fetch_once(fetcher, config, url, headers)
    except FetchFailed as error:
        raise FetchFailed(
            f"{config.name} has made the file, but it could not be fetched. {error.message}",
            next_step="Resume the month later, and it is fetched again for nothing; if it stays so, reject the "
            "picture or clip to have it made anew, which is paid again.",
            **error.details,
        ) from error


async def _fetch_once(
    fetcher: Fetcher, config: ProviderConfig, url: str, headers: Mapping[str, str] | None
) -> MediaFile:
    fetched = await fetcher.get(
        url,
        headers=headers,
        max_bytes=MAX_MEDIA_BYTES,
        total_seconds=_FETCH_SECONDS,
        allowed_hosts=(_own_host(config),),
        media_types=("image/*", "video/*", "application/octet-stream"),
    )
    return MediaFile(fetched.content, fetched.media_type)


def _own_host(config: ProviderConfig) -> tuple[str, int]:
    parts = urlsplit(config.base_url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
