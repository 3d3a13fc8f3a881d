"""Reading an HTTP body under a cap on its decompressed size, and telling what it really is."""

from __future__ import annotations

import re
import zlib
from collections.abc import AsyncIterator, Collection
from typing import Protocol

from domain.content.media_file import media_type_of

GENERIC_TYPES = frozenset({"", "application/octet-stream", "binary/octet-stream"})
_TEXTUAL = re.compile(r"text/.*|.*[/+](?:xml|json)")
_HTML_START = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S
)
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\x00", "application/x-xz"),
)


_RAW_SLACK = 65_536
"""Bytes a compressed body may be longer than its content: headers, and blocks that did not compress."""


class TooLarge(Exception):
    """The body passed its cap."""


class Undecodable(Exception):
    """The body came in an encoding that was not asked for, broken or cut off; the text says which."""


class _Decoder(Protocol):
    def decode(self, data: bytes, room: int) -> bytes:
        """Return at most ``room`` + 1 decompressed bytes, or more where nothing is compressed."""

    @property
    def ended(self) -> bool:
        """The content is complete by its own account."""


class _Identity:
    ended = False

    def decode(self, data: bytes, room: int) -> bytes:
        return data


class _Inflate:
    """gzip and zlib by zlib itself, which stops at a given output length: a bomb never unfolds."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)

    def decode(self, data: bytes, room: int) -> bytes:
        try:
            return self._inflate.decompress(data, room + 1)
        except zlib.error as error:
            raise Undecodable("its compressed body is broken") from error

    @property
    def ended(self) -> bool:
        return self._inflate.eof


def _decoder(content_encoding: str) -> _Decoder:
    name = content_encoding.strip().lower()
    if name in {"", "identity"}:
        return _Identity()
    if name in {"gzip", "x-gzip", "deflate"}:
        return _Inflate()
    raise Undecodable(f"it answered in the encoding {name[:40]!r}, which was not asked for")


async def read_capped(chunks: AsyncIterator[bytes], content_encoding: str, max_bytes: int) -> bytes:
    """Collect a body of at most ``max_bytes`` decompressed bytes.

    Raises:
        TooLarge: the body goes on past the cap.
        Undecodable: it cannot be decompressed, or ends too early.
    """
    decoder = _decoder(content_encoding)
    body = bytearray()
    received = 0
    async for chunk in chunks:
        received += len(chunk)
        body += decoder.decode(chunk, max_bytes - len(body))
        if len(body) > max_bytes or received > max_bytes + _RAW_SLACK:
            raise TooLarge
        if decoder.ended:
            break
    if isinstance(decoder, _Inflate) and received and not decoder.ended:
        raise Undecodable("its compressed body is cut off")
    return bytes(body)


def sniff(content: bytes) -> str:
    """Media type by the first bytes, ``""`` where they say nothing."""
    if found := media_type_of(content):
        return found
    for signature, media_type in _SIGNATURES:
        if content.startswith(signature):
            return media_type
    return "text/html" if _HTML_START.match(content[:4096]) else ""


def declared_fits(media_type: str, wanted: Collection[str]) -> bool:
    """Does the Content-Type fit? One that says nothing does; ``image/*`` stands for a family."""
    return not wanted or media_type in GENERIC_TYPES or any(_fits(media_type, want) for want in wanted)


def content_fits(sniffed: str, wanted: Collection[str]) -> bool:
    """Do the first bytes fit? Bytes that say nothing do; HTML fits wherever text is wanted."""
    if not wanted or not sniffed:
        return True
    if sniffed == "text/html":
        return any(_TEXTUAL.fullmatch(want) for want in wanted)
    return any(_fits(sniffed, want) for want in wanted)


def _fits(media_type: str, want: str) -> bool:
    return want == media_type or (want.endswith("/*") and media_type.startswith(want[:-1]))
