"""A month from the command line, as a person and as a program run it, on stand-in providers over real HTTP."""

from __future__ import annotations

import io
import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from cli.main import main
from tests.warm import posthub

MONTH = f"{datetime.now(UTC).year + 1}-03"
SECONDS = 1000


class Cli:
    """``posthub`` in processes of their own, against the sandbox of the tests as somebody else's providers."""

    def __init__(self, home: Path, database_uri: str, redis_uri: str, sandbox: Any) -> None:
        self.sandbox = sandbox
        self.environment = {
            **os.environ,
            "POSTHUB_HOME": str(home),
            "DATABASE_URI": database_uri,
            "REDIS_URI": redis_uri,
            "POSTHUB_VIDEO_POLL_SECONDS": "0.2",
            "POSTHUB_ALLOW_PRIVATE_HOSTS": urlsplit(sandbox.base_url).netloc,
        }
        for name in ("GEMINI", "PERPLEXITY", "NANOBANA", "VEO"):
            self.environment |= {f"{name}_BASE_URL": sandbox.base_url, f"{name}_API_KEY": "stand-in-key"}

    def __call__(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*posthub(), *arguments],
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )

    def here(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """The same in this process, which has everything imported already."""
        out, err = io.StringIO(), io.StringIO()
        changed = {name: value for name, value in self.environment.items() if os.environ.get(name) != value}
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            for name, value in changed.items():
                patch.setenv(name, value)
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
            status = main(arguments)
        return subprocess.CompletedProcess(arguments, status, out.getvalue(), err.getvalue())

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        return subprocess.Popen([*posthub(), *arguments], env=self.environment, text=True, **options)

    def month(self, *arguments: str) -> list[str]:
        name, url = next(iter(self.sandbox.sites.items()))
        given = ["run", "--company", name, "--website", url, "--month", MONTH, "--posts", "1"]
        return [*given, "--platforms", "linkedin", "--tier", "basic", *arguments]

    def decide(self, thread: str, *decisions: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        return self.here(
            "review", thread, "--decisions", "-", "--json", given=json.dumps({"decisions": list(decisions)})
        )

    def waiting(self, thread: str) -> dict[str, Any]:
        done = self.here("review", thread, "--json")
        assert done.returncode == 3, done.stderr
        answer = json.loads(done.stdout)
        assert isinstance(answer, dict)
        return answer

    def approve(self, thread: str, items: list[str]) -> dict[str, Any]:
        """Approve items and return the summary of what follows."""
        done = self.decide(thread, *({"id": item, "type": "approve"} for item in items))
        summary = json.loads(done.stdout)
        assert done.returncode == (0 if summary["status"] == "done" else 3), done.stderr
        assert isinstance(summary, dict)
        return summary


@pytest.fixture
def cli(tmp_path: Path, database_uri: str, redis_uri: str, sandbox: Any) -> Cli:
    return Cli(tmp_path / "home", database_uri, redis_uri, sandbox)


def test_a_month_approved_by_policy_is_one_command_and_one_json_object(cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = cli(*cli.month("--approve", "auto", "--out", str(out), "--json"))
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["status"], summary["waiting"], summary["out"]) == ("done", None, str(out))
    assert (summary["counts"]["posts"], summary["counts"]["social"], summary["sandbox"]) == (1, 1, False)
    assert (out / "index.html").is_file()
    assert "Posts     1/1" in done.stderr
    thread = summary["thread_id"]
    again = cli.here("export", thread, "--out", str(tmp_path / "again"))
    assert again.returncode == 0
    assert (tmp_path / "again" / "manifest.json").read_bytes() == (out / "manifest.json").read_bytes()
    costs = json.loads(cli.here("costs", "--thread", thread, "--json").stdout)
    assert costs["total_usd"] == summary["cost_usd"]["total"]


def test_a_month_can_be_decided_by_files_from_review_to_review(cli: Cli, tmp_path: Path) -> None:
    stopped = cli.here(*cli.month("--approve", "ask", "--json"))
    assert stopped.returncode == 3
    summary = json.loads(stopped.stdout)
    thread = summary["thread_id"]
    assert summary["waiting"] == {"point": "dna", "items": ["dna"]}
    assert f"posthub review {thread}" in stopped.stderr

    half = tmp_path / "half.json"
    half.write_text('{"decisions": [{"id": "dna", "type"')
    refused = cli.here("review", thread, "--decisions", str(half))
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert "line 1, column" in refused.stderr
    assert cli.decide(thread, {"id": "dna", "type": "approve"}, {"id": "x", "type": "drop"}).returncode == 2

    personas = cli.approve(thread, ["dna"])["waiting"]
    assert (personas["point"], len(personas["items"])) == ("personas", 6)
    topics = cli.approve(thread, personas["items"][:3])["waiting"]
    assert topics == {"point": "topics", "items": ["t01"]}

    before = cli.waiting(thread)["items"][0]["fields"]["title"]
    rejected = cli.decide(thread, {"id": "t01", "type": "reject", "reason": "příliš obecné"})
    assert rejected.returncode == 3
    assert "t01 is made again: příliš obecné" in rejected.stderr
    refused = cli.decide(thread, {"id": "t01", "type": "edit", "edited": {"plannedDate": "2020-01-01"}})
    assert refused.returncode == 3
    assert "Not taken: t01: plannedDate" in refused.stderr
    waiting = cli.waiting(thread)
    assert waiting["problems"]
    assert waiting["items"][0]["fields"]["title"] != before

    assert cli.approve(thread, ["t01"])["waiting"]["point"] == "posts"
    assert cli.approve(thread, ["t01.post"])["waiting"]["point"] == "packages"
    assert cli.approve(thread, ["t01.package"])["status"] == "done"
    assert cli.here("review", thread).returncode == 2
    assert cli.here("resume", thread).returncode == 0


def _wait_until_asked(cli: Cli, mark: str, thread: str, node: str) -> None:
    """Until the provider has the request of a node, whose answer is to come."""
    held = (
        "select a.id from attempts a join jobs j on j.id = a.job_id"
        " where j.run_id = %s and j.node = %s and a.state = 'held'"
    )
    with psycopg.connect(cli.environment["DATABASE_URI"], autocommit=True) as connection:
        under_way: set[str] = set()
        while not under_way & {line["client_request_id"] for line in cli.sandbox.bill(mark)}:
            time.sleep(0.1)
            under_way = {str(id) for (id,) in connection.execute(held, [thread, node]).fetchall()}


@pytest.mark.parametrize(
    ("number", "status", "how"),
    [(signal.SIGINT, 130, "Interrupted"), (signal.SIGTERM, 143, "Ended by SIGTERM")],
    ids=["Ctrl-C", "SIGTERM"],
)
def test_a_signal_in_the_middle_loses_nothing_and_buys_nothing_twice(
    cli: Cli, number: signal.Signals, status: int, how: str
) -> None:
    mark = cli.sandbox.mark()
    cli.sandbox.fault("slow", seconds=4.0, body_contains="Napi", provider="gemini")
    process = cli.start(*cli.month("--approve", "auto"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stderr
    thread = ""
    for line in process.stderr:
        if line.startswith("Thread "):
            thread = line.split()[1]
        if "Topics    1/1" in line:
            break
    _wait_until_asked(cli, mark, thread, "write_post")
    process.send_signal(number)
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == status
    assert (out, err.splitlines()[-1]) == (
        "",
        f"posthub: {how}; nothing is lost. Go on with: posthub resume {thread}",
    )
    assert "Traceback" not in err
    assert "Paid calls that are finished first: 1. Again ends at once." in err
    assert json.loads(cli("show", thread, "--json").stdout)["status"] == "cancelled"
    cli.sandbox.clear_faults()
    done = cli("resume", thread, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"]["posts"] == 1
    paid = "select id, job_id, state from attempts where run_id = %s and state <> 'void'"
    with psycopg.connect(cli.environment["DATABASE_URI"]) as connection:
        attempts = connection.execute(paid, [thread]).fetchall()
    assert {state for _, _, state in attempts} == {"settled"}
    assert len({job for _, job, _ in attempts}) == len(attempts) == len(cli.sandbox.bill(mark))


def test_a_refused_key_fails_in_one_line_and_the_run_can_be_resumed(cli: Cli) -> None:
    cli.sandbox.fault("status", status=401, provider="gemini")
    failed = cli.here(*cli.month("--approve", "auto", "--json"))
    assert failed.returncode == 1
    error = json.loads(failed.stdout)["error"]
    assert f"posthub resume {error['thread_id']}" in failed.stderr
    assert "stand-in-key" not in failed.stdout + failed.stderr
    assert "Traceback" not in failed.stderr
    cli.sandbox.clear_faults()
    assert cli.here("resume", error["thread_id"]).returncode == 0


@pytest.mark.parametrize("path", ["", "/missing"])
def test_a_website_that_cannot_be_read_costs_nothing(cli: Cli, path: str) -> None:
    before = cli.sandbox.mark()
    host = "http://127.0.0.1:1" if not path else f"{cli.sandbox.base_url}{path}"
    done = cli.here("run", "--company", "Kavárna", "--website", host, "--month", MONTH)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip().splitlines()[-1].startswith("posthub: ")
    assert cli.sandbox.bill(before) == []
    assert json.loads(cli.here("runs", "--json").stdout)["runs"] == []


class Terminal:
    """A person at a pseudo terminal of 100 × 30."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], command, {**environment, "TERM": "xterm", "COLUMNS": "100", "LINES": "30"})
        self.seen = ""

    def until(self, text: str) -> None:
        """Read until a text has appeared since the last time."""
        start, deadline = len(self.seen), time.monotonic() + SECONDS
        while text not in self.seen[start:]:
            assert time.monotonic() < deadline, self.seen[-3000:]
            if select.select([self._fd], [], [], 1)[0]:
                try:
                    self.seen += os.read(self._fd, 65536).decode("utf-8", "replace")
                except OSError:  # the program has ended
                    assert text in self.seen[start:], self.seen[-3000:]
                    return

    def press(self, keys: str) -> None:
        deadline = time.monotonic() + SECONDS
        # What is typed before the question stands is thrown away; then the terminal hands on key by key.
        while termios.tcgetattr(self._fd)[3] & termios.ICANON:
            assert time.monotonic() < deadline, self.seen[-3000:]
            time.sleep(0.02)
        os.write(self._fd, keys.encode())

    def ended(self) -> int:
        while True:
            try:
                self.seen += os.read(self._fd, 65536).decode("utf-8", "replace")
            except OSError:
                return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_a_person_approves_a_month_at_the_terminal(cli: Cli, tmp_path: Path) -> None:
    terminal = Terminal([*posthub(), *cli.month("--out", str(tmp_path / "out"))], cli.environment)
    terminal.until("Company DNA · 1 of 1")
    terminal.press("a")
    terminal.until("Personas · 1 of 6")
    terminal.press("X")
    assert terminal.ended() == 0, terminal.seen[-3000:]
    assert "Look at" in terminal.seen
    assert (tmp_path / "out" / "index.html").is_file()


def test_ctrl_c_at_a_question_leaves_the_run_waiting(cli: Cli) -> None:
    terminal = Terminal([*posthub(), *cli.month()], cli.environment)
    terminal.until("Company DNA · 1 of 1")
    terminal.press("\x03")
    assert terminal.ended() == 130
    assert "Go on with: posthub resume" in terminal.seen
    (run,) = json.loads(cli("runs", "--json").stdout)["runs"]
    assert (run["status"], run["waiting_at"]) == ("waiting", "dna")


def test_the_demo_makes_a_whole_month_without_a_key_and_says_that_nothing_is_real(
    tmp_path: Path, database_uri: str, redis_uri: str
) -> None:
    environment = {
        **os.environ,
        "POSTHUB_HOME": str(tmp_path / "home"),
        "DATABASE_URI": database_uri,
        "REDIS_URI": redis_uri,
    }
    command = [*posthub(), "demo", "--out", str(tmp_path / "out"), "--json"]
    for _ in range(2):  # the second one replaces the first one's package
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS)
        assert done.returncode == 0, done.stderr
        summary = json.loads(done.stdout)
        assert summary["counts"] == {
            "personas": 6,
            "topics": 4,
            "posts": 4,
            "social": 24,
            "images": 16,
            "videos": 1,
        }
        assert (summary["sandbox"], summary["failed"], summary["skipped"]) == (True, [], [])
        assert all(1500 <= words <= 2500 for words in summary["words"].values())
        assert "SANDBOX" in done.stderr
        assert json.loads((tmp_path / "out" / "manifest.json").read_text())["run_id"] == summary["thread_id"]
