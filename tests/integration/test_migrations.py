from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from domain.errors import StoreUnavailable
from store.checkpoints import checkpointer
from store.database import parse_uri
from store.migrations import config, versions
from store.migrations.scope import is_ours
from store.reading import newest_revision, upgrade
from store.schema import metadata

CATALOG = {
    "columns": """select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
                         pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum)
                  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                  left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum""",
    "constraints": """select c.relname, k.conname, pg_get_constraintdef(k.oid)
                      from pg_class c join pg_constraint k on k.conrelid = c.oid""",
    "indexes": """select c.relname, pg_get_indexdef(i.indexrelid)
                  from pg_class c join pg_index i on i.indrelid = c.oid""",
}
OURS = " where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname <> 'alembic_version'"


def _catalog(uri: str) -> dict[str, set[Any]]:
    with psycopg.connect(uri) as connection:
        return {name: set(connection.execute(query + OURS).fetchall()) for name, query in CATALOG.items()}


def _create_all(uri: str) -> None:
    with create_engine(parse_uri(uri)).begin() as connection:
        metadata.create_all(connection)


@pytest.fixture
async def migrated_uri(empty_database_uri: str) -> str:
    await upgrade(empty_database_uri)
    return empty_database_uri


@pytest.fixture
async def created_uri(other_empty_database_uri: str) -> str:
    _create_all(other_empty_database_uri)
    return other_empty_database_uri


async def test_the_migrated_schema_is_the_one_that_the_tables_describe(
    migrated_uri: str, created_uri: str
) -> None:
    migrated, described = _catalog(migrated_uri), _catalog(created_uri)
    assert migrated["columns"]
    for part in CATALOG:
        assert migrated[part] == described[part]


async def test_alembic_finds_nothing_left_to_migrate(migrated_uri: str) -> None:
    async with checkpointer(migrated_uri):
        pass  # LangGraph's own tables beside ours are no difference
    with create_engine(parse_uri(migrated_uri)).connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_name": is_ours, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []


async def test_an_upgrade_of_an_upgraded_database_changes_nothing(migrated_uri: str) -> None:
    before = _catalog(migrated_uri)
    with psycopg.connect(migrated_uri) as connection:
        connection.execute("insert into organizations (id, tier) values ('o', 'pro')")
    await upgrade(migrated_uri)
    assert _catalog(migrated_uri) == before
    with psycopg.connect(migrated_uri) as connection:
        assert connection.execute("select tier from organizations").fetchall() == [("pro",)]


async def test_upgrades_at_the_same_time_do_not_disturb_each_other(empty_database_uri: str) -> None:
    await asyncio.gather(*(upgrade(empty_database_uri) for _ in range(4)))
    with psycopg.connect(empty_database_uri) as connection:
        assert len(connection.execute("select * from alembic_version").fetchall()) == 1
        assert connection.execute("select count(*) from organizations").fetchone() == (0,)


async def test_a_database_of_a_newer_program_is_refused_in_words(migrated_uri: str) -> None:
    with psycopg.connect(migrated_uri) as connection:
        connection.execute("update alembic_version set version_num = '9999'")
    with pytest.raises(StoreUnavailable, match="9999") as caught:
        await upgrade(migrated_uri)
    assert "Update PostHub" in caught.value.next_step


async def test_every_migration_can_be_taken_back(migrated_uri: str) -> None:
    with create_engine(parse_uri(migrated_uri)).begin() as connection:
        command.downgrade(config(connection), "base")
    assert _catalog(migrated_uri)["columns"] == set()
    await upgrade(migrated_uri)
    assert _catalog(migrated_uri)["columns"]


def test_migrations_are_numbered_in_the_order_in_which_they_follow() -> None:
    revisions = [script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()]
    assert list(reversed(revisions)) == [path.name[:4] for path in versions()]


def test_the_newest_revision_is_read_from_the_names_of_the_migrations_as_alembic_reads_it() -> None:
    assert newest_revision() == ScriptDirectory.from_config(config()).get_current_head()
