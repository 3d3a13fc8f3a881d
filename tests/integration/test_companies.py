"""All that is kept about a company: shown, exported, deleted; and nothing of its neighbours."""

from __future__ import annotations

import itertools
import json
import re
import shlex
import zipfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from sqlalchemy import Boolean, Date, DateTime, Float, Integer, Numeric, Table, insert, text
from sqlalchemy.exc import DBAPIError

from app.companies import Companies
from domain.errors import InvalidInput, NotFound, StoreUnavailable
from exports.page.render import load_labels
from runtime.services import Services, open_services
from runtime.settings import load
from store.content.companies import LEDGER, CompanyData
from store.content.items import Owner
from store.money.ledger import Ledger
from store.schema import metadata
from store.schema.money import jobs
from store.shared.cache import AnswerCache, CacheKey
from store.shared.redis import SharedRedis
from store.tenancy import SYSTEM
from tests.conftest import TEMPLATE, fresh_database, make_owner
from tests.integration.test_cli_store import Cli
from tests.money_rows import CALL, rows, settled

NAME = "Kavárna U Mlýna"
SECRET = "Tajná receptura"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "companies.md"
SAYS_NOTHING_OF_COMPANIES = {
    *("organizations", "members", "api_keys", "budgets", "budget_events", "workers", "prices"),
    *("prompt_templates", "prompt_experiments", "prompt_pauses"),
    "erasures",  # ids and keys of what is being deleted; empty when it is done
}
_WORDS = {
    "decisions.state": "accepted",
    "jobs.status": "completed",
    "outcomes.status": "done",
    "runs.status": "waiting",
    "world": "real",
}
"""Columns that take some words alone."""


