"""What a media file is by its bytes, whatever its sender says, and whether it is all there."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from domain.tables import load

_PNG = b"\x89PNG\r\n\x1a\n"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG's start-of-frame marks; the three others of the range are tables."""
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_MOST_BOXES = 10_000


def media_type_of(content: bytes) -> str | None:
    """Return the type that a file's first bytes tell; None for all that is no picture and no film, SVG and HTML too.

    A file of the MP4 family is what its brands say: ``video/mp4``, ``video/quicktime``, ``image/avif``, ``image/heic``
    or ``audio/mp4``; one of brands that nobody knows is None.
    """
    if content.startswith(_PNG):
        return "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content[:6] in (b"GIF87a", b"GIF89a"):
        return "image/gif"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    if content[4:8] == b"ftyp":
        return _branded(content)
    return "video/webm" if content.startswith(b"\x1a\x45\xdf\xa3") else None


def extension_of(media_type: str) -> str:
    """File name extension, with its dot, of a picture or film that is handed over."""
    return str(load("domain", "media")["extensions"][media_type])


def lacks(content: bytes) -> str | None:
    """Say what keeps a picture or film from being whole, in words that end a sentence; None where nothing does."""
    kind = media_type_of(content)
    look = _LOOKS.get(kind or "")
    if look is None:
        return "it is no picture and no film of a kind that is known" if kind is None else None
    try:
        return look(content)
    except (struct.error, IndexError):
        return "it is cut off"


def _branded(content: bytes) -> str | None:
    end = min(int.from_bytes(content[:4], "big"), len(content), 1024)
    own, others = content[8:12], [content[at : at + 4] for at in range(16, end - 3, 4)]
    for brand in (own, *others):
        for kind, known in load("domain", "media")["brands"].items():
            if brand.decode("latin-1") in known:
                return str(kind)
    return None


def _png(content: bytes) -> str | None:
    at = len(_PNG)
    seen: list[bytes] = []
    while at + 12 <= len(content):
        size, name = struct.unpack_from(">I4s", content, at)
        data = content[at + 4 : at + 8 + size]
        if at + 12 + size > len(content):
            break
        if zlib.crc32(data) != struct.unpack_from(">I", content, at + 8 + size)[0]:
            return f"its piece {name.decode('latin-1')!r} is damaged"
        if not seen and (name != b"IHDR" or 0 in struct.unpack_from(">II", data, 4)):
            return "its head says no size"
        seen.append(name)
        if name == b"IEND":
            return None if b"IDAT" in seen else "it holds no picture"
        at += 12 + size
    return "it is cut off"


def _jpeg(content: bytes) -> str | None:
    at, sized = 2, False
    while content[at] == 0xFF:
        mark = content[at + 1]
        if mark == 0xFF or mark in _ALONE:
            at += 1 if mark == 0xFF else 2
            continue
        if mark == 0xD9:
            break
        if mark in _FRAMES:
            sized = all(struct.unpack_from(">HH", content, at + 5))
        at += 2 + struct.unpack_from(">H", content, at + 2)[0]
        if mark == 0xDA:
            whole = content.find(b"\xff\xd9", at) >= 0
            return None if whole and sized else "it is cut off" if sized else "its head says no size"
    return "it holds no picture"


def _gif(content: bytes) -> str | None:
    if 0 in struct.unpack_from("<HH", content, 6):
        return "its head says no size"
    return None if content.rstrip(b"\x00").endswith(b";") else "it is cut off"


def _webp(content: bytes) -> str | None:
    if struct.unpack_from("<I", content, 4)[0] + 8 > len(content):
        return "it is cut off"
    return (
        None if content[12:16] in (b"VP8 ", b"VP8L", b"VP8X") and len(content) > 30 else "it holds no picture"
    )


def _mp4(content: bytes) -> str | None:
    names = []
    for name, end in _boxes(content):
        if end > len(content):
            return "it is cut off"
        names.append(name)
    if b"moov" not in names:
        return "it is cut off before its index" if b"mdat" in names else "it holds no film"
    return None if b"mdat" in names or b"moof" in names else "it holds no film"


def _boxes(content: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield name and end of each top-level box."""
    at = 0
    for _ in range(_MOST_BOXES):
        if at >= len(content):
            return
        size, name = struct.unpack_from(">I4s", content, at)
        if size == 1:
            size = struct.unpack_from(">Q", content, at + 8)[0]
        at = len(content) if size == 0 else at + max(size, 8)
        yield name, at


def _webm(content: bytes) -> str | None:
    return None if b"\x18\x53\x80\x67" in content[:4096] and len(content) > 64 else "it is cut off"


_LOOKS = {
    "image/png": _png,
    "image/jpeg": _jpeg,
    "image/gif": _gif,
    "image/webp": _webp,
    "video/mp4": _mp4,
    "video/quicktime": _mp4,
    "video/webm": _webm,
}
