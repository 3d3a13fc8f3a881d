"""What providers there are. Each says for itself what it is, in ``<name>.json`` beside its code.

Nothing else knows a provider's name: settings, ``doctor``, quotes, limits, chains, prices and the gateway ask here.
Reading the registry imports no adapter; ``load`` does, when a gateway is built.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import gateway.providers as package
from domain.errors import InvalidInput

_LAST = 1000
"""Where a provider stands that says no place of its own."""


@dataclass(frozen=True, slots=True)
class Option:
    """One more setting of a provider; ``parameter`` is what its adapter calls it.

    ``stand_in`` is its value for the sandbox, whose address takes the place of ``BASE_URL`` in it.
    """

    setting: str
    parameter: str
    needed: bool = False
    secret: bool = False
    stand_in: str = ""


@dataclass(frozen=True, slots=True)
class Chained:
    """The models that a provider offers for a purpose, and where in the chain: the lowest ``place`` is first."""

    purpose: str
    place: int
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MediaApi:
    """One way to make images or videos; ``name`` is what an order of them is written with."""

    name: str
    place: int
    model: str
    adapter: str


@dataclass(frozen=True, slots=True)
class Profile:
    """How a provider that LiteLLM reaches is spoken to.

    Attributes:
        litellm: LiteLLM's name of it.
        embeddings: LiteLLM's name of it for embeddings, where that is another one.
        address_path: What LiteLLM wants behind the address.
        address_parameter: The parameter that takes the address.
        no_key: What is sent where no key is set.
        limit_parameter: The parameter that limits the tokens of an answer.
        effort: How hard a model thinks that can be told.
        structured: How it is held to a schema: ``json_schema``, ``json_object`` or ``prompt``.
        finish: ``stop``, ``length``, ``blocked`` and ``broken`` (off in the middle) → the reasons, in capitals, by
            which it says so.
        relays: Whether it passes on models of others: then the reason that counts is not theirs but its own.
        refuses: Parameters that it does not take.
        model: What holds for a model of which nothing else is known.
    """

    litellm: str
    embeddings: str = ""
    address_path: str = ""
    address_parameter: str = "api_base"
    no_key: str = ""
    limit_parameter: str = "max_tokens"
    effort: str = ""
    structured: str = "json_schema"
    finish: Mapping[str, Sequence[str]] = field(default_factory=dict)
    relays: bool = False
    refuses: tuple[str, ...] = ()
    model: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider, as its own file describes it.

    Attributes:
        name: Short and lower case; the first part of ``provider/model``.
        title: Its name for people.
        key: The setting of its key; empty where it needs none.
        key_needed: Whether it can be asked at all without a key.
        address: Its own address; empty where only the operator can know it, or LiteLLM makes it up of the options.
        address_needed: Whether it cannot be asked without an address of the operator's.
        address_settings: What replaces the address; the first that is set counts.
        options: Its other settings.
        named_only: It is used only where a chain names it, for its key lies in many an environment.
        without: What is missed without it, for people.
        does: What it is for, for people.
        free_check: A path that costs nothing and a header for the key; empty where there is none.
        limits: Calls a minute of an organization: ``calls``, and ``sandbox`` for a stand-in.
        adapters: Ability → engine → ``module:function`` that builds it; engine ``*`` is every engine.
        in_litellms_map: What LiteLLM's map of prices calls it.
        genai: What OpenTelemetry's conventions call it.
        stand_in: The path of the sandbox's stand-in; None where it has none.
    """

    name: str
    title: str
    place: int
    key: str
    key_needed: bool
    address: str
    address_needed: bool
    address_settings: tuple[str, ...]
    options: tuple[Option, ...]
    named_only: bool
    without: str
    does: str
    free_check: Mapping[str, str]
    limits: Mapping[str, Any]
    adapters: Mapping[str, Mapping[str, str]]
    in_litellms_map: tuple[str, ...]
    genai: str
    stand_in: str | None
    chains: tuple[Chained, ...]
    images: tuple[MediaApi, ...]
    videos: tuple[MediaApi, ...]
    models: Mapping[str, Mapping[str, Any]]
    prices: tuple[Mapping[str, Any], ...]
    profile: Profile | None

    def stand_in_options(self, base_url: str) -> Mapping[str, str]:
        """What its adapter is told beside the address, for the stand-in of a sandbox at an address."""
        return {
            option.parameter: option.stand_in.replace("BASE_URL", base_url)
            for option in self.options
            if option.stand_in
        }

    @property
    def abilities(self) -> tuple[str, ...]:
        """What it can do: text, structured, stream, embedding, search, image, video."""
        text = ("text", "structured", "stream") if "text" in self.adapters else ()
        rest = tuple(ability for ability in self.adapters if ability != "text")
        media = (("image",) if self.images else ()) + (("video",) if self.videos else ())
        return (*text, *rest, *media)

    @property
    def address_has_path(self) -> bool:
        """Whether the operator writes the address with its path, as of OpenAI-compatible servers."""
        return not self.address or self.address.count("/") > 2

    @property
    def settings(self) -> tuple[str, ...]:
        """Every environment variable that it reads."""
        own = (self.key, *self.address_settings, *(option.setting for option in self.options))
        return tuple(filter(None, own))

    def adapter(self, ability: str, engine: str) -> str | None:
        """Return ``module:function`` of an ability, or None."""
        ways = self.adapters.get(ability, {})
        return ways.get(engine) or ways.get("*")


