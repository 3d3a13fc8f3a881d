"""What a paid call is asked for and what it brings back; the words that gateway, nodes and tools share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class JobKind(StrEnum):
    SCRAPE_DNA = "scrape_dna"
    GENERATE_PERSONAS = "generate_personas"
    GENERATE_TOPICS = "generate_topics"
    GENERATE_BLOGPOST = "generate_blogpost"
    GENERATE_SOCIAL = "generate_social"
    GENERATE_IMAGE = "generate_image"
    GENERATE_VIDEO = "generate_video"


@dataclass(frozen=True, slots=True)
class TemplateRef:
    """The exact prompt template version that asked, and the experiment's arm that it asked for, if any."""

    code: str
    version: int
    content_hash: str
    language: str = "cs"
    experiment: str | None = None
    arm: str | None = None
    cache_seconds: int | None = None
    """How long the template says that an answer may be given again; None leaves it to the purpose."""

    def identity(self) -> dict[str, Any]:
        """What a job key is made of: the text that asked. Why that text was chosen buys nothing anew."""
        return {
            "code": self.code,
            "version": self.version,
            "content_hash": self.content_hash,
            "language": self.language,
        }

    def booked(self) -> dict[str, Any]:
        """The columns by which jobs, ledger rows and artefacts remember it."""
        return {
            "template_code": self.code,
            "template_version": self.version,
            "template_language": self.language,
            "experiment": self.experiment,
            "arm": self.arm,
        }


NO_TEMPLATE: Mapping[str, None] = {
    "template_code": None,
    "template_version": None,
    "template_language": None,
    "experiment": None,
    "arm": None,
}
"""The same columns where no template asked."""


@dataclass(frozen=True, slots=True)
class Call:
    """Names one logical call: who pays, for what, for which item.

    Together with the request's content the fields make the job key, so nothing here may be a time,
    a random value or a position in a list.
    """

    organization_id: str
    company_id: str
    run_id: str
    tier: str
    kind: JobKind
    node: str
    item: str
    revision: int = 0
    step: str = ""
    """Tells apart the calls that one node makes for one item: ``draft``, ``revise-1``, ``again-1``."""
    template: TemplateRef | None = None
    interactive: bool = False
    """A person waits for this very call; no part of its identity."""
    origin: str = ""
    """The first run of a family of copied threads, whose calls are one: what one has bought, none buys again."""

    @property
    def is_interactive(self) -> bool:
        """Whether it goes before batch work: what is made again, is made for a person who asked for it."""
        return self.interactive or self.revision > 0


@dataclass(frozen=True, slots=True)
class Usage:
    """Units that were used. ``output_tokens`` includes ``thinking_tokens``, as providers bill them."""

    input_tokens: int = 0
    output_tokens: int = 0
    thinking_tokens: int = 0
    cached_tokens: int = 0
    images: int = 0
    seconds: float = 0.0
    requests: int = 0


@dataclass(frozen=True, slots=True)
class Served:
    """Who answered and what it cost; part of every result."""

    job_id: str
    provider: str
    model: str
    usage: Usage
    cost_micro: int
    replayed: bool = False
    """True when the journal had the answer already: nothing was bought this time."""
    deployment: str = ""
    """``provider/model`` that answered."""
    why: str = ""
    """Why it was this one: ``first choice``, or what was wrong with those before it."""
    cached: bool = False
    """True when the same request of the same organization had been answered before: it cost nothing."""
    saved_micro: int = 0
    """What a cached answer cost when it was bought."""


class Restarted(str):
    """An empty piece of a streamed text: the stream was cut and begins again, what came so far is void."""


@dataclass(frozen=True, slots=True)
class TextRequest:
    """``purpose`` picks the chain of models (``text``, ``research``, ``writing``); never a model name.

    ``schema`` is a JSON Schema: the answer then has to be JSON. ``temperature`` is sent only to models
    that take one. ``max_tokens`` bounds output including thinking.
    """

    purpose: str
    system: str
    prompt: str
    max_tokens: int
    schema: Mapping[str, Any] | None = None
    temperature: float | None = None


@dataclass(frozen=True, slots=True)
class TextResult:
    text: str
    served: Served
    raw: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    """What was unusual about how it was asked, in words for a person."""


@dataclass(frozen=True, slots=True)
class Structured(Generic[T]):
    """A parsed answer. ``warnings`` tells of repairs and of schemas that were refused, in words for a person."""

    value: T
    served: Served
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    url: str
    title: str = ""
    snippet: str = ""
    date: str | None = None


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A web search with a written answer. ``country`` is ISO 3166 alpha-2; ``domains`` limits the search."""

    question: str
    system: str = ""
    language: str = "cs"
    country: str = "CZ"
    max_tokens: int = 2000
    domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SearchResult:
    """``warnings`` tells what was restored in the answer or its sources, in words for a person."""

    text: str
    sources: tuple[Source, ...]
    served: Served
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """``aspect_ratio`` as ``W:H``. Providers without a negative prompt get it folded into the prompt."""

    prompt: str
    negative_prompt: str
    aspect_ratio: str


@dataclass(frozen=True, slots=True)
class VideoRequest:
    prompt: str
    negative_prompt: str
    aspect_ratio: str
    duration_seconds: int = 8


@dataclass(frozen=True, slots=True)
class MediaResult:
    """A stored file. ``key`` names it in the file store; ``seconds`` is 0 for an image."""

    key: str
    media_type: str
    size: int
    prompt: str
    served: Served
    seconds: float = 0.0
    thumbnail_key: str | None = None
