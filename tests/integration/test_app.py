"""Use cases as a page would call them: the objects say what the commands print with --json."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

from app.money.costs import By
from app.money.prices import FIELDS, own_row, parse_day, read_rows, row_as_json, today
from app.money.reconcile import find_bill, reconcile
from app.prompts.experiments import ExperimentSpec, parse_arms
from app.prompts.library import Trace
from domain.calls import TemplateRef
from domain.errors import InvalidInput, NotFound
from domain.month_request import parse
from runtime.books import Books, open_books
from runtime.library import PromptUseCases, open_prompts, upgrade
from runtime.runs import newest_runs
from runtime.services import open_quotes
from runtime.settings import Settings, load
from store.content.items import Kind, Owner
from store.content.run_record import RunRecord
from store.content.runs import Runs
from store.database import Database
from store.money.ledger import Ledger
from tests.conftest import make_owner
from tests.integration.test_cli_store import Cli
from tests.money_rows import lost, settled

T = TypeVar("T")
CODE = "RESEARCH_V1"
MONTH = f"{datetime.now(UTC):%Y-%m}"


class Desk:
    """What a page has: settings, and the use cases that they open."""

    def __init__(self, cli: Cli) -> None:
        self.cli = cli
        self.settings: Settings = load(cli.environment)

    def books(self, asked: Callable[[Books], Awaitable[T]]) -> T:
        async def work() -> T:
            async with open_books(self.settings, prices=True) as books:
                return await asked(books)

        return asyncio.run(work())

    def prompts(self, asked: Callable[[PromptUseCases], Awaitable[T]]) -> T:
        async def work() -> T:
            async with open_prompts(self.settings, "eva@agentura.cz") as prompts:
                return await asked(prompts)

        return asyncio.run(work())

    def said(self, *arguments: str) -> Any:
        return self.cli.json(*arguments)[1]


@pytest.fixture
def desk(tmp_path: Path, database_uri: str, redis_uri: str) -> Desk:
    """An organization with one run that has cost something."""
    addresses = {"DATABASE_URI": database_uri, "REDIS_URI": redis_uri}

    async def spend() -> None:
        database = Database(database_uri)
        owner = await make_owner(database)
        asked = {"company": "Kavárna U Mlýna", "posts": 4}
        run = RunRecord("run-1", "org-1", owner.company_id, "2027-01", "pro", asked, "1")
        await Runs(database).create(run)
        await settled(Ledger(database, default_limit_micro=10**9), 1_250_000)
        await lost(Ledger(database, default_limit_micro=10**9), 500)
        await database.dispose()

    asyncio.run(spend())
    return Desk(Cli(tmp_path / "home", POSTHUB_ORGANIZATION="org-1", **addresses))


@pytest.mark.parametrize("by", [By.PROVIDER, By.TEMPLATE, By.JOB, By.KIND, By.DAY])
def test_costs_say_what_the_command_prints(desk: Desk, by: By) -> None:
    found = desk.books(lambda books: books.costs.report(by=by, thread="run-1"))
    assert found.total("cost_micro") == 1_250_500
    assert found.as_json() == desk.said("costs", "--by", by.value, "--thread", "run-1")


def test_costs_of_a_month_that_is_none_or_of_a_foreign_run_are_refused(desk: Desk) -> None:
    with pytest.raises(InvalidInput):
        desk.books(lambda books: books.costs.report(month="2026-13"))
    with pytest.raises(NotFound):
        desk.books(lambda books: books.costs.report(thread="run-2"))


def test_a_budget_is_shown_set_and_given_to_a_run(desk: Desk) -> None:
    assert desk.books(lambda books: books.limits().show()).as_json() == desk.said("budget", "show")
    with pytest.raises(InvalidInput, match="organization"):
        desk.books(lambda books: books.limits(" ").show())
    changed = desk.books(lambda books: books.limits().set(25_000_000))
    assert changed.row.limit_micro == 25_000_000
    assert changed.as_json() == desk.said("budget", "show", "--month", MONTH)
    ceiling = desk.books(lambda books: books.limits("org-1").set_ceiling("run-1", 3_000_000))
    assert ceiling.as_json() == desk.said("budget", "set", "--thread", "run-1", "--usd", "3")


def test_runs_are_listed_as_the_command_lists_them(desk: Desk) -> None:
    found = asyncio.run(newest_runs(desk.settings, limit=5))
    assert [run.id for run in found.runs] == ["run-1"]
    assert found.as_json() == desk.said("runs", "--limit", "5")


def test_prices_are_listed_added_and_compared(desk: Desk, tmp_path: Path) -> None:
    rows = desk.books(lambda books: books.prices.rows(provider="gemini", day=today()))
    assert rows.as_json() == desk.said("prices", "list", "--provider", "gemini", "--on", f"{today()}")
    assert tuple(row_as_json(rows.rows[0])) == FIELDS
    given = {"provider": "gemini", "model": "m", "unit": "output", "usd_per": "10", "per": "1", "source": "x"}
    row = own_row(parse_day("2026-12-01", "from"), **given)
    added = desk.books(lambda books: books.prices.add_one(row)).as_json()
    assert added == {"added": 1, "id": row.id}
    path = tmp_path / "own.json"
    path.write_text(json.dumps([{**row_as_json(rows.rows[0]), "usd_per": "77"}]), encoding="utf-8")
    theirs = read_rows(str(path))
    different = desk.books(lambda books: books.prices.differences(str(path), theirs))
    assert len(different.differences) == 1
    assert different.as_json() == desk.said("prices", "diff", str(path))
    assert desk.books(lambda books: books.prices.add([row])).as_json() == {"read": 1, "added": 0}
    with pytest.raises(InvalidInput):
        parse_day("zítra", "from")


def test_a_bill_is_compared_as_the_command_does(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "bill.jsonl"
    line = {
        "id": "l-1",
        "at": "2026-11-22T10:00:00Z",
        "provider": "gemini",
        "model": "m",
        "cost_micro_usd": 1,
    }
    path.write_text(json.dumps(line) + "\n", encoding="utf-8")
    bill = find_bill(str(path), tmp_path / "own.jsonl")
    bill.check()
    assert not bill.sandbox
    assert find_bill("sandbox", path).sandbox
    found = desk.books(lambda books: reconcile(books.reconciler, bill, book=False))
    assert not found.report.explained
    assert found.as_json() == desk.said("reconcile", "--bill", str(path), "--dry-run")


def test_a_quote_says_what_the_command_prints(desk: Desk) -> None:
    given = {"company": "Kavárna", "website": "https://www.kavarna.cz", "month": "2027-01"}

    async def work() -> Any:
        async with open_quotes(desk.settings) as quotes:
            request = parse(given, today=date(2026, 11, 22))
            await quotes.keep(request, "run-1")
            return await quotes.quote(request), await quotes.compared("run-1")

    quote, compared = asyncio.run(work())
    options = [part for name, value in given.items() for part in (f"--{name}", value)]
    assert quote.as_json() == desk.said("quote", *options)
    assert compared.worst_micro == quote.worst_micro
    assert compared.as_json()["lines"] == desk.said("costs", "--thread", "run-1")["quote"]


def test_templates_are_shown_as_the_commands_show_them(desk: Desk) -> None:
    listed = desk.prompts(lambda prompts: prompts.library.listed())
    assert listed.as_json() == desk.said("prompts", "list")
    assert {row.why for row in listed.templates} == {"as shipped"}
    shown = desk.prompts(lambda prompts: prompts.library.shown(CODE, "cs", company="Kavárna U Mlýna"))
    assert shown.as_json() == desk.said("prompts", "show", CODE, "--for", "Kavárna U Mlýna")
    filled = desk.prompts(lambda prompts: prompts.library.filled(CODE, "cs"))
    assert filled.as_json() == desk.said("prompts", "render", CODE, "--example")
    with pytest.raises(NotFound):
        desk.prompts(lambda prompts: prompts.library.trace("run-1", "t01"))


def test_a_template_is_edited_labelled_and_taken_back(desk: Desk, tmp_path: Path) -> None:
    async def edit(prompts: PromptUseCases) -> str:
        library, changes = prompts.library, prompts.changes
        before = await library.shown(CODE, "cs")
        after = await library.checked(before.version, before.text.rstrip() + " Piš věcně.\n")
        await library.editor.save(after, parent=before.version.number, reason="věcněji")
        await changes.label(CODE, "cs", 2, "production", company=None, reason="lepší")
        assert await library.difference(CODE, "cs", "1", "2")
        exported = await changes.export(tmp_path / "out")
        again = await changes.bring_in(tmp_path / "out", reason="zpět", dry_run=True)
        assert {change.status for change in again.changes} == {"same"}
        assert again.as_json()["dry_run"]
        assert exported.as_json()["folder"] == str(tmp_path / "out")
        assert await changes.rollback(CODE, "cs", company=None, reason="nelíbí se") in {None, 1}
        await changes.label(CODE, "cs", 2, "staging", company=None, reason="zkouška")
        await changes.unlabel(CODE, "cs", "staging", company=None, reason="konec zkoušky")
        return before.changed(after)

    assert "Piš věcně." in desk.prompts(edit)
    history = desk.prompts(lambda prompts: prompts.library.history(CODE, "cs"))
    assert [one.number for one in history.versions] == [1, 2]
    assert history.as_json() == desk.said("prompts", "history", CODE)


async def with_two_arms(prompts: PromptUseCases) -> None:
    library = prompts.library
    before = await library.version(CODE, "cs")
    text = (await library.shown(CODE, "cs")).text.rstrip() + " Piš věcně.\n"
    await library.editor.save(await library.checked(before, text), parent=1, reason="věcněji")
    await prompts.experiments.start(CODE, "cs", ExperimentSpec(parse_arms("1:0.5,2:0.5")))


def test_an_experiment_is_started_watched_and_ended(desk: Desk) -> None:
    desk.prompts(with_two_arms)
    running = desk.prompts(lambda prompts: prompts.experiments.status(None, "cs"))
    assert running.as_json() == desk.said("experiments", "status")
    chosen, _ = desk.prompts(lambda prompts: prompts.experiments.promote(CODE, "cs", arm="B", reason="tón"))
    assert chosen.version == 2
    with pytest.raises(InvalidInput):
        desk.prompts(lambda prompts: prompts.experiments.stop(CODE, "cs"))


def test_an_experiment_that_is_stopped_runs_no_more_and_leaves_production_as_it_was(desk: Desk) -> None:
    desk.prompts(with_two_arms)
    desk.prompts(lambda prompts: prompts.experiments.stop(CODE, "cs", reason="dost"))
    assert desk.said("experiments", "status")["experiments"] == []
    (ended,) = desk.prompts(lambda prompts: prompts.experiments.status(CODE, "cs")).experiments
    assert ended.as_json()["status"] == "stopped"
    assert desk.prompts(lambda prompts: prompts.library.shown(CODE, "cs")).version.number == 1


def test_a_trace_names_the_version_that_asked_for_each_thing_that_a_run_made(desk: Desk) -> None:
    async def trace(prompts: PromptUseCases) -> Trace:
        library = prompts.library
        run = await library.runs.get("org-1", "run-1")
        owner = Owner(run.organization_id, run.company_id, run.id)
        asked = TemplateRef(CODE, 3, "abc")
        await library.items.save(owner, Kind.POST, "t01", 0, {"title": "Ráno"}, template=asked)
        await library.items.save(owner, Kind.POST, "t02", 0, {"title": "Večer"})
        return await library.trace("run-1", "t01")

    found = desk.prompts(trace)
    assert [
        (row["kind"], row["item"], row["template_code"], row["template_version"]) for row in found.items
    ] == [("post", "t01", CODE, 3)]
    assert found.as_json() == desk.said("prompts", "trace", "run-1", "t01")
    assert {row["item"] for row in desk.said("prompts", "trace", "run-1")["items"]} == {"t01", "t02"}


def test_upgrading_a_database_that_is_new_enough_changes_nothing(desk: Desk) -> None:
    asyncio.run(upgrade(desk.settings))
    version, added = asyncio.run(upgrade(desk.settings))
    assert version
    assert added == 0
