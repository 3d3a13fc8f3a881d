"""What the environment says; the only module that reads it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, cast, get_args
from urllib.parse import urlsplit

from domain.errors import InvalidInput
from domain.money import to_micro
from domain.tiers import organization_name
from domain.worlds import World
from fetching.addresses import read_own_sites
from gateway.cache.policy import CachePolicy, read_cache_policy
from gateway.config import Models, shipped_models, shipped_order, with_chains
from gateway.limits.rates import RateLimits, read_limits
from gateway.providers import registry
from gateway.providers.registry import Provider
from runtime.server.origins import read_link_secret, read_origins, read_public_url

Engine = Literal["litellm", "google"]
Role = Literal["admin", "manager", "editor"]


@dataclass(frozen=True)
class ProviderSettings:
    """One provider as configured.

    Attributes:
        api_key: None where it is not to be used; empty where it needs no key.
        options: Its other settings, by what its adapter calls them.
        missing: The variables without which it cannot be used.
        secrets: What must never be shown.
    """

    name: str
    base_url: str
    api_key: str | None
    options: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return (
            f"ProviderSettings({self.name!r}, {self.base_url!r}, key {'set' if self.api_key else 'not set'})"
        )


@dataclass(frozen=True)
class Settings:
    """Everything that can be configured, parsed and checked."""

    home: Path
    database_uri: str | None
    redis_uri: str | None
    files_url: str
    organization: str
    engine: Engine
    providers: Mapping[str, ProviderSettings]
    private_hosts: frozenset[tuple[str, int]]
    own_sites: frozenset[str]
    monthly_budget_micro: int
    image_order: tuple[str, ...]
    video_order: tuple[str, ...]
    video_poll_seconds: float
    drain_seconds: float
    sandbox_seed: int
    metrics_port: int | None
    otlp: frozenset[str]
    models: Models
    rate_limits: RateLimits
    author: str
    role: Role
    prompt_pause_share: float
    cache: CachePolicy
    cors_origins: tuple[str, ...] = ()
    public_url: str = ""
    link_secret: str = field(default="", repr=False)
    sandbox: bool = False

    @property
    def has_provider_key(self) -> bool:
        """Where this is false, the sandbox takes the providers' place."""
        return any(provider.api_key is not None for provider in self.providers.values())

    @property
    def world(self) -> World:
        """Of which runs are that start now, and whose figures are shown unless the other's are asked for."""
        return World.of(sandbox=self.sandbox or not self.has_provider_key)


def default_home(user_id: int | None = None) -> Path:
    """Where PostHub keeps its data unless ``POSTHUB_HOME`` says otherwise.

    PostgreSQL refuses to run as root, so for root it runs under a user of its own, which has to reach the data
    folder: that must not be below ``/root``.
    """
    if (os.getuid() if user_id is None else user_id) == 0:
        return Path("/var/lib/posthub")
    data = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(data) / "posthub"


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Raises:
        InvalidInput: A variable has a value that cannot be used; names it and the allowed values.
    """
    env = os.environ if environment is None else environment
    home = Path(env.get("POSTHUB_HOME") or default_home()).expanduser().absolute()
    models = with_chains(shipped_models(), _starting(env, "POSTHUB_CHAIN_"))
    return Settings(
        home=home,
        database_uri=_address(env, "DATABASE_URI"),
        redis_uri=_address(env, "REDIS_URI"),
        files_url=env.get("POSTHUB_FILES_URL") or (home / "files").as_uri(),
        organization=organization_name(env.get("POSTHUB_ORGANIZATION", "local"), "POSTHUB_ORGANIZATION"),
        engine=cast(Engine, _word(env, "POSTHUB_ENGINE", get_args(Engine), "litellm")),
        providers=_providers(env, models),
        private_hosts=_hosts(env.get("POSTHUB_ALLOW_PRIVATE_HOSTS", "")),
        own_sites=read_own_sites(env.get("POSTHUB_OWN_SITES", "")),
        monthly_budget_micro=_budget(env.get("POSTHUB_MONTHLY_BUDGET_USD") or "200"),
        image_order=_order(env, "POSTHUB_IMAGE_PROVIDERS", shipped_order("images")),
        video_order=_order(env, "POSTHUB_VIDEO_PROVIDERS", shipped_order("videos")),
        video_poll_seconds=_seconds(env, "POSTHUB_VIDEO_POLL_SECONDS", 5.0),
        drain_seconds=_seconds(env, "POSTHUB_DRAIN_SECONDS", 25.0),
        sandbox_seed=_whole(env, "POSTHUB_SANDBOX_SEED", 1),
        metrics_port=_port(env, "POSTHUB_METRICS_PORT"),
        otlp=frozenset(signal for signal in ("traces", "metrics") if _sent(env, signal)),
        rate_limits=read_limits(env.get("POSTHUB_RATE_LIMITS", "")),
        cache=read_cache_policy(env.get("POSTHUB_CACHE_TTL", "")),
        models=models,
        cors_origins=read_origins(env.get("POSTHUB_CORS_ORIGINS", "")),
        public_url=read_public_url(env.get("POSTHUB_PUBLIC_URL", "")),
        link_secret=read_link_secret(env.get("POSTHUB_LINK_SECRET", "")),
        author=" ".join((env.get("POSTHUB_AUTHOR") or "").split()),
        role=cast(Role, _word(env, "POSTHUB_ROLE", get_args(Role), "admin")),
        prompt_pause_share=_share(env, "POSTHUB_PROMPT_PAUSE_SHARE", 0.3),
    )


def _sent(env: Mapping[str, str], signal: str) -> bool:
    """Whether OpenTelemetry's own variables say that a signal is sent by OTLP."""
    endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT")
    wanted = env.get(f"OTEL_{signal.upper()}_EXPORTER", "otlp").strip().lower() != "none"
    return wanted and any(env.get(name, "").strip() for name in endpoints)


