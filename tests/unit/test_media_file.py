"""Media files: what they are by their bytes, and whether they are all there."""

from __future__ import annotations

import pytest

from domain.content.media_file import extension_of, lacks, media_type_of
from domain.tables import load
from tests.media_bytes import MP4, PNG, box, film, picture

JPEG, GIF, WEBP, MOV = picture("JPEG", (40, 40)), picture("GIF"), picture("WEBP", (40, 40)), film(b"qt  ")
WEBM = b"\x1a\x45\xdf\xa3" + bytes(30) + b"\x18\x53\x80\x67" + bytes(100)
WHOLE = {
    "image/png": PNG,
    "image/jpeg": JPEG,
    "image/gif": GIF,
    "image/webp": WEBP,
    "video/mp4": MP4,
    "video/quicktime": MOV,
    "video/webm": WEBM,
}


@pytest.mark.parametrize(("kind", "content"), WHOLE.items())
def test_a_whole_file_is_what_its_bytes_say(kind: str, content: bytes) -> None:
    assert (media_type_of(content), lacks(content)) == (kind, None)
    assert extension_of(kind).startswith(".")


@pytest.mark.parametrize("kind", sorted(set(WHOLE) - {"video/webm"}))
def test_a_file_that_ends_anywhere_earlier_is_not_whole(kind: str) -> None:
    content = WHOLE[kind]
    assert all(lacks(content[:end]) for end in range(len(content)))


@pytest.mark.parametrize("kind", ["image/png", "image/jpeg", "image/gif"])
def test_bytes_behind_a_whole_picture_do_no_harm(kind: str) -> None:
    assert lacks(WHOLE[kind] + b"\x00" * 12) is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (PNG.replace(b"IDAT", b"IDAX"), "damaged"),
        (PNG[:16] + bytes(8) + PNG[24:], "damaged"),
        (PNG[:8] + PNG[-12:], "says no size"),
        (b"\xff\xd8\xff\xd9", "no picture"),
        (JPEG.replace(b"\x00\x28\x00\x28", b"\x00\x00\x00\x28"), "says no size"),
        (GIF[:6] + bytes(4) + GIF[10:], "says no size"),
        (WEBP[:12] + b"JUNK" + WEBP[16:], "no picture"),
        (box(b"ftyp", b"mp42" + bytes(4)) + box(b"mdat", b"film"), "before its index"),
        (box(b"ftyp", b"mp42" + bytes(4)) + box(b"free"), "no film"),
        (box(b"ftyp", b"mp42" + bytes(4)) + box(b"moov"), "no film"),
        (b"<svg/>", "no picture and no film"),
        (b"", "no picture and no film"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(content: bytes, said: str) -> None:
    assert said in str(lacks(content))


@pytest.mark.parametrize("kind", load("domain", "media")["brands"])
def test_every_brand_is_named_as_what_it_is(kind: str) -> None:
    for brand in load("domain", "media")["brands"][kind]:
        assert media_type_of(film(brand.encode())) == kind


def test_a_brand_that_nobody_knows_is_told_by_those_that_it_says_to_be_compatible_with() -> None:
    assert media_type_of(film(b"xyz1", b"abcd", b"isom")) == "video/mp4"
    assert media_type_of(film(b"xyz1")) is None


def test_a_film_may_have_its_index_at_its_end_or_in_pieces_and_a_box_of_eight_bytes_of_size() -> None:
    head = box(b"ftyp", b"iso5" + bytes(4))
    assert lacks(head + box(b"mdat", b"film") + box(b"moov")) is None
    assert lacks(head + box(b"moov") + box(b"moof") + box(b"mdat", b"film")) is None
    assert lacks(head + box(b"moov") + b"\x00\x00\x00\x01mdat" + (20).to_bytes(8, "big") + b"film") is None
    assert lacks(head + box(b"moov") + b"\x00\x00\x00\x00mdat to the end") is None
