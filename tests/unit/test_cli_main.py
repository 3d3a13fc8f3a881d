from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cli.errors import Interrupted, report, status_of, unexpected
from cli.lazy import shipped_entries
from cli.main import main
from domain.errors import InvalidInput, PostHubError, StoreUnavailable

COMMANDS = [
    ["demo"],
    ["run"],
    ["review"],
    ["resume"],
    ["runs"],
    ["show"],
    ["costs"],
    ["quote"],
    ["reconcile"],
    ["budget", "show"],
    ["budget", "set"],
    ["prices", "list"],
    ["prices", "import"],
    ["prices", "add"],
    ["prices", "diff"],
    ["export"],
    ["doctor"],
    ["sandbox"],
    ["serve"],
    ["db", "upgrade"],
    *(
        ["prompts", name]
        for name in (
            *("list", "show", "diff", "edit", "render", "label", "unlabel", "rollback", "history", "trace"),
            *("import", "export"),
        )
    ),
    *(["companies", name] for name in ("list", "show", "export", "delete")),
    *(["organizations", name] for name in ("list", "create", "set-tier")),
    *(["members", name] for name in ("list", "add", "set-role", "remove")),
    *(["keys", name] for name in ("list", "create", "revoke")),
    *(["experiments", name] for name in ("start", "status", "stop", "promote")),
]
NEXT_YEAR = f"{datetime.now(UTC).year + 1}-01"
HEAVY = {"langgraph", "litellm", "langchain_core", "sqlalchemy", "httpx", "psycopg", "yaml"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("POSTHUB_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(arguments)
    out, err = capsys.readouterr()
    return status, out, err


def month(**changes: str) -> list[str]:
    given = {"company": "Kavárna", "website": "https://www.kavarna.cz", "month": NEXT_YEAR} | changes
    return ["run", *(part for name, value in given.items() for part in (f"--{name}", value))]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_of_every_command_teaches_with_an_example(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = run(capsys, *command, "--help")
    assert status == 0
    assert "Example" in out
    assert f"\n    posthub {' '.join(command)}" in out or f"posthub {' '.join(command)}\n" in out


def test_every_command_is_listed_with_a_whole_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys)
    assert status == 0
    listed = out[out.index("Commands:") :].splitlines()[1:]
    assert {line.split()[0] for line in listed} == {command[0] for command in COMMANDS}
    assert all(line.endswith(".") and not line.endswith("...") for line in listed)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from cli.main import main; main(['--help']); main(['run', '--help']); main(['runs', '--help']);"
        f"found = {HEAVY!r} & set(sys.modules); sys.exit(', '.join(sorted(found)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_listing_runs_loads_neither_what_a_run_needs_nor_what_converts_options() -> None:
    heavy = (HEAVY - {"psycopg"}) | {"pydantic", "domain.calls"}
    code = (
        "import sys; from cli.main import main; main(['runs', '--json']);"
        f"found = {heavy!r} & set(sys.modules); sys.exit(', '.join(sorted(found)) or 0)"
    )
    unreachable = dict(
        os.environ, DATABASE_URI="postgresql://u@127.0.0.1:1/x", REDIS_URI="redis://127.0.0.1:1"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=unreachable)
    assert done.returncode == 0, done.stderr
    assert "STORE_UNAVAILABLE" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["rum"], "'run'"),
        (["run"], "--company"),
        (["run", "--posts", "many"], "--posts"),
        (["show"], "THREAD"),
        (month(month="2027-1"), "YYYY-MM"),
        (month(month="2020-01"), "past"),
        (month(month="2099-13"), "YYYY-MM"),
        (month(company=" "), "empty"),
        (month(company="x" * 10_000), "10000 characters"),
        (month(website="kavarna"), "http(s)"),
        (month(website="ftp://kavarna.cz"), "http(s)"),
        (month(tier="gold"), "gold"),
        (month(platforms="instagramm"), "instagram"),
        (month(posts="0"), "posts"),
        (month(tier="basic", posts="13"), "12 posts"),
        (month(approve="maybe"), "--approve"),
        (["review", "x", "--decisions", "/nowhere/decisions.json"], "/nowhere/decisions.json"),
        (["costs", "--month", "2026-13"], "YYYY-MM"),
        (["resume", "x", "--approve", "auto"], "policy"),
    ],
)
def test_bad_input_is_one_line_on_stderr_and_status_2(
    arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert err.startswith("posthub: ")
    assert err.count("\n") == 1
    assert named in err


def test_bad_input_with_json_is_one_object_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, *month(month="2020-01"), "--json")
    assert status == 2
    assert json.loads(out)["error"]["code"] == "INVALID_INPUT"
    assert err.count("\n") == 1


