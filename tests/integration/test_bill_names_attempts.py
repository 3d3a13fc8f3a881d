"""Each line of a provider's bill names the ledger row of its attempt, whatever speaks to the provider."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from domain.calls import Call, ImageRequest, JobKind, SearchRequest, TextRequest, VideoRequest
from fetching.fetcher import SafeFetcher
from gateway.build import build_gateway
from gateway.config import GatewayConfig, ProviderConfig
from gateway.providers.prices import shipped_prices
from store.content.files import FileStore
from store.database import Database
from store.money.prices import Prices
from store.tenancy import SYSTEM

CALL = Call("org-1", "company-1", "run-1", "ultimate", JobKind.GENERATE_BLOGPOST, "node", "item")
ASK = TextRequest("text", "Jsi autor.", "Napiš odstavec o čaji.", 2000)


@pytest.mark.parametrize("engine", ["litellm", "google"])
async def test_every_line_of_the_bill_names_the_attempt_that_it_is_for(
    sandbox: Any, database: Database, files: FileStore, engine: Any
) -> None:
    await Prices(database).load_shipped(shipped_prices())
    names = ("gemini", "perplexity", "nanobana", "veo")
    providers = {name: ProviderConfig(name, "sandbox-key", sandbox.base_url) for name in names}
    config = GatewayConfig(providers=providers, engine=engine, poll_seconds=0.1)
    before = len(sandbox.bill())
    gateway = build_gateway(config, database, files, SafeFetcher())
    await gateway.text(CALL, ASK)
    assert [piece async for piece in gateway.stream(replace(CALL, step="stream"), ASK)]
    await gateway.embed(CALL, ["čaj je dobrý"])
    await gateway.search(CALL, SearchRequest("Co dělá čajovna?"))
    await gateway.image(CALL, ImageRequest("Šálek čaje", "blurry", "1:1"))
    await gateway.video(CALL, VideoRequest("Pára nad čajem", "text", "9:16", 6))
    await gateway.aclose()
    async with database.transaction(SYSTEM) as connection:
        rows = (await connection.execute(text("select id, cost_micro from attempts"))).all()
    lines = sandbox.bill()[before:]
    assert {line["client_request_id"]: line["cost_micro_usd"] for line in lines} == dict(map(tuple, rows))
    assert len(lines) == 6
