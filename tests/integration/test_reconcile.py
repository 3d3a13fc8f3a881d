"""The ledger against the sandbox's bill: what was not known for certain becomes exact."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.calls import Call, JobKind, SearchRequest, TextRequest, VideoRequest
from domain.errors import InvalidInput
from domain.worlds import World
from fetching.fetcher import SafeFetcher
from gateway.build import build_gateway
from gateway.config import GatewayConfig, ProviderConfig
from gateway.gateway import Gateway
from gateway.providers.prices import shipped_prices
from store.content.files import FileStore
from store.database import Database
from store.money.bill import Bill, parse_lines, read_bill
from store.money.ledger import Ledger
from store.money.prices import Prices
from store.money.reconcile import Reconciler, ReconcileReport
from tests.money_rows import CALL as MONEY_CALL
from tests.money_rows import budget, rows, settled

CALL = Call("org-1", "company-1", "run-1", "ultimate", JobKind.GENERATE_BLOGPOST, "node", "item")
ASK = TextRequest("text", "Jsi autor.", "Napiš odstavec o kávě.", 2000)


class Books:
    """The ledger of one test and the part of the sandbox's bill that belongs to it."""

    def __init__(self, sandbox: Any, database: Database, ledger: Ledger) -> None:
        self._sandbox = sandbox
        self._before = {line["id"] for line in sandbox.bill()}
        self.reconciler = Reconciler(database, ledger)
        self.database = database

    def lines(self) -> list[dict[str, Any]]:
        return [line for line in self._sandbox.bill() if line["id"] not in self._before]

    async def reconcile(self, *, keep_ids: bool = True, **options: Any) -> ReconcileReport:
        until = await self.reconciler.now() + timedelta(seconds=10)
        raw = self.lines()
        if not keep_ids:
            raw = [line | {"request_id": "", "client_request_id": ""} for line in raw]
        lines = tuple(parse_lines(json.dumps(line) for line in raw))
        return await self.reconciler.run(
            Bill("bill.jsonl", lines, until, whole=True), world=World.REAL, **options
        )

    async def are_equal(self) -> None:
        billed: Counter[str] = Counter()
        for line in self.lines():
            billed[line["provider"]] += line["cost_micro_usd"]
        query = "select provider, sum(cost_micro)::bigint as cost from ledger_entries group by 1"
        booked = {row.provider: row.cost for row in await rows(self.database, query)}
        assert {name: cost for name, cost in booked.items() if cost} == dict(billed)
        assert await budget(self.database) == (0, billed.total())


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database, default_limit_micro=50_000_000)


@pytest.fixture
def books(sandbox: Any, database: Database, ledger: Ledger) -> Books:
    return Books(sandbox, database, ledger)


@pytest.fixture
async def gateway(
    sandbox: Any, database: Database, files: FileStore, ledger: Ledger
) -> AsyncIterator[Gateway]:
    await Prices(database).load_shipped(shipped_prices())
    names = ("gemini", "perplexity", "nanobana", "veo")
    providers = {name: ProviderConfig(name, "sandbox-key", sandbox.base_url) for name in names}
    config = GatewayConfig(
        providers=providers, engine="google", poll_seconds=0.1, text_seconds=3.0, submit_seconds=3.0
    )
    gateway = build_gateway(config, database, files, SafeFetcher(), ledger=ledger)
    yield gateway
    await gateway.aclose()


async def buy_some(gateway: Gateway, sandbox: Any) -> None:
    """Answered calls, and calls that were billed although no answer came."""
    await gateway.text(CALL, ASK)
    await gateway.search(CALL, SearchRequest("Co dělá pražírna?"))
    await gateway.video(CALL, VideoRequest("Pára", "text", "9:16", 6))
    for fault in ("hang", "cut"):
        sandbox.fault(fault, provider="gemini", times=1)
        await asyncio.gather(gateway.text(replace(CALL, item=fault), ASK), return_exceptions=True)
    sandbox.fault("hang", provider="veo", times=1)
    await asyncio.gather(
        gateway.video(replace(CALL, item="v2"), VideoRequest("Pára", "text", "9:16", 8)),
        return_exceptions=True,
    )


