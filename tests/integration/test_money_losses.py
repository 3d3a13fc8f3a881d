"""Every way in which money is known to get lost, with the sandbox's bill as judge.

The rows of reference tables on LiteLLM's callbacks: what its own events miss must be on the ledger, once. After
the ledger is reconciled with the bill, both are equal to the micro-dollar: nothing lost, nothing doubled.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.calls import Call, JobKind, TextRequest
from domain.worlds import World
from fetching.fetcher import SafeFetcher
from gateway.build import build_gateway
from gateway.config import GatewayConfig, ProviderConfig
from gateway.gateway import Gateway
from gateway.providers.prices import shipped_prices
from store.content.files import FileStore
from store.database import Database
from store.money.bill import Bill, parse_lines
from store.money.ledger import Ledger
from store.money.prices import Prices
from store.money.reconcile import Reconciler
from tests.money_rows import budget, rows

CALL = Call("org-1", "company-1", "run-1", "ultimate", JobKind.GENERATE_BLOGPOST, "node", "item")
ASK = TextRequest("text", "Jsi autor.", "Napiš odstavec o kávě.", 2000)
SCHEMA = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
CALLS = 12

PROGRAM = """
import asyncio, os, sys
from dataclasses import replace
from domain.calls import Call, JobKind, TextRequest
from gateway.build import build_gateway
from gateway.config import GatewayConfig, ProviderConfig
from fetching.fetcher import SafeFetcher
from store.database import Database
from store.content.files import FileStore

async def main(uri, base_url, folder, engine, calls, end):
    config = GatewayConfig(providers={"gemini": ProviderConfig("gemini", "key", base_url)}, engine=engine)
    gateway = build_gateway(config, Database(uri), FileStore(folder), SafeFetcher())
    call = Call("org-1", "company-1", "run-1", "ultimate", JobKind.GENERATE_BLOGPOST, "node", "item")
    ask = TextRequest("text", "Jsi autor.", "Napiš odstavec o kávě.", 2000)
    tasks = [asyncio.create_task(gateway.text(replace(call, item=f"i{n}"), ask)) for n in range(int(calls))]
    if end == "exit":
        await asyncio.gather(*tasks)
        os._exit(0)
    print("sent", flush=True)
    await asyncio.gather(*tasks)

