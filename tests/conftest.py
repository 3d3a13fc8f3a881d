"""What tests share: real servers, started when the first test asks for them and stopped at the end.

Every pytest-xdist worker has its own, in a short folder: the path of a socket must not be long.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

_SCRUBBED = ("POSTHUB_", "LANGSMITH_", "LANGCHAIN_", "GEMINI_", "PERPLEXITY_", "NANOBANA_", "VEO_", "GOOGLE_")
for _name in list(os.environ):
    if _name.startswith(_SCRUBBED) or _name in {"DATABASE_URI", "REDIS_URI", "OPENAI_API_KEY"}:
        del os.environ[_name]

import asyncio  # noqa: E402
import itertools  # noqa: E402

import psycopg  # noqa: E402
import pytest  # noqa: E402
import redis  # noqa: E402
from psycopg import sql  # noqa: E402

from store.checkpoints import checkpointer  # noqa: E402
from store.content.files import FileStore  # noqa: E402
from store.content.items import Owner  # noqa: E402
from store.content.tenants import Tenants  # noqa: E402
from store.database import Database  # noqa: E402
from store.embedded import EmbeddedServers  # noqa: E402
from store.reading import upgrade  # noqa: E402

pytest_plugins = ["tests.sandbox_fixture"]

TEMPLATE = "posthub_template"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def servers_home() -> Iterator[Path]:
    """A short folder for embedded servers, gone at the end."""
    home = Path(tempfile.mkdtemp(prefix="ph-"))
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_uri(servers_home: Path) -> Iterator[str]:
    """The address of an embedded PostgreSQL with a migrated database as template of all others."""
    servers = EmbeddedServers(servers_home, need_database=True, need_redis=False)
    try:
        uri = servers.start().database_uri
        with psycopg.connect(uri, autocommit=True) as connection:
            # what tests write need not last
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.execute(sql.SQL("alter system set {} = off").format(sql.Identifier(setting)))
            connection.execute("select pg_reload_conf()")
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(TEMPLATE)))
        asyncio.run(_prepare(_with_database(uri, TEMPLATE)))
        yield uri
    finally:
        servers.stop()


@pytest.fixture(scope="session")
def _valkey_uri(servers_home: Path) -> Iterator[str]:
    servers = EmbeddedServers(servers_home, need_database=False, need_redis=True)
    try:
        yield servers.start().redis_uri
    finally:
        servers.stop()


@pytest.fixture
def litellm_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """LiteLLM without the gateway's hooks, which other tests of this process may have registered."""
    import litellm

    monkeypatch.setattr(litellm, "callbacks", [])


@pytest.fixture
def redis_uri(_valkey_uri: str) -> str:
    """The address of an empty Valkey."""
    with redis.Redis.from_url(_valkey_uri) as client:
        client.flushall()
    return _valkey_uri


async def _prepare(uri: str) -> None:
    await upgrade(uri)
    async with checkpointer(uri):
        """LangGraph's tables are there too, as in every process that carries decisions out."""


def _with_database(uri: str, name: str) -> str:
    head, query = uri.split("?")
    return f"{head.rsplit('/', 1)[0]}/{name}?{query}"


def fresh_database(uri: str, template: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    identifiers = {"name": sql.Identifier(name), "template": sql.Identifier(template)}
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {name} template {template}").format(**identifiers))
        try:
            yield _with_database(uri, name)
        finally:
            connection.execute(sql.SQL("drop database {name} with (force)").format(**identifiers))


@pytest.fixture
def database_uri(postgres_uri: str) -> Iterator[str]:
    """The address of a migrated database of this test's own."""
    yield from fresh_database(postgres_uri, TEMPLATE)


@pytest.fixture
def empty_database_uri(postgres_uri: str) -> Iterator[str]:
    """The address of a database of this test's own, without any table."""
    yield from fresh_database(postgres_uri, "template1")


@pytest.fixture
def other_empty_database_uri(postgres_uri: str) -> Iterator[str]:
    """The address of a second one, to compare with."""
    yield from fresh_database(postgres_uri, "template1")


@pytest.fixture
async def database(database_uri: str) -> AsyncIterator[Database]:
    """A migrated database of this test's own."""
    database = Database(database_uri)
    yield database
    await database.dispose()


@pytest.fixture
def files(tmp_path: Path) -> FileStore:
    """An empty local file store."""
    return FileStore(str(tmp_path / "files"))


async def make_owner(database: Database, organization: str = "org-1", run: str = "run-1") -> Owner:
    """Make an organization with a company, as which rows can be written."""
    tenants = Tenants(database)
    await tenants.ensure_organization(organization)
    company_id = await tenants.ensure_company(
        organization,
        name="Kavárna U Mlýna",
        website="https://kavarna.example",
        language="cs",
        time_zone="Europe/Prague",
        business_field="kavárna",
        product_type="káva",
        max_companies=3,
    )
    return Owner(organization, company_id, run)


@pytest.fixture
async def owner(database: Database) -> Owner:
    """A company of organization ``org-1``, in run ``run-1``."""
    return await make_owner(database)


@pytest.fixture
async def stranger(database: Database) -> Owner:
    """A company of another organization, with a run of the same id."""
    return await make_owner(database, organization="org-2")
