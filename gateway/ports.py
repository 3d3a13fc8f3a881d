"""The seams between the gateway and its providers.

A provider turns one request into one answer over one physical attempt. It announces the attempt by
``await attempt.sending()`` immediately before the bytes leave, and raises the typed errors of
``gateway.calls.failures``; what an error did to money stands in its ``money``. Tiers, the journal, holds, retries,
fallback and judging are not its business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

from domain.calls import ImageRequest, SearchRequest, Source, TextRequest, Usage, VideoRequest
from store.money.prices import Units

OnText = Callable[[str], None]

ATTEMPT_HEADER = "x-client-request-id"
"""Carries the ledger row's id, so that a provider's bill that keeps it can be compared row by row."""


class Finish(StrEnum):
    """Why a model stopped."""

    STOP = "stop"
    LENGTH = "length"
    BLOCKED = "blocked"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file exactly as the provider sent it."""

    content: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What one attempt brought; billed, whatever it is worth.

    ``units`` is what is billed, None where the provider did not say; ``usage`` is the same for people.
    ``reported_usd`` is the provider's own figure.
    """

    usage: Usage
    units: Units | None
    finish: Finish = Finish.STOP
    reason: str = ""
    text: str = ""
    sources: tuple[Source, ...] = ()
    vectors: tuple[tuple[float, ...], ...] = ()
    media: MediaFile | None = None
    thumbnail: MediaFile | None = None
    seconds: float = 0.0
    reported_usd: Decimal | None = None
    estimated: bool = False
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """A media file that has been bought and is still to be collected; plain JSON, kept until it is.

    ``id`` is the provider's own name of it (a job id, an address), ``facts`` what else collecting needs.
    """

    id: str
    facts: Mapping[str, Any] = field(default_factory=dict)


class Attempt(Protocol):
    """One physical attempt; its ``id`` names its ledger row."""

    @property
    def id(self) -> str: ...

    async def sending(self) -> None:
        """Open the hold; to be awaited immediately before the bytes leave, any number of times.

        Raises:
            BudgetExceeded: The attempt must not be sent.
        """


class TextEngine(Protocol):
    """Speaks to text models: LiteLLM, or langchain-google-genai."""

    name: str

    async def complete(
        self, model: str, request: TextRequest, attempt: Attempt, on_text: OnText | None = None
    ) -> Answer:
        """Answer a prompt; streamed through ``on_text`` where that is given."""

    async def draw(self, model: str, request: ImageRequest, attempt: Attempt) -> Answer:
        """Make one image by a text-and-image model."""

    async def aclose(self) -> None: ...


class LoadableEngine(TextEngine, Protocol):
    """A text engine that may still be on its way: importing one takes seconds."""

    async def ready(self) -> None:
        """Wait until it has been loaded."""


class EmbeddingProvider(Protocol):
    """Turns texts into vectors, as many as there are texts."""

    async def embed(self, model: str, texts: Sequence[str], attempt: Attempt) -> Answer: ...

    async def aclose(self) -> None: ...


class SearchProvider(Protocol):
    """Searches the web and answers from what it found."""

    async def search(self, model: str, request: SearchRequest, attempt: Attempt) -> Answer: ...

    async def aclose(self) -> None: ...


class ImageProvider(Protocol):
    """Makes an image: at once, or as an operation to collect it with."""

    async def submit(self, model: str, request: ImageRequest, attempt: Attempt) -> Answer | Operation: ...

    async def collect(self, operation: Operation) -> Answer:
        """Fetch what was bought. May be repeated, and never buys anything."""

    async def aclose(self) -> None: ...


class VideoProvider(Protocol):
    """Makes a video as a job: submitted once, then collected."""

    async def submit(self, model: str, request: VideoRequest, attempt: Attempt) -> Operation: ...

    async def collect(self, operation: Operation) -> Answer:
        """Poll until the job has ended, and fetch its file. May be repeated, and never buys anything.

        Raises:
            MediaJobFailed: The provider says that it failed (money none), or it did not end in time (held).
        """

    async def aclose(self) -> None: ...
