"""Commands for prompts and experiments, on a real PostgreSQL, as an editor calls them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from store.content.items import Owner
from tests.warm import posthub

CODE = "RESEARCH_V1"
SECONDS = 600


class Cli:
    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self.environment = {**os.environ, "POSTHUB_HOME": str(home), "COLUMNS": "200", **environment}

    def __call__(self, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*posthub(), *arguments],
            env={**self.environment, **changes},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )

    def json(self, *arguments: str) -> Any:
        done = self(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def edit(self, script: str, *more: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Edit with a script of sed in place of a person."""
        self.home.mkdir(exist_ok=True)
        path = self.home / "editor.sh"
        path.write_text(f'sed -i "{script}" "$1"\n', encoding="utf-8")
        return self("prompts", "edit", CODE, *more, EDITOR=f"sh {path}", **changes)


@pytest.fixture
def cli(tmp_path: Path, database_uri: str, redis_uri: str) -> Cli:
    home = tmp_path / "home"
    return Cli(home, DATABASE_URI=database_uri, REDIS_URI=redis_uri, POSTHUB_ORGANIZATION="org-1")


def refused(done: subprocess.CompletedProcess[str], *said: str) -> None:
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert all(word in done.stderr for word in said), done.stderr


def test_an_editor_changes_a_template_tries_it_uses_it_and_goes_back(cli: Cli) -> None:
    done = cli.edit("s/^## user/Stručně.\\n\\n## user/", "--reason", "stručněji", POSTHUB_AUTHOR="eva")
    assert done.returncode == 0, done.stderr
    assert "+Stručně." in done.stdout
    assert "version 2 is kept; production has not changed" in done.stdout
    assert "+Stručně." in cli("prompts", "diff", CODE, "1", "2").stdout
    assert "Stručně." in cli.json("prompts", "render", CODE, "--example", "--version", "2")["system"]
    assert cli("prompts", "label", CODE, "2", "production").returncode == 0
    row = next(
        one
        for one in cli.json("prompts", "list")["templates"]
        if (one["code"], one["language"]) == (CODE, "cs")
    )
    assert (row["version"], row["because"], row["versions"]) == (2, "organization", 2)
    assert "what came with the product" in cli("prompts", "rollback", CODE).stdout
    history = cli.json("prompts", "history", CODE)
    assert [(one["version"], one["author"], one["reason"]) for one in history["versions"]][1:] == [
        (2, "eva", "stručněji")
    ]
    assert [event["event"] for event in history["events"]][2:] == ["saved", "labelled", "rolled back"]
    assert cli("prompts", "show", CODE, "--version", "2").stdout.startswith("---\ncode: RESEARCH_V1\n")


def test_what_cannot_be_kept_is_refused_in_one_line_and_not_lost(cli: Cli) -> None:
    done = cli.edit("s/company.name/compny.name/", "--reason", "x")
    refused(done, "line", "column", "'compny'", "Did you mean 'company'", "What you wrote is in")
    draft = cli.home / "drafts" / f"{CODE}-cs.md"
    assert "compny.name" in draft.read_text(encoding="utf-8")
    refused(cli.edit("s/x/y/"), "--reason")
    refused(cli.edit("s/^code: .*/code: OTHER_V1/", "--reason", "x"), "Leave code and language")
    assert cli.edit("s/x/x/", "--reason", "x").stdout == "Nothing was changed.\n"
    assert len(cli.json("prompts", "history", CODE)["versions"]) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["prompts", "show", "RESERCH_V1"], "Did you mean RESEARCH_V1"),
        (["prompts", "show", CODE, "--version", "9"], "no version 9"),
        (["prompts", "show", CODE, "--version", "nightly"], "no label 'nightly'"),
        (["prompts", "show", CODE, "--language", "de"], "There is: cs, en"),
        (["prompts", "show", CODE, "--for", "Nikdo"], "no company 'Nikdo'"),
        (["prompts", "label", CODE, "9", "production"], "no version 9"),
        (["prompts", "label", CODE, "1", "A B"], "cannot be used"),
        (["prompts", "label", CODE, "x", "staging"], "valid integer"),
        (["prompts", "unlabel", CODE, "staging"], "no label 'staging'"),
        (["prompts", "rollback", CODE], "nothing to go back to"),
        (["prompts", "render", CODE], "--example or --company"),
        (["prompts", "render", CODE, "--company", "Nikdo"], "no company 'Nikdo'"),
        (["prompts", "import", "/nowhere"], "/nowhere"),
        (["prompts", "trace", "nope"], "no run 'nope'"),
        (["experiments", "start", CODE, "--arms", "1:0.5,2:0.6"], "sum to 1.1"),
        (["experiments", "start", CODE, "--arms", "1:0.5,2:0.5"], "no version 2"),
        (["experiments", "start", CODE, "--arms", "1,2", "--until", "brzy"], "no date"),
        (["experiments", "status", CODE], "no experiment"),
        (["experiments", "stop", CODE], "No experiment runs"),
        (["experiments", "promote", CODE], "No experiment runs"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    cli: Cli,
    arguments: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in cli.environment.items():
        monkeypatch.setenv(name, value)
    status = main(arguments)
    out, err = capsys.readouterr()
    refused(subprocess.CompletedProcess(arguments, status, out, err), said)


def test_an_editor_may_not_change_production(cli: Cli) -> None:
    refused(cli("prompts", "label", CODE, "1", "production", POSTHUB_ROLE="editor"), "role editor")
    refused(cli("prompts", "list", POSTHUB_ROLE="king"), "POSTHUB_ROLE")


async def test_a_company_is_shown_the_order_in_which_its_version_is_looked_for(
    cli: Cli, owner: Owner
) -> None:
    cli.edit("s/^## user/Stručně.\\n\\n## user/", "--reason", "stručněji")
    cli("prompts", "label", CODE, "2", "production", "--company", "kavárna u mlýna")
    found = cli.json("prompts", "show", CODE, "--for", "Kavárna U Mlýna")
    assert found["chain"] == {
        "company": "version 2",
        "experiment": "–",
        "organization": "–",
        "shipped": "version 1",
        "gets": "version 2: this company's own",
    }


async def test_a_template_is_filled_with_what_is_known_of_a_company(cli: Cli, owner: Owner) -> None:
    made = cli.json("prompts", "render", "BLOGPOST_GEN_V1", "--company", "Kavárna U Mlýna")
    assert "Kavárna U Mlýna" in made["user"]
    assert made["from_examples"] == ["persona", "topic"]


def test_a_month_cannot_ask_for_a_version_that_does_not_exist(cli: Cli) -> None:
    month = ["run", "--company", "K", "--website", "https://k.example", "--month", "2030-01"]
    done = cli(*month, "--template", "RESEARCH_V1=9")
    assert (done.returncode, "no version 9" in done.stderr) == (2, True)
    refused(cli(*month, "--template", "RESEARCH_V1"), "RESEARCH_V1", "BLOGPOST_GEN_V1=3")
    assert cli.json("runs")["runs"] == []
