from __future__ import annotations

from pathlib import Path

import pytest

from domain.errors import InvalidInput
from prompts.actor import Actor
from prompts.editing import Editor
from prompts.exchange import bring_in, export
from prompts.files import TemplateFile
from prompts.registry import Prompts
from store.database import Database
from store.reading import upgrade

PLACE = ("RESEARCH_V1", "cs")
EVA = Actor("eva@agentura.cz", "admin", "tests")


async def desk(database: Database) -> tuple[Editor, Prompts]:
    prompts = Prompts(database)
    await prompts.sync_shipped()
    return Editor(database, "org-1", EVA), prompts


def texts(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*.*"))
    }


async def add(editor: Editor, words: str, parent: int) -> None:
    before = (await editor.version(PLACE, parent)).template
    changed = TemplateFile(before.front_matter, before.body.rstrip() + f"\n{words}\n")
    await editor.save(changed, parent=parent, reason=words)


async def test_what_was_exported_comes_in_without_a_change(database: Database, tmp_path: Path) -> None:
    editor, prompts = await desk(database)
    written = await export(editor, prompts, tmp_path)
    assert {path.name for path in written} == {"cs.md", "en.md"}
    changes = await bring_in(editor, prompts, tmp_path, reason="zpět")
    assert {change.status for change in changes} == {"same"}
    assert len(await editor.versions(PLACE)) == 1


async def test_an_edited_export_comes_in_as_the_next_version_with_its_difference(
    database: Database, tmp_path: Path
) -> None:
    editor, prompts = await desk(database)
    await export(editor, prompts, tmp_path)
    path = tmp_path / "RESEARCH_V1" / "cs.md"
    path.write_text(path.read_text(encoding="utf-8").rstrip() + "\nPiš stručně.\n", encoding="utf-8")
    tried = await bring_in(editor, prompts, tmp_path, reason="z gitu", dry_run=True)
    assert [c.key for c in tried if c.status == "changed"] == [PLACE]
    assert "+Piš stručně." in next(c.diff for c in tried if c.diff)
    assert len(await editor.versions(PLACE)) == 1, "a dry run keeps nothing"
    await bring_in(editor, prompts, tmp_path, reason="z gitu")
    newest = (await editor.versions(PLACE))[-1]
    assert (newest.number, newest.parent, newest.reason) == (2, 1, "z gitu")
    assert (await editor.trail(*PLACE))[-1].event == "imported"
    assert (await prompts.resolve("cs", organization="org-1"))["RESEARCH_V1"].version.number == 1


async def test_all_versions_go_to_another_database_and_back_byte_for_byte(
    database: Database, empty_database_uri: str, tmp_path: Path
) -> None:
    editor, prompts = await desk(database)
    for words, parent in (("Druhá.", 1), ("Třetí.", 1), ("Čtvrtá.", 2)):
        await add(editor, words, parent)
    await export(editor, prompts, tmp_path / "a", all_versions=True)
    await upgrade(empty_database_uri)
    other = Database(empty_database_uri)
    try:
        there, its = await desk(other)
        await bring_in(there, its, tmp_path / "a", reason="přestěhováno")
        assert [one.parent for one in await there.versions(PLACE)] == [None, 1, 1, 2]
        await export(there, its, tmp_path / "b", all_versions=True)
    finally:
        await other.dispose()
    mine, theirs = texts(tmp_path / "a"), texts(tmp_path / "b")
    shipped_then = {name: text for name, text in mine.items() if name.endswith("versions.yaml")}
    assert set(mine) == set(theirs)
    assert {n: t for n, t in mine.items() if n not in shipped_then} == {
        n: t for n, t in theirs.items() if n not in shipped_then
    }
    about = texts(tmp_path / "b")["RESEARCH_V1/versions.yaml"]
    assert (
        about.split("cs.v2:")[1].split("en.v1:")[0]
        == (mine["RESEARCH_V1/versions.yaml"].split("cs.v2:")[1].split("en.v1:")[0])
    ), "author, reason and moment of an editor's versions come along"


