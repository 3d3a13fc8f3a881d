"""What is left after kill -9, also between an answer and its booking."""

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
from domain.errors import OutputTruncated
from fetching.fetcher import SafeFetcher
from gateway.build import build_gateway
from gateway.calls.attempt import BookedAttempt
from gateway.config import GatewayConfig, ProviderConfig
from gateway.ports import Answer
from gateway.providers.prices import shipped_prices
from store.content.files import FileStore
from store.database import Database
from store.money.ledger import Hold, Ledger
from store.money.prices import Prices, today
from store.tenancy import SYSTEM
from tests.gateway_standin import Standin, standing_in
from tests.money_rows import rows

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

KILLED_WITH_THE_ANSWER = """
import asyncio, os, sys
from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER
from domain.calls import Call, JobKind, TextRequest
from gateway.build import build_gateway
from gateway.config import GatewayConfig, ProviderConfig
from gateway.providers.litellm.engine import LiteLLMEngine
from fetching.fetcher import SafeFetcher
from store.database import Database
from store.content.files import FileStore
from store.tenancy import SYSTEM

complete = LiteLLMEngine.complete

async def killed(self, *given):
    await complete(self, *given)
    await asyncio.sleep(0.2)
    await GLOBAL_LOGGING_WORKER.flush()
    os.kill(os.getpid(), 9)

LiteLLMEngine.complete = killed

async def main(uri, base_url, folder):
    config = GatewayConfig(providers={"gemini": ProviderConfig("gemini", "key", base_url)}, engine="litellm")
    gateway = build_gateway(config, Database(uri), FileStore(folder), SafeFetcher())
    call = Call("org-1", "company-1", "run-1", "ultimate", JobKind.GENERATE_BLOGPOST, "write", "topic-0")
    await gateway.text(call, TextRequest("text", "", "Napiš pozdrav.", 500))

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
    async with database.transaction(SYSTEM) as connection:
        return list(await connection.scalars(text("select state from attempts order by opened_at")))


async def test_a_killed_process_leaves_a_hold_that_its_successor_books_as_lost(
    standin: Standin, database: Database, files: FileStore, tmp_path: Any
) -> None:
    await Prices(database).load_shipped(shipped_prices())
    prompts = ["Napiš pozdrav.", "[hang]"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, database.uri, standin.base_url, str(tmp_path / "files"), *prompts
    )
    async with asyncio.timeout(300):
        while len(standin.requests) < 2:
            await asyncio.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    assert await states(database) == ["settled", "held"]

    ledger = Ledger(database, default_limit_micro=200_000_000)
    assert await ledger.close_orphans("org-1", "run-1") == 1
    gateway = build_gateway(config_for(standin), database, files, SafeFetcher(), ledger=ledger)
    first = Call("org-1", "company-1", "run-1", "ultimate", JobKind.GENERATE_BLOGPOST, "write", "topic-0")
    replayed = await gateway.text(first, TextRequest("text", "", prompts[0], 500))
    assert replayed.served.replayed
    assert len(standin.requests) == 2
    assert await states(database) == ["settled", "lost"]
    jobs = await rows(database, "select status from jobs order by created_at, id")
    assert [job.status for job in jobs] == ["completed", "pending"]
    await gateway.aclose()


async def an_attempt(database: Database) -> BookedAttempt:
    await Prices(database).load_shipped(shipped_prices())
    tariff = (await Prices(database).book()).tariff("gemini", "gemini-3.8-flash", today())
    ledger = Ledger(database, default_limit_micro=1_000_000)
    hold = Hold("attempt-1", "job-1", CALL, "gemini", "gemini-3.8-flash", "litellm", 5000, tariff.price_ids)
    return BookedAttempt(ledger, hold, tariff)


async def test_a_hold_that_was_prepared_for_a_request_that_never_left_is_given_back(
    database: Database,
) -> None:
    attempt = await an_attempt(database)
    attempt.prepare()
    await attempt.close_unanswered(asyncio.CancelledError())
    assert await states(database) == ["void"]
    async with database.transaction(SYSTEM) as connection:
        assert await connection.scalar(text("select held_micro + spent_micro from budgets")) == 0


def heard_before_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let LiteLLM deliver its events of an answer before whoever asked gets it, as it may at any time."""
    from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER

    from gateway.providers.litellm.engine import LiteLLMEngine

    complete = LiteLLMEngine.complete

    async def told_first(self: LiteLLMEngine, *given: Any) -> Answer:
        answer = await complete(self, *given)
        await asyncio.sleep(0.2)  # its queue is filled by a task of its own
        await GLOBAL_LOGGING_WORKER.flush()
        return answer

    monkeypatch.setattr(LiteLLMEngine, "complete", told_first)


async def of_use(database: Database) -> int:
    """How many attempts are settled as useful."""
    query = "select count(*) from attempts where state = 'settled' and error_code is null"
    async with database.transaction(SYSTEM) as connection:
        return int(await connection.scalar(text(query)) or 0)


async def test_an_answer_of_no_use_is_settled_as_such_although_litellm_tells_of_it_first(
    standin: Standin, database: Database, files: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard_before_the_caller(monkeypatch)
    await Prices(database).load_shipped(shipped_prices())
    gateway = build_gateway(config_for(standin, "litellm"), database, files, SafeFetcher())
    with pytest.raises(OutputTruncated):
        [piece async for piece in gateway.stream(CALL, TextRequest("text", "", "[truncated]", 500))]
    await gateway.aclose()
    assert len(standin.bill) == 2  # once more with room for a longer answer
    assert await states(database) == ["settled", "settled"]
    assert await of_use(database) == 0


async def test_a_kill_between_the_answer_and_its_booking_leaves_nothing_settled_without_its_answer(
    standin: Standin, database: Database, files: FileStore, tmp_path: Any
) -> None:
    await Prices(database).load_shipped(shipped_prices())
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED_WITH_THE_ANSWER, database.uri, standin.base_url, str(tmp_path / "files")
    )
    await process.wait()
    assert len(standin.bill) == 1
    assert await states(database) == ["held"]

    ledger = Ledger(database, default_limit_micro=200_000_000)
    await ledger.close_orphans("org-1", "run-1")
    gateway = build_gateway(config_for(standin, "litellm"), database, files, SafeFetcher(), ledger=ledger)
    first = Call("org-1", "company-1", "run-1", "ultimate", JobKind.GENERATE_BLOGPOST, "write", "topic-0")
    await gateway.text(first, TextRequest("text", "", "Napiš pozdrav.", 500))
    await gateway.aclose()
    assert await states(database) == ["lost", "settled"]
    assert await of_use(database) == 1


async def test_importing_the_gateway_does_not_import_an_engine() -> None:
    program = (
        "import gateway.build, sys; print(sorted({'litellm', 'langchain_google_genai'} & set(sys.modules)))"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert out.decode().strip() == "[]"
