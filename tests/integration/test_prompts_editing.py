from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from domain.errors import InvalidInput, NotAllowed, NotFound
from prompts.actor import Actor
from prompts.editing import Editor
from prompts.files import TemplateFile, shipped
from prompts.registry import Prompts
from store.content.items import Owner
from store.database import Database
from store.tenancy import SYSTEM

CODE = "RESEARCH_V1"
PLACE = (CODE, "cs")
EVA = Actor("eva@agentura.cz", "admin", "tests")
EXAMPLES = next(one for one in shipped() if (one.code, one.language) == PLACE).examples


@pytest.fixture
async def prompts(database: Database) -> Prompts:
    made = Prompts(database)
    await made.sync_shipped()
    return made


@pytest.fixture
def editor(database: Database, prompts: Prompts) -> Editor:
    return Editor(database, "org-1", EVA)


async def text_of(editor: Editor, number: int = 1) -> TemplateFile:
    return (await editor.version(PLACE, number)).template


async def save(editor: Editor, words: str, parent: int = 1) -> int:
    """Keep the template with a sentence more; returns the version's number."""
    before = await text_of(editor, parent)
    changed = TemplateFile(before.front_matter, before.body.rstrip() + f"\n{words}\n")
    return (await editor.save(changed, parent=parent, reason="zkouška")).number


async def test_a_saved_version_is_kept_and_changes_nothing_that_is_in_use(
    editor: Editor, prompts: Prompts
) -> None:
    assert await save(editor, "Druhá verze.") == 2
    assert (await prompts.current("cs", organization="org-1"))[CODE] == 1
    kept = await editor.version(PLACE, 2)
    assert (kept.author, kept.reason, kept.parent, kept.organization_id) == (
        "eva@agentura.cz",
        "zkouška",
        1,
        "org-1",
    )


async def test_production_is_what_a_run_that_starts_gets(editor: Editor, prompts: Prompts) -> None:
    await save(editor, "Druhá verze.")
    await editor.label(PLACE, 2, "production")
    chosen = (await prompts.resolve("cs", organization="org-1"))[CODE]
    assert (chosen.version.number, chosen.because) == (2, "organization")


async def test_an_organizations_version_is_neither_seen_nor_used_by_another(
    database: Database, editor: Editor, prompts: Prompts
) -> None:
    await save(editor, "Jen naše.")
    await editor.label(PLACE, 2, "production")
    other = Editor(database, "org-2", EVA)
    assert (await prompts.resolve("cs", organization="org-2"))[CODE].version.number == 1
    assert [one.number for one in await other.versions(PLACE)] == [1]
    assert [event.event for event in await other.trail(CODE, "cs")] == ["saved", "labelled"]
    with pytest.raises(NotFound, match="no version 2"):
        await other.version(PLACE, 2)
    pin = (await prompts.resolve("cs", organization="org-1"))[CODE].pin()
    with pytest.raises(NotFound):
        await prompts.render(CODE, EXAMPLES, language="cs", organization="org-2", pins={CODE: pin})
    assert await save(other, "Jen jejich.") == 2
    assert "Jen naše." in (await text_of(editor, 2)).body
    assert "Jen jejich." in (await text_of(other, 2)).body


async def test_a_company_overrides_its_organization(editor: Editor, prompts: Prompts, owner: Owner) -> None:
    await save(editor, "Pro všechny.")
    await save(editor, "Pro jednu.")
    await editor.label(PLACE, 2, "production")
    await editor.label(PLACE, 3, "production", company_id=owner.company_id)
    mine = (await prompts.resolve("cs", organization="org-1", company=owner.company_id))[CODE]
    rest = (await prompts.resolve("cs", organization="org-1", company="another"))[CODE]
    assert (mine.version.number, mine.because) == (3, "company")
    assert (rest.version.number, rest.because) == (2, "organization")
    await editor.unlabel(PLACE, "production", company_id=owner.company_id)
    back = (await prompts.resolve("cs", organization="org-1", company=owner.company_id))[CODE]
    assert back.version.number == 2


