from __future__ import annotations

import hashlib
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest
import yaml
from PIL import Image

from domain.content.media_file import media_type_of
from domain.content.platforms import platform
from domain.errors import InvalidInput, NotFound
from exports.formats.pictures import as_jpeg
from exports.package.model import MonthPackage, PostPackage
from exports.package.write import write
from tests.handover_month import MemoryFiles, month, picture


@pytest.fixture
def files() -> MemoryFiles:
    return MemoryFiles()


@pytest.fixture
def package(files: MemoryFiles) -> MonthPackage:
    return month(files)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def renamed(package: MonthPackage, slugs: list[str]) -> MonthPackage:
    posts = [
        replace(
            post,
            post={**post.post, "slug": slug},
            topic=replace(post.topic, content={**post.topic.content, "plannedDate": "2027-01-05"}),
        )
        for post, slug in zip(package.posts, slugs, strict=False)
    ]
    return replace(package, posts=tuple(posts))


def read_json(path: Path) -> dict[str, Any]:
    value = json.loads(path.read_text("utf-8"))
    assert isinstance(value, dict)
    return value


async def test_the_package_holds_every_post_as_page_text_data_captions_and_media(
    package: MonthPackage, files: MemoryFiles, tmp_path: Path
) -> None:
    written = await write(package, files, tmp_path / "out")
    first = "posts/2027-01-05-vyberova-kava-doma"
    assert {path for path in written.paths if path.startswith(first)} == {
        *(f"{first}/post.{kind}" for kind in ("md", "html", "json")),
        *(
            f"{first}/social/{code}.{kind}"
            for code in ("instagram", "linkedin", "twitter", "facebook", "tiktok", "pinterest")
            for kind in ("txt", "json")
        ),
        *(f"{first}/media/image-{ratio}.png" for ratio in ("1x1", "2x3", "9x16", "16x9")),
        f"{first}/media/image-9x16.jpg",  # TikTok takes no PNG
        f"{first}/media/video.mp4",
        f"{first}/media/video-poster.png",
    }
    assert written.index == tmp_path / "out" / "index.html"
    assert set(written.paths) == set(contents(tmp_path / "out"))


async def test_a_second_export_is_byte_identical(
    package: MonthPackage, files: MemoryFiles, tmp_path: Path
) -> None:
    await write(package, files, tmp_path / "first")
    await write(package, files, tmp_path / "second")
    assert contents(tmp_path / "first") == contents(tmp_path / "second")


async def test_an_export_over_an_earlier_one_leaves_nothing_of_it(
    package: MonthPackage, files: MemoryFiles, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    await write(package, files, out)
    await write(replace(package, posts=package.posts[1:]), files, out)
    await write(replace(package, posts=package.posts[1:]), files, tmp_path / "fresh")
    assert contents(out) == contents(tmp_path / "fresh")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["fresh", "out"]


async def test_the_manifest_has_the_right_hash_and_size_of_every_other_file(
    package: MonthPackage, files: MemoryFiles, tmp_path: Path
) -> None:
    await write(package, files, tmp_path / "out")
    found = contents(tmp_path / "out")
    listed = json.loads(found.pop("manifest.json"))["files"]
    assert listed == {
        path: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} for path, data in found.items()
    }


async def test_the_manifest_names_ids_prompts_models_cost_and_approvals(
    package: MonthPackage, files: MemoryFiles, tmp_path: Path
) -> None:
    await write(package, files, tmp_path / "out")
    manifest = read_json(tmp_path / "out" / "manifest.json")
    assert manifest["run_id"] == package.run_id
    assert manifest["prompts"][0] == {"code": "BLOGPOST_GEN_V1", "version": 1, "content_hash": "ab" * 32}
    assert manifest["models"] == ["gemini/gemini-3-flash", "nanobana/imagen-3", "veo/veo-3"]
    assert manifest["costs"]["total_usd"] == "1.874212"
    assert (
        sum(line["cost_micro"] for line in manifest["costs"]["by_provider"])
        == manifest["costs"]["total_micro"]
    )
    sent_back = next(a for a in manifest["approvals"] if a["decision"] == "reject")
    assert sent_back["reason"] == "Chybí srovnání s kávou na kapsle."
    assert manifest["outcomes"][0]["code"] == "FEATURE_NOT_AVAILABLE"
    assert manifest["posts"][0]["provenance"]["template"] == "BLOGPOST_GEN_V1@1"
    assert manifest["counts"]["social_posts"] == 24


