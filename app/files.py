"""Pictures and clips that a review shows, for whoever holds their address."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from domain.errors import InvalidInput, NotFound
from store.content.file_links import FileLinks
from store.content.files import FileStore, shown_as
from store.content.items import Items

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})", re.ASCII)


class NoSuchPart(InvalidInput):
    """A file has no byte of those that were asked for; ``details["size"]`` is how many it has."""


@dataclass(frozen=True)
class OpenedFile:
    """Bytes ``first`` to ``last``, both included, of ``size``; ``partial`` where a part of them was asked for."""

    name: str
    media_type: str
    size: int
    first: int
    last: int
    partial: bool
    body: AsyncIterator[bytes]


class SharedFiles:
    """Opens files by their addresses.

    Args:
        links: Reads addresses.
        items: Say whether the organization still has the file.
        files: Where files are.
    """

    def __init__(self, links: FileLinks, items: Items, files: FileStore) -> None:
        self._links = links
        self._items = items
        self._files = files

    async def open(self, token: str, wanted: str, now: datetime) -> OpenedFile:
        """Open a file, or the part of it that a ``Range`` header names; a header that is not understood counts as none.

        Raises:
            NotFound: The address was not made here or is too old, or the organization has no such file any more.
            NoSuchPart: The file has no such part.
            StoreUnavailable: The file store or the database does not answer.
        """
        shared = self._links.read(token, now)
        media_type = shared and shown_as(shared.key)
        if not shared or not media_type or not await self._items.has_file(shared.organization, shared.key):
            raise NotFound("There is no such file, or its address is too old.")
        size = await self._files.size(shared.key)
        part = _part(wanted, size)
        first, last = part or (0, size - 1)
        body = self._files.stream(shared.key, first, last)
        name = shared.key.rpartition("/")[2]
        return OpenedFile(name, media_type, size, first, last, part is not None, body)


def _part(wanted: str, size: int) -> tuple[int, int] | None:
    """Read the header as RFC 9110 has it: ``bytes=0-99``, ``bytes=100-``, ``bytes=-100``."""
    found = _RANGE.fullmatch(wanted.strip())
    if found is None or not any(found.groups()):
        return None
    begin, end = found.groups()
    first = int(begin) if begin else max(0, size - int(end))
    last = min(int(end), size - 1) if begin and end else size - 1
    if begin and end and int(begin) > int(end):
        return None
    if first >= size:
        raise NoSuchPart(f"The file has {size} bytes.", size=size)
    return first, last
