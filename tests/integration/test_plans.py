"""How PostgreSQL goes about the hot statements once the tables have grown: by their keys, never by reading them whole.

The plans are those of the statements as they are really sent, on tables with some ten thousand rows and statistics.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy import event

from domain.stages import Kind
from domain.worlds import World
from store.content import sql as content_sql
from store.content.decisions import Decisions
from store.content.items import Items, Owner
from store.content.reviews import Reviews
from store.content.runs import Runs
from store.database import BY_KEY, Database
from store.money import ledger_sql
from store.money import sql as money_sql
from store.money.budgets import Budgets
from store.money.totals import read_totals
from store.prompts import sql as prompts_sql
from store.statements import Statements, by_position
from store.tenancy import SYSTEM
from tests.conftest import TEMPLATE, fresh_database

ROWS = 20_000
_BIG = ("jobs", "attempts", "adjustments", "cache_hits", "runs", "topics", "decisions", "outcomes", "budgets")
_FILL = f"""
insert into organizations (id, tier) select 'o-' || n, 'pro' from generate_series(1, 200) n;
insert into companies (id, organization_id, name, name_key, website, business_field, product_type, language, time_zone)
select 'c-' || n, 'o-' || n, 'C', 'c', '', '', '', 'cs', 'UTC' from generate_series(1, 200) n;
insert into runs (id, organization_id, company_id, month, tier, request, status, graph_version, updated_at)
select 'r-' || n, 'o-' || (n - 1) % 200 + 1, 'c-' || (n - 1) % 200 + 1, '2026-11', 'pro', '{{}}', 'done', '1',
       now() - interval '1 day'
  from generate_series(1, {ROWS // 10}) n;
insert into jobs (id, key, organization_id, company_id, run_id, kind, node, item, step, status, owner, input,
                  template_code, template_version, template_language, experiment, arm)
select 'j-' || n, 'k-' || n, 'o-' || n % 200 + 1, 'c-' || n % 200 + 1, 'r-' || n % {ROWS // 10} + 1,
       'generate_blogpost', 'write_post', 't' || n, 'draft', 'completed', 'p-' || n % 50, '{{}}',
       'T-' || n % 8, n % 20 + 1, 'cs',
       case when n % 100 = 0 then 'e-' || n % 1000 end, 'A'
  from generate_series(1, {ROWS}) n;
insert into attempts (id, job_id, organization_id, company_id, run_id, month, kind, provider, model, engine, state,
                      held_micro, cost_micro, price_ids, owner, closed_at)
select 'a-' || n, 'j-' || n, 'o-' || n % 200 + 1, 'c-' || n % 200 + 1, 'r-' || n % {ROWS // 10} + 1,
       '2026-' || lpad((n % 12 + 1)::text, 2, '0'), 'generate_blogpost', 'p', 'm', 'litellm', 'settled', 10, 5, '{{}}',
       'p-' || n % 50, now()
  from generate_series(1, {ROWS}) n;
insert into adjustments (id, attempt_id, job_id, organization_id, company_id, run_id, month, kind, provider, model,
                         delta_micro, reason, source, booked_at)
select 'd-' || n, 'a-' || n, 'j-' || n, 'o-' || n % 200 + 1, 'c-' || n % 200 + 1, 'r-' || n % {ROWS // 10} + 1,
       '2026-' || lpad((n % 12 + 1)::text, 2, '0'), 'generate_blogpost', 'p', 'm', 1, 'bill', 's', now()
  from generate_series(1, {ROWS // 2}) n;
insert into cache_hits (id, job_id, organization_id, company_id, run_id, month, kind, provider, model, saved_micro)
select 'h-' || n, 'j-' || n, 'o-' || n % 200 + 1, 'c-' || n % 200 + 1, 'r-' || n % {ROWS // 10} + 1,
       '2026-' || lpad((n % 12 + 1)::text, 2, '0'), 'generate_blogpost', 'p', 'm', 1
  from generate_series(1, {ROWS // 2}) n;
insert into topics (id, organization_id, company_id, run_id, item, revision, edition, status, content, content_hash,
                    author)
select 't-' || n, 'o-' || n % 200 + 1, 'c-' || n % 200 + 1, 'r-' || n % {ROWS // 10} + 1, 't' || n, 0, 0, 'approved',
       '{{}}', 'h', 'model'
  from generate_series(1, {ROWS}) n;
insert into decisions (id, organization_id, company_id, run_id, point, item, revision, edition, decision, decided_by,
                       policy, content_hash, token, edited, parts, state, problem, request, checkpoint)
select 'v-' || n, 'o-' || n % 200 + 1, 'c-' || n % 200 + 1, 'r-' || n % {ROWS // 10} + 1, 'topics', 't' || n, 0, 0,
       'approve', 'e', false, 'h', 't' || n || '-0-0-' || n, '{{}}', '[]', 'accepted', '', '', ''
  from generate_series(1, {ROWS}) n;
insert into outcomes (id, organization_id, company_id, run_id, kind, item, revision, status, money)
select 'u-' || n, 'o-' || n % 200 + 1, 'c-' || n % 200 + 1, 'r-' || n % {ROWS // 10} + 1, 'post', 't' || n, 0, 'done',
       'spent'
  from generate_series(1, {ROWS}) n;
insert into budgets (organization_id, month, limit_micro)
select 'o-' || o, '2026-' || lpad(m::text, 2, '0'), 100 from generate_series(1, 200) o, generate_series(1, 12) m;
"""
OWNER = Owner("o-6", "c-6", "r-6")


@pytest.fixture(scope="module")
def grown_uri(postgres_uri: str) -> Iterator[str]:
    """A database whose tables have grown, with statistics."""
    for uri in fresh_database(postgres_uri, TEMPLATE):
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute(_FILL.encode())
            connection.execute("analyze")
        yield uri


@pytest.fixture
async def grown(grown_uri: str) -> AsyncIterator[Database]:
    database = Database(grown_uri)
    yield database
    await database.dispose()


def whole(plan: dict[str, Any]) -> Iterator[str]:
    """The big tables that a plan reads whole."""
    if plan["Node Type"] == "Seq Scan" and plan["Relation Name"] in _BIG:
        yield plan["Relation Name"]
    for below in plan.get("Plans", ()):
        yield from whole(below)


def read_whole(connection: psycopg.Connection[Any], statement: str) -> list[str]:
    names = list(dict.fromkeys(re.findall(r"(?<!:):([a-z_]+)\b", statement)))
    numbered = by_position(statement, *names)
    explained = connection.execute(f"explain (generic_plan, format json) {numbered}".encode()).fetchone()
    return list(whole(explained[0][0]["Plan"])) if explained else ["no plan"]


@pytest.mark.parametrize("name", ["hold", "open_jobs"])
def test_a_write_of_every_paid_call_finds_its_rows_by_key(grown_uri: str, name: str) -> None:
    with psycopg.connect(grown_uri, autocommit=True) as connection:
        connection.execute(BY_KEY.encode())
        assert read_whole(connection, money_sql.all[name].sql) == []


def test_closing_attempts_finds_its_rows_by_key(grown_uri: str) -> None:
    with psycopg.connect(grown_uri, autocommit=True) as connection:
        connection.execute(BY_KEY.encode())
        explained = connection.execute(
            f"explain (generic_plan, format json) {ledger_sql.CLOSE}".encode()
        ).fetchone()
    assert explained
    assert list(whole(explained[0][0]["Plan"])) == []


_NAMED = {
    money_sql: (
        "find_job take_job fail_job keep_job refer_job refer_attempt find_attempt cost_of_run release_jobs "
        "budget_left show_budget set_run_budget typical_tokens actual_cost"
    ),
    content_sql: "at_work",
    prompts_sql: "calls_by_step decisions_of_runs failed_items work_of_experiment",
}


@pytest.mark.parametrize(
    ("room", "name"), [(room, name) for room, names in _NAMED.items() for name in names.split()]
)
def test_a_named_statement_reads_no_big_table_whole(grown_uri: str, room: Statements, name: str) -> None:
    with psycopg.connect(grown_uri, autocommit=True) as connection:
        assert read_whole(connection, room.all[name].sql) == []


@pytest.mark.parametrize("name", ["CLOSE_ORPHANS", "CLOSE_DEAD", "ADJUST"])
def test_a_correction_of_the_ledger_reads_no_big_table_whole(grown_uri: str, name: str) -> None:
    with psycopg.connect(grown_uri, autocommit=True) as connection:
        assert read_whole(connection, str(getattr(ledger_sql, name).text)) == []


async def _totals_of_month(database: Database) -> None:
    async with database.transaction(SYSTEM) as connection:
        await read_totals(connection, "o-6", world=World.REAL, month="2026-11", run_id=None, by="provider")


async def _totals_of_run(database: Database) -> None:
    async with database.transaction(SYSTEM) as connection:
        await read_totals(connection, "o-6", world=World.REAL, month=None, run_id="r-6", by="job")


_USES: dict[str, Callable[[Database], Awaitable[object]]] = {
    "the runs list": lambda database: Runs(database).list("o-6"),
    "one run": lambda database: Runs(database).get("o-6", "r-6"),
    "the newest items": lambda database: Items(database).list_newest(OWNER, Kind.TOPIC),
    "the newest of one item": lambda database: Items(database).newest(OWNER, Kind.TOPIC, "t5"),
    "topics of earlier months": lambda database: Items(database).earlier_topics(OWNER, company_id="c-6"),
    "decisions of a run": lambda database: Decisions(database).all(OWNER),
    "what is not carried out of a run": lambda database: Decisions(database).recorded(OWNER),
    "outcomes of a run": lambda database: Reviews(database).outcomes(OWNER),
    "a month's budget": lambda database: Budgets(database, default_limit_micro=1).show("o-6", "2026-11"),
    "what a month has cost": _totals_of_month,
    "what a run has cost": _totals_of_run,
}


@pytest.mark.parametrize("use", _USES)
async def test_what_people_look_at_reads_no_big_table_whole(grown: Database, use: str) -> None:
    sent: list[tuple[str, Any]] = []
    with _recorded(grown, sent):
        await _USES[use](grown)
    assert sent
    async with grown.transaction(SYSTEM) as connection:
        for statement, values in sent:
            explained = await connection.exec_driver_sql(f"explain (format json) {statement}", values)
            assert list(whole(explained.scalar_one()[0]["Plan"])) == [], statement


@contextmanager
def _recorded(database: Database, sent: list[tuple[str, Any]]) -> Iterator[None]:
    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
        sent.append((statement, values))

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)


def test_a_plan_that_reads_a_big_table_whole_is_noticed(grown_uri: str) -> None:
    with psycopg.connect(grown_uri, autocommit=True) as connection:
        assert read_whole(connection, "select 1 from jobs where node = :node") == ["jobs"]


_CANNOT_BE_PLANNED = {"lock_shipped"}


@pytest.mark.parametrize(
    ("room", "name"),
    [(room, name) for room in _NAMED for name in room.all if name not in _CANNOT_BE_PLANNED],
)
def test_every_named_statement_fits_the_schema(grown_uri: str, room: Statements, name: str) -> None:
    with psycopg.connect(grown_uri, autocommit=True) as connection:
        assert "no plan" not in read_whole(connection, room.all[name].sql)