async def test_sandbox_output_says_so_on_every_page_and_in_all_data(
    package: MonthPackage, files: MemoryFiles, tmp_path: Path
) -> None:
    written = await write(package, files, tmp_path / "out")
    for path in written.paths:
        text = (tmp_path / "out" / path).read_bytes()
        if path.endswith(".html"):
            assert b'<p class="sandbox"' in text, path
            assert b"SANDBOX" in text
        elif path.endswith(".json"):
            assert json.loads(text)["sandbox"] is True, path
        elif path.endswith("post.md"):
            assert b"\nsandbox: true\n" in text


async def test_real_output_is_not_called_sandbox(files: MemoryFiles, tmp_path: Path) -> None:
    written = await write(month(files, sandbox=False), files, tmp_path / "out")
    assert read_json(tmp_path / "out" / "manifest.json")["sandbox"] is False
    for path in written.paths:
        if path.endswith((".html", ".md")):
            text = (tmp_path / "out" / path).read_text("utf-8")
            assert 'class="sandbox"' not in text
            assert "sandbox: true" not in text


async def test_the_article_names_its_persona_as_author_for_machines(
    package: MonthPackage, files: MemoryFiles, tmp_path: Path
) -> None:
    await write(package, files, tmp_path / "out")
    page = (tmp_path / "out/posts/2027-01-05-vyberova-kava-doma/post.html").read_text("utf-8")
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    assert found
    posting, questions = json.loads(found[1])["@graph"]
    assert posting["@type"] == "BlogPosting"
    assert posting["author"]["@type"] == "Person"
    assert posting["author"]["name"] == "Alžběta Dvořáková"
    assert posting["headline"] == package.posts[0].post["title"]
    assert posting["datePublished"] == "2027-01-05T00:00:00+01:00"
    assert {image["digitalSourceType"] for image in posting["image"]} == {
        "https://schema.org/TrainedAlgorithmicMediaDigitalSource"
    }
    for image in posting["image"]:
        assert (tmp_path / "out/posts/2027-01-05-vyberova-kava-doma" / image["contentUrl"]).is_file()
    assert questions["@type"] == "FAQPage"
    assert len(questions["mainEntity"]) == 2
    assert questions["mainEntity"][0]["acceptedAnswer"]["text"].startswith("Nejlépe chutná")


async def test_the_markdown_has_front_matter_that_yaml_reads(
    package: MonthPackage, files: MemoryFiles, tmp_path: Path
) -> None:
    await write(package, files, tmp_path / "out")
    text = (tmp_path / "out/posts/2027-01-13-kava-do-kancelare/post.md").read_text("utf-8")
    _, front, body = text.split("---\n", 2)
    values = yaml.safe_load(front)
    assert values["title"] == package.posts[1].post["title"]
    assert (values["date"], values["author"], values["wordCount"]) == ("2027-01-13", "Tomáš Říha", 1677)
    assert body.count("\n## ") == 7
    assert "![Bílý hrnek" in body


async def test_a_caption_is_exported_exactly_as_it_is_sent(
    package: MonthPackage, files: MemoryFiles, tmp_path: Path
) -> None:
    await write(package, files, tmp_path / "out")
    for social in package.posts[0].social:
        path = tmp_path / "out/posts/2027-01-05-vyberova-kava-doma/social" / f"{social.platform}.txt"
        assert path.read_bytes() == social.caption.encode()


async def test_the_page_shows_each_network_with_its_counter_and_its_pictures_words(
    package: MonthPackage, files: MemoryFiles, tmp_path: Path
) -> None:
    await write(package, files, tmp_path / "out")
    page = (tmp_path / "out/index.html").read_text("utf-8")
    twitter = next(s for s in package.posts[0].social if s.platform == "twitter")
    assert f"<span>{twitter.length} / 280</span>" in page
    assert page.count('<figure class="social') == 24
    assert "<b>#vyberovakava</b>" in page
    assert page.count("Bílý hrnek s kávou") >= 16
    assert 'poster="posts/2027-01-05-vyberova-kava-doma/media/video-poster.png"' in page
    assert "Mudrc" in page
    assert "1,433512 USD" in page


async def test_everything_that_a_page_shows_lies_in_the_package(
    package: MonthPackage, files: MemoryFiles, tmp_path: Path
) -> None:
    written = await write(package, files, tmp_path / "out")
    for page in (path for path in written.paths if path.endswith(".html")):
        text = (tmp_path / "out" / page).read_text("utf-8")
        shown = re.findall(r'(?:src|poster)="([^"]+)"', text)
        assert shown
        for address in shown:
            assert (tmp_path / "out" / page).parent.joinpath(address).is_file(), address


