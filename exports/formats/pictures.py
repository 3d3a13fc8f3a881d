"""Pictures in the format that a network takes."""

from __future__ import annotations

import io

from PIL import Image, UnidentifiedImageError

from domain.content.platforms import platforms

_QUALITY = 92
_MOST_PIXELS = 50_000_000


def needs_jpeg(media_type: str, codes: tuple[str, ...]) -> bool:
    """Whether one of these platforms refuses pictures of this type."""
    return any(media_type in one.refused_media for one in platforms() if one.code in codes)


def as_jpeg(content: bytes) -> bytes | None:
    """Return a picture as JPEG, on white where it is transparent; the same bytes each time.

    None where it cannot be decoded, or is larger than any network takes.
    """
    try:
        with Image.open(io.BytesIO(content)) as picture:
            if picture.width * picture.height > _MOST_PIXELS:
                return None
            opaque = Image.new("RGB", picture.size, "white")
            shown = picture.convert("RGBA")
            opaque.paste(shown, mask=shown.getchannel("A"))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        return None
    out = io.BytesIO()
    opaque.save(out, "JPEG", quality=_QUALITY, optimize=True)
    return out.getvalue()
