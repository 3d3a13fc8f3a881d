from __future__ import annotations

import asyncio
import dataclasses
from datetime import date
from typing import Any

import pytest

from domain.calls import TemplateRef
from domain.errors import InvalidInput, NotFound
from domain.ids import content_hash
from store.content.items import Items, ItemStatus, Kind, Owner
from store.database import Database
from store.text import original_json

TOPIC: dict[str, Any] = {
    "title": "Jak vybrat kávu",
    "focusKeyword": "výběrová káva",
    "plannedDate": "2027-01-05",
}


@pytest.fixture
def items(database: Database) -> Items:
    return Items(database)


async def test_a_saved_item_comes_back_as_it_was(items: Items, owner: Owner) -> None:
    template = TemplateRef("BLOGPOST_GEN_V1", 3, "abc")
    content = {"title": "Žluťoučký kůň 🐎", "slug": "kun", "wordCount": 1700, "sections": [{"a": 1.5}]}
    await items.save(
        owner, Kind.POST, "post-1", 0, content, findings=["krátké"], template=template, model="gemini/x"
    )
    record = await items.newest(owner, Kind.POST, "post-1")
    assert record.content == content
    assert record.content_hash == content_hash(content)
    assert (record.findings, record.author, record.status) == (("krátké",), "model", "draft")
    assert (record.template_code, record.template_version) == ("BLOGPOST_GEN_V1", 3)
    assert (record.model, record.revision, record.edition) == ("gemini/x", 0, 0)


async def test_the_same_content_of_a_revision_is_saved_once_and_keeps_what_it_was_saved_with(
    items: Items, owner: Owner
) -> None:
    first = await items.save(owner, Kind.TOPIC, "t1", 0, TOPIC)
    await items.save(owner, Kind.TOPIC, "t1", 0, {"title": "Jiné"})
    again = await items.save(owner, Kind.TOPIC, "t1", 0, dict(reversed(TOPIC.items())), author="eva")
    assert again == first


async def test_other_content_of_a_revision_is_a_new_edition_and_the_first_one_stays(
    items: Items, owner: Owner
) -> None:
    first = await items.save(owner, Kind.TOPIC, "t1", 0, TOPIC)
    other = await items.save(owner, Kind.TOPIC, "t1", 0, {"title": "Jiné"})
    assert (other.revision, other.edition, other.content) == (0, 1, {"title": "Jiné"})
    assert await items.get(owner, Kind.TOPIC, "t1", first.version) == first


async def test_many_savers_of_one_revision_at_once_leave_one_row_of_each_content(
    items: Items, owner: Owner
) -> None:
    contents = [{"title": f"Verze {number % 3}"} for number in range(12)]
    records = await asyncio.gather(*(items.save(owner, Kind.TOPIC, "t1", 0, each) for each in contents))
    assert [record.content for record in records] == contents
    assert [each.edition for each in await items.history(owner, Kind.TOPIC, "t1")] == [0, 1, 2]


async def test_an_edit_makes_a_new_edition_and_keeps_what_was_there(items: Items, owner: Owner) -> None:
    saved = await items.save(owner, Kind.DNA, "dna", 0, {"usp": "a"}, template=TemplateRef("DNA_V1", 1, "h"))
    edited = await items.edit(
        owner, Kind.DNA, "dna", saved.version, {"usp": "b"}, author="eva", findings=["x"]
    )
    assert (edited.revision, edited.edition, edited.author, edited.findings) == (0, 1, "eva", ("x",))
    assert edited.template_code == "DNA_V1"
    assert [each.content for each in await items.history(owner, Kind.DNA, "dna")] == [
        {"usp": "a"},
        {"usp": "b"},
    ]


async def test_an_edit_that_changes_nothing_makes_no_edition(items: Items, owner: Owner) -> None:
    saved = await items.save(owner, Kind.DNA, "dna", 0, {"usp": "a", "mission": "m"})
    same = await items.edit(owner, Kind.DNA, "dna", saved.version, {"mission": "m", "usp": "a"}, author="eva")
    assert (same.edition, same.author) == (0, "model")


async def test_edits_of_one_item_at_once_all_become_editions(items: Items, owner: Owner) -> None:
    saved = await items.save(owner, Kind.DNA, "dna", 0, {"usp": "a"})
    edits = [
        items.edit(owner, Kind.DNA, "dna", saved.version, {"usp": f"b{n}"}, author="eva") for n in range(8)
    ]
    await asyncio.gather(*edits)
    history = await items.history(owner, Kind.DNA, "dna")
    assert [record.edition for record in history] == list(range(9))
    assert {record.content["usp"] for record in history} == {"a", *(f"b{n}" for n in range(8))}


