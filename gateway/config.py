"""What the gateway is built from: providers, and the models that serve each purpose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Literal

from domain.errors import InvalidInput
from domain.tables import load
from gateway.cache.policy import CachePolicy
from gateway.limits.rates import RateLimits

Engine = Literal["litellm", "google"]


@dataclass(frozen=True, slots=True)
class Deployment:
    """One model at one provider; written ``provider/model``."""

    provider: str
    model: str

    @classmethod
    def parse(cls, name: str) -> Deployment:
        provider, _, model = name.partition("/")
        return cls(provider, model)

    def __str__(self) -> str:
        return f"{self.provider}/{self.model}"


@dataclass(frozen=True, slots=True)
class ProviderConfig:
    """Where a provider is and with which key. ``base_url`` is scheme, host and port, without a path."""

    name: str
    api_key: str = field(repr=False)
    base_url: str


@dataclass(frozen=True, slots=True)
class Models:
    """The dated table of models: chains by purpose, and what is to be known about each model."""

    chains: Mapping[str, tuple[Deployment, ...]]
    images: Mapping[str, Deployment]
    videos: Mapping[str, Deployment]
    facts: Mapping[str, Mapping[str, Any]]

    def of(self, deployment: Deployment) -> Mapping[str, Any]:
        """What is to be known about a model."""
        return self.facts.get(str(deployment), {})

    def spoken_to(self, provider: str) -> tuple[str, ...]:
        """Models of a provider that a text engine speaks to: those of the chains, and image models."""
        chained = [deployment for chain in self.chains.values() for deployment in chain]
        wanted = [*chained, *self.images.values()]
        return tuple(dict.fromkeys(each.model for each in wanted if each.provider == provider))


@cache
def shipped_models() -> Models:
    """Return the table of ``data/models.json``."""
    return read_models(load("gateway", "models"))


def read_models(table: Mapping[str, Any]) -> Models:
    """Read a table of models of the shape of ``data/models.json``."""
    return Models(
        chains={purpose: tuple(map(Deployment.parse, chain)) for purpose, chain in table["chains"].items()},
        images={name: Deployment.parse(model) for name, model in table["images"].items()},
        videos={name: Deployment.parse(model) for name, model in table["videos"].items()},
        facts=table["models"],
    )


_SERVES = {"search": ("perplexity",)}
_SERVES_TEXT = ("gemini",)


def with_chains(models: Models, chains: Mapping[str, str]) -> Models:
    """Return the table with some of its chains replaced.

    Args:
        models: The table.
        chains: Purpose → ``provider/model,…``, the first choice first.

    Raises:
        InvalidInput: Names the setting and what is allowed.
    """
    read = {purpose.lower(): _chain(models, purpose.lower(), value) for purpose, value in chains.items()}
    return replace(models, chains={**models.chains, **read})


def _chain(models: Models, purpose: str, value: str) -> tuple[Deployment, ...]:
    setting = f"POSTHUB_CHAIN_{purpose.upper()}"
    if purpose not in models.chains:
        known = ", ".join(f"POSTHUB_CHAIN_{name.upper()}" for name in models.chains)
        raise InvalidInput(f"{setting} names no purpose.", next_step=f"Use one of {known}.")
    chain = tuple(Deployment.parse(part.strip()) for part in value.split(",") if part.strip())
    providers = _SERVES.get(purpose, _SERVES_TEXT)
    if not chain or any(not each.model or each.provider not in providers for each in chain):
        raise InvalidInput(
            f"{setting} is {value!r}.",
            next_step=f"Give provider/model, separated by commas; providers: {', '.join(providers)}.",
        )
    if len(set(chain)) < len(chain):
        raise InvalidInput(f"{setting} names a model twice.", next_step="Name each model once.")
    return chain


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """Everything the gateway has to be told.

    Attributes:
        providers: Only providers that have a key; the others are left out.
        engine: What speaks to Gemini: LiteLLM, or langchain-google-genai.
        monthly_budget_micro: Micro-USD a month of an organization without a budget row of its own.
        image_order: Implementations of "image", the first choice first: ``nanobana``, ``gemini``.
        video_order: Implementations of "video": ``veo``, ``omni``, ``veo-google``.
        text_seconds: Total deadline of one text, search or embedding attempt.
        image_seconds: Total deadline of one image attempt.
        submit_seconds: Total deadline of submitting a video.
        poll_seconds: Between two polls of a video job.
        video_seconds: How long a video job is polled before it is given up.
        call_seconds: Total deadline of one call: waits, retries and fallback together.
        max_backoff_seconds: The longest that a busy provider is waited for while another could be asked.
        last_backoff_seconds: The longest that a busy provider is waited for where there is no other.
        tries: Attempts at one model while none of them was billed.
        limits: Calls a minute by provider and organization; none unless given.
        queue_seconds: The longest that a call waits for a place in a rate limit.
        cache: What is answered again without being bought; nothing unless given.
        semantic: Codes of the templates whose answers are also given to similar questions.
    """

    providers: Mapping[str, ProviderConfig]
    engine: Engine = "litellm"
    monthly_budget_micro: int = 200_000_000
    image_order: tuple[str, ...] = ("nanobana", "gemini")
    video_order: tuple[str, ...] = ("veo", "omni", "veo-google")
    models: Models = field(default_factory=shipped_models)
    text_seconds: float = 120.0
    image_seconds: float = 120.0
    submit_seconds: float = 30.0
    poll_seconds: float = 5.0
    video_seconds: float = 300.0
    call_seconds: float = 300.0
    max_backoff_seconds: float = 10.0
    last_backoff_seconds: float = 60.0
    tries: int = 3
    limits: RateLimits = field(default_factory=RateLimits)
    queue_seconds: float = 3600.0
    cache: CachePolicy = field(default_factory=CachePolicy)
    semantic: frozenset[str] = frozenset()

    def chain(self, purpose: str) -> tuple[Deployment, ...]:
        """Return the models that serve a purpose and whose provider has a key, the first choice first.

        Raises:
            InvalidInput: There is no such purpose, or no provider for it.
        """
        if purpose not in self.models.chains:
            known = ", ".join(self.models.chains)
            raise InvalidInput(f"There is no purpose {purpose!r}.", next_step=f"Use one of {known}.")
        return self._served(purpose, self.models.chains[purpose])

    def images(self) -> tuple[Deployment, ...]:
        """Return the models that make images, in the configured order."""
        return self._served("image", (self.models.images[name] for name in self.image_order))

    def videos(self) -> tuple[tuple[str, Deployment], ...]:
        """Return the implementations of "video" by name, in the configured order."""
        pairs = ((name, self.models.videos[name]) for name in self.video_order)
        chosen = tuple((name, model) for name, model in pairs if model.provider in self.providers)
        if not chosen:
            raise no_provider("video", {self.models.videos[name].provider for name in self.video_order})
        return chosen

    def _served(self, purpose: str, models: Any) -> tuple[Deployment, ...]:
        wanted = tuple(models)
        chosen = tuple(model for model in wanted if model.provider in self.providers)
        if not chosen:
            raise no_provider(purpose, {model.provider for model in wanted})
        return chosen


def no_provider(purpose: str, providers: set[str]) -> InvalidInput:
    """Build the refusal of a purpose that no configured provider serves."""
    keys = " or ".join(sorted(f"{name.upper()}_API_KEY" for name in providers))
    return InvalidInput(f"No provider is configured for {purpose}.", next_step=f"Set {keys}.")