@pytest.mark.parametrize("keep_ids", [True, False])
async def test_after_reconciling_ledger_and_bill_are_equal_to_the_micro_dollar(
    gateway: Gateway, books: Books, sandbox: Any, keep_ids: bool
) -> None:
    await buy_some(gateway, sandbox)
    report = await books.reconcile(keep_ids=keep_ids)
    assert report.explained
    assert {pair.attempt.state for pair in report.adjustments} == {"lost"}
    assert all(each.drift_percent == 0 for each in report.providers)
    await books.are_equal()
    (row,) = await rows(books.database, "select unsure_micro from usage_records")
    assert row.unsure_micro == 0


async def test_reconciling_again_books_nothing(gateway: Gateway, books: Books, sandbox: Any) -> None:
    await buy_some(gateway, sandbox)
    await books.reconcile()
    again = await books.reconcile()
    assert (again.explained, again.adjustments) == (True, ())
    await books.are_equal()


async def test_four_that_reconcile_at_once_book_each_difference_once(
    gateway: Gateway, books: Books, sandbox: Any
) -> None:
    await buy_some(gateway, sandbox)
    await asyncio.gather(*(books.reconcile() for _ in range(4)))
    await books.are_equal()


async def test_a_dry_run_reports_and_books_nothing(gateway: Gateway, books: Books, sandbox: Any) -> None:
    await buy_some(gateway, sandbox)
    report = await books.reconcile(book=False)
    assert report.adjustments
    assert await rows(books.database, "select 1 from adjustments") == []


async def test_a_bill_that_charges_half_as_much_again_is_booked_and_its_drift_shown(
    gateway: Gateway, books: Books
) -> None:
    await gateway.text(CALL, ASK)
    (line,) = books.lines()
    dearer = json.dumps(line | {"cost_micro_usd": line["cost_micro_usd"] * 2})
    until = await books.reconciler.now()
    report = await books.reconciler.run(Bill("bill", tuple(parse_lines([dearer])), until), world=World.REAL)
    assert report.explained
    (provider,) = report.providers
    assert provider.drift_percent == 50
    assert provider.adjusted_micro == line["cost_micro_usd"]
    assert await budget(books.database) == (0, line["cost_micro_usd"] * 2)


async def test_a_charge_that_the_ledger_knows_nothing_of_is_not_explained(
    gateway: Gateway, books: Books, database: Database
) -> None:
    await gateway.text(CALL, ASK)
    (line,) = books.lines()
    stranger = line | {
        "id": "stranger",
        "at": "2026-11-01T00:00:00Z",
        "request_id": "x",
        "client_request_id": "x",
    }
    lines = tuple(parse_lines([json.dumps(line), json.dumps(stranger)]))
    report = await books.reconciler.run(Bill("bill", lines, await books.reconciler.now()), world=World.REAL)
    assert [each.id for each in report.unknown_lines] == ["stranger"]
    assert not report.explained
    assert await rows(database, "select 1 from adjustments") == []


async def test_sandbox_runs_are_compared_with_the_sandboxs_bill_alone(books: Books, ledger: Ledger) -> None:
    await settled(Ledger(books.database, default_limit_micro=1000, world=World.SANDBOX), 100)
    await settled(ledger, 30, call=replace(MONEY_CALL, run_id="run-2"))
    until = await books.reconciler.now() + timedelta(seconds=60)
    for world, cost in ((World.SANDBOX, 100), (World.REAL, 30)):
        report = await books.reconciler.run(Bill("b", (), until), world=world)
        assert [each.cost_micro for each in report.missing] == [cost]


def test_a_bill_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="No such file"):
        read_bill(tmp_path / "none.jsonl")
    (tmp_path / "bill.jsonl").write_bytes(b"\xff\xfe\x00bill")
    with pytest.raises(InvalidInput, match="UTF-8"):
        read_bill(tmp_path / "bill.jsonl")
