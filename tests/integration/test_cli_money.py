"""The money commands as an operator calls them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.main import app
from domain.worlds import World
from store.content.items import Owner
from store.content.run_record import RunRecord
from store.content.runs import Runs
from store.database import Database
from store.money.budgets import Budgets
from store.money.ledger import Ledger
from tests.integration.test_cli_store import Cli
from tests.money_rows import cache_hit, lost, rows, settled


@pytest.fixture
def cli(tmp_path: Path, database_uri: str, redis_uri: str) -> Cli:
    return Cli(
        tmp_path / "home", DATABASE_URI=database_uri, REDIS_URI=redis_uri, POSTHUB_ORGANIZATION="org-1"
    )


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database, default_limit_micro=200_000_000)


async def test_a_budget_is_set_and_shown_for_people_and_programs(cli: Cli, ledger: Ledger) -> None:
    await settled(ledger, 1_500_000)
    status, shown = cli.json("budget", "set", "--usd", "2.50")
    assert (status, shown["limit_usd"], shown["spent_usd"], shown["left_usd"]) == (
        0,
        "2.500000",
        "1.500000",
        "1.000000",
    )
    people = cli("budget", "show")
    assert people.returncode == 0
    assert "$2.50" in people.stdout


async def test_where_both_worlds_have_spent_each_figure_says_whose_it_is(
    cli: Cli, database: Database, ledger: Ledger
) -> None:
    played = Ledger(database, default_limit_micro=200_000_000, world=World.SANDBOX)
    await settled(played, 250_000)
    for command in (["costs"], ["budget", "show"]):
        assert "the sandbox's figures" in cli(*command).stdout, "nothing real was booked yet"
    await settled(ledger, 1_500_000)
    for world, own, other in (("real", "1.500000", "0.250000"), ("sandbox", "0.250000", "1.500000")):
        costs = cli.json("costs", "--world", world)[1]
        assert (costs["world"], costs["total_usd"], costs["other_world_usd"]) == (world, own, other)
    shown = cli("budget", "show").stdout
    assert "$1.50" in shown and "The sandbox besides, not contained: $0.2500 (see --world sandbox)" in shown


async def test_a_run_gets_a_ceiling_and_one_of_another_organization_does_not(
    cli: Cli, database: Database, owner: Owner, stranger: Owner
) -> None:
    for whose in (owner, stranger):
        run = RunRecord(
            f"run-{whose.organization_id}", whose.organization_id, whose.company_id, "2027-01", "pro", {}, "1"
        )
        await Runs(database).create(run)
    assert cli("budget", "set", "--thread", "run-org-1", "--usd", "3").returncode == 0
    foreign = cli("budget", "set", "--thread", "run-org-2", "--usd", "3")
    assert foreign.returncode == 2
    (row,) = await rows(database, "select run_id, limit_micro from run_budgets")
    assert (row.run_id, row.limit_micro) == ("run-org-1", 3_000_000)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("budget", "set", "--usd=-1"), "usd"),
        (("budget", "set", "--usd", "mnoho"), "usd"),
        (("budget", "set", "--usd", "1", "--month", "2026-13"), "month"),
        (("budget", "show", "--month", "leden"), "month"),
        (("reconcile", "--bill", "sandbox", "--month", "2026-00"), "month"),
    ],
)
async def test_bad_money_input_is_refused_with_its_field_and_changes_nothing(
    cli: Cli, database: Database, arguments: tuple[str, ...], field: str
) -> None:
    status, shown = cli.json(*arguments)
    assert (status, shown["error"]["field"]) == (2, field)
    assert await rows(database, "select 1 from budgets") == []


def bill_line(**changes: Any) -> str:
    line = {
        "id": "l-1",
        "at": "2026-11-22T10:00:00Z",
        "provider": "gemini",
        "model": "gemini-3.8-flash",
        "cost_micro_usd": 100,
        "request_id": "",
    }
    return json.dumps(line | changes) + "\n"


async def test_reconciling_corrects_what_was_lost_and_exits_1_for_what_nothing_explains(
    cli: Cli, ledger: Ledger, tmp_path: Path
) -> None:
    attempt = await lost(ledger, 500)
    bill = tmp_path / "bill.jsonl"
    bill.write_text(bill_line(client_request_id=attempt))
    status, shown = cli.json("reconcile", "--bill", str(bill), "--dry-run")
    assert (status, shown["adjustments"][0]["delta_usd"], shown["booked"]) == (0, "-0.000400", False)
    assert await ledger.run_cost("org-1", "run-1") == 500
    assert cli("reconcile", "--bill", str(bill)).returncode == 0
    assert await ledger.run_cost("org-1", "run-1") == 100
    bill.write_text(bill_line(client_request_id=attempt) + bill_line(id="l-2", request_id="unknown"))
    people = cli("reconcile", "--bill", str(bill))
    assert people.returncode == 1
    assert "the ledger has no call for it" in people.stdout


async def test_a_bill_of_a_wrong_shape_books_nothing(cli: Cli, ledger: Ledger, tmp_path: Path) -> None:
    attempt = await lost(ledger, 500)
    bill = tmp_path / "bill.jsonl"
    bill.write_text(bill_line(client_request_id=attempt) + bill_line(id="l-2", cost_micro_usd="free"))
    done = cli("reconcile", "--bill", str(bill))
    assert done.returncode == 2
    assert "cost_micro_usd" in done.stderr
    assert await ledger.run_cost("org-1", "run-1") == 500


async def test_the_budget_command_reads_one_row_however_many_calls_there_were(
    database: Database, ledger: Ledger
) -> None:
    for _ in range(3):
        await settled(ledger, 10)
    shown = await Budgets(database, default_limit_micro=1).show("org-1")
    assert (shown.spent_micro, shown.own_limit) == (30, False)
    plan = await rows(
        database,
        "explain (format json) select * from usage_records where organization_id = 'org-1' and month = '2026-11'",
    )
    text = json.dumps(plan[0][0])
    assert "attempts" not in text


async def test_prices_are_added_listed_and_compared(cli: Cli, tmp_path: Path) -> None:
    given = ("--provider", "gemini", "--model", "new-model", "--source", "page", "--from", "2026-01-01")
    assert cli("prices", "add", *given, "--unit", "input", "--usd", "2", "--per", "1000000").returncode == 0
    status, shown = cli.json("prices", "list", "--model", "new-model")
    assert (status, [(row["unit"], row["usd_per"], row["list"]) for row in shown["rows"]]) == (
        0,
        [("input", "2", "own")],
    )
    printed = cli("prices", "list", "--csv")
    (tmp_path / "all.csv").write_text(printed.stdout)
    _, again = cli.json("prices", "import", str(tmp_path / "all.csv"))
    assert again["added"] == 0
    _, from_map = cli.json("prices", "import", "litellm", "--from", "2026-11-01")
    assert from_map["added"] > 100
    _, found = cli.json("prices", "diff")
    assert "perplexity/sonar" in {each["model"] for each in found["differences"]}


async def test_a_price_without_a_unit_is_refused_and_nothing_is_written(cli: Cli, tmp_path: Path) -> None:
    _, before = cli.json("prices", "list")
    path = tmp_path / "own.csv"
    path.write_text(
        "provider,model,unit,usd_per,per,valid_from,source\n"
        "gemini,m,input,1,1,2026-01-01,page\ngemini,m,,1,1,2026-01-01,page\n"
    )
    status, shown = cli.json("prices", "import", str(path))
    assert (status, shown["error"]["field"]) == (2, "unit")
    assert cli.json("prices", "list")[1] == before


async def test_costs_say_what_is_not_certain_what_the_cache_saved_and_what_a_post_cost(
    cli: Cli, ledger: Ledger, database: Database
) -> None:
    await settled(ledger, 300_000)
    await lost(ledger, 100_000)
    await cache_hit(database, "one", 50_000)
    status, shown = cli.json("costs", "--by", "day")
    assert (status, shown["total_usd"], shown["unsure_percent"], shown["saved_usd"]) == (
        0,
        "0.400000",
        "25.00",
        "0.050000",
    )
    assert shown["cost_per_approved_post_usd"] is None
    printed = cli("costs", "--csv").stdout.splitlines()
    assert printed[0].startswith("name,key,calls,cost_usd")
    assert printed[1].startswith(",gemini,2,0.400000")
    assert "Not known for certain: 25.00 %" in cli("costs").stdout


async def test_a_quote_is_given_without_spending_anything(cli: Cli, database: Database) -> None:
    given = ("--company", "Kavárna", "--website", "https://www.kavarna.cz", "--month", "2027-01")
    status, shown = cli.json("quote", *given, "--tier", "ultimate")
    assert status == 0
    assert {"research", "posts", "images", "video"} <= {line["step"] for line in shown["lines"]}
    assert float(shown["expected_usd"]) < float(shown["worst_usd"])
    assert await rows(database, "select 1 from attempts") == []
    assert cli("quote", *given, "--posts", "99").returncode == 2


async def test_a_quote_takes_every_argument_of_a_run(cli: Cli, database: Database) -> None:
    options = {
        name: {option for parameter in command.params for option in parameter.opts}
        for name, command in app.commands.items()
    }
    assert options["run"] <= options["quote"]
    given = ("--company", "Kavárna", "--website", "https://www.kavarna.cz", "--month", "2027-01")
    said = cli("quote", *given, "--approve", "auto", "--ceiling", "0.01").stdout
    assert "would stop at its ceiling" in said
    status, shown = cli.json("quote", *given, "--template", "BLOGPOST_GEN_V1=77")
    assert (status, shown["error"]["code"]) == (2, "NOT_FOUND")
    assert await rows(database, "select 1 from attempts") == []


@pytest.mark.parametrize("ceiling", ["-1", "hodně"])
async def test_a_ceiling_that_is_no_amount_is_refused_before_anything_starts(
    cli: Cli, database: Database, ceiling: str
) -> None:
    given = ("--company", "Kavárna", "--website", "https://www.kavarna.cz", "--month", "2027-01")
    status, shown = cli.json("run", *given, f"--ceiling={ceiling}")
    assert (status, shown["error"]["field"]) == (2, "ceiling")
    assert await rows(database, "select 1 from runs") == []


async def test_a_run_stops_at_its_ceiling_and_says_how_to_go_on(
    tmp_path: Path, database_uri: str, redis_uri: str, sandbox: Any, database: Database
) -> None:
    keys = {f"{name}_API_KEY": "sandbox" for name in ("GEMINI", "PERPLEXITY")}
    urls = {f"{name}_BASE_URL": sandbox.base_url for name in ("GEMINI", "PERPLEXITY")}
    host = sandbox.base_url.removeprefix("http://")
    cli = Cli(
        tmp_path / "home",
        DATABASE_URI=database_uri,
        REDIS_URI=redis_uri,
        POSTHUB_ENGINE="google",
        POSTHUB_ALLOW_PRIVATE_HOSTS=host,
        **keys,
        **urls,
    )
    name, site = next(iter(sandbox.sites.items()))
    given = ("--company", name, "--website", site, "--month", "2027-01", "--approve", "auto", "--posts", "1")
    done = cli("run", *given, "--ceiling", "0.03")
    assert done.returncode == 1
    assert "ceiling of this run" in done.stderr
    assert "posthub resume" in done.stderr
    (row,) = await rows(database, "select limit_micro, held_micro, spent_micro from run_budgets")
    assert row.limit_micro == 30_000
    assert row.held_micro + row.spent_micro <= 30_000
