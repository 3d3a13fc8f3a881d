"""What the gateway is built from: providers, and the models that serve each purpose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

from domain.errors import InvalidInput
from domain.ids import content_hash
from domain.worlds import World
from gateway.cache.policy import CachePolicy
from gateway.limits.rates import RateLimits
from gateway.providers import registry
from gateway.providers.registry import MediaApi, Provider

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
    """Where a provider is and with which key; ``options`` by what its adapter calls them."""

    name: str
    api_key: str = field(repr=False)
    base_url: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Models:
    """The dated table of models: chains by purpose, and what is to be known about each model."""

    chains: Mapping[str, tuple[Deployment, ...]]
    images: Mapping[str, Deployment]
    videos: Mapping[str, Deployment]
    facts: Mapping[str, Mapping[str, Any]]

    def of(self, deployment: Deployment) -> Mapping[str, Any]:
        """What is to be known about a model; what holds for all of its provider's where it is not in the table."""
        known = self.facts.get(str(deployment))
        if known is not None:
            return known
        its = registry.providers().get(deployment.provider)
        return its.profile.model if its and its.profile else {}

    def spoken_to(self, provider: str) -> tuple[str, ...]:
        """Models of a provider that a text engine speaks to: those of the chains, and image models."""
        chained = [deployment for chain in self.chains.values() for deployment in chain]
        wanted = [*chained, *self.images.values()]
        return tuple(dict.fromkeys(each.model for each in wanted if each.provider == provider))

    def named(self) -> frozenset[str]:
        """Providers that a chain names."""
        return frozenset(each.provider for chain in self.chains.values() for each in chain)


def shipped_models() -> Models:
    """Return the table that the providers' own files make."""
    return _table(tuple(registry.providers().values()))


PURPOSES = ("text", "research", "writing", "embedding", "search")
"""What a chain of models serves."""
_ABILITY: Mapping[str, str] = {"embedding": "embedding", "search": "search"}


def ability_for(purpose: str) -> str:
    """What a provider has to be able to do, to serve a purpose."""
    return _ABILITY.get(purpose, "text")


def _table(providers: Sequence[Provider]) -> Models:
    return Models(
        chains={purpose: tuple(_chained(providers, purpose)) for purpose in PURPOSES},
        images={api.name: Deployment(each.name, api.model) for api, each in _apis(providers, "images")},
        videos={api.name: Deployment(each.name, api.model) for api, each in _apis(providers, "videos")},
        facts={f"{each.name}/{model}": facts for each in providers for model, facts in each.models.items()},
    )


def _chained(providers: Sequence[Provider], purpose: str) -> Iterator[Deployment]:
    offers = [(offer, each) for each in providers for offer in each.chains if offer.purpose == purpose]
    for offer, each in sorted(offers, key=lambda pair: pair[0].place):
        yield from (Deployment(each.name, model) for model in offer.models)


def _apis(
    providers: Sequence[Provider], kind: Literal["images", "videos"]
) -> list[tuple[MediaApi, Provider]]:
    apis = [(api, each) for each in providers for api in (each.images if kind == "images" else each.videos)]
    return sorted(apis, key=lambda pair: pair[0].place)


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
    able = registry.able(ability_for(purpose))
    if not chain or not all(_can(models, each, purpose, able) for each in chain):
        raise InvalidInput(
            f"{setting} is {value!r}.",
            next_step=f"Give provider/model, separated by commas; providers: {', '.join(able)}.",
        )
    if len(set(chain)) < len(chain):
        raise InvalidInput(f"{setting} names a model twice.", next_step="Name each model once.")
    return chain


def _can(models: Models, each: Deployment, purpose: str, able: Sequence[str]) -> bool:
    """Whether a model may serve a purpose; of one that searches it has to be known how much at most."""
    known = purpose != "search" or "max_searches" in models.of(each)
    return bool(each.model) and each.provider in able and known