async def test_the_newest_revision_counts_and_then_its_newest_edition(items: Items, owner: Owner) -> None:
    saved = await items.save(owner, Kind.POST, "p", 0, {"n": 0})
    await items.edit(owner, Kind.POST, "p", saved.version, {"n": 1}, author="eva")
    saved = await items.save(owner, Kind.POST, "p", 1, {"n": 2})
    assert (await items.newest(owner, Kind.POST, "p")).content == {"n": 2}
    await items.edit(owner, Kind.POST, "p", saved.version, {"n": 3}, author="eva")
    assert (await items.newest(owner, Kind.POST, "p")).content == {"n": 3}


async def test_the_list_holds_each_items_newest_version_in_order(items: Items, owner: Owner) -> None:
    for item in ("a", "b"):
        saved = await items.save(owner, Kind.PERSONA, item, 0, {"n": 0})
    await items.save(owner, Kind.PERSONA, "a", 1, {"n": 1})
    await items.mark(owner, Kind.PERSONA, "b", saved.version, "approved")
    listed = await items.list_newest(owner, Kind.PERSONA)
    assert [(each.item, each.revision) for each in listed] == [("a", 1), ("b", 0)]
    approved = await items.list_newest(owner, Kind.PERSONA, statuses=["approved"])
    assert [each.item for each in approved] == ["b"]


async def test_a_status_of_an_older_version_does_not_list_the_item(items: Items, owner: Owner) -> None:
    await items.save(owner, Kind.POST, "p", 0, {"n": 0}, status=ItemStatus.REJECTED)
    await items.save(owner, Kind.POST, "p", 1, {"n": 1})
    assert await items.list_newest(owner, Kind.POST, statuses=["rejected"]) == []


async def test_a_mark_changes_its_version_alone(items: Items, owner: Owner) -> None:
    saved = await items.save(owner, Kind.POST, "p", 0, {"n": 0})
    await items.save(owner, Kind.POST, "p", 1, {"n": 1})
    await items.mark(owner, Kind.POST, "p", saved.version, "approved")
    assert [each.status for each in await items.history(owner, Kind.POST, "p")] == ["approved", "draft"]


async def test_a_version_is_known_by_its_content_too(items: Items, owner: Owner) -> None:
    saved = await items.save(owner, Kind.POST, "p", 0, {"n": 0})
    with pytest.raises(NotFound):
        await items.get(owner, Kind.POST, "p", {**saved.version, "hash": "f" * 64})


async def test_an_edit_is_made_of_the_version_that_was_looked_at_though_there_are_newer_ones(
    items: Items, owner: Owner
) -> None:
    saved = await items.save(owner, Kind.POST, "p", 0, {"n": 0}, model="gemini/x")
    await items.save(owner, Kind.POST, "p", 1, {"n": 1}, model="gemini/y")
    edited = await items.edit(owner, Kind.POST, "p", saved.version, {"n": 2}, author="eva")
    assert (edited.revision, edited.edition, edited.model) == (0, 1, "gemini/x")


async def test_an_item_of_another_organization_is_answered_as_an_unknown_one(
    items: Items, owner: Owner, stranger: Owner
) -> None:
    saved = await items.save(owner, Kind.POST, "p", 0, {"secret": True})
    unknown = dataclasses.replace(stranger, run_id="no-such-run")
    messages = []
    for who in (stranger, unknown):
        with pytest.raises(NotFound) as caught:
            await items.newest(who, Kind.POST, "p")
        messages.append(str(caught.value))
        with pytest.raises(NotFound):
            await items.mark(who, Kind.POST, "p", saved.version, "approved")
        with pytest.raises(NotFound):
            await items.edit(who, Kind.POST, "p", saved.version, {"n": 1}, author="eva")
    assert messages[0] == messages[1]
    assert await items.list_newest(stranger, Kind.POST) == []
    assert await items.history(stranger, Kind.POST, "p") == []
    assert (await items.newest(owner, Kind.POST, "p")).status == "draft"


async def test_two_organizations_with_the_same_run_id_do_not_meet(
    items: Items, owner: Owner, stranger: Owner
) -> None:
    assert owner.run_id == stranger.run_id
    await items.save(owner, Kind.POST, "p", 0, {"of": "owner"})
    theirs = await items.save(stranger, Kind.POST, "p", 0, {"of": "stranger"})
    assert theirs.content == {"of": "stranger"}
    assert (await items.newest(owner, Kind.POST, "p")).content == {"of": "owner"}


