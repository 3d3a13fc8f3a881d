"""What `posthub doctor` looks at. No check costs money, and each has a deadline of its own."""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import redis.asyncio as redis

from app.doctor import Check, Checkup, State
from domain.errors import PostHubError
from domain.money import format_usd
from gateway.config import GatewayConfig
from gateway.providers import registry
from gateway.providers.registry import Provider
from runtime.sandbox import Sandbox
from runtime.sandbox import start as start_sandbox
from runtime.servers import open_stores
from runtime.services import gateway_config, in_sandbox
from runtime.settings import ProviderSettings, Settings
from store.content.files import FileStore
from store.database import ping
from store.reading import check_bound

_SECONDS = 10.0
_LEAST_FREE_BYTES = 1_000_000_000
_ENGINES = {"litellm": "litellm", "google": "langchain_google_genai"}


async def check_all(settings: Settings) -> Checkup:
    """Look at everything that a run would use."""
    checks = [_home(settings), _engine(settings)]
    async with AsyncExitStack() as stack:
        checks += [*await _stores(settings), await _files(settings)]
        sandbox, started = await _sandbox(stack, settings)
        if started:
            checks.append(started)
        if sandbox or settings.has_provider_key:
            used = in_sandbox(settings, sandbox) if sandbox else settings
            checks += await _providers(used, sandbox is not None)
    budget = f"at most {format_usd(settings.monthly_budget_micro)} a month for a new organization"
    checks.append(Check("Budget", budget, "ok", set="POSTHUB_MONTHLY_BUDGET_USD"))
    return Checkup(not settings.has_provider_key, tuple(checks))


def _home(settings: Settings) -> Check:
    home = settings.home
    standing = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(standing).free
    detail = f"{free / 1e9:.1f} GB free"
    enough = free >= _LEAST_FREE_BYTES
    return Check(
        "Data folder", str(home), "ok" if enough else "failed", detail, "" if enough else "POSTHUB_HOME"
    )


def _engine(settings: Settings) -> Check:
    package = _ENGINES[settings.engine]
    if importlib.util.find_spec(package):
        return Check("Engine", settings.engine, "ok", f"{package} is installed", "")
    return Check("Engine", settings.engine, "failed", f"{package} is not installed", "POSTHUB_ENGINE")


async def _sandbox(stack: AsyncExitStack, settings: Settings) -> tuple[Sandbox | None, Check | None]:
    if settings.has_provider_key:
        return None, None
    try:
        sandbox = await asyncio.to_thread(start_sandbox, settings.home / "sandbox", settings.sandbox_seed)
    except (PostHubError, OSError) as error:
        return None, Check("Sandbox", "stand-in providers, as no provider key is set", "failed", str(error))
    stack.push_async_callback(asyncio.to_thread, sandbox.stop)
    detail = "starts; nothing is real, nothing is charged"
    first = registry.provider(settings.models.chains["text"][0].provider)
    return sandbox, Check(
        "Sandbox", "stand-in providers, as no provider key is set", "ok", detail, first.settings[0]
    )


async def _stores(settings: Settings) -> list[Check]:
    """PostgreSQL and Redis, each for itself: the one may answer where the other does not."""
    return [
        await _answer(
            "Database", "DATABASE_URI", settings.database_uri, "PostgreSQL", lambda: _postgres(settings)
        ),
        await _answer("Cache", "REDIS_URI", settings.redis_uri, "Valkey", lambda: _redis(settings)),
    ]


async def _answer(
    part: str, variable: str, address: str | None, name: str, ask: Callable[[], Awaitable[str]]
) -> Check:
    uses = _without_password(address) if address else f"own {name}, started when needed"
    try:
        async with asyncio.timeout(_SECONDS * (1 if address else 6)):  # a first start makes the data folder
            return Check(part, uses, "ok", await ask(), "" if address else variable)
    except TimeoutError:
        return Check(part, uses, "failed", f"no answer in {_SECONDS:.0f} s", variable)
    except PostHubError as error:
        return Check(part, uses, "failed", error.message, variable)
    except Exception as error:  # drivers raise classes of their own
        return Check(part, uses, "failed", f"{type(error).__name__}: {error}", variable)


async def _postgres(settings: Settings) -> str:
    async with _only(settings, redis_uri="redis://unused") as stores:
        version = await ping(stores.database_uri)
        await asyncio.to_thread(check_bound, stores.database_uri)
        return f"answers, version {version}, and keeps organizations apart"