def _broken(folder: Path) -> dict[str, tuple[Path, str, str]]:
    path = folder / "TOPIC_GEN_V1" / "cs.md"
    good = path.read_text(encoding="utf-8")
    return {
        "syntax": (path, good + "{% if %}\n", "line"),
        "unknown variable": (path, good + "{{ compny.name }}\n", "Did you mean 'company'"),
        "no front matter": (path, "## system\nx\n## user\ny\n", "front matter"),
        "no parts": (path, good.replace("## user", "## uživatel"), "lacks its parts"),
        "yaml": (path, good.replace("max_tokens: 4096", "max_tokens: [4096"), "no YAML"),
        "twice": (path, good.replace("type: topic", "type: topic\ntype: topic", 1), "twice"),
        "alias": (
            path,
            good.replace("name: ", "name: &a ", 1).replace("type: topic", "type: *a", 1),
            "aliases",
        ),
        "unknown field": (path, good.replace("purpose:", "purpos:", 1), "purpos"),
        "tokens": (path, good.replace("max_tokens: 4096", "max_tokens: many"), "max_tokens"),
        "temperature": (path, good.replace("temperature: 0.7", "temperature: 7"), "temperature"),
        "endless": (
            path,
            good + "{% for a in range(999) %}{% for b in range(999) %}{% for c in range(999) %}"
            "{% endfor %}{% endfor %}{% endfor %}\n",
            "2 seconds",
        ),
        "10 MB": (path, good + "a" * 10_000_000, "characters"),
        "duplicate code": (folder / "OTHER_V1" / "cs.md", good, "TOPIC_GEN_V1/cs.md"),
        "path": (path, good.replace("code: TOPIC_GEN_V1", "code: ../../etc"), "code or language"),
        "NUL": (path, good + "\x00", "cannot be stored"),
    }


@pytest.mark.parametrize("what", [
    "syntax", "unknown variable", "no front matter", "no parts", "yaml", "twice", "alias", "unknown field", "tokens",
    "temperature", "endless", "10 MB", "duplicate code", "path", "NUL",
])  # fmt: skip
async def test_a_folder_with_one_bad_file_brings_nothing_in_and_names_the_file(
    database: Database, tmp_path: Path, what: str
) -> None:
    editor, prompts = await desk(database)
    await export(editor, prompts, tmp_path)
    good = tmp_path / "RESEARCH_V1" / "cs.md"
    good.write_text(good.read_text(encoding="utf-8").rstrip() + "\nPiš stručně.\n", encoding="utf-8")
    path, text, said = _broken(tmp_path)[what]
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput, match=said) as refused:
        await bring_in(editor, prompts, tmp_path, reason="z gitu")
    assert str(path) in refused.value.message
    assert "Nothing was brought in" in refused.value.message
    assert "\n" not in refused.value.message
    for code in ("RESEARCH_V1", "TOPIC_GEN_V1"):
        assert len(await editor.versions((code, "cs"))) == 1


async def test_a_file_that_is_no_text_or_not_there_is_named(database: Database, tmp_path: Path) -> None:
    editor, prompts = await desk(database)
    latin = tmp_path / "cs.md"
    latin.write_bytes("příliš žluťoučký".encode("cp1250"))
    with pytest.raises(InvalidInput, match="not UTF-8"):
        await bring_in(editor, prompts, latin, reason="x")
    with pytest.raises(InvalidInput, match="no file or folder"):
        await bring_in(editor, prompts, tmp_path / "nowhere", reason="x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInput, match="holds no template"):
        await bring_in(editor, prompts, tmp_path / "empty", reason="x")


async def test_a_template_of_an_organizations_own_comes_in_and_is_used_by_it_alone(
    database: Database, tmp_path: Path
) -> None:
    editor, prompts = await desk(database)
    await export(editor, prompts, tmp_path)
    text = (tmp_path / "RESEARCH_V1" / "cs.md").read_text(encoding="utf-8")
    mine = tmp_path / "mine.md"
    mine.write_text(text.replace("RESEARCH_V1", "NEWSLETTER_V1"), encoding="utf-8")
    (change,) = await bring_in(editor, prompts, mine, reason="náš newsletter")
    assert (change.status, change.key) == ("new", ("NEWSLETTER_V1", "cs"))
    await editor.label(("NEWSLETTER_V1", "cs"), 1, "production")
    assert "NEWSLETTER_V1" in await prompts.resolve("cs", organization="org-1")
    assert "NEWSLETTER_V1" not in await prompts.resolve("cs", organization="org-2")
