"""What is left after kill -9, and what LiteLLM's own events book."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from domain.calls import Call, JobKind, TextRequest
from fetching.fetcher import SafeFetcher
from gateway.build import build_gateway
from gateway.calls.attempt import BookedAttempt, current_attempt
from gateway.config import GatewayConfig, ProviderConfig
from gateway.providers.prices import shipped_prices
from gateway.providers.registry import provider
from store.content.files import FileStore
from store.database import Database
from store.money.ledger import Hold, Ledger
from store.money.prices import Prices, today
from tests.gateway_standin import Standin, standing_in

CALL = Call("org-1", "company-1", "run-1", "ultimate", JobKind.GENERATE_BLOGPOST, "write", "topic-1")

PROGRAM = """
import asyncio, sys
from domain.calls import Call, JobKind, TextRequest
from gateway.build import build_gateway
from gateway.config import GatewayConfig, ProviderConfig
from fetching.fetcher import SafeFetcher
from store.database import Database
from store.content.files import FileStore

async def main(uri, base_url, folder, *prompts):
    providers = {"gemini": ProviderConfig("gemini", "key", base_url)}
    config = GatewayConfig(providers=providers, engine="google")
    gateway = build_gateway(config, Database(uri), FileStore(folder), SafeFetcher())
    for item, prompt in enumerate(prompts):
        call = Call("org-1", "company-1", "run-1", "ultimate", JobKind.GENERATE_BLOGPOST, "write", f"topic-{item}")
        await gateway.text(call, TextRequest("text", "", prompt, 500))

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
def standin() -> Iterator[Standin]:
    with standing_in() as one:
        yield one


def config_for(standin: Standin, engine: str = "google") -> GatewayConfig:
    providers = {"gemini": ProviderConfig("gemini", "key", standin.base_url)}
    return GatewayConfig(providers=providers, engine=engine)  # type: ignore[arg-type]


async def states(database: Database) -> list[str]:
    async with database.transaction() as connection:
        return list(await connection.scalars(text("select state from attempts order by opened_at")))


async def test_a_killed_process_leaves_a_hold_that_its_successor_books_as_lost(
    standin: Standin, database: Database, files: FileStore, tmp_path: Any
) -> None:
    await Prices(database).load_shipped(shipped_prices())
    prompts = ["Napiš pozdrav.", "[hang]"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, database.uri, standin.base_url, str(tmp_path / "files"), *prompts
    )
    async with asyncio.timeout(60):
        while len(standin.requests) < 2:
            await asyncio.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    assert await states(database) == ["settled", "held"]

    ledger = Ledger(database, default_limit_micro=200_000_000)
    assert await ledger.close_orphans("run-1") == 1
    gateway = build_gateway(config_for(standin), database, files, SafeFetcher(), ledger=ledger)
    first = Call("org-1", "company-1", "run-1", "ultimate", JobKind.GENERATE_BLOGPOST, "write", "topic-0")
    replayed = await gateway.text(first, TextRequest("text", "", prompts[0], 500))
    assert replayed.served.replayed
    assert len(standin.requests) == 2
    assert await states(database) == ["settled", "lost"]
    jobs = await gateway._calls._journal.jobs("org-1", "run-1")
    assert [job.status for job in jobs] == ["completed", "pending"]
    await gateway.aclose()


async def an_attempt(database: Database) -> BookedAttempt:
    await Prices(database).load_shipped(shipped_prices())
    tariff = (await Prices(database).book()).tariff("gemini", "gemini-3.8-flash", today())
    ledger = Ledger(database, default_limit_micro=1_000_000)
    hold = Hold("attempt-1", "job-1", CALL, "gemini", "gemini-3.8-flash", "litellm", 5000, tariff.price_ids)
    return BookedAttempt(ledger, hold, tariff)


async def call_like_langchain(standin: Standin, attempt: BookedAttempt, prompt: str) -> None:
    """Call LiteLLM as a library would that knows nothing of the ledger."""
    import litellm

    from gateway.providers.litellm.engine import LiteLLMEngine

    config = config_for(standin, "litellm")
    engine = LiteLLMEngine(provider("gemini"), config.providers["gemini"], config.models, read_seconds=5)
    token = current_attempt.set(attempt)
    try:
        await litellm.acompletion(
            model="gemini/gemini-3.8-flash",
            api_key="key",
            api_base=f"{standin.base_url}/v1beta",
            messages=[{"role": "user", "content": prompt}],
            max_tokens=50,
            litellm_call_id=attempt.id,
        )
    finally:
        current_attempt.reset(token)
        await engine.aclose()


async def wait_until_closed(database: Database) -> str:
    async with asyncio.timeout(5):
        while (await states(database)) == ["held"]:
            await asyncio.sleep(0.01)
    return (await states(database))[0]


async def test_litellms_events_settle_a_call_that_no_caller_of_ours_waits_for(
    standin: Standin, database: Database
) -> None:
    attempt = await an_attempt(database)
    await call_like_langchain(standin, attempt, "Napiš pozdrav.")
    assert await wait_until_closed(database) == "settled"
    async with database.transaction() as connection:
        assert await connection.scalar(text("select cost_micro from attempts")) == standin.billed


async def test_litellms_events_void_a_refused_call_that_no_caller_of_ours_waits_for(
    standin: Standin, database: Database
) -> None:
    attempt = await an_attempt(database)
    with pytest.raises(Exception, match="said no"):
        await call_like_langchain(standin, attempt, "[400]")
    assert await wait_until_closed(database) == "void"


async def test_a_hold_that_was_prepared_for_a_request_that_never_left_is_given_back(
    database: Database,
) -> None:
    attempt = await an_attempt(database)
    attempt.prepare()
    await attempt.close_unanswered(asyncio.CancelledError())
    assert await states(database) == ["void"]
    async with database.transaction() as connection:
        assert await connection.scalar(text("select held_micro + spent_micro from budgets")) == 0


async def test_an_event_never_books_what_its_caller_books(standin: Standin, database: Database) -> None:
    from domain.calls import Usage
    from gateway.ports import Answer

    attempt = await an_attempt(database)
    await attempt.sending()
    attempt.claimed = True
    await attempt.settle_from_event(Answer(usage=Usage(), units={"input": 1}))
    await attempt.close_from_event(RuntimeError("late"))
    assert await states(database) == ["held"]


async def test_importing_the_gateway_does_not_import_an_engine() -> None:
    program = (
        "import gateway.build, sys; print(sorted({'litellm', 'langchain_google_genai'} & set(sys.modules)))"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert out.decode().strip() == "[]"
