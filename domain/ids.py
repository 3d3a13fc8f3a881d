"""Identifiers that come out the same when a step is run again."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://posthub.invalid/ids")


def stable_id(*parts: str | int) -> str:
    """Return a UUID that depends on the parts alone, so that a repeated write meets its first one."""
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join(str(part) for part in parts)))


def canonical_json(value: Any) -> str:
    """Serialise plain JSON in one way only: sorted keys, no spaces, UTF-8 as it is."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def content_hash(value: Any) -> str:
    """SHA-256 (hex) of a value's canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode("utf-8", "surrogatepass")).hexdigest()


def part_id(item: str, part: str) -> str:
    """Name a part of an item, such as a topic's post for a platform: ``t01.linkedin``."""
    return f"{item}.{part}"


def whole_of(part: str) -> str:
    """The item that a part belongs to; an item that is no part is itself."""
    return part.partition(".")[0]


def is_part_of(part: str, whole: str) -> bool:
    """Whether an item is a part of another one; none is a part of itself."""
    return part != whole and whole_of(part) == whole


def part_name(part: str) -> str:
    """What a part is called within its item, such as ``linkedin``; empty for an item that is no part."""
    return part.partition(".")[2]


def image_id(post: str, aspect_ratio: str) -> str:
    """Name a post's picture of an aspect ratio ``W:H``: ``t01.image.16x9``."""
    return part_id(post, f"image.{aspect_ratio.replace(':', 'x')}")


def aspect_of(image: str) -> str:
    """The aspect ratio ``W:H`` of a picture."""
    return image.rpartition(".")[2].replace("x", ":")


def video_id(post: str) -> str:
    """Name a post's clip: ``t01.video``."""
    return part_id(post, "video")
