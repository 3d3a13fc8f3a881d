"""Signed addresses of pictures and clips: what they open, for how long, and for whom they open nothing."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.files import NoSuchPart, OpenedFile, SharedFiles
from domain.errors import NotFound
from domain.stages import Kind
from store.content.file_links import LIFETIME, ROUTE, FileLinks
from store.content.files import FileStore
from store.content.items import Items, Owner
from store.content.run_record import RunRecord
from store.content.runs import Runs
from store.database import Database
from store.folders import kept_secret

BASE = "https://desk.example"
LINKS = FileLinks(b"k" * 32, BASE)
NOW = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
CLIP = bytes(range(256)) * 5_000


def token(key: str, organization: str = "org-1", *, links: FileLinks = LINKS, at: datetime = NOW) -> str:
    return links.address(organization, key, at).removeprefix(f"{BASE}{ROUTE}")


@pytest.fixture
async def clip(database: Database, files: FileStore, owner: Owner) -> str:
    run = RunRecord(owner.run_id, owner.organization_id, owner.company_id, "2027-01", "pro", {}, "1")
    await Runs(database).create(run)
    key = await files.put(CLIP, "video/mp4")
    poster = await files.put(b"poster", "image/png")
    await Items(database).save(owner, Kind.ASSET, "t01.video", 0, {"key": key, "thumbnailKey": poster})
    return key


@pytest.fixture
def shared(database: Database, files: FileStore) -> SharedFiles:
    return SharedFiles(LINKS, Items(database), files)


async def body(opened: OpenedFile) -> bytes:
    return b"".join([chunk async for chunk in opened.body])


async def test_an_address_opens_its_file_for_a_week_and_is_the_same_all_day(
    shared: SharedFiles, clip: str
) -> None:
    assert token(clip) == token(clip, at=NOW + timedelta(hours=14))
    opened = await shared.open(token(clip), "", NOW + LIFETIME)
    assert (opened.media_type, opened.size, opened.partial) == ("video/mp4", len(CLIP), False)
    assert await body(opened) == CLIP
    with pytest.raises(NotFound):
        await shared.open(token(clip), "", NOW + LIFETIME + timedelta(days=1))


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-99", 0, 99),
        ("bytes=100-", 100, len(CLIP) - 1),
        ("bytes=-256", len(CLIP) - 256, len(CLIP) - 1),
        (f"bytes=5-{len(CLIP) * 9}", 5, len(CLIP) - 1),
        (f"bytes=-{len(CLIP) * 9}", 0, len(CLIP) - 1),
        ("bytes=0-0", 0, 0),
    ],
)
async def test_a_player_gets_the_part_that_it_asks_for(
    shared: SharedFiles, clip: str, header: str, first: int, last: int
) -> None:
    opened = await shared.open(token(clip), header, NOW)
    assert (opened.first, opened.last, opened.partial) == (first, last, True)
    assert await body(opened) == CLIP[first : last + 1]


async def test_a_range_that_is_none_is_left_out_of_account_and_one_beyond_the_end_is_refused(
    shared: SharedFiles, clip: str
) -> None:
    for header in (
        "bytes=-",
        "bytes=9-3",
        "bytes=0-1,5-6",
        "lines=0-1",
        "bytes=a-b",
        "bytes=²-",
        "bytes=" + "9" * 99,
    ):
        assert not (await shared.open(token(clip), header, NOW)).partial
    for header in (f"bytes={len(CLIP)}-", "bytes=-0"):
        with pytest.raises(NoSuchPart) as refused:
            await shared.open(token(clip), header, NOW)
        assert refused.value.details["size"] == len(CLIP)


async def test_whatever_is_not_exactly_an_address_of_ours_opens_nothing(
    shared: SharedFiles, clip: str, files: FileStore, stranger: Owner
) -> None:
    good = token(clip)
    changed = [good[:at] + ("A" if good[at] != "A" else "B") + good[at + 1 :] for at in range(len(good) - 1)]
    page = await files.put(b"<script>", "text/html")
    wrong = {
        *changed,
        *("", ".", "..", "../../etc/passwd", clip, good.partition(".")[0], f"{good}.x", "ž.ž", "\udcff.x"),
        token(clip, links=FileLinks(b"other" * 8, BASE)),
        token(clip, "org-2"),
        token("../../../etc/passwd"),
        token("../secret.png"),
        token(page),
        token(f"{clip[:-3]}png"),
    }
    for each in wrong:
        with pytest.raises(NotFound):
            await shared.open(each, "", NOW)
    assert (await shared.open(good, "", NOW)).size == len(CLIP)


def test_without_a_servers_address_there_is_none_and_nothing_shows_the_secret() -> None:
    assert FileLinks(b"k" * 32, "").address("org-1", "ab/cd.png", NOW) == ""
    assert "kkk" not in repr(LINKS)


def test_the_secret_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    place = tmp_path / "home" / "file-links.key"
    first = kept_secret(place)
    assert len(first) == 32
    assert kept_secret(place) == first
    assert oct(place.stat().st_mode)[-3:] == "600"
    assert os.listdir(place.parent) == [place.name]
