"""Where in the package each thing lies, and which media bytes may lie there at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from exports.package.model import MonthPackage, PostPackage
from exports.package.names import Names, iso_day, safe_name

_EXTENSIONS: Mapping[str, str] = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
}


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
    """Folders by post item, media files by (post item, asset item), thumbnails by post item."""

    folders: Mapping[str, str]
    media: dict[tuple[str, str], PackagedFile] = field(default_factory=dict)
    thumbnails: dict[str, PackagedFile] = field(default_factory=dict)

    def image(self, post: str, asset: str) -> PackagedFile:
        return self.media[(post, asset)]

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


def media_type(data: bytes) -> str | None:
    """Tell an image or a video by its first bytes; None for everything else, SVG and HTML included."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "image/gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:8] == b"ftyp":
        return "video/mp4"
    return "video/webm" if data.startswith(b"\x1a\x45\xdf\xa3") else None


def extension(kind: str) -> str:
    """File name extension of one of the media types that `media_type` tells."""
    return _EXTENSIONS[kind]