async def test_rolling_back_goes_through_the_history_and_ends_at_what_is_shipped(
    editor: Editor, prompts: Prompts
) -> None:
    for number in (2, 3):
        await save(editor, f"Verze {number}.")
        await editor.label(PLACE, number, "production")
    assert await editor.rollback(PLACE, reason="moc tvrdé") == 2
    assert await editor.rollback(PLACE) is None
    assert (await prompts.resolve("cs", organization="org-1"))[CODE].because == "shipped"
    with pytest.raises(InvalidInput, match="nothing to go back to"):
        await editor.rollback(PLACE)


async def test_what_is_in_production_is_changed_by_admins_and_managers_alone(
    database: Database, editor: Editor, prompts: Prompts
) -> None:
    helper = Editor(database, "org-1", replace(EVA, role="editor"))
    assert await save(helper, "Návrh.") == 2
    await helper.label(PLACE, 2, "staging")
    for forbidden in (
        helper.label(PLACE, 2, "production"),
        helper.rollback(PLACE),
        helper.unlabel(PLACE, "production"),
    ):
        with pytest.raises(NotAllowed, match="role editor"):
            await forbidden
    await Editor(database, "org-1", replace(EVA, role="manager")).label(PLACE, 2, "production")
    assert (await prompts.resolve("cs", organization="org-1"))[CODE].version.number == 2


async def test_a_run_may_ask_for_a_number_or_a_label(editor: Editor, prompts: Prompts) -> None:
    await save(editor, "Zkušební.")
    await editor.label(PLACE, 2, "staging")

    async def asked(version: int | str) -> Any:
        return (await prompts.resolve("cs", organization="org-1", wanted={CODE: version}))[CODE]

    for version in (2, "2", "staging"):
        chosen = await asked(version)
        assert (chosen.version.number, chosen.because) == (2, "asked")
    with pytest.raises(NotFound, match="no version 7"):
        await asked(7)
    with pytest.raises(NotFound, match="no label 'nightly'"):
        await asked("nightly")
    with pytest.raises(InvalidInput, match="neither a number nor a label"):
        await asked(True)
    with pytest.raises(NotFound, match="Did you mean RESEARCH_V1"):
        await prompts.resolve("cs", organization="org-1", wanted={"RESERCH_V1": 1})


async def test_a_pinned_version_stays_the_same_whatever_labels_do(editor: Editor, prompts: Prompts) -> None:
    pins = {code: one.pin() for code, one in (await prompts.resolve("cs", organization="org-1")).items()}
    before = await prompts.render(CODE, EXAMPLES, language="cs", organization="org-1", pins=pins)
    await save(editor, "Později.")
    await editor.label(PLACE, 2, "production")
    again = Prompts(editor.database)
    assert await again.render(CODE, EXAMPLES, language="cs", organization="org-1", pins=pins) == before


