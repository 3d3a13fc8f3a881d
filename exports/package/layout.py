"""Where in the package each thing lies, and which media bytes may lie there at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from exports.formats.pictures import needs_jpeg
from exports.package.model import MonthPackage, PostPackage
from exports.package.names import Names, iso_day, safe_name


@dataclass(frozen=True)
class PackagedFile:
    """One media file; ``path`` is relative to the package and has forward slashes."""

    key: str
    path: str
    media_type: str
    sha256: str
    size: int

    @property
    def inside_post(self) -> str:
        """Path relative to the post's own folder, as ``post.html`` and ``post.md`` need it."""
        return "/".join(self.path.split("/")[2:])


@dataclass
class Layout:
    """Folders by post item, media files by (post item, asset item), thumbnails by post item.

    ``jpegs`` are pictures once more, for networks that refuse the format in which they were made.
    """

    folders: Mapping[str, str]
    media: dict[tuple[str, str], PackagedFile] = field(default_factory=dict)
    thumbnails: dict[str, PackagedFile] = field(default_factory=dict)
    jpegs: dict[tuple[str, str], PackagedFile] = field(default_factory=dict)

    def image(self, post: str, asset: str) -> PackagedFile:
        return self.media[(post, asset)]

    def image_for(self, code: str, post: str, asset: str) -> PackagedFile:
        """The picture in a format that a network takes."""
        made = self.image(post, asset)
        return self.jpegs.get((post, asset), made) if needs_jpeg(made.media_type, (code,)) else made

    def video(self, post: PostPackage) -> PackagedFile | None:
        return self.media.get((post.item, post.video.item)) if post.video else None


def plan(package: MonthPackage) -> Layout:
    """Give every post its folder ``posts/<date>-<slug>``, in the order of the package."""
    names = Names()
    return Layout({post.item: f"posts/{names.take(_folder(post))}" for post in package.posts})


def _folder(post: PostPackage) -> str:
    text = str(post.post.get("slug") or "") or str(post.post.get("title") or "")
    day = iso_day(post.topic.content.get("plannedDate"))
    return f"{day}-{safe_name(text, safe_name(post.item, 'post'))}"