def _starting(env: Mapping[str, str], prefix: str) -> dict[str, str]:
    """Return the variables that start alike, by the rest of their names."""
    return {name.removeprefix(prefix): value for name, value in env.items() if name.startswith(prefix)}


_PLACEHOLDERS = {":memory:", "fake"}


def _address(env: Mapping[str, str], variable: str) -> str | None:
    """Return what the person set, also under ``langgraph dev``, which puts placeholders over both addresses."""
    value = env.get(variable)
    if value in _PLACEHOLDERS:
        value = env.get(f"POSTHUB_{variable}") or _before_the_server(variable)
    return value or None


def _before_the_server(variable: str) -> str | None:
    """Look the variable up where the server did not write: in the environment its process was started with.

    With reload the server runs in a child of the process that wrote the placeholder, so the parents are asked
    too. Only Linux shows this; elsewhere set ``POSTHUB_DATABASE_URI``, as ``posthub serve`` does.
    """
    for process in ("self", str(os.getppid())):
        try:
            entries = Path("/proc", process, "environ").read_bytes().split(b"\0")
        except OSError:
            return None
        started = dict(entry.decode("utf-8", "replace").partition("=")[::2] for entry in entries)
        value = started.get(variable)
        if value not in _PLACEHOLDERS:
            return value
    return None


def _word(env: Mapping[str, str], variable: str, words: tuple[str, ...], default: str) -> str:
    value = env.get(variable) or default
    if value not in words:
        allowed = f"{', '.join(words[:-1])} or {words[-1]}"
        raise InvalidInput(f"{variable} is {value!r}.", next_step=f"Set it to {allowed}, or leave it out.")
    return value


def _share(env: Mapping[str, str], variable: str, default: float) -> float:
    value = env.get(variable)
    try:
        share = float(value) if value else default
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise InvalidInput(f"{variable} is {value!r}.", next_step="Give a share from 0 to 1, such as 0.3.")
    return share


def _providers(env: Mapping[str, str], models: Models) -> dict[str, ProviderSettings]:
    """Read the providers that may be used: those that are by their key alone, and those that a chain names."""
    named = models.named()
    known = registry.providers().values()
    return {each.name: _provider(env, each) for each in known if not each.named_only or each.name in named}


def _provider(env: Mapping[str, str], its: Provider) -> ProviderSettings:
    key = (env.get(its.key) or "").strip() if its.key else ""
    given = {option: (env.get(option.setting) or "").strip() for option in its.options}
    address = _provider_address(env, its)
    missing = [its.key] if its.key_needed and not key else []
    missing += its.address_settings[:1] if its.address_needed and not address else ()
    missing += [option.setting for option, value in given.items() if option.needed and not value]
    options = {option.parameter: value for option, value in given.items() if value}
    secrets = [key, *(value for option, value in given.items() if option.secret)]
    return ProviderSettings(
        its.name, address, None if missing else key, options, tuple(missing), tuple(filter(None, secrets))
    )


