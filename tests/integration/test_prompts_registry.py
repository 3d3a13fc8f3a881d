from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select, update

from domain.errors import InvalidInput, NotFound
from domain.ids import content_hash
from prompts import shipping, versions
from prompts.files import TemplateFile, dump, shipped
from prompts.registry import Prompts
from store.database import Database
from store.schema.prompts import SHARED, prompt_labels, prompt_templates
from store.tenancy import SYSTEM

CODE = "RESEARCH_V1"
SHIPPED = list(shipped())
EXAMPLES = next(one for one in SHIPPED if (one.code, one.language) == (CODE, "cs")).examples


@pytest.fixture
async def prompts(database: Database) -> Prompts:
    made = Prompts(database)
    await made.sync_shipped()
    return made


def _release(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    """Ship the same templates with one of them changed."""
    changed = [
        replace(one, body=one.body.rstrip() + f"\n{words}\n")
        if (one.code, one.language) == (CODE, "cs")
        else one
        for one in SHIPPED
    ]
    monkeypatch.setattr(shipping, "shipped", lambda: iter(changed))


async def _editors_version(database: Database, number: int, words: str, *, production: bool) -> None:
    template = next(one for one in SHIPPED if (one.code, one.language) == (CODE, "cs"))
    mine = TemplateFile(template.front_matter, f"## system\n\nEditor\n\n## user\n\n{words}\n")
    async with database.transaction(SYSTEM) as connection:
        made = await versions.add(
            connection, SHARED, mine, author="eva@agentura.cz", reason="kratší", parent=number - 1
        )
        assert made.number == number
        if production:
            await connection.execute(
                update(prompt_labels).filter_by(code=CODE, language="cs").values(template_id=made.id)
            )


async def _count(database: Database) -> Any:
    async with database.transaction(SYSTEM) as connection:
        return await connection.scalar(select(func.count()).select_from(prompt_templates))


async def test_shipped_templates_come_in_once(database: Database) -> None:
    prompts = Prompts(database)
    assert await prompts.sync_shipped() == len(SHIPPED)
    assert await prompts.sync_shipped() == 0
    assert await Prompts(database).sync_shipped() == 0
    assert await _count(database) == len(SHIPPED)


async def test_processes_that_start_at_once_bring_them_in_once(database: Database) -> None:
    added = await asyncio.gather(*(Prompts(database).sync_shipped() for _ in range(4)))
    assert sorted(added) == [0, 0, 0, len(SHIPPED)]


async def test_every_template_is_current_in_its_first_version(prompts: Prompts) -> None:
    assert await prompts.current("cs") == dict.fromkeys(sorted({one.code for one in SHIPPED}), 1)


async def test_a_rendered_prompt_names_the_version_that_made_it(prompts: Prompts) -> None:
    made = await prompts.render(CODE, EXAMPLES, language="cs")
    template = next(one for one in SHIPPED if (one.code, one.language) == (CODE, "cs"))
    assert (made.ref.code, made.ref.version, made.ref.language) == (CODE, 1, "cs")
    assert made.ref.content_hash == template.content_hash
    assert (made.system, made.user) == template.render(EXAMPLES)
    assert (made.purpose, made.temperature, made.max_tokens) == ("search", None, 2000)


async def test_a_language_has_its_own_template_and_czech_stands_in_for_the_others(prompts: Prompts) -> None:
    assert (await prompts.render(CODE, EXAMPLES, language="en")).ref.language == "en"
    assert (await prompts.render(CODE, EXAMPLES, language="de")).ref.language == "cs"
    assert await prompts.current("de") == await prompts.current("cs")


async def test_a_changed_file_becomes_the_next_version_and_the_one_in_use(
    database: Database, prompts: Prompts, monkeypatch: pytest.MonkeyPatch
) -> None:
    _release(monkeypatch, "Nová verze.")
    assert await prompts.sync_shipped() == 1
    assert (await prompts.current("cs"))[CODE] == 2
    assert "Nová verze." in (await prompts.render(CODE, EXAMPLES, language="cs")).user
    assert (await prompts.render(CODE, EXAMPLES, language="en")).ref.version == 1


async def test_a_release_never_takes_an_editors_version_out_of_use(
    database: Database, prompts: Prompts, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _editors_version(database, 2, "Text editorky", production=True)
    _release(monkeypatch, "Nová verze.")
    assert await prompts.sync_shipped() == 1
    assert (await prompts.current("cs"))[CODE] == 2
    assert (await prompts.render(CODE, EXAMPLES, language="cs")).user == "Text editorky"
    assert "Nová verze." in (await prompts.render(CODE, EXAMPLES, language="cs", pinned={CODE: 3})).user


async def test_an_editors_draft_does_not_hold_a_release_back(
    database: Database, prompts: Prompts, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _editors_version(database, 2, "Rozepsáno", production=False)
    _release(monkeypatch, "Nová verze.")
    await prompts.sync_shipped()
    assert (await prompts.current("cs"))[CODE] == 3


async def test_a_pinned_run_goes_on_with_the_versions_that_it_started_with(
    database: Database, prompts: Prompts, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinned = await prompts.current("cs")
    before = await prompts.render(CODE, EXAMPLES, language="cs", pinned=pinned)
    _release(monkeypatch, "Nová verze.")
    later = Prompts(database)
    await later.sync_shipped()
    assert await later.render(CODE, EXAMPLES, language="cs", pinned=pinned) == before


async def test_labels_that_others_moved_are_seen_after_a_reload(database: Database, prompts: Prompts) -> None:
    await prompts.render(CODE, EXAMPLES, language="cs")
    await _editors_version(database, 2, "Text editorky", production=True)
    assert (await prompts.render(CODE, EXAMPLES, language="cs")).ref.version == 1
    await prompts.reload()
    assert (await prompts.render(CODE, EXAMPLES, language="cs")).ref.version == 2


async def test_a_process_that_synchronised_nothing_loads_by_itself(
    database: Database, prompts: Prompts
) -> None:
    assert (await Prompts(database).render(CODE, EXAMPLES, language="cs")).ref.version == 1


async def test_a_version_that_does_not_exist_is_refused(prompts: Prompts) -> None:
    with pytest.raises(NotFound, match="no version 9"):
        await prompts.render(CODE, EXAMPLES, language="cs", pinned={CODE: 9})


async def test_an_unknown_template_is_refused_with_the_nearest_one(prompts: Prompts) -> None:
    with pytest.raises(NotFound, match="Did you mean BLOGPOST_GEN_V1"):
        await prompts.render("BLOGPOST_V1", {}, language="cs")


async def test_a_database_without_templates_says_how_to_bring_them_in(database: Database) -> None:
    with pytest.raises(NotFound, match="posthub db upgrade"):
        await Prompts(database).render(CODE, EXAMPLES, language="cs")


async def test_a_missing_variable_is_named(prompts: Prompts) -> None:
    with pytest.raises(InvalidInput, match="'question' was not given"):
        await prompts.render(CODE, {"company": EXAMPLES["company"]}, language="cs")


async def test_a_template_survives_the_database_byte_for_byte(database: Database, prompts: Prompts) -> None:
    async with database.transaction(SYSTEM) as connection:
        rows = (await connection.execute(select(prompt_templates))).all()
    kept = {(row.code, row.language): TemplateFile(row.front_matter, row.body) for row in rows}
    for template in SHIPPED:
        stored = kept[template.code, template.language]
        assert dump(stored) == dump(template)
        assert stored.content_hash == template.content_hash
    assert all(
        row.content_hash == content_hash({"front_matter": row.front_matter, "body": row.body}) for row in rows
    )