def providers() -> Mapping[str, Provider]:
    """Return every provider by name, in the order of their places."""
    return _read(tuple(package.__path__))


def provider(name: str) -> Provider:
    """Return a provider.

    Raises:
        InvalidInput: There is none of this name; says which there are.
    """
    found = providers().get(name)
    if found is None:
        known = ", ".join(providers())
        raise InvalidInput(f"There is no provider {name[:40]!r}.", next_step=f"Use one of {known}.")
    return found


def able(ability: str) -> tuple[str, ...]:
    """Return the names of the providers that have an ability."""
    return tuple(each.name for each in providers().values() if ability in each.abilities)


def by_key_alone() -> tuple[str, ...]:
    """Return the names of the providers that a key alone switches on."""
    return tuple(each.name for each in providers().values() if not each.named_only)


def load(adapter: str) -> Callable[..., Any]:
    """Import what builds an adapter; ``module:function``."""
    module, _, function = adapter.partition(":")
    built: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return built


@cache
def _read(folders: tuple[str, ...]) -> Mapping[str, Provider]:
    found = [_provider(path) for folder in folders for path in sorted(Path(folder).glob("*.json"))]
    return {each.name: each for each in sorted(found, key=lambda each: (each.place, each.name))}


def _provider(path: Path) -> Provider:
    said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    profile = said.get("profile")
    return Provider(
        name=path.stem,
        title=said["title"],
        place=said.get("place", _LAST),
        key=said.get("key", ""),
        key_needed=said.get("key_needed", bool(said.get("key"))),
        address=said.get("address", ""),
        address_needed=said.get("address_needed", False),
        address_settings=tuple(said.get("address_settings", ())),
        options=tuple(Option(**option) for option in said.get("options", ())),
        named_only=said.get("named_only", False),
        without=said.get("without", ""),
        does=said.get("does", ""),
        free_check=said.get("free_check", {}),
        limits=said.get("limits", {}),
        adapters=dict(_adapters(said.get("adapters", {}))),
        in_litellms_map=tuple(said.get("in_litellms_map", ())),
        genai=said.get("genai", path.stem),
        stand_in=said.get("stand_in"),
        chains=tuple(
            Chained(each["purpose"], each["place"], tuple(each["models"])) for each in said.get("chains", ())
        ),
        images=tuple(MediaApi(**each) for each in said.get("images", ())),
        videos=tuple(MediaApi(**each) for each in said.get("videos", ())),
        models=said.get("models", {}),
        prices=tuple(said.get("prices", ())),
        profile=Profile(**{**profile, "refuses": tuple(profile.get("refuses", ()))}) if profile else None,
    )


def _adapters(said: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, str]]]:
    for ability, adapter in said.items():
        yield ability, {"*": adapter} if isinstance(adapter, str) else adapter
