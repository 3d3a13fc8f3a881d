"""Commands that read, on a real PostgreSQL, as a person calls them."""

from __future__ import annotations

import asyncio
import io
import json
import os
import socket
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from store.content.items import Owner
from store.content.run_record import RunRecord
from store.content.runs import Runs
from store.database import Database
from tests.warm import posthub

SECONDS = 600


class Cli:
    """``posthub`` as a process of its own, with an environment of its own."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self.environment = {**os.environ, "POSTHUB_HOME": str(home), **environment}

    def __call__(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*posthub(), *arguments],
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )

    def here(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The same in this process, which has everything imported already."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            for name, value in self.environment.items():
                patch.setenv(name, value)
            status = main(arguments)
        return subprocess.CompletedProcess(arguments, status, out.getvalue(), err.getvalue())

    def json(self, *arguments: str) -> tuple[int, Any]:
        """Exit status and what was said; an async test's own loop leaves no room for a second one here."""
        done = (self if _loop_runs() else self.here)(*arguments, "--json")
        return done.returncode, json.loads(done.stdout)


def _loop_runs() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@pytest.fixture
def cli(tmp_path: Path, database_uri: str, redis_uri: str) -> Cli:
    return Cli(
        tmp_path / "home", DATABASE_URI=database_uri, REDIS_URI=redis_uri, POSTHUB_ORGANIZATION="org-1"
    )


@pytest.fixture
def nobody(tmp_path: Path) -> Cli:
    """A command line whose database and cache are a closed port."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    return Cli(
        tmp_path / "home",
        DATABASE_URI=f"postgresql://me:heslo-987@127.0.0.1:{port}/posthub",
        REDIS_URI=f"redis://127.0.0.1:{port}",
        GEMINI_API_KEY="sk-geheim-123",
        GEMINI_BASE_URL=f"http://127.0.0.1:{port}",
    )


def record(owner: Owner, name: str, **changes: Any) -> RunRecord:
    request = {"company": "Kavárna U Mlýna", "posts": 4, "approve": {}}
    given: dict[str, Any] = {"month": "2027-01", "tier": "ultimate", "request": request, "graph_version": "1"}
    return RunRecord(name, owner.organization_id, owner.company_id, **{**given, **changes})


@pytest.fixture
async def waiting_run(database: Database, owner: Owner) -> str:
    """A run of the command line's organization that waits for a review."""
    await Runs(database).create(record(owner, "run-1", sandbox=True))
    await Runs(database).set_status("org-1", "run-1", "waiting", waiting_at="topics")
    return "run-1"


@pytest.fixture
async def strange_run(database: Database, stranger: Owner) -> str:
    """A run of another organization."""
    await Runs(database).create(record(stranger, "run-2"))
    return "run-2"


def test_runs_are_listed_for_people_and_programs(cli: Cli, waiting_run: str) -> None:
    shown = cli("runs")
    assert shown.returncode == 0
    assert "run-1" in shown.stdout
    assert "waiting: topics" in shown.stdout
    assert "sandbox" in shown.stdout
    status, found = cli.json("runs")
    assert status == 0
    assert [(run["thread_id"], run["status"], run["waiting_at"]) for run in found["runs"]] == [
        ("run-1", "waiting", "topics")
    ]