def shipped_order(kind: Literal["images", "videos"]) -> tuple[str, ...]:
    """Return the implementations of "image" or "video", the first choice first."""
    return tuple(api.name for api, _ in _apis(tuple(registry.providers().values()), kind))


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """Everything the gateway has to be told.

    Attributes:
        providers: Only providers that have a key; the others are left out.
        engine: What speaks to the text models of a provider that has two ways: LiteLLM, or its own library.
        monthly_budget_micro: Micro-USD a month of an organization without a budget row of its own.
        image_order: Implementations of "image", the first choice first.
        video_order: Implementations of "video", the first choice first.
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
        drain_seconds: How long the end of the process waits for the answers to calls in flight.
        cache: What is answered again without being bought; nothing unless given.
        sandbox: The sandbox's stand-ins take the place of every provider.
    """

    providers: Mapping[str, ProviderConfig]
    engine: Engine = "litellm"
    monthly_budget_micro: int = 200_000_000
    image_order: tuple[str, ...] = field(default_factory=partial(shipped_order, "images"))
    video_order: tuple[str, ...] = field(default_factory=partial(shipped_order, "videos"))
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
    drain_seconds: float = 25.0
    cache: CachePolicy = field(default_factory=CachePolicy)
    sandbox: bool = False

    @property
    def world(self) -> World:
        return World.of(sandbox=self.sandbox)

    def account(self, provider: str) -> str:
        """Name an account at a provider: the sandbox's, wherever it listens, or a hash of address and key."""
        of = self.providers[provider]
        asked = None if self.sandbox else content_hash([of.base_url, of.api_key, dict(of.options)])
        return f"{self.world}:{provider}:{asked[:16] if asked else 'any'}"

    @property
    def accounts(self) -> str:
        """Whom answers are bought from; what is the same in two processes that may give each other's answers again."""
        if self.sandbox:
            return self.world
        return content_hash([self.account(name) for name in sorted(self.providers)])

    def chain(self, purpose: str) -> tuple[Deployment, ...]:
        """Return the models that serve a purpose and whose provider has a key, the first choice first.

        Raises:
            InvalidInput: There is no such purpose, or no provider for it.
        """
        if purpose not in self.models.chains:
            known = ", ".join(self.models.chains)
            raise InvalidInput(f"There is no purpose {purpose!r}.", next_step=f"Use one of {known}.")
        return self._served(purpose, self.models.chains[purpose])

    def serves(self, purpose: str) -> bool:
        """Whether a purpose, or ``image`` or ``video``, has a model whose provider has a key."""
        return any(model.provider in self.providers for model in self._wanted(purpose))

    def lack_of(self, purpose: str) -> InvalidInput:
        """Build the refusal of a purpose that no configured provider serves; it names the keys that would."""
        return no_provider(purpose, {model.provider for model in self._wanted(purpose)})

    def _wanted(self, purpose: str) -> tuple[Deployment, ...]:
        if purpose == "image":
            return tuple(self.models.images[name] for name in self.image_order)
        if purpose == "video":
            return tuple(self.models.videos[name] for name in self.video_order)
        return self.models.chains[purpose]

    def images(self) -> tuple[Deployment, ...]:
        """Return the models that make images, in the configured order."""
        return self._served("image", self._wanted("image"))

    def videos(self) -> tuple[tuple[str, Deployment], ...]:
        """Return the implementations of "video" by name, in the configured order."""
        pairs = ((name, self.models.videos[name]) for name in self.video_order)
        chosen = tuple((name, model) for name, model in pairs if model.provider in self.providers)
        if not chosen:
            raise self.lack_of("video")
        return chosen

    def _served(self, purpose: str, models: Any) -> tuple[Deployment, ...]:
        wanted = tuple(models)
        chosen = tuple(model for model in wanted if model.provider in self.providers)
        if not chosen:
            raise no_provider(purpose, {model.provider for model in wanted})
        return chosen


def no_provider(purpose: str, providers: set[str]) -> InvalidInput:
    """Build the refusal of a purpose that no configured provider serves."""
    keys = " or ".join(sorted({registry.provider(name).settings[0] for name in providers}))
    return InvalidInput(f"No provider is configured for {purpose}.", next_step=f"Set {keys}.")