async def _redis(settings: Settings) -> str:
    async with _only(settings, database_uri="postgresql://unused") as stores:
        client = redis.from_url(stores.redis_uri, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS)
        try:
            info = await client.info("server")
        finally:
            await client.aclose()
    version = info.get("valkey_version") or info.get("redis_version")
    return f"answers, version {version}"


@asynccontextmanager
async def _only(settings: Settings, **instead: str) -> AsyncIterator[Any]:
    """Open one of the two stores: an address in place of the other keeps that one from being started."""
    given = {key: getattr(settings, key) or value for key, value in instead.items()}
    async with open_stores(replace(settings, **given)) as stores:  # type: ignore[arg-type]
        yield stores


async def _files(settings: Settings) -> Check:
    uses = _without_password(settings.files_url)
    try:
        async with asyncio.timeout(_SECONDS):
            store = await asyncio.to_thread(FileStore, settings.files_url)
            await store.exists("00/" + "0" * 64 + ".txt")
    except TimeoutError:
        return Check("Files", uses, "failed", f"no answer in {_SECONDS:.0f} s", "POSTHUB_FILES_URL")
    except PostHubError as error:
        return Check("Files", uses, "failed", error.message, "POSTHUB_FILES_URL")
    return Check("Files", uses, "ok", "answers")


async def _providers(settings: Settings, sandbox: bool) -> list[Check]:
    config = gateway_config(settings)
    needed = set() if config.serves("text") else {each.provider for each in settings.models.chains["text"]}
    answers = await asyncio.gather(
        *(_provider(each, sandbox, each.name in needed) for each in settings.providers.values())
    )
    return [*answers, *_purposes(config)]


async def _provider(configured: ProviderSettings, sandbox: bool, needed: bool) -> Check:
    its = registry.provider(configured.name)
    variable = (configured.missing or its.settings)[0]
    if configured.api_key is None:
        why = "no key" if variable == its.key else f"no {variable}"
        detail = "; ".join(filter(None, (why, its.without)))
        return Check(its.title, "not used", "failed" if needed else "off", detail, variable)
    address = configured.base_url or "the provider's own address"
    state, detail = await _ask_provider(configured, its)
    uses = f"the sandbox's stand-in at {address}" if sandbox else address
    return Check(its.title, uses, state, detail, variable if state != "ok" or sandbox else "")


async def _ask_provider(configured: ProviderSettings, its: Provider) -> tuple[State, str]:
    """Ask for what costs nothing, where a provider has that; else learn whether it can be reached."""
    if not configured.base_url:
        return "ok", "its address and key are tried by the first paid call only"
    check = its.free_check
    headers = {check["key_header"]: configured.api_key or ""} if check else {}
    local = urlsplit(configured.base_url).hostname in {"127.0.0.1", "localhost", "::1"}
    try:
        async with httpx.AsyncClient(timeout=_SECONDS, trust_env=not local) as client:
            response = await client.get(configured.base_url + check.get("path", "/"), headers=headers)
    except httpx.HTTPError as error:
        return "failed", f"cannot be reached: {type(error).__name__}"
    if not check:
        return "ok", "can be reached; the key is tried by the first paid call only"
    if response.status_code == 200:
        return "ok", "answers, and takes the key"
    refused = response.status_code in {400, 401, 403}
    return "failed", f"{'refuses the key' if refused else 'answers'} with status {response.status_code}"


def _purposes(config: GatewayConfig) -> list[Check]:
    found = [_chain(purpose, partial(config.chain, purpose)) for purpose in config.models.chains]
    media: list[tuple[str, Callable[[], Sequence[Any]]]] = [
        ("image", config.images),
        ("video", lambda: [deployment for _, deployment in config.videos()]),
    ]
    return [*found, *(_chain(purpose, chain) for purpose, chain in media)]


def _chain(purpose: str, chain: Callable[[], Sequence[Any]]) -> Check:
    try:
        models = chain()
    except PostHubError as error:
        # research goes on from the company's pages, and media are left out: only text is indispensable
        state: State = "off" if purpose in {"search", "image", "video", "embedding"} else "failed"
        return Check(f"For {purpose}", "no model", state, str(error))
    return Check(f"For {purpose}", ", then ".join(str(model) for model in models), "ok")


def _without_password(address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme == "file":
        return str(Path(parts.path))
    return address.replace(f":{parts.password}@", ":***@") if parts.password else address