def test_a_list_of_runs_waits_for_no_library_that_it_does_not_need(cli: Cli, waiting_run: str) -> None:
    heavy = {
        "sqlalchemy",
        "alembic",
        "psycopg_pool",
        "litellm",
        "langgraph",
        "langchain_core",
        "httpx",
        "yaml",
    }
    code = (
        "import sys; from cli.main import main; main(['runs']);"
        f"sys.exit(', '.join(sorted({heavy!r} & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=cli.environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert waiting_run in done.stdout


def test_runs_of_another_organization_are_neither_listed_nor_shown(cli: Cli, strange_run: str) -> None:
    assert cli.json("runs") == (0, {"runs": []})
    for command in (
        ["show", "run-2"],
        ["costs", "--thread", "run-2"],
        ["resume", "run-2"],
        ["review", "run-2"],
    ):
        done = cli.here(*command)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert "There is no run 'run-2'" in done.stderr


def test_a_run_is_deleted_when_that_is_confirmed_and_of_another_organization_never(
    cli: Cli, waiting_run: str, strange_run: str
) -> None:
    unasked = cli("runs", "delete", waiting_run)
    assert (unasked.returncode, "--yes" in unasked.stderr) == (2, True)
    foreign, unknown = cli("runs", "delete", strange_run, "--yes"), cli("runs", "delete", "run-9", "--yes")
    assert (foreign.returncode, foreign.stderr.replace("run-2", "run-9")) == (2, unknown.stderr)
    status, gone = cli.json("runs", "delete", waiting_run, "--yes")
    assert (status, gone["thread_id"], gone["deleted"]) == (0, waiting_run, True)
    assert cli.json("runs") == (0, {"runs": []})


def test_an_unknown_thread_is_one_json_object_with_json(cli: Cli) -> None:
    for command in (
        ["show", "nope"],
        ["review", "nope"],
        ["resume", "nope"],
        ["export", "nope", "--out", "x"],
    ):
        status, answer = cli.json(*command)
        assert (status, answer["error"]["code"]) == (2, "NOT_FOUND")


def test_costs_of_a_month_without_calls_are_nothing(cli: Cli) -> None:
    status, answer = cli.json("costs", "--month", "2026-11", "--by", "template")
    assert status == 0
    assert (answer["by"], answer["month"], answer["rows"], answer["total_usd"]) == (
        "template",
        "2026-11",
        [],
        "0.000000",
    )


def test_a_schema_is_brought_up_by_the_command(
    empty_database_uri: str, tmp_path: Path, redis_uri: str
) -> None:
    cli = Cli(tmp_path / "home", DATABASE_URI=empty_database_uri, REDIS_URI=redis_uri)
    done = cli("db", "upgrade")
    assert (done.returncode, done.stderr) == (0, "")
    assert "newest" in done.stdout
    assert cli.json("runs") == (0, {"runs": []})


@pytest.mark.parametrize("command", [["runs"], ["costs"], ["show", "x"], ["resume", "x"], ["db", "upgrade"]])
def test_a_database_that_does_not_answer_is_one_line_and_status_1(nobody: Cli, command: list[str]) -> None:
    done = nobody.here(*command)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "DATABASE_URI" in done.stderr
    assert "heslo" not in done.stderr


def test_doctor_looks_at_everything_even_where_nothing_answers(nobody: Cli) -> None:
    status, answer = nobody.json("doctor")
    states = {check["part"]: check["state"] for check in answer["checks"]}
    assert status == 1
    assert not answer["ok"]
    assert [states[part] for part in ("Database", "Cache", "Gemini")] == ["failed", "failed", "failed"]
    assert [states[part] for part in ("Files", "Engine", "Perplexity", "For text")] == [
        "ok",
        "ok",
        "off",
        "ok",
    ]
    assert {check["set"] for check in answer["checks"] if check["state"] == "failed"} == {
        "DATABASE_URI",
        "REDIS_URI",
        "GEMINI_API_KEY",
    }


def test_doctor_writes_no_key_and_no_password(nobody: Cli) -> None:
    done = nobody("doctor")
    assert "***" in done.stdout
    assert "geheim" not in done.stdout + done.stderr
    assert "heslo" not in done.stdout + done.stderr


def test_doctor_finds_the_sandbox_healthy_and_starts_no_month(cli: Cli) -> None:
    status, answer = cli.json("doctor")
    assert (status, answer["ok"], answer["sandbox"]) == (0, True, True)
    states = {check["part"]: check["state"] for check in answer["checks"]}
    assert {states[part] for part in ("Sandbox", "Gemini", "Perplexity", "Nanobana", "Veo")} == {"ok"}
    assert cli.json("runs") == (0, {"runs": []})