async def test_the_pages_speak_english_where_the_month_does(
    package: MonthPackage, files: MemoryFiles, tmp_path: Path
) -> None:
    await write(replace(package, language="en"), files, tmp_path / "out")
    page = (tmp_path / "out/index.html").read_text("utf-8")
    assert '<html lang="en">' in page
    assert "January 2027" in page
    assert "$1.87" in page


async def test_both_languages_have_the_same_labels() -> None:
    from exports.page.render import load_labels

    def shape(value: Any) -> Any:
        return {key: shape(item) for key, item in value.items()} if isinstance(value, dict) else None

    czech, english = dict(load_labels("cs")), dict(load_labels("en"))
    assert set(czech.pop("names")) == set(english.pop("names"))
    assert shape(czech) == shape(english)
    assert load_labels("de") == load_labels("en")


async def test_posts_of_one_day_and_one_slug_get_folders_of_their_own(
    package: MonthPackage, files: MemoryFiles, tmp_path: Path
) -> None:
    await write(renamed(package, ["kava", "KAVA", "Káva", "kava-2"]), files, tmp_path / "out")
    folders = sorted(path.name for path in (tmp_path / "out/posts").iterdir())
    assert folders == [f"2027-01-05-kava{suffix}" for suffix in ("", "-2", "-2-2", "-3")]


@pytest.mark.parametrize(
    "slug", ["../../../escape", "/etc/passwd", "..\\..\\x", "CON", "a\x00b", "x" * 400, "."]
)
async def test_a_hostile_slug_stays_inside_the_package(
    slug: str, package: MonthPackage, files: MemoryFiles, tmp_path: Path
) -> None:
    await write(renamed(package, [slug]), files, tmp_path / "out")
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]
    (folder,) = (tmp_path / "out/posts").iterdir()
    assert len(folder.name.encode()) < 100


async def test_a_page_dressed_up_as_a_picture_is_left_out_and_said_so(
    package: MonthPackage, files: MemoryFiles, tmp_path: Path
) -> None:
    svg = files.add(b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "png")
    post = package.posts[0]
    bad = replace(post, images=(replace(post.images[0], key=svg), *post.images[1:]))
    await write(replace(package, posts=(bad,)), files, tmp_path / "out")
    manifest = read_json(tmp_path / "out/manifest.json")
    assert len(manifest["posts"][0]["images"]) == 3
    assert manifest["outcomes"][-1]["code"] == "MEDIA_NOT_SAFE"
    assert manifest["outcomes"][-1]["item"] == "t01.image.16x9"
    assert not any(b"onload" in data for data in contents(tmp_path / "out").values())


async def test_media_are_the_providers_own_bytes_and_can_be_played(
    package: MonthPackage, files: MemoryFiles, tmp_path: Path
) -> None:
    await write(package, files, tmp_path / "out")
    media = tmp_path / "out/posts/2027-01-05-vyberova-kava-doma/media"
    wide = next(image for image in package.posts[0].images if image.aspect_ratio == "16:9")
    assert (media / "image-16x9.png").read_bytes() == files.stored[wide.key]
    with Image.open(media / "image-16x9.png") as picture_file:
        assert picture_file.size == (64, 36)
    with av.open(io.BytesIO((media / "video.mp4").read_bytes())) as film:
        assert film.streams.video[0].frames == 10


async def test_a_month_without_anything_approved_is_still_a_package(
    package: MonthPackage, files: MemoryFiles, tmp_path: Path
) -> None:
    bare = replace(package, dna=None, personas=(), topics=(), posts=(), approvals=(), prompts=())
    written = await write(bare, files, tmp_path / "out")
    assert written.paths == ("index.html", "manifest.json")
    assert "Žádný schválený článek" in written.index.read_text("utf-8")


async def test_a_post_with_only_its_required_fields_is_shown(
    package: MonthPackage, files: MemoryFiles, tmp_path: Path
) -> None:
    post: PostPackage = package.posts[0]
    sparse = replace(
        post,
        post={"title": "Jen titulek", "sections": [{"content": "Text."}]},
        topic=replace(post.topic, content={"title": "Jen titulek"}),
        persona_item=None,
        social=tuple(replace(s, platform="mastodon", limit=0) for s in post.social[:1]),
        images=(),
        video=None,
    )
    personas = tuple(replace(p, content={"characterName": "Eva"}) for p in package.personas[:1])
    written = await write(replace(package, posts=(sparse,), personas=personas), files, tmp_path / "out")
    assert "posts/undated-jen-titulek/social/mastodon.txt" in written.paths
    assert "Jen titulek" in written.index.read_text("utf-8")


