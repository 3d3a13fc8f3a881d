"""A month that is cancelled while its calls are under way goes on without buying any of them again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.months import Months
from domain.month_request import parse
from runtime.services import Services, open_services
from runtime.settings import load
from tests.money_rows import rows

_HELD = """
select count(*) as count from attempts a join jobs j on j.id = a.job_id
 where a.state = 'held' and j.node = any(:nodes)"""
_TEXTS = ["write_post"]
_MEDIA = ["images", "video"]


@pytest.fixture
def environment(tmp_path: Path, empty_database_uri: str, redis_uri: str, sandbox: Any) -> dict[str, str]:
    names = ("GEMINI", "PERPLEXITY", "NANOBANA", "VEO")
    return {
        "DATABASE_URI": empty_database_uri,
        "REDIS_URI": redis_uri,
        "POSTHUB_HOME": str(tmp_path / "home"),
        "POSTHUB_ALLOW_PRIVATE_HOSTS": urlsplit(sandbox.base_url).netloc,
        "POSTHUB_VIDEO_POLL_SECONDS": "0.3",
        **{f"{name}_API_KEY": "test" for name in names},
        **{f"{name}_BASE_URL": sandbox.base_url for name in names},
    }


@pytest.fixture
async def services(environment: dict[str, str]) -> AsyncIterator[Services]:
    async with open_services(load(environment)) as services:
        yield services


async def _advance(months: Months, thread: str) -> None:
    async for _ in months.advance(thread):
        pass


async def _cancelled_at(services: Services, thread: str, nodes: list[str], count: int) -> None:
    """Let a month go on, and cancel it while so many calls of some nodes are under way."""
    going = asyncio.ensure_future(_advance(services.months, thread))
    async with asyncio.timeout(300):
        while (await rows(services.database, _HELD, nodes=nodes))[0].count < count:
            assert not going.done(), going.exception()
            await asyncio.sleep(0.02)
        while services.gateway.in_flight < count:
            await asyncio.sleep(0.02)
    going.cancel()
    with suppress(asyncio.CancelledError):
        await going


async def test_texts_and_media_under_way_when_a_month_is_cancelled_are_bought_once(
    services: Services, sandbox: Any, tmp_path: Path
) -> None:
    before = {line["id"] for line in sandbox.bill()}
    name, site = next(iter(sandbox.sites.items()))
    asked = {"company": name, "website": site, "month": "2027-01", "posts": 3, "tier": "ultimate"}
    request = parse(asked | {"platforms": "instagram", "approve": "auto"}, today=datetime.now(UTC).date())
    thread = await services.months.start(request, out=tmp_path / "out")
    sandbox.fault("slow", seconds=3.0, body_contains="Napi", provider="gemini")
    await _cancelled_at(services, thread, _TEXTS, 3)
    sandbox.clear_faults()
    sandbox.fault("slow", seconds=2.0, provider="nanobana")
    sandbox.fault("slow", seconds=2.0, provider="veo")
    await _cancelled_at(services, thread, _MEDIA, 3)
    sandbox.clear_faults()
    await _advance(services.months, thread)

    lines = [line["client_request_id"] for line in sandbox.bill() if line["id"] not in before]
    attempts = await rows(services.database, "select id, job_id, state from attempts where state <> 'void'")
    assert Counter(row.state for row in attempts) == Counter(settled=len(lines))
    assert len({row.job_id for row in attempts}) == len(attempts)
    assert {row.id for row in attempts} == set(lines)
    assert (await services.months.get(thread)).status == "done"
