"""The text engine is imported beside the first steps of a run: who needs it waits for it, and loses no time by it."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from domain.calls import Call, ImageRequest, JobKind, SearchRequest, TextRequest
from fetching.fetcher import SafeFetcher
from gateway.build import build_gateway
from gateway.config import GatewayConfig, ProviderConfig
from gateway.gateway import Gateway
from gateway.providers.late import LateEngine
from gateway.providers.prices import shipped_prices
from store.content.files import FileStore
from store.database import Database
from store.money.prices import Prices
from tests.gateway_standin import Standin, standing_in

CALL = Call("org-1", "company-1", "run-1", "ultimate", JobKind.GENERATE_BLOGPOST, "write_post", "topic-1")
TEXT = TextRequest("text", "", "Napiš pozdrav.", 500)
IMAGE = ImageRequest(prompt="Šálek kávy", negative_prompt="", aspect_ratio="4:5")
DEADLINE = 2.0
"""Seconds of every attempt and of the whole call; the engine comes later than that."""

Opened = Callable[..., Gateway]


@pytest.fixture
async def opened(database: Database, files: FileStore) -> AsyncIterator[Opened]:
    await Prices(database).load_shipped(shipped_prices())
    made: list[Gateway] = []
    with standing_in() as standin:

        def open_gateway(*names: str) -> Gateway:
            made.append(build_gateway(_config(standin, names), database, files, SafeFetcher()))
            return made[-1]

        yield open_gateway
        for gateway in made:
            await gateway.aclose()


def _config(standin: Standin, names: tuple[str, ...]) -> GatewayConfig:
    return GatewayConfig(
        providers={name: ProviderConfig(name, "key", standin.base_url) for name in names},
        engine="google",
        text_seconds=DEADLINE,
        image_seconds=DEADLINE,
        call_seconds=DEADLINE,
    )


def loads_after(gateway: Gateway, wait: Callable[[], Any]) -> None:
    engine = gateway._engines["gemini"]
    assert isinstance(engine, LateEngine)
    load = engine.load

    def late() -> Any:
        wait()
        return load()

    engine.load = late


async def test_a_text_waits_for_its_engine_beyond_its_own_deadline(opened: Opened) -> None:
    gateway = opened("gemini")
    loads_after(gateway, lambda: time.sleep(DEADLINE + 0.5))
    assert (await gateway.text(CALL, TEXT)).served.why == "first choice"


async def test_an_image_of_a_text_model_waits_for_the_engine_too(opened: Opened) -> None:
    gateway = opened("gemini")
    loads_after(gateway, lambda: time.sleep(DEADLINE + 0.5))
    assert (await gateway.image(CALL, IMAGE)).served.why == "first choice"


async def test_what_is_bought_elsewhere_waits_for_no_engine(opened: Opened) -> None:
    gateway, loaded = opened("gemini", "nanobana", "perplexity"), threading.Event()
    loads_after(gateway, loaded.wait)
    try:
        image = await gateway.image(CALL, IMAGE)
        found = await gateway.search(CALL, SearchRequest("Co je v Praze?"))
    finally:
        loaded.set()
    assert (image.served.provider, found.served.provider) == ("nanobana", "perplexity")
