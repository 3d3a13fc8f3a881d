"""kill -9 at every step that pays, before, inside and after its call: the same month, nothing bought twice."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from store.database import Database
from store.tenancy import SYSTEM

ROOT = Path(__file__).resolve().parents[2]

PAID = [
    ("research", "search.products"),
    ("research", "dna"),
    ("personas", "all"),
    ("topics", "batch.t01"),
    ("write_post", "t01"),
    ("social", "t01.instagram"),
    ("visual", "t01"),
    ("images", "t01.image.1x1"),
    ("video", "t01.video"),
]
POINTS = [(node, item, phase) for node, item in PAID for phase in ("before", "inside", "after")]
POINTS += [(step, "", "announced") for step in ("posts", "handover")]

_ARTEFACTS = text("""
select 'dna' as kind, item, revision, edition, content_hash, status from company_dna where run_id = :run
union all select 'persona', item, revision, edition, content_hash, status from personas where run_id = :run
union all select 'topic', item, revision, edition, content_hash, status from topics where run_id = :run
union all select 'post', item, revision, edition, content_hash, status from blog_posts where run_id = :run
union all select 'social', item, revision, edition, content_hash, status from social_posts where run_id = :run
union all select 'asset', item, revision, edition, content_hash, status from assets where run_id = :run
order by 1, 2, 3, 4""")

_BOUGHT_TWICE = text("""
select job_id, count(*) from attempts where run_id = :run and state = 'settled' and error_code is null
 group by job_id having count(*) > 1""")

_STATES = text("""
select coalesce(sum(cost_micro) filter (where state = 'settled'), 0) as settled,
       coalesce(sum(cost_micro) filter (where state = 'lost'), 0) as lost,
       count(*) filter (where state = 'held') as held
  from attempts where run_id = :run""")


class Months:
    """Months of one company in processes that may be killed; every kill point has an organization of its own."""

    def __init__(self, tmp: Path, database_uri: str, redis_uri: str, sandbox: Any) -> None:
        self._tmp = tmp
        self._sandbox = sandbox
        self._uris = {"DATABASE_URI": database_uri, "REDIS_URI": redis_uri}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("killing.py"))],
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._read()

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(timeout=300)

    def run(self, organization: str, *, point: Any = None, thread: str | None = None) -> tuple[int, str]:
        """Start a month, or resume one; return the child's exit status and the thread id."""
        thread_file = self._tmp / f"{organization}.thread"
        name, site = next(iter(self._sandbox.sites.items()))
        command = {
            "environment": self._environment(organization),
            "point": point,
            "thread": thread,
            "thread_file": str(thread_file),
            "out": str(self._tmp / organization),
            "request": {
                "company": name,
                "website": site,
                "month": "2027-01",
                "posts": 1,
                "platforms": "instagram,linkedin",
                "tier": "ultimate",
                "approve": "auto",
            },
        }
        assert self._process.stdin
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return int(self._read()["status"]), thread_file.read_text()

    def _read(self) -> Any:
        assert self._process.stdout
        return json.loads(self._process.stdout.readline())

    def _environment(self, organization: str) -> dict[str, str]:
        parts = urlsplit(self._sandbox.base_url)
        names = ("GEMINI", "PERPLEXITY", "NANOBANA", "VEO")
        return {
            **self._uris,
            **{f"{name}_API_KEY": "test" for name in names},
            **{f"{name}_BASE_URL": self._sandbox.base_url for name in names},
            "POSTHUB_HOME": str(self._tmp / "home"),
            "POSTHUB_ORGANIZATION": organization,
            "POSTHUB_ALLOW_PRIVATE_HOSTS": f"{parts.hostname}:{parts.port}",
            "POSTHUB_VIDEO_POLL_SECONDS": "0.3",
        }


@pytest.fixture(scope="module")
def kill_database_uri(postgres_uri: str) -> Iterator[str]:
    """One database for the whole matrix: organizations do not see each other."""
    import psycopg

    with psycopg.connect(postgres_uri, autocommit=True) as connection:
        connection.execute("drop database if exists kill_matrix with (force)")
        connection.execute("create database kill_matrix")
    head, query = postgres_uri.split("?")
    yield f"{head.rsplit('/', 1)[0]}/kill_matrix?{query}"


@pytest.fixture(scope="module")
def months(
    tmp_path_factory: pytest.TempPathFactory, kill_database_uri: str, _valkey_uri: str, sandbox_server: Any
) -> Iterator[Months]:
    tmp = tmp_path_factory.mktemp("kill")
    running = Months(tmp, kill_database_uri, _valkey_uri, sandbox_server)
    try:
        yield running
    finally:
        running.close()


@pytest.fixture(scope="module")
def undisturbed(months: Months) -> str:
    """The thread of a month that nobody killed."""
    status, thread = months.run("undisturbed")
    assert status == 0
    return thread


async def artefacts(database: Database, thread: str) -> list[tuple[Any, ...]]:
    async with database.transaction(SYSTEM) as connection:
        return [tuple(row) for row in await connection.execute(_ARTEFACTS, {"run": thread})]


@pytest.mark.parametrize("point", POINTS, ids=lambda point: ":".join(filter(None, point)))
async def test_a_killed_month_ends_with_the_same_artefacts_and_buys_nothing_twice(
    point: tuple[str, str, str], months: Months, undisturbed: str, kill_database_uri: str, sandbox_server: Any
) -> None:
    organization = "-".join(filter(None, point)).replace(".", "_")
    billed_before = sum(line["cost_micro_usd"] for line in sandbox_server.bill())
    status, thread = months.run(organization, point=point)
    assert status == -9, "the month was to be killed"
    status, _ = months.run(organization, thread=thread)
    assert status == 0, "the month was to be resumed to its end"
    billed = sum(line["cost_micro_usd"] for line in sandbox_server.bill()) - billed_before

    database = Database(kill_database_uri)
    try:
        assert await artefacts(database, thread) == await artefacts(database, undisturbed)
        async with database.transaction(SYSTEM) as connection:
            assert (await connection.execute(_BOUGHT_TWICE, {"run": thread})).all() == []
            money = (await connection.execute(_STATES, {"run": thread})).one()
    finally:
        await database.dispose()
    assert money.held == 0
    assert money.settled <= billed <= money.settled + money.lost
