"""Every command that takes an id answers another organization's as it answers one that nobody has."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text

from cli.main import app
from domain.people.roles import Role
from prompts.registry import Prompts
from store.content.run_record import RunRecord
from store.content.runs import Runs
from store.database import Database
from store.people.keys import Keys
from store.people.members import Members
from store.tenancy import SYSTEM
from tests.conftest import make_owner
from tests.integration.test_cli_store import Cli

CODE = "RESEARCH_V1"
EMAIL = "eva@org-2.cz"

ROWS: dict[str, list[str]] = {
    "review THREAD": ["review", "ID"],
    "resume THREAD": ["resume", "ID"],
    "runs delete THREAD": ["runs", "delete", "ID", "--yes"],
    "show THREAD": ["show", "ID"],
    "costs THREAD": ["costs", "--thread", "ID"],
    "export THREAD": ["export", "ID", "--out", "package"],
    "budget set THREAD": ["budget", "set", "--thread", "ID", "--usd", "1"],
    "prompts trace THREAD": ["prompts", "trace", "ID"],
    "companies show COMPANY": ["companies", "show", "ID"],
    "companies export COMPANY": ["companies", "export", "ID", "--out", "company.zip"],
    "companies delete COMPANY": ["companies", "delete", "ID", "--yes"],
    "prompts show COMPANY": ["prompts", "show", CODE, "--company", "ID"],
    "prompts render COMPANY": ["prompts", "render", CODE, "--company", "ID"],
    "prompts label COMPANY": ["prompts", "label", CODE, "1", "trial", "--company", "ID"],
    "prompts unlabel COMPANY": ["prompts", "unlabel", CODE, "trial", "--company", "ID"],
    "prompts rollback COMPANY": ["prompts", "rollback", CODE, "--company", "ID"],
    "prompts show CODE": ["prompts", "show", "ID"],
    "prompts diff CODE": ["prompts", "diff", "ID", "1", "2"],
    "prompts edit CODE": ["prompts", "edit", "ID", "--reason", "why"],
    "prompts render CODE": ["prompts", "render", "ID"],
    "prompts label CODE": ["prompts", "label", "ID", "1", "trial"],
    "prompts unlabel CODE": ["prompts", "unlabel", "ID", "trial"],
    "prompts rollback CODE": ["prompts", "rollback", "ID"],
    "prompts history CODE": ["prompts", "history", "ID"],
    "experiments start CODE": ["experiments", "start", "ID", "--arms", "1:0.5,2:0.5"],
    "experiments status CODE": ["experiments", "status", "ID"],
    "experiments stop CODE": ["experiments", "stop", "ID", "--reason", "why"],
    "experiments promote CODE": ["experiments", "promote", "ID", "--reason", "why"],
    "prompts show VERSION": ["prompts", "show", CODE, "--version", "ID"],
    "prompts diff VERSION": ["prompts", "diff", CODE, "1", "ID"],
    "prompts edit VERSION": ["prompts", "edit", CODE, "--version", "ID", "--reason", "why"],
    "prompts render VERSION": ["prompts", "render", CODE, "--version", "ID"],
    "prompts label VERSION": ["prompts", "label", CODE, "ID", "trial"],
    "members set-role EMAIL": ["members", "set-role", "ID", "--role", "editor"],
    "members remove EMAIL": ["members", "remove", "ID"],
    "keys create EMAIL": ["keys", "create", "ID"],
    "keys revoke KEY": ["keys", "revoke", "ID"],
}
_KIND_OF = {
    "thread": "THREAD",
    "company": "COMPANY",
    "code": "CODE",
    "version": "VERSION",
    "after": "VERSION",
    "email": "EMAIL",
    "member": "EMAIL",
    "key": "KEY",
}
_NAMES_WHAT_IS_NEW = {"run COMPANY", "quote COMPANY", "members add EMAIL"}
_NO_IDS = {
    *(
        "json",
        "help",
        "yes",
        "out",
        "approve",
        "website",
        "month",
        "posts",
        "platforms",
        "tier",
        "language",
        "images",
    ),
    *(
        "video",
        "videos",
        "business_field",
        "product_type",
        "time_zone",
        "again",
        "ceiling",
        "limit",
        "decisions",
        "by",
    ),
    *(
        "csv",
        "bill",
        "dry_run",
        "port",
        "seed",
        "host",
        "workers",
        "reason",
        "example",
        "source",
        "folder",
        "before",
    ),
    *(
        "all_versions",
        "arms",
        "minimum",
        "begin",
        "until",
        "allocation",
        "usd",
        "provider",
        "model",
        "on",
        "valid_from",
    ),
    *("unit", "per", "role"),
    *(
        "name",
        "arm",
        "item",
        "template",
    ),  # within what another parameter names, or of the asker's own organization
    "complete_until",
    "world",
    "organization",  # whoever has the command line administers every organization of the installation
}


def _commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name in group.commands:
        command = group.commands[name]
        yield " ".join((*path, name)), command
        if hasattr(command, "commands"):
            yield from _commands(command, (*path, name))


def test_every_parameter_of_every_command_is_known_to_name_something_kept_or_not() -> None:
    """A new command, or a new parameter of one, fails here until it has a row, or is said to take no id."""
    taken = {(path, each.name) for path, command in _commands(app) for each in command.params}
    assert {name for _, name in taken} - set(_KIND_OF) - _NO_IDS == set()
    asked = {f"{path} {_KIND_OF[name]}" for path, name in taken if name in _KIND_OF}
    assert asked - _NAMES_WHAT_IS_NEW == set(ROWS)


@dataclass(frozen=True)
class Ids:
    foreign: dict[str, str]
    unknown: dict[str, str]


async def _strangers(uri: str) -> Ids:
    """What another organization has, of each kind of id; and our own organization, which has nothing."""
    database = Database(uri)
    await make_owner(database)
    theirs = await make_owner(database, "org-2", "run-2")
    await Runs(database).create(
        RunRecord("run-2", "org-2", theirs.company_id, "2027-01", "pro", {"company": "x"}, "1", "waiting")
    )
    member = await Members(database).add("org-2", name="Eva", email=EMAIL, role=Role.EDITOR)
    key = await Keys(database).create(member, Role.EDITOR)
    await Prompts(database).sync_shipped()
    copies = {"SECRET_V1": (1, 2), CODE: (7,)}
    async with database.transaction(SYSTEM) as connection:
        for code, numbers in copies.items():
            for number in numbers:
                await connection.execute(_COPY, {"id": f"{code}{number}", "code": code, "number": number})
    await database.dispose()
    foreign = {"THREAD": "run-2", "COMPANY": theirs.company_id, "EMAIL": EMAIL, "KEY": key.id}
    unknown = {
        "THREAD": "run-9",
        "COMPANY": f"{theirs.company_id[:-1]}_",
        "EMAIL": "jan@org-2.cz",
        "KEY": "0" * 12,
    }
    return Ids(
        {**foreign, "CODE": "SECRET_V1", "VERSION": "7"}, {**unknown, "CODE": "SECRXT_V1", "VERSION": "8"}
    )


_COPY = text(
    "insert into prompt_templates (id, organization_id, code, language, version, type, name, body, front_matter,"
    " content_hash, author) select :id, 'org-2', :code, language, :number, type, name, body, front_matter, :id, 'Eva'"
    f" from prompt_templates where code = '{CODE}' and language = 'cs' and organization_id = '' and version = 1"
)


def test_a_foreign_id_is_answered_as_an_unknown_one_by_every_command(
    tmp_path: Path, database_uri: str, redis_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ids = asyncio.run(_strangers(database_uri))
    cli = Cli(
        tmp_path / "home",
        DATABASE_URI=database_uri,
        REDIS_URI=redis_uri,
        POSTHUB_ORGANIZATION="org-1",
        EDITOR="true",
    )
    before = _kept(database_uri)

    def answer(row: str, its: dict[str, str]) -> tuple[int, str]:
        value = its[row.rpartition(" ")[2]]
        done = cli.here(*(value if part == "ID" else part for part in ROWS[row]))
        said = (done.stdout + done.stderr).replace(value, "ID")
        assert not [other for other in ids.foreign.values() if len(other) > 1 and other in said], row
        return done.returncode, re.sub(r" Did you mean \w+\?", "", said)

    answers = {row: (answer(row, ids.foreign), answer(row, ids.unknown)) for row in ROWS}
    assert {row: pair for row, pair in answers.items() if pair[0] != pair[1]} == {}
    assert {row for row, pair in answers.items() if pair[0][0] != 2} <= {"experiments status CODE"}
    assert _kept(database_uri) == before, "and nothing was changed"


def _kept(uri: str) -> dict[str, Any]:
    """What the other organization has."""
    tables = (
        "companies",
        "runs",
        "members",
        "api_keys",
        "prompt_templates",
        "prompt_labels",
        "prompt_events",
    )
    with psycopg.connect(uri) as connection:
        query = sql.SQL("select t::text from {} t where organization_id = 'org-2' order by 1")
        return {each: connection.execute(query.format(sql.Identifier(each))).fetchall() for each in tables}