async def test_an_item_of_another_run_is_unknown(items: Items, owner: Owner) -> None:
    await items.save(owner, Kind.POST, "p", 0, {"n": 0})
    with pytest.raises(NotFound):
        await items.newest(dataclasses.replace(owner, run_id="run-2"), Kind.POST, "p")


async def test_nul_and_lone_surrogates_in_content_do_not_lose_the_content(items: Items, owner: Owner) -> None:
    content = {"a\x00": "x\x00y", "list": ["\ud800z", {"pair": "\ud83d\ude00"}]}
    saved = await items.save(owner, Kind.POST, "p\x00", 0, content)
    assert saved.item not in {"p", "p\x00"}
    assert original_json(saved.content) == {"a\x00": "x\x00y", "list": ["\ud800z", {"pair": "😀"}]}
    assert saved.content_hash == content_hash(saved.content)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), date(2027, 1, 1), object()])
async def test_content_that_is_no_plain_json_is_refused_as_bad_input(
    items: Items, owner: Owner, value: object
) -> None:
    with pytest.raises(InvalidInput, match="not plain JSON"):
        await items.save(owner, Kind.POST, "p", 0, {"value": value})


async def test_a_name_with_nul_is_unknown_and_no_crash(items: Items, owner: Owner) -> None:
    with pytest.raises(NotFound):
        await items.newest(dataclasses.replace(owner, run_id="r\x00\ud800"), Kind.POST, "\x00\udfff")


async def test_earlier_topics_are_those_of_the_companys_other_runs(
    items: Items, owner: Owner, stranger: Owner
) -> None:
    other = dataclasses.replace(owner, run_id="run-0")
    await items.save(other, Kind.TOPIC, "t1", 0, TOPIC, status=ItemStatus.APPROVED)
    await items.save(other, Kind.TOPIC, "t2", 0, {**TOPIC, "title": "Zamítnuté"}, status=ItemStatus.REJECTED)
    await items.save(owner, Kind.TOPIC, "t1", 0, {**TOPIC, "title": "Naše"})
    await items.save(dataclasses.replace(stranger, run_id="run-9"), Kind.TOPIC, "t1", 0, TOPIC)
    earlier = await items.earlier_topics(owner, company_id=owner.company_id)
    assert [(each.title, each.focus_keyword, each.planned_date, each.run_id) for each in earlier] == [
        ("Jak vybrat kávu", "výběrová káva", date(2027, 1, 5), "run-0")
    ]


async def test_earlier_topics_go_by_the_newest_version(items: Items, owner: Owner) -> None:
    other = dataclasses.replace(owner, run_id="run-0")
    await items.save(other, Kind.TOPIC, "t1", 0, TOPIC, status=ItemStatus.REJECTED)
    await items.save(other, Kind.TOPIC, "t1", 1, {**TOPIC, "title": "Nové"}, status=ItemStatus.APPROVED)
    assert [each.title for each in await items.earlier_topics(owner, company_id=owner.company_id)] == ["Nové"]


async def test_another_organizations_company_shows_no_topics(
    items: Items, owner: Owner, stranger: Owner
) -> None:
    await items.save(owner, Kind.TOPIC, "t1", 0, TOPIC, status=ItemStatus.APPROVED)
    elsewhere = dataclasses.replace(stranger, run_id="run-9")
    assert await items.earlier_topics(elsewhere, company_id=owner.company_id) == []


async def test_planned_posts_are_counted_for_the_month_and_other_runs_only(
    items: Items, owner: Owner
) -> None:
    other = dataclasses.replace(owner, run_id="run-0")
    for item, day, status in [
        ("t1", "2027-01-31", "approved"),
        ("t2", "2027-01-01", "approved"),
        ("t3", "2027-02-01", "approved"),
        ("t4", "2027-01-09", "draft"),
    ]:
        await items.save(other, Kind.TOPIC, item, 0, {**TOPIC, "plannedDate": day}, status=ItemStatus(status))
    await items.save(owner, Kind.TOPIC, "t1", 0, TOPIC, status=ItemStatus.APPROVED)
    count = items.planned_count
    assert await count(owner.organization_id, owner.company_id, "2027-01", exclude_run=owner.run_id) == 2
    assert await count("org-2", owner.company_id, "2027-01", exclude_run=owner.run_id) == 0