_numbers = itertools.count(1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(
    tmp_path_factory: pytest.TempPathFactory, postgres_uri: str, _valkey_uri: str
) -> AsyncIterator[Services]:
    for uri in fresh_database(postgres_uri, TEMPLATE):
        home = str(tmp_path_factory.mktemp("home"))
        given = {"DATABASE_URI": uri, "REDIS_URI": _valkey_uri, "POSTHUB_HOME": home}
        async with open_services(load(given), buys=False) as services:
            yield services


@dataclass
class Bench:
    """A company of an organization of its own, and the services of that organization."""

    services: Services
    owner: Owner

    @property
    def companies(self) -> Companies:
        return self.services.companies

    async def fill(self, owner: Owner, picture: str) -> None:
        """Write rows into every table that knows companies or runs, found by their columns."""
        async with self.services.database.transaction(SYSTEM) as connection:
            await connection.execute(_TEMPLATE)
            await connection.execute(_EXPERIMENT, {"id": owner.run_id})
            for table in metadata.sorted_tables:
                if _about(table) and table not in LEDGER:
                    await connection.execute(insert(table).values(**_row(table, owner, picture)))


@pytest_asyncio.fixture(loop_scope="module")
async def bench(opened: Services) -> AsyncIterator[Bench]:
    number = next(_numbers)
    owner = await make_owner(opened.database, f"org-{number}", f"run-{number}")
    settings = replace(opened.settings, organization=owner.organization_id)
    yield Bench(replace(opened, settings=settings), owner)
    with suppress(NotFound):
        await CompanyData(opened.database).delete(owner.organization_id, owner.company_id)


def _about(table: Table) -> bool:
    return bool({"company_id", "run_id"} & set(table.c.keys())) and table.name != "erasures"


def _row(table: Table, owner: Owner, picture: str) -> dict[str, Any]:
    """A row that says something of a company in every column that could."""
    ids = {
        "id": f"{table.name}-{owner.run_id}",
        "organization_id": owner.organization_id,
        "company_id": owner.company_id,
        "run_id": owner.run_id,
        "experiment_id": owner.run_id,
        "template_id": "t",
    }
    made: dict[str, Any] = {}
    for column in table.columns:
        kind = column.type
        if column.identity is not None:
            continue
        if column.name in ids:
            made[column.name] = (
                owner.run_id if table.name == "runs" and column.name == "id" else ids[column.name]
            )
        elif isinstance(kind, DateTime):
            made[column.name] = datetime(2026, 1, 1, tzinfo=UTC)
        elif isinstance(kind, Boolean):
            made[column.name] = False
        elif isinstance(kind, Date):
            made[column.name] = date(2027, 1, 1)
        elif isinstance(kind, Integer | Numeric | Float):
            made[column.name] = 1
        elif "JSON" in str(kind):
            made[column.name] = {"title": SECRET, "key": picture}
        else:
            text_ = (
                f"{column.name} {owner.run_id}" if table is jobs else f"{SECRET} {column.name} {owner.run_id}"
            )
            made[column.name] = _WORDS.get(str(column)) or _WORDS.get(column.name, text_)
    return made


_TEMPLATE = text(
    "insert into prompt_templates (id, code, language, version, type, name, body, front_matter, content_hash, author)"
    " values ('t', 'X', 'cs', 1, 'text', '', '', '{}', '', '') on conflict do nothing"
)
_EXPERIMENT = text(
    "insert into prompt_experiments (id, organization_id, code, language, status, allocation, arms, minimum, author)"
    " values (:id, 'o', 'X', 'cs', 'stopped', 'weights', '[]', 1, '')"
)


async def found(database_uri: str, *words: str) -> set[str]:
    """The tables of the database, ours and LangGraph's, in which any of some words stands."""
    places = set()
    async with await psycopg.AsyncConnection.connect(database_uri) as connection:
        tables = await connection.execute(
            "select quote_ident(table_name) from information_schema.tables where table_schema = 'public'"
        )
        for (table,) in await tables.fetchall():
            for word in words:
                # bytes of checkpoints are shown as they are, so that text in them is found
                query = f"select 1 from {table} t where t::text ilike %s or t::text like %s limit 1"
                cursor = await connection.execute(query, [f"%{word}%", f"%{word.encode().hex()}%"])
                if await cursor.fetchone():
                    places.add(table)
    return places


@pytest.mark.asyncio(loop_scope="module")
async def test_every_table_is_known_to_be_about_companies_or_not(bench: Bench) -> None:
    """A new table fails here until it is said whose it is; one of a company is exported and deleted by its columns."""
    apart = {table.name for table in metadata.sorted_tables if not _about(table)}
    assert apart == {*SAYS_NOTHING_OF_COMPANIES, "companies"}
    asked = set(await CompanyData(bench.services.database).everything(bench.owner.organization_id, "nobody"))
    assert asked == {table.name for table in metadata.sorted_tables} - SAYS_NOTHING_OF_COMPANIES
    for language in ("cs", "en"):
        assert set(load_labels(language)["names"]["tables"]) == asked


@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_exported_is_everything_and_what_is_deleted_is_gone(
    bench: Bench, tmp_path: Path
) -> None:
    services, companies, owner = bench.services, bench.companies, bench.owner
    picture = await services.ports.files.put(b"picture", "image/png")
    ledger = Ledger(services.database, default_limit_micro=1_000_000)
    call = replace(
        CALL, organization_id=owner.organization_id, company_id=owner.company_id, run_id=owner.run_id
    )
    await settled(ledger, 700, call=call)
    await bench.fill(owner, picture)
    package = services.ports.packages / owner.run_id
    package.mkdir()
    (package / "post.md").write_text(SECRET)
    filled = {table.name for table in metadata.sorted_tables if _about(table) and table not in LEDGER}
    assert set((await companies.show(NAME.upper())).rows) == filled | {"companies", "attempts"}

    written = await companies.export(owner.company_id, tmp_path / "all.zip")
    assert oct(written.archive.stat().st_mode)[-3:] == "600"
    with zipfile.ZipFile(written.archive) as archive:
        assert archive.testzip() is None
        assert archive.read(f"files/{picture}") == b"picture"
        assert archive.read(f"packages/{owner.run_id}/post.md").decode() == SECRET
        told = {name for name in filled if SECRET in archive.read(f"tables/{name}.json").decode()}
        assert told == filled - {"run_budgets"}, "which has figures alone"
        assert json.loads(archive.read("tables/attempts.json"))[0]["cost_micro"] == 700
        page = archive.read("index.html").decode()
    assert '<html lang="cs">' in page and NAME in page and "Články" in page
    with pytest.raises(InvalidInput, match="there already"):
        await companies.export(NAME, written.archive)

    gone = await companies.delete(NAME)
    assert (gone.files, gone.left) == (1, (f"{SECRET} out {owner.run_id}",))
    assert await found(services.database.uri, NAME, "kavarna.example", SECRET) == set()
    assert not await services.ports.files.exists(picture)
    assert not package.exists()
    assert await ledger.run_cost(owner.organization_id, owner.run_id) == 700
    with pytest.raises(NotFound):
        await companies.delete(NAME)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_deletion_leaves_neighbours_everything_also_the_same_file(bench: Bench) -> None:
    picture = await bench.services.ports.files.put(b"shared", "image/png")
    theirs = await make_owner(bench.services.database, "org-0", "run-0")
    await bench.fill(bench.owner, picture)
    await bench.fill(theirs, picture)
    data = CompanyData(bench.services.database)
    before = await data.everything("org-0", theirs.company_id)
    assert (await bench.companies.delete(NAME)).files == 0
    assert await data.everything("org-0", theirs.company_id) == before
    assert await bench.services.ports.files.exists(picture)
    await data.delete("org-0", theirs.company_id)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("how", ["it says so", "its lock is held"])
async def test_a_company_that_is_being_worked_on_is_not_deleted(bench: Bench, how: str) -> None:
    await bench.fill(bench.owner, "")
    before = (await bench.companies.show(NAME)).rows
    runs, run_id = bench.services.runs, bench.owner.run_id
    async with AsyncExitStack() as stack:
        if how == "it says so":
            await runs.set_status(bench.owner.organization_id, run_id, "running")
        else:
            await stack.enter_async_context(
                runs.exclusive(bench.owner.organization_id, run_id, owner="another process")
            )
        with pytest.raises(InvalidInput, match=f"{run_id} of this company is being worked on"):
            await bench.companies.delete(NAME)
    assert (await bench.companies.show(NAME)).rows == before
    await runs.set_status(bench.owner.organization_id, run_id, "waiting")
    await bench.companies.delete(NAME)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_deletion_that_was_interrupted_is_finished_when_it_is_asked_again(bench: Bench) -> None:
    """Killed after the rows, then a file store that does not answer, then a Redis that is gone."""
    services, owner, companies = bench.services, bench.owner, bench.companies
    pictures = [await services.ports.files.put(data, "image/png") for data in (b"one", b"two")]
    await bench.fill(owner, "")
    both = "update assets set content = jsonb_build_object('key', cast(:a as text), 'thumbnailKey', cast(:b as text))"
    await rows(
        services.database, f"{both} where run_id = :run", a=pictures[0], b=pictures[1], run=owner.run_id
    )
    (services.ports.packages / owner.run_id).mkdir()
    data = CompanyData(services.database)
    await data.delete(owner.organization_id, owner.company_id)  # and the process was killed
    assert (await companies.list()).companies == ()

    place = Path(services.settings.files_url.removeprefix("file://")) / pictures[1]
    place.rename(place.with_suffix(".aside"))
    place.mkdir()
    (place / "in the way").touch()
    with pytest.raises(StoreUnavailable, match="file store"):
        await companies.delete(NAME)
    (place / "in the way").unlink()
    place.rmdir()
    place.with_suffix(".aside").rename(place)
    away = AnswerCache(SharedRedis("redis://127.0.0.1:1"))
    with pytest.raises(StoreUnavailable, match="Redis"):
        await replace(services, answers=away).companies.delete(NAME)

    await companies.delete(NAME)
    assert not any([await services.ports.files.exists(key) for key in pictures])
    assert not (services.ports.packages / owner.run_id).exists()
    assert await rows(services.database, "select 1 from erasures where run_id = :run", run=owner.run_id) == []
    with pytest.raises(NotFound):
        await companies.delete(NAME)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_run_whose_deletion_was_interrupted_is_finished_when_it_is_asked_again(bench: Bench) -> None:
    services, owner = bench.services, bench.owner
    picture = await services.ports.files.put(b"of a run", "image/png")
    await bench.fill(owner, picture)
    await services.ports.branches.delete(owner.organization_id, owner.run_id)  # and the process was killed
    assert (await services.delete_run(owner.run_id)).files == 1
    assert not await services.ports.files.exists(picture)
    with pytest.raises(NotFound):
        await services.delete_run(owner.run_id)


@pytest.mark.asyncio(loop_scope="module")
async def test_cached_answers_of_the_organization_are_forgotten_and_nobody_elses(bench: Bench) -> None:
    mine, answers = bench.owner.organization_id, bench.services.answers
    keys = {name: CacheKey(name, "a" * 64) for name in (mine, f"{mine}0", "org-[1]", "org")}
    for key in keys.values():
        await answers.store(key, {"text": SECRET}, seconds=60)
    await bench.companies.delete(NAME)
    left = {name: await answers.look(key) for name, key in keys.items()}
    assert left.pop(mine) == "lead"
    assert all(answer == {"text": SECRET} for answer in left.values())
    await answers.forget("org-[1]")
    assert await answers.look(keys["org-[1]"]) == "lead"
    assert await answers.look(keys["org"]) == {"text": SECRET}


@pytest.mark.asyncio(loop_scope="module")
async def test_the_trail_of_prompts_lets_go_of_a_deleted_companys_rows_alone(bench: Bench) -> None:
    await bench.fill(bench.owner, "")
    for query in ("delete from prompt_events", "update prompt_events set company_id = 'nobody'"):
        with pytest.raises(DBAPIError, match="append-only"):
            await rows(bench.services.database, query)
    await bench.companies.delete(NAME)
    left = "select 1 from prompt_events where company_id = :id"
    assert await rows(bench.services.database, left, id=bench.owner.company_id) == []


def test_the_page_does_what_it_says_and_asks_before_it_deletes(
    tmp_path: Path, database_uri: str, redis_uri: str, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cli = Cli(tmp_path / "home", DATABASE_URI=database_uri, REDIS_URI=redis_uri, POSTHUB_ORGANIZATION="org-1")
    block = re.search(r"^```sh\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert block is not None
    *lines, deletes = [shlex.split(line.removeprefix("posthub ")) for line in block[1].splitlines()]
    for line in lines:
        done = cli.here(*line)
        assert (done.returncode, NAME in done.stdout or "kavarna.zip" in done.stdout) == (0, True), (
            done.stderr
        )
    asked = cli.here(*deletes)
    assert (asked.returncode, "--yes" in asked.stderr) == (2, True)
    assert cli.json(*deletes, "--yes")[1]["deleted"]
    assert cli.here("companies", "show", NAME).returncode == 2
