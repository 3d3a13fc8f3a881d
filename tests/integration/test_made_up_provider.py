"""A provider that is added by one file of code and one of data is a provider everywhere."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import gateway.providers
from app.money.quotes import QuoteLine
from app.money.quoting import Quoter
from domain.calls import Call, JobKind, TextRequest
from domain.month_request import parse
from fetching.fetcher import SafeFetcher
from gateway.build import build_gateway
from gateway.providers.prices import shipped_prices
from gateway.providers.registry import able, providers
from prompts.registry import Prompts
from runtime.checks import _providers
from runtime.services import gateway_config
from runtime.settings import Settings, load
from store.content.files import FileStore
from store.database import Database
from store.money.ledger import Ledger
from store.money.prices import Prices, today

CODE = """
from domain.calls import Usage
from gateway.ports import Answer
from gateway.providers.wire import Wire


def text(of):
    return Madeup(of.config)


class Madeup:
    name = "madeup"

    def __init__(self, config):
        self._wire = Wire(config, {"Authorization": f"Bearer {config.api_key}"}, read_seconds=5)

    async def complete(self, model, request, attempt, on_text=None):
        answer = await self._wire.post("/say", {"model": model, "prompt": request.prompt}, attempt)
        used = answer["words"]
        return Answer(text=answer["said"], usage=Usage(output_tokens=used), units={"output": used})

    async def aclose(self):
        await self._wire.aclose()
"""
DATA = {
    "title": "Made Up",
    "key": "MADEUP_API_KEY",
    "address": "https://madeup.example",
    "address_settings": ["MADEUP_BASE_URL"],
    "without": "without it nobody makes anything up",
    "does": "text",
    "limits": {"calls": 7, "sandbox": 70},
    "adapters": {"text": "gateway.providers.madeup:text"},
    "chains": [
        {"purpose": purpose, "place": 1, "models": ["muse-1"]} for purpose in ("text", "research", "writing")
    ],
    "models": {"muse-1": {"source": "a test"}},
    "prices": [
        {
            "list": "vendor",
            "model": "muse-1",
            "unit": unit,
            "usd_per": "5",
            "per": 1_000_000,
            "valid_from": "2026-01-01",
            "source": "a test",
        }
        for unit in ("input", "output")
    ],
}


@pytest.fixture
async def server() -> AsyncIterator[str]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = json.dumps({"said": "Káva je vymyšlená.", "words": 400}).encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        writer.write(body)
        await writer.drain()
        writer.close()

    running = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with running:
        yield f"http://127.0.0.1:{running.sockets[0].getsockname()[1]}"


@pytest.fixture
def settings(tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    (tmp_path / "madeup.json").write_text(json.dumps(DATA), encoding="utf-8")
    (tmp_path / "madeup.py").write_text(CODE, encoding="utf-8")
    monkeypatch.setattr(gateway.providers, "__path__", [*gateway.providers.__path__, str(tmp_path)])
    return load({"MADEUP_API_KEY": "k", "MADEUP_BASE_URL": server, "POSTHUB_RATE_LIMITS": "acme:madeup=9"})


async def test_it_appears_in_settings_limits_chains_and_doctor(settings: Settings) -> None:
    assert settings.has_provider_key
    assert "madeup" in able("text")
    assert str(settings.models.chains["writing"][0]) == "madeup/muse-1"
    assert [settings.rate_limits.of(whose, "madeup") for whose in ("acme", "other")] == [9, 7]
    assert settings.rate_limits.in_sandbox().of("other", "madeup") == 70
    assert providers()["madeup"].settings == ("MADEUP_API_KEY", "MADEUP_BASE_URL")
    checks = {check.part: check for check in await _providers(settings, False)}
    assert (checks["Made Up"].state, checks["Made Up"].uses) == ("ok", settings.providers["madeup"].base_url)
    assert checks["For writing"].uses == "madeup/muse-1"


async def test_it_appears_in_a_quote(settings: Settings, database: Database) -> None:
    prices, prompts = Prices(database), Prompts(database)
    await prices.load_shipped(shipped_prices())
    await prompts.sync_shipped()
    given = {"company": "Kavárna", "website": "https://kavarna.example", "month": "2027-01", "tier": "basic"}
    quoter = Quoter(gateway_config(settings), await prices.book(), prompts)
    quote = await quoter.quote(parse(given, today=today()), {})
    lines: list[QuoteLine] = [line for line in quote.lines if line.provider == "madeup"]
    assert {"research", "posts"} <= {line.step for line in lines}
    assert all(line.expected_micro > 0 for line in lines)


async def test_it_is_asked_and_booked(settings: Settings, database: Database, files: FileStore) -> None:
    await Prices(database).load_shipped(shipped_prices())
    ledger = Ledger(database, default_limit_micro=50_000_000)
    gateway = build_gateway(gateway_config(settings), database, files, SafeFetcher(), ledger=ledger)
    try:
        call = Call("org-1", "company-1", "run-1", "basic", JobKind.GENERATE_BLOGPOST, "write", "topic-1")
        answer: Any = await gateway.text(call, TextRequest("writing", "", "Napiš o kávě.", 1000))
    finally:
        await gateway.aclose()
    assert answer.text == "Káva je vymyšlená."
    assert (answer.served.provider, answer.served.cost_micro) == ("madeup", 2000)
