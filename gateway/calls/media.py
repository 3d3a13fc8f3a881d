"""Media files: told by their first bytes, never by what the sender says, and kept exactly as they came."""

from __future__ import annotations

_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (8, b"WEBP", "image/webp"),
    (4, b"ftyp", "video/mp4"),
)


def media_type_of(content: bytes) -> str | None:
    """Return ``image/png``, ``image/jpeg``, ``image/webp`` or ``video/mp4``; None for anything else."""
    for offset, signature, media_type in _SIGNATURES:
        if content[offset : offset + len(signature)] == signature:
            return media_type
    return None
