"""Small media files that are whole, for tests that need one or break one."""

from __future__ import annotations

import io
import struct

from PIL import Image


def picture(kind: str = "PNG", size: tuple[int, int] = (4, 4)) -> bytes:
    """A picture in one of Pillow's formats."""
    out = io.BytesIO()
    Image.new("RGB", size, (120, 80, 40)).save(out, kind)
    return out.getvalue()


def box(name: bytes, data: bytes = b"") -> bytes:
    """A box of the MP4 family."""
    return struct.pack(">I4s", 8 + len(data), name) + data


def film(brand: bytes = b"mp42", *others: bytes) -> bytes:
    """The boxes of a film; nobody plays it."""
    head = box(b"ftyp", brand + bytes(4) + b"".join(others))
    return head + box(b"moov", box(b"mvhd", bytes(100))) + box(b"mdat", bytes(64))


PNG = picture()
MP4 = film()