@pytest.mark.parametrize("name", ["Production", "", "a b", "../x", "x" * 41, "1", "-"])
async def test_a_label_has_a_plain_name(editor: Editor, name: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be used"):
        await editor.label(PLACE, 1, name)


@pytest.mark.parametrize("number", [0, -1, 2, 2**31, 10**12])
async def test_a_label_on_a_version_that_does_not_exist_is_refused(editor: Editor, number: int) -> None:
    with pytest.raises(NotFound, match="no version"):
        await editor.label(PLACE, number, "production")
    assert [one.version for one in await editor.labels(PLACE)] == [1]


async def test_a_version_without_a_change_or_a_reason_is_not_kept(editor: Editor) -> None:
    with pytest.raises(InvalidInput, match="Nothing was changed"):
        await editor.save(await text_of(editor), parent=1, reason="proč ne")
    before = await text_of(editor)
    with pytest.raises(InvalidInput, match="no reason"):
        await editor.save(replace(before, body=before.body + "x\n"), parent=1, reason="  ")
    assert len(await editor.versions(PLACE)) == 1


async def test_a_variable_that_the_step_does_not_give_cannot_be_declared(editor: Editor) -> None:
    before = await text_of(editor)
    about = before.variables["question"]
    front = {**before.front_matter, "variables": {**before.variables, "questoin": about}}
    with pytest.raises(InvalidInput, match=r"'questoin'.*Did you mean 'question'"):
        await editor.save(TemplateFile(front, before.body), parent=1, reason="přejmenováno")
    assert len(await editor.versions(PLACE)) == 1


async def test_a_template_that_does_not_render_is_not_kept(editor: Editor) -> None:
    for words, what in (
        ("{{ compny }}", "unknown variable"),
        ("{% if %}", "line"),
        ("{{ company.nme }}", "nme"),
    ):
        with pytest.raises(InvalidInput, match=what):
            await save(editor, words)
    assert len(await editor.versions(PLACE)) == 1


async def test_editors_at_the_same_time_get_numbers_of_their_own(editor: Editor) -> None:
    made = await asyncio.gather(*(save(editor, f"Souběh {number}.") for number in range(5)))
    assert sorted(made) == [2, 3, 4, 5, 6]


async def test_the_trail_says_who_did_what_when_why_and_from_where(editor: Editor) -> None:
    await save(editor, "Druhá verze.")
    await editor.label(PLACE, 2, "production", reason="lepší tón")
    last = (await editor.trail(CODE, "cs"))[-1]
    assert (last.event, last.version, last.label) == ("labelled", 2, "production")
    assert (last.author, last.role, last.origin, last.reason) == (EVA.author, "admin", "tests", "lepší tón")
    assert last.details == {"from": None}


@pytest.mark.parametrize("table", ["prompt_events", "prompt_templates"])
@pytest.mark.parametrize("statement", ["update {} set author = 'x'", "delete from {}", "truncate {} cascade"])
async def test_the_database_itself_refuses_to_change_what_was_recorded(
    editor: Editor, database_uri: str, table: str, statement: str
) -> None:
    with (
        psycopg.connect(database_uri) as connection,
        pytest.raises(psycopg.errors.RestrictViolation, match="append-only"),
    ):
        connection.execute(statement.format(table))


_WATCHER = """
import asyncio, sys, time
from prompts.registry import Prompts
from store.database import Database
from store.tenancy import SYSTEM

async def main():
    database = Database(sys.argv[1])
    prompts = Prompts(database)
    async with prompts.watched():
        print("ready", flush=True)
        while (await prompts.version("RESEARCH_V1", "cs", organization="org-1")).number != 2:
            await asyncio.sleep(0.01)
        print(time.time(), flush=True)
    await database.dispose()

asyncio.run(main())
"""


async def test_another_process_sees_a_moved_label_within_two_seconds(
    editor: Editor, database_uri: str
) -> None:
    await save(editor, "Druhá verze.")
    command = [sys.executable, "-c", _WATCHER, database_uri]
    watcher = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ})
    try:
        assert watcher.stdout is not None
        assert await asyncio.to_thread(watcher.stdout.readline) == "ready\n"
        await editor.label(PLACE, 2, "production")
        async with editor.database.transaction(SYSTEM) as connection:
            moved = (await connection.exec_driver_sql("select extract(epoch from now())")).scalar_one()
        seen = await asyncio.wait_for(asyncio.to_thread(watcher.stdout.readline), 30)
        assert float(seen) - float(moved) < 2
    finally:
        watcher.kill()
        watcher.wait()


async def test_a_watch_that_lost_its_connection_listens_again(
    editor: Editor, database: Database, database_uri: str
) -> None:
    prompts = Prompts(database)
    async with prompts.watched():
        with psycopg.connect(database_uri, autocommit=True) as connection:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and query ilike 'listen %'"
            )
        await save(editor, "Druhá verze.")
        await editor.label(PLACE, 2, "production")
        assert (await prompts.resolve("cs", organization="org-1"))[CODE].version.number == 2
        for _ in range(100):
            if (await prompts.version(CODE, "cs", organization="org-1")).number == 2:
                break
            await asyncio.sleep(0.1)
        assert (await prompts.version(CODE, "cs", organization="org-1")).number == 2


async def test_a_saved_version_survives_as_plain_json_and_with_its_hash(editor: Editor) -> None:
    await save(editor, "Ěščřžý 🙂 „uvozovky“")
    kept = (await editor.version(PLACE, 2)).template
    assert json.loads(json.dumps(dict(kept.front_matter))) == kept.front_matter
    async with editor.database.transaction(SYSTEM) as connection:
        stored = await connection.exec_driver_sql(
            "select content_hash from prompt_templates where version = 2 and organization_id = 'org-1'"
        )
        assert stored.scalar_one() == kept.content_hash
