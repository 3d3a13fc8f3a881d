"""What the sandbox made up never reaches a month of real providers, whatever store the two share."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from domain.stages import Kind
from nodes.research import Research
from runtime.services import open_services
from runtime.settings import load
from tests.integration.test_month_steps import Bench


async def test_a_real_month_asks_its_providers_as_often_as_if_the_sandbox_had_never_run(
    sandbox: Any, tmp_path: Path, database_uri: str, redis_uri: str
) -> None:
    company, site = next(iter(sandbox.sites.items()))
    shared = {
        "DATABASE_URI": database_uri,
        "REDIS_URI": redis_uri,
        "POSTHUB_HOME": str(tmp_path),
        "POSTHUB_ALLOW_PRIVATE_HOSTS": sandbox.base_url.removeprefix("http://"),
    }
    keys = {f"{name}_API_KEY": "real" for name in ("GEMINI", "PERPLEXITY")}
    keys |= {f"{name}_BASE_URL": sandbox.base_url for name in ("GEMINI", "PERPLEXITY")}

    async def research(environment: dict[str, str]) -> tuple[list[str], str]:
        before = len(sandbox.bill())
        async with open_services(load(environment)) as services:
            bench = Bench(services, company, site, str(uuid.uuid4()), {})
            await bench.begin(given=bench.asked(again=True))
            await bench.step(Research(bench.ports))
            dna = await bench.items.newest(bench.owner, Kind.DNA, "dna")
            stand_in = services.sandbox.base_url if services.sandbox else "no stand-in"
        asked = sorted(line["provider"] for line in sandbox.bill()[before:])
        return asked, json.dumps(dna.content).replace(stand_in, "STAND-IN")

    asked, made_up = await research(shared)
    assert asked == []
    assert "STAND-IN" in made_up
    asked, found = await research(shared | keys)
    assert asked == ["gemini"] + ["perplexity"] * 6
    assert sandbox.base_url in found
    assert (await research(shared | keys))[0] == [], "one account's own answers are given again"
    assert (await research(shared | keys | {"PERPLEXITY_API_KEY": "another"}))[0] == asked
