"""The month read from PostgreSQL and the file store, and written under a full disk."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.calls import TemplateRef
from domain.errors import NotFound
from exports.package.collect import collect
from exports.package.model import MonthPackage
from exports.package.write import write
from prompts.files import shipped
from prompts.registry import Prompts
from store.content.decisions import Decided, Decisions, DecisionState
from store.content.files import FileStore
from store.content.items import Items, ItemStatus, Kind, Owner
from store.content.reviews import Outcome, Reviews
from store.content.run_record import RunRecord
from store.content.runs import Runs
from store.content.tenants import Tenants
from store.database import Database
from store.money.ledger import Ledger
from tests.handover_month import DNA, PERSONAS, PLATFORMS, WEBSITE, MemoryFiles, month

TEMPLATE = TemplateRef("BLOGPOST_GEN_V1", 1, "cd" * 32)


async def read(database: Database, owner: Owner) -> MonthPackage:
    prompts = Prompts(database)
    await prompts.sync_shipped()
    return await collect(
        owner,
        {kind: await Items(database).list_newest(owner, kind) for kind in Kind},
        decisions=Decisions(database),
        reviews=Reviews(database),
        runs=Runs(database),
        tenants=Tenants(database),
        ledger=Ledger(database, default_limit_micro=1_000_000),
        prompts=prompts,
    )


@pytest.fixture
async def run(database: Database, files: FileStore, owner: Owner) -> MonthPackage:
    """A stored run; returns the package that its rows were made from."""
    source = MemoryFiles()
    package = month(source)
    await Runs(database).create(
        RunRecord(
            owner.run_id,
            owner.organization_id,
            owner.company_id,
            "2027-01",
            "ultimate",
            {
                "company": "Pražírna U Mlýna",
                "website": WEBSITE,
                "language": "cs",
                "platforms": list(PLATFORMS),
            },
            "1",
            sandbox=True,
        )
    )
    await _store_texts(Items(database), owner, package)
    await _store_media(Items(database), owner, package, source, files)
    return package


async def _store_texts(items: Items, owner: Owner, package: MonthPackage) -> None:
    await items.save(owner, Kind.DNA, "dna", 0, DNA, status=ItemStatus.APPROVED)
    for item, content in PERSONAS.items():
        await items.save(owner, Kind.PERSONA, item, 0, content, status=ItemStatus.APPROVED)
    for post in package.posts:
        await items.save(owner, Kind.TOPIC, post.item, 0, post.topic.content, status=ItemStatus.APPROVED)
        status = "dropped" if post.item == "t04" else "packaged"
        await items.save(
            owner, Kind.POST, post.item, 0, post.post, template=TEMPLATE, status=ItemStatus(status)
        )
        for social in post.social:
            content = {
                "platform": social.platform,
                "textContent": social.text,
                "hashtags": list(social.hashtags),
                "ctaText": social.call_to_action,
                "caption": social.caption,
                "length": social.length,
                "limit": social.limit,
            }
            await items.save(owner, Kind.SOCIAL, social.item, 0, content, status=ItemStatus.APPROVED)


async def _store_media(
    items: Items, owner: Owner, package: MonthPackage, source: MemoryFiles, files: FileStore
) -> None:
    for post in package.posts:
        for image in post.images:
            content: dict[str, Any] = {
                "kind": "image",
                "post": post.item,
                "key": await files.put(source.stored[image.key], "image/png"),
                "mediaType": "image/png",
                "aspectRatio": image.aspect_ratio,
                "altText": image.alt_text,
                "prompt": image.prompt,
                "negativePrompt": image.negative_prompt,
                "provider": "nanobana",
                "model": "imagen-3",
                "platforms": list(image.platforms),
            }
            await items.save(owner, Kind.ASSET, image.item, 0, content, status=ItemStatus.APPROVED)
        if post.video:
            content = {
                "kind": "video",
                "post": post.item,
                "key": await files.put(source.stored[post.video.key], "video/mp4"),
                "thumbnailKey": None,
                "mediaType": "video/mp4",
                "seconds": 1.0,
                "aspectRatio": "9:16",
                "prompt": "",
                "provider": "veo",
                "model": "veo-3",
            }
            await items.save(owner, Kind.ASSET, post.video.item, 0, content, status=ItemStatus.APPROVED)


async def test_what_is_approved_is_read_in_the_order_of_its_days(
    run: MonthPackage, database: Database, owner: Owner
) -> None:
    package = await read(database, owner)
    assert [post.item for post in package.posts] == ["t01", "t02", "t03"]
    assert package.posts[0].post == run.posts[0].post
    assert [social.platform for social in package.posts[0].social] == sorted(PLATFORMS)
    assert {image.aspect_ratio for image in package.posts[0].images} == {"1:1", "2:3", "9:16", "16:9"}
    assert package.posts[0].video
    assert package.company.name == "Pražírna U Mlýna"
    assert package.sandbox is True
    assert len(package.personas) == 4
    assert package.dna


async def test_what_is_not_approved_is_named_among_the_outcomes(
    run: MonthPackage, database: Database, owner: Owner
) -> None:
    reviews = Reviews(database)
    dropped = Decided("packages", "t04", 0, 0, "drop", "", "jana@agentura.cz", reason="Nehodí se.")
    await Decisions(database).record(owner, [replace(dropped, state=DecisionState.ACCEPTED)])
    await reviews.record_outcome(
        owner, Outcome("asset", "t02.video", 0, "skipped", "FEATURE_NOT_AVAILABLE", "Tarif ho nemá.")
    )
    await reviews.record_outcome(
        owner, Outcome("post", "t01", 0, "failed", "AI_BAD_OUTPUT", "Prázdné.", "spent")
    )
    outcomes = {(outcome.kind, outcome.item): outcome for outcome in (await read(database, owner)).outcomes}
    assert set(outcomes) == {("post", "t04"), ("asset", "t02.video")}
    assert (outcomes["post", "t04"].status, outcomes["post", "t04"].reason) == ("dropped", "Nehodí se.")
    assert outcomes["asset", "t02.video"].code == "FEATURE_NOT_AVAILABLE"


async def test_prompt_versions_come_with_the_hash_of_the_text_that_asked(
    run: MonthPackage, database: Database, owner: Owner
) -> None:
    package = await read(database, owner)
    text = next(one for one in shipped() if (one.code, one.language) == ("BLOGPOST_GEN_V1", "cs"))
    assert [(p.code, p.version, p.content_hash) for p in package.prompts] == [
        ("BLOGPOST_GEN_V1", 1, text.content_hash)
    ]


async def test_another_organizations_run_is_answered_as_an_unknown_one(
    run: MonthPackage, database: Database, stranger: Owner
) -> None:
    with pytest.raises(NotFound):
        await read(database, stranger)


async def test_the_same_rows_make_the_same_bytes(
    run: MonthPackage, database: Database, owner: Owner, files: FileStore, tmp_path: Path
) -> None:
    first = await write(await read(database, owner), files, tmp_path / "first")
    second = await write(await read(database, owner), files, tmp_path / "second")
    assert first.paths == second.paths
    for path in first.paths:
        assert (tmp_path / "first" / path).read_bytes() == (tmp_path / "second" / path).read_bytes(), path


_UNDER_A_LIMIT = """
import asyncio, json, resource, sys
from dataclasses import replace
from pathlib import Path
from domain.errors import PostHubError
from exports.package.write import write
from tests.handover_month import MemoryFiles, month
files = MemoryFiles()
package = replace(month(files), tier="changed")
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    asyncio.run(write(package, files, Path(sys.argv[1])))
except PostHubError as error:
    sys.stdout.write(json.dumps(error.as_json() | {"next_step": error.next_step}))
"""


@pytest.mark.parametrize("limit", [0, 2_000, 60_000])
async def test_a_disk_that_takes_no_more_leaves_the_old_package_untouched(limit: int, tmp_path: Path) -> None:
    files = MemoryFiles()
    package = month(files)
    out = tmp_path / "out"
    await write(package, files, out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    ended = subprocess.run(
        [sys.executable, "-c", _UNDER_A_LIMIT, str(out), str(limit)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert json.loads(ended.stdout)["code"] == "STORAGE_FULL", ended.stderr
    assert "nothing is lost" in json.loads(ended.stdout)["next_step"]
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]
    await write(replace(package, tier="changed"), files, out)
    assert json.loads((out / "manifest.json").read_text())["tier"] == "changed"