asyncio.run(main(*sys.argv[1:]))
"""


class Books:
    """One test's ledger and its part of the sandbox's bill."""

    def __init__(self, sandbox: Any, database: Database, ledger: Ledger) -> None:
        self._sandbox = sandbox
        self._before = {line["id"] for line in sandbox.bill()}
        self._database = database
        self._reconciler = Reconciler(database, ledger)

    def billed(self) -> list[dict[str, Any]]:
        return [line for line in self._sandbox.bill() if line["id"] not in self._before]

    async def states(self) -> Counter[str]:
        return Counter(row.state for row in await rows(self._database, "select state from attempts"))

    async def close(self) -> None:
        """Reconcile; then ledger and bill have to be equal, call by call."""
        assert (await self.states())["held"] == 0
        total = sum(line["cost_micro_usd"] for line in self.billed())
        assert (await budget(self._database))[1] >= total
        lines = tuple(parse_lines(json.dumps(line) for line in self.billed()))
        until = await self._reconciler.now() + timedelta(seconds=10)
        report = await self._reconciler.run(Bill("bill", lines, until, whole=True), world=World.REAL)
        assert report.explained
        assert await budget(self._database) == (0, total)
        paid = "select attempt_id from ledger_entries group by 1 having sum(cost_micro) > 0"
        assert len(await rows(self._database, paid)) == len(lines)


@pytest.fixture(params=["litellm", "google"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def ledger(database: Database) -> Ledger:
    await Prices(database).load_shipped(shipped_prices())
    return Ledger(database, default_limit_micro=50_000_000)


@pytest.fixture
def books(sandbox: Any, database: Database, ledger: Ledger) -> Books:
    return Books(sandbox, database, ledger)


@pytest.fixture
async def gateway(
    sandbox: Any, database: Database, files: FileStore, ledger: Ledger, engine: str
) -> AsyncIterator[Gateway]:
    providers = {"gemini": ProviderConfig("gemini", "sandbox-key", sandbox.base_url)}
    config = GatewayConfig(providers=providers, engine=engine, text_seconds=10.0)  # type: ignore[arg-type]
    gateway = build_gateway(config, database, files, SafeFetcher(), ledger=ledger)
    yield gateway
    await gateway.aclose()


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(300):
        while not done():
            await asyncio.sleep(0.05)


async def test_a_callers_cancel(gateway: Gateway, books: Books, sandbox: Any) -> None:
    sandbox.fault("slow", seconds=2.0, provider="gemini")
    tasks = [asyncio.create_task(gateway.text(replace(CALL, item=f"i{n}"), ASK)) for n in range(CALLS)]
    await until(lambda: gateway.in_flight == CALLS)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await gateway.aclose()
    assert await books.states() == Counter(settled=CALLS)
    await books.close()


async def test_a_timeout(gateway: Gateway, books: Books, sandbox: Any) -> None:
    sandbox.fault("hang", provider="gemini")
    await asyncio.gather(
        *(gateway.text(replace(CALL, item=f"i{n}"), ASK) for n in range(3)), return_exceptions=True
    )
    assert (await books.states())["settled"] == 0
    await books.close()


async def test_a_stream_that_its_reader_leaves(gateway: Gateway, books: Books) -> None:
    for number in range(3):
        stream = gateway.stream(replace(CALL, item=f"i{number}"), ASK)
        async for _ in stream:
            break
        await stream.aclose()  # type: ignore[attr-defined]
    await gateway.aclose()
    assert await books.states() == Counter(settled=3)
    await books.close()


async def test_a_stream_that_the_provider_cuts(gateway: Gateway, books: Books, sandbox: Any) -> None:
    sandbox.fault("cut", provider="gemini", after_bytes=40)

    async def read(number: int) -> list[str]:
        return [piece async for piece in gateway.stream(replace(CALL, item=f"i{number}"), ASK)]

    await asyncio.gather(*(read(number) for number in range(3)), return_exceptions=True)
    assert (await books.states())["settled"] == 0
    await books.close()


async def test_an_answer_that_its_schema_rejects(gateway: Gateway, books: Books, sandbox: Any) -> None:
    sandbox.fault("wrong_schema", provider="gemini")

    def parse(value: Any) -> int:
        return int(value["age"])

    calls = (
        gateway.structured(replace(CALL, item=f"i{n}"), replace(ASK, schema=SCHEMA), _strict(parse))
        for n in range(3)
    )
    await asyncio.gather(*calls, return_exceptions=True)
    assert set(await books.states()) == {"settled"}
    await books.close()


def _strict(parse: Callable[[Any], int]) -> Callable[[Any], int]:
    def strict(value: Any) -> int:
        try:
            return parse(value)
        except (KeyError, TypeError) as error:
            raise ValueError("age is needed") from error

    return strict


@pytest.mark.parametrize("engine", ["litellm"], indirect=True)
async def test_a_callback_that_raises(
    gateway: Gateway, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.providers.litellm import engine as litellm_engine

    async def raising(self: Any, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError("a callback's own defect")

    monkeypatch.setattr(litellm_engine.CostHooks, "async_log_success_event", raising)
    await asyncio.gather(*(gateway.text(replace(CALL, item=f"i{n}"), ASK) for n in range(CALLS)))
    assert await books.states() == Counter(settled=CALLS)
    await books.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
async def test_a_process_that_is_killed_with_calls_under_way(
    books: Books, sandbox: Any, database: Database, ledger: Ledger, engine: str, tmp_path: Any, number: int
) -> None:
    sandbox.fault("hang", provider="gemini")
    process = await _start(database, sandbox, engine, tmp_path, "killed")
    await until(lambda: len(books.billed()) == CALLS)
    os.kill(process.pid, number)
    await process.wait()
    assert await books.states() == Counter(held=CALLS)
    assert await ledger.close_orphans("org-1", "run-1") == CALLS
    await books.close()


async def test_a_process_that_exits_right_after_its_last_answer(
    books: Books, sandbox: Any, database: Database, ledger: Ledger, engine: str, tmp_path: Any
) -> None:
    process = await _start(database, sandbox, engine, tmp_path, "exit")
    assert await process.wait() == 0
    assert await books.states() == Counter(settled=CALLS)
    await books.close()


async def _start(
    database: Database, sandbox: Any, engine: str, folder: Any, end: str
) -> asyncio.subprocess.Process:
    arguments = [database.uri, sandbox.base_url, str(folder / "files"), engine, str(CALLS), end]
    return await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, *arguments)