def _provider_address(env: Mapping[str, str], its: Provider) -> str:
    variable = next((name for name in its.address_settings if env.get(name)), "")
    base = (env.get(variable) or its.address).rstrip("/")
    if not variable:
        return base
    parts = urlsplit(base)
    whole = parts.scheme in {"http", "https"} and parts.hostname and not parts.query
    if not whole or (parts.path and not its.address_has_path):
        form = (
            "a whole address, such as http://127.0.0.1:8000/v1"
            if its.address_has_path
            else ("scheme, host and port only, such as http://127.0.0.1:8000")
        )
        raise InvalidInput(f"{variable} is {base!r}.", next_step=f"Give {form}.")
    return base


def stand_ins(settings: Settings, base_url: str, api_key: str) -> dict[str, ProviderSettings]:
    """Return the providers with the sandbox in their place; those that it does not stand in for are not used."""
    found = {}
    for name, configured in settings.providers.items():
        its = registry.provider(name)
        if its.stand_in is None:
            found[name] = replace(configured, api_key=None, missing=())
            continue
        found[name] = replace(
            configured,
            base_url=f"{base_url}{its.stand_in}",
            api_key=api_key if its.key else "",
            options=its.stand_in_options(base_url),
            missing=(),
        )
    return found


def _hosts(value: str) -> frozenset[tuple[str, int]]:
    hosts = set()
    for entry in filter(None, (part.strip() for part in value.split(","))):
        host, _, port = entry.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise InvalidInput(
                f"POSTHUB_ALLOW_PRIVATE_HOSTS has the entry {entry!r}.",
                next_step="Write host:port, separated by commas, such as 127.0.0.1:8080.",
            )
        hosts.add((host.strip("[]").lower(), int(port)))
    return frozenset(hosts)


def environment_with(more: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a child process that is to find some variables more."""
    return {**os.environ, **more}


def _budget(value: str) -> int:
    try:
        micro = to_micro(value)
    except ArithmeticError:
        micro = -1
    if micro < 0:
        raise InvalidInput(
            f"POSTHUB_MONTHLY_BUDGET_USD is {value!r}.", next_step="Give an amount in USD, such as 200."
        )
    return micro


def _order(env: Mapping[str, str], variable: str, known: tuple[str, ...]) -> tuple[str, ...]:
    value = env.get(variable)
    if not value:
        return known
    names = tuple(part.strip() for part in value.split(",") if part.strip())
    if not names or set(names) - set(known):
        raise InvalidInput(f"{variable} is {value!r}.", next_step=f"Use any of {', '.join(known)}, in order.")
    return names


def _seconds(env: Mapping[str, str], variable: str, default: float) -> float:
    value = env.get(variable)
    try:
        seconds = float(value) if value else default
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= 300:
        raise InvalidInput(
            f"{variable} is {value!r}.", next_step="Give seconds, more than 0 and at most 300."
        )
    return seconds


def _port(env: Mapping[str, str], variable: str) -> int | None:
    value = env.get(variable)
    if not value:
        return None
    if not (value.isascii() and value.isdigit()) or not 0 < int(value) < 65536:
        raise InvalidInput(
            f"{variable} is {value!r}.", next_step="Give a port from 1 to 65535, or leave it out."
        )
    return int(value)


def _whole(env: Mapping[str, str], variable: str, default: int) -> int:
    value = env.get(variable)
    if not value:
        return default
    if not value.isdigit():
        raise InvalidInput(f"{variable} is {value!r}.", next_step="Give a whole number.")
    return int(value)


DEMO_ORGANIZATION = "demo"
"""The organization of a demo where real keys are set: play money must not meet real books."""


def for_demo(settings: Settings) -> Settings:
    """Take the provider keys away, so that the sandbox is used."""
    if not settings.has_provider_key:
        return settings
    providers = {name: replace(provider, api_key=None) for name, provider in settings.providers.items()}
    return replace(settings, providers=providers, organization=DEMO_ORGANIZATION)