def test_a_variable_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POSTHUB_ENGINE", "warp")
    status, _, err = run(capsys, "runs")
    assert status == 2
    assert "POSTHUB_ENGINE" in err


def test_a_folder_with_strange_files_is_refused_before_anything_is_started(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.docx").touch()
    status, _, err = run(capsys, *month(out=str(tmp_path / "out")))
    assert status == 2
    assert "nothing was overwritten" in err
    assert not (home / "postgres").exists()


def test_a_place_that_is_a_file_or_below_one_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        status, _, err = run(capsys, "demo", "--out", str(out))
        assert (status, err.count("\n")) == (2, 1)


def test_trying_a_place_leaves_nothing_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from app.places import refuse_foreign_out

    refuse_foreign_out(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_failure_says_what_failed_and_what_to_do_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    error = StoreUnavailable("PostgreSQL\ndoes not\x1b[31m answer.", next_step="Start it.")
    assert report(error, as_json=False) == 1
    assert capsys.readouterr().err == "posthub: PostgreSQL does not[31m answer. Start it.\n"


def test_a_page_of_an_error_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    report(PostHubError("x" * 100_000), as_json=False)
    assert len(capsys.readouterr().err) < 1000


def test_keys_and_passwords_are_written_nowhere(
    monkeypatch: pytest.MonkeyPatch, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "sk-geheim-123")
    monkeypatch.setenv("DATABASE_URI", "postgresql://me:heslo-987@db/x")
    error = unexpected(RuntimeError("GET https://x/?key=sk-geheim-123 for heslo-987"))
    report(error, as_json=True)
    out, err = capsys.readouterr()
    (log,) = (home / "logs").glob("error-*.log")
    for text in (out, err, log.read_text()):
        assert "geheim" not in text
        assert "heslo" not in text


def test_what_is_unexpected_is_one_line_that_names_the_log(home: Path) -> None:
    try:
        raise KeyError("lost\nkey")
    except KeyError as error:
        shown = unexpected(error)
    (log,) = (home / "logs").glob("error-*.log")
    assert shown.exit_status == 1
    assert "KeyError" in shown.message
    assert str(log) in shown.next_step
    assert "raise KeyError" in log.read_text()


def test_a_traceback_finds_a_place_even_where_the_data_folder_cannot_be_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("POSTHUB_HOME", str(tmp_path / "file" / "home"))
    log = Path(str(unexpected(RuntimeError("x")).details["log"]))
    assert log.exists()
    log.unlink()


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_with_the_status_that_shells_know(number: int, status: int) -> None:
    assert status_of(Interrupted(number, "run-1")) == status
    assert "posthub resume run-1" in str(Interrupted(number, "run-1"))


def test_a_reader_that_goes_away_is_no_failure() -> None:
    code = "import sys; from cli.main import main; sys.exit(main(['run', '--help']))"
    done = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -c "{code}" | true'],
        capture_output=True,
        text=True,
        env=dict(os.environ),
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "--version")
    assert (status, out.split()[0]) == (0, "posthub")


def test_an_unexpected_error_of_a_command_shows_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> Any:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("cli.commands.runs.read_settings", broken)
    status, out, err = run(capsys, "runs")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "ZeroDivisionError" in err


def test_a_refusal_keeps_its_own_status() -> None:
    assert status_of(InvalidInput("x")) == 2


def test_the_lines_of_the_help_are_those_of_the_commands_themselves() -> None:
    for entry in shipped_entries():
        for each in entry.entries or (entry,):
            assert each.load().get_short_help_str(1000) == each.line


def test_root_help_imports_no_command() -> None:
    code = (
        "import sys; from cli.main import main; main([]); main(['prompts', '--help']);"
        "sys.exit(', '.join(name for name in sys.modules if name.startswith('cli.commands.')) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
