"""The second wall of tenancy: what a statement forgets to ask for, PostgreSQL does not give (ADR 0027)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import Dialect, Table, text
from sqlalchemy.dialects import postgresql

from domain.errors import StoreUnavailable
from store.database import Database
from store.money import sql as money_sql
from store.reading import check_bound, reader, seen_by, upgrade
from store.schema import VIEWS, metadata
from store.tenancy import ROLE, SYSTEM
from tests.conftest import TEMPLATE, fresh_database

MINE, THEIRS = "org-a", "org-b"
WHOSE = {
    table.name: "id" if table.name == "organizations" else "organization_id"
    for table in metadata.sorted_tables
}
OWNED = [table for table in metadata.sorted_tables if WHOSE[table.name] in table.columns]
_BARE = """do $$ declare each record; begin
  for each in select conrelid::regclass as on_table, conname from pg_constraint
               where contype in ('c', 'f') and connamespace = 'public'::regnamespace loop
    execute format('alter table %s drop constraint %I', each.on_table, each.conname);
  end loop;
  for each in select tgrelid::regclass as on_table, tgname from pg_trigger where not tgisinternal loop
    execute format('drop trigger %I on %s', each.tgname, each.on_table);
  end loop;
end $$"""
"""What else refuses a row would stand before the wall that is tried."""
_DIALECT: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
BOUND = "posthub_bound"
"""A database user as production has one: it owns its tables, and is neither superuser nor allowed to make roles."""


def a_row(table: Table, whose: str) -> str:
    """An insert of a row of an organization."""
    given = [each for each in table.columns if each.identity is None and not each.nullable]
    values = {each.name: _value(each, whose) for each in given} | {
        name: f"'{whose}'" for name in (WHOSE[table.name],) if name in table.columns
    }
    return f"insert into {table.name} ({', '.join(values)}) values ({', '.join(values.values())})"


def _value(column: Any, whose: str) -> str:
    kind = column.type.compile(_DIALECT)
    known = {"JSONB": "'{}'", "TEXT[]": "'{}'", "BOOLEAN": "false", "DATE": "now()", "TEXT": f"'{whose}'"}
    return known.get(kind) or ("now()" if kind.startswith("TIMESTAMP") else "1")


@pytest.fixture(scope="module")
def filled_uri(postgres_uri: str) -> Iterator[str]:
    """A database with a row of each of two organizations in every table that has one."""
    for uri in fresh_database(postgres_uri, TEMPLATE):
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute(_BARE)
            for table in OWNED:
                for whose in (MINE, THEIRS):
                    connection.execute(a_row(table, whose).encode())
        yield uri


@pytest.fixture
async def filled(filled_uri: str) -> AsyncIterator[Database]:
    database = Database(filled_uri, pool_size=1)
    yield database
    await database.dispose()


async def test_a_statement_without_where_meets_the_rows_of_its_own_organization_alone(
    filled: Database,
) -> None:
    async with filled.transaction(MINE) as connection:
        for table in reversed(OWNED):
            whose, name = WHOSE[table.name], table.name
            assert set(await connection.scalars(text(f"select {whose} from {name}"))) == {MINE}, name
            for change in (f"update {name} set {whose} = {whose}", f"delete from {name}"):
                assert (await connection.execute(text(change))).rowcount == 1, change
        await connection.execute(text("reset role"))  # a superuser sees what is left
        for table in OWNED:
            left = text(f"select {WHOSE[table.name]} from {table.name}")
            assert (await connection.scalars(left)).all() == [THEIRS], table.name
        await connection.rollback()


async def test_a_row_for_another_organization_is_refused_and_so_is_giving_one_away(
    filled: Database,
) -> None:
    for table in OWNED:
        given_away = f"update {table.name} set {WHOSE[table.name]} = 'org-c'"
        for statement in (a_row(table, "org-c"), given_away):
            with pytest.raises(StoreUnavailable) as caught:
                async with filled.transaction(MINE) as connection:
                    await connection.execute(text(statement))
            assert "row-level security" in str(caught.value.__cause__), statement


async def test_every_table_has_a_wall_that_binds_its_owner_too(filled: Database) -> None:
    walls = text(
        """select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'
                      and relrowsecurity and relforcerowsecurity"""
    )
    async with filled.transaction(SYSTEM) as connection:
        assert set(await connection.scalars(walls)) == set(metadata.tables)


async def test_no_view_looks_past_the_wall(filled: Database) -> None:
    made = "select viewname from pg_views where schemaname = 'public'"
    async with filled.transaction(MINE) as connection:
        assert set((await connection.scalars(text(made))).all()) == set(VIEWS)
        for view in VIEWS:
            seen = {row[0] for row in await connection.execute(text(f"select organization_id from {view}"))}
            assert seen == {MINE}, view


async def test_a_named_statement_that_forgets_its_where_gives_nothing_of_others(filled: Database) -> None:
    whole = money_sql.all["quote_of_run"].sql
    forgetful = whole.partition(" where ")[0]
    assert forgetful != whole
    async with filled.transaction(SYSTEM) as connection:
        assert len((await connection.execute(text(forgetful))).all()) == 2
    async with filled.transaction(MINE) as connection:
        assert len((await connection.execute(text(forgetful))).all()) == 1
    assert len(await filled.rows(MINE, forgetful, [])) == 1


async def test_who_says_nothing_sees_nothing_and_a_transaction_leaves_nothing_behind(
    filled: Database,
) -> None:
    async with filled.transaction(MINE) as connection:
        pid = await connection.scalar(text("select pg_backend_pid()"))
        assert await connection.scalar(text("select current_user")) == ROLE, "a superuser would see all"
    async with filled.transaction(SYSTEM) as connection:
        assert await connection.scalar(text("select pg_backend_pid()")) == pid, "the same connection"
        left = text("select current_user, current_setting('posthub.organization', true)")
        assert tuple((await connection.execute(left)).one()) == ("postgres", "")
        await connection.execute(text(f"set local role {ROLE}"))
        await connection.execute(text("set local posthub.system = ''"))
        assert await connection.scalar(text("select count(*) from runs")) == 0


async def test_what_is_shared_is_read_by_all_and_written_by_the_installation_alone(
    database: Database,
) -> None:
    async with database.transaction(SYSTEM) as connection:
        await connection.execute(
            text("""insert into prompt_events (code, language, event, author, role, origin)
                    values ('C', 'cs', 'saved', 'a', 'release', 'o')""")
        )
    async with database.transaction(MINE) as connection:
        assert await connection.scalar(text("select count(*) from prompt_events")) == 1
        assert (await connection.execute(text("delete from prompt_events"))).rowcount == 0
    for table in ("prompt_events", "prompt_labels", "prompt_templates", "prices", "workers"):
        with pytest.raises(StoreUnavailable):
            async with database.transaction(MINE) as connection:
                await connection.execute(text(a_row(metadata.tables[table], "")))


@pytest.fixture
def bound_uri(postgres_uri: str) -> Iterator[str]:
    """A database of a user as production has one: it owns its tables, is no superuser and may make no role."""
    name = BOUND
    with psycopg.connect(postgres_uri, autocommit=True) as connection:
        connection.execute(f"create role {name} login".encode())
        connection.execute(f"create database {name} owner {name}".encode())
        try:
            yield postgres_uri.replace("://postgres@/postgres?", f"://{name}@/{name}?")
        finally:
            connection.execute(f"drop database {name} with (force)".encode())
            connection.execute(f"drop role {name}".encode())


async def test_an_owner_who_is_no_superuser_is_bound_by_itself_and_needs_no_role(bound_uri: str) -> None:
    await upgrade(bound_uri)
    bound = Database(bound_uri)
    for whose in (MINE, THEIRS):
        async with bound.transaction(whose) as connection:
            assert await connection.scalar(text("select current_user")) == BOUND
            await connection.execute(text(a_row(metadata.tables["organizations"], whose)))
    async with bound.transaction(MINE) as connection:
        assert (await connection.scalars(text("select id from organizations"))).all() == [MINE]
    async with bound.transaction(SYSTEM) as connection:
        assert await connection.scalar(text("select count(*) from organizations")) == 2
    await bound.dispose()
    with psycopg.connect(bound_uri) as plain:
        assert plain.execute("select * from organizations").fetchall() == [], "it did not say whose it is"


async def test_a_user_whom_nothing_binds_and_who_may_make_no_role_is_told_what_an_administrator_runs(
    bound_uri: str, postgres_uri: str
) -> None:
    with psycopg.connect(postgres_uri, autocommit=True) as administrator:
        administrator.execute(f"alter role {BOUND} bypassrls".encode())
        with pytest.raises(StoreUnavailable, match="Row level security does not bind") as caught:
            await upgrade(bound_uri)
        told = f'create role {ROLE} nologin; grant {ROLE} to "{BOUND}";'
        assert told in caught.value.message
        with pytest.raises(StoreUnavailable) as checked:
            check_bound(bound_uri)
        assert told in checked.value.message
        administrator.execute(told.partition("; ")[2].encode())
    await upgrade(bound_uri)
    bound = Database(bound_uri)
    async with bound.transaction(MINE) as connection:
        assert await connection.scalar(text("select current_user")) == ROLE
        assert await connection.scalar(text("select count(*) from organizations")) == 0
    await bound.dispose()


async def test_the_runs_list_sees_its_own_organization_alone(filled_uri: str) -> None:
    with reader(filled_uri) as connection, seen_by(connection, MINE):
        assert connection.execute("select organization_id from runs").fetchall() == [
            {"organization_id": MINE}
        ]