async def test_a_missing_media_file_stops_the_export_and_leaves_the_old_package(
    package: MonthPackage, files: MemoryFiles, tmp_path: Path
) -> None:
    await write(package, files, tmp_path / "out")
    before = contents(tmp_path / "out")
    files.stored.clear()
    with pytest.raises(NotFound):
        await write(replace(package, tier="pro"), files, tmp_path / "out")
    assert contents(tmp_path / "out") == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]


async def test_a_folder_of_someone_else_is_never_overwritten(
    package: MonthPackage, files: MemoryFiles, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "diplomka.docx").write_bytes(b"x")
    with pytest.raises(InvalidInput, match="no package of PostHub") as refused:
        await write(package, files, tmp_path / "out")
    assert "--out" in refused.value.next_step
    assert contents(tmp_path / "out") == {"diplomka.docx": b"x"}


@pytest.mark.parametrize("manifest", [b"{", b"[]", b'{"format": "other"}', b"[" * 100_000, b"\xff"])
async def test_a_folder_with_a_foreign_manifest_is_no_package_of_ours(
    manifest: bytes, package: MonthPackage, files: MemoryFiles, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "manifest.json").write_bytes(manifest)
    with pytest.raises(InvalidInput):
        await write(package, files, tmp_path / "out")
    assert contents(tmp_path / "out") == {"manifest.json": manifest}


@pytest.mark.parametrize("path", ["poznamky.txt", "posts/2027-01-05-vyberova-kava-doma/post.md"])
async def test_what_a_person_added_or_changed_in_a_package_is_not_thrown_away(
    path: str, package: MonthPackage, files: MemoryFiles, tmp_path: Path
) -> None:
    await write(package, files, tmp_path / "out")
    (tmp_path / "out" / path).write_text("moje úpravy", "utf-8")
    with pytest.raises(InvalidInput, match=re.escape(path)):
        await write(package, files, tmp_path / "out")
    assert (tmp_path / "out" / path).read_text("utf-8") == "moje úpravy"


async def test_the_litter_of_a_file_manager_does_not_stop_an_export(
    package: MonthPackage, files: MemoryFiles, tmp_path: Path
) -> None:
    await write(package, files, tmp_path / "out")
    (tmp_path / "out" / ".DS_Store").write_bytes(b"x")
    await write(package, files, tmp_path / "out")
    assert not (tmp_path / "out" / ".DS_Store").exists()


async def test_an_empty_folder_is_filled(package: MonthPackage, files: MemoryFiles, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    await write(package, files, tmp_path / "out")
    assert (tmp_path / "out" / "index.html").is_file()


async def test_a_place_that_is_a_file_is_refused_in_one_line(
    package: MonthPackage, files: MemoryFiles, tmp_path: Path
) -> None:
    (tmp_path / "out").write_bytes(b"x")
    for place in (tmp_path / "out", tmp_path / "out" / "deeper"):
        with pytest.raises(InvalidInput) as refused:
            await write(package, files, place)
        assert "\n" not in str(refused.value)
        assert str(tmp_path) not in str(refused.value)
    assert (tmp_path / "out").read_bytes() == b"x"


def test_pictures_of_the_fixture_have_the_asked_ratio() -> None:
    with Image.open(io.BytesIO(picture(("#a4552d", "#f1e6cf"), (2, 3), 90))) as image:
        assert image.size == (60, 90)


async def test_a_network_that_takes_no_png_is_handed_a_jpeg_of_the_same_picture(
    package: MonthPackage, files: MemoryFiles, tmp_path: Path
) -> None:
    written = await write(package, files, tmp_path / "out")
    for social in (path for path in written.paths if "/social/" in path and path.endswith(".json")):
        refused = platform(Path(social).stem).refused_media
        folder = (tmp_path / "out" / social).parents[1]
        for image in read_json(tmp_path / "out" / social)["images"]:
            assert media_type_of((folder / image["path"]).read_bytes()) not in refused
    first = tmp_path / "out" / "posts/2027-01-05-vyberova-kava-doma" / "media"
    with Image.open(first / "image-9x16.png") as made, Image.open(first / "image-9x16.jpg") as handed:
        assert (handed.format, handed.size, handed.mode) == ("JPEG", made.size, "RGB")


def test_what_is_transparent_in_a_picture_is_white_in_its_jpeg_and_what_is_broken_has_none() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(out, "PNG")
    jpeg = as_jpeg(out.getvalue())
    assert jpeg is not None and jpeg == as_jpeg(out.getvalue())
    with Image.open(io.BytesIO(jpeg)) as picture:
        assert picture.getpixel((4, 4)) == (255, 255, 255)
    assert as_jpeg(out.getvalue()[:40]) is None
