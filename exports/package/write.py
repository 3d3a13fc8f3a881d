"""Writes a month as a folder that a person can open and a system can import."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from domain.content.media_file import extension_of, media_type_of
from domain.tables import load
from exports.formats.article import Labels, markdown
from exports.formats.pictures import as_jpeg, needs_jpeg
from exports.package.layout import Layout, PackagedFile, plan
from exports.package.manifest import as_bytes, manifest, post_json, social_json
from exports.package.model import ImagePackage, MonthPackage, OutcomeEntry, PostPackage
from exports.package.names import Names, safe_name
from exports.package.stage import MANIFEST, Stage
from exports.page.render import index_page, load_labels, post_page
from store.content.reviews import OutcomeStatus

INDEX = "index.html"
JPEG = "image/jpeg"


class Files(Protocol):
    """Where the stored media are read from."""

    async def get(self, key: str) -> bytes: ...


@dataclass(frozen=True)
class Written:
    """What was written: relative paths in order, and the page to open."""

    paths: tuple[str, ...]
    index: Path


async def write(package: MonthPackage, files: Files, out: Path) -> Written:
    """Write the package to the folder ``out``; an earlier package of ours there is replaced as a whole.

    The bytes depend on ``package`` and the stored files alone, so a second export of a run is identical.
    A stored file that is no image or video by its content is left out and listed among the outcomes.

    Raises:
        InvalidInput: ``out`` holds something that PostHub did not write, or may not be written.
        NotFound: A media file is missing in the file store.
        StorageFull: A file could not be written; an earlier package is untouched.
    """
    stage = await asyncio.to_thread(Stage, out)
    try:
        layout = plan(package)
        refused = [entry async for entry in _copy_media(package, files, layout, stage)]
        await asyncio.to_thread(_write_texts, _without(package, refused, layout), layout, stage)
        await asyncio.to_thread(stage.publish)
    finally:
        await asyncio.to_thread(stage.discard)
    return Written(tuple(sorted(stage.written)), stage.out / INDEX)


async def _copy_media(
    package: MonthPackage, files: Files, layout: Layout, stage: Stage
) -> AsyncIterator[OutcomeEntry]:
    for post in package.posts:
        names = Names()
        for item, key, name in _media(post):
            data = await files.get(key)
            kind = media_type_of(data)
            if kind is None or kind not in load("domain", "media")["extensions"]:
                yield _refused(item)
                continue
            folder = f"{layout.folders[post.item]}/media"
            stored = await _put(stage, f"{folder}/{names.take(name, extension_of(kind))}", key, kind, data)
            _remember(layout, post, item, stored)
            if needs_jpeg(kind, _networks(post, item)) and (jpeg := await asyncio.to_thread(as_jpeg, data)):
                path = f"{folder}/{names.take(name, extension_of(JPEG))}"
                layout.jpegs[(post.item, item)] = await _put(stage, path, key, JPEG, jpeg)


async def _put(stage: Stage, path: str, key: str, kind: str, data: bytes) -> PackagedFile:
    await asyncio.to_thread(stage.write, path, data)
    return PackagedFile(key, path, kind, hashlib.sha256(data).hexdigest(), len(data))


def _networks(post: PostPackage, item: str) -> tuple[str, ...]:
    return next((image.platforms for image in post.images if image.item == item), ())


def _media(post: PostPackage) -> list[tuple[str, str, str]]:
    """Return (asset item, key, file name) of everything that the post shows."""
    found = [(image.item, image.key, f"image-{_ratio_name(image)}") for image in post.images]
    if post.video:
        found.append((post.video.item, post.video.key, "video"))
        if post.video.thumbnail_key:
            found.append((_thumbnail(post.video.item), post.video.thumbnail_key, "video-poster"))
    return found


def _ratio_name(image: ImagePackage) -> str:
    return safe_name(image.aspect_ratio.replace(":", "x"), "any")


def _thumbnail(item: str) -> str:
    return f"{item}#thumbnail"


def _remember(layout: Layout, post: PostPackage, item: str, stored: PackagedFile) -> None:
    if post.video and item == _thumbnail(post.video.item):
        layout.thumbnails[post.item] = stored
    else:
        layout.media[(post.item, item)] = stored


def _refused(item: str) -> OutcomeEntry:
    reason = "The stored file is no PNG, JPEG, WebP, GIF, MP4, QuickTime or WebM by its content, so it was left out."
    return OutcomeEntry("asset", item, 0, OutcomeStatus.FAILED, "MEDIA_NOT_SAFE", reason, "spent")


def _without(package: MonthPackage, refused: list[OutcomeEntry], layout: Layout) -> MonthPackage:
    if not refused:
        return package
    posts = tuple(
        replace(
            post,
            images=tuple(image for image in post.images if (post.item, image.item) in layout.media),
            video=post.video if layout.video(post) else None,
        )
        for post in package.posts
    )
    return replace(package, posts=posts, outcomes=(*package.outcomes, *refused))


def _write_texts(package: MonthPackage, layout: Layout, stage: Stage) -> None:
    labels = load_labels(package.language)
    for post in package.posts:
        for path, data in _post_files(package, post, layout, labels).items():
            stage.write(f"{layout.folders[post.item]}/{path}", data)
    stage.write(INDEX, _utf8(index_page(package, layout, labels)))
    stage.write(MANIFEST, as_bytes(manifest(package, layout, dict(stage.written))))


def _post_files(
    package: MonthPackage, post: PostPackage, layout: Layout, labels: Labels
) -> Mapping[str, bytes]:
    files = {
        "post.md": _utf8(markdown(package, post, layout, labels)),
        "post.html": _utf8(post_page(package, post, layout, labels)),
        "post.json": as_bytes(post_json(package, post, layout, labels)),
    }
    names = Names()
    for social in post.social:
        name = names.take(safe_name(social.platform, "social"))
        files[f"social/{name}.txt"] = _utf8(social.caption)
        files[f"social/{name}.json"] = as_bytes(social_json(package, post, social, layout))
    return files


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")
