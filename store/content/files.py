"""Images and videos: content-addressed and written once, in a local folder or in a cloud's store."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError
from obstore.store import LocalStore, ObjectStore, from_url

from domain.errors import InfrastructureError, InvalidInput, NotFound, StorageFull, StoreUnavailable
from store.folders import make_private

_EXTENSIONS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "video/quicktime": "mov",
    "text/plain": "txt",
    "text/html": "html",
    "application/json": "json",
}
_SHOWN = {extension: kind for kind, extension in _EXTENSIONS.items() if kind.startswith(("image/", "video/"))}
_CHUNK = 1 << 20
_CLOUDS = {"s3", "s3a", "gs", "az", "azure", "adl", "abfs", "abfss"}
_KEY = re.compile(r"[0-9a-f]{2}/[0-9a-f]{64}\.[a-z0-9]+")
_FULL = re.compile(r"os error (27|28|122)\b")
"""EFBIG, ENOSPC and EDQUOT as obstore words them."""


class FileStore:
    """Files named by the SHA-256 of their content.

    Args:
        url: A path, ``file:///folder``, ``s3://…``, ``gs://…`` or ``az://…``. A missing folder is made.

    Raises:
        InvalidInput: The address is of no kind that is known.
        StoreUnavailable: The folder cannot be made.
    """

    def __init__(self, url: str) -> None:
        self._place = _shown(url)
        try:
            self._store = _open(url)
        except (BaseError, OSError, ValueError) as error:
            reason = _reason(error).replace(url, self._place)
            raise StoreUnavailable(
                f"The file store {self._place} cannot be opened: {reason}.",
                next_step="Check that the folder or bucket exists and may be written to.",
            ) from error

    async def put(self, data: bytes, media_type: str) -> str:
        """Store bytes and return their key, ``<2 hex>/<sha256>.<extension>``. Storing them again is no error.

        Raises:
            StorageFull: There is no space left; nothing half-written is kept.
            StoreUnavailable: The store does not answer, or may not be written to.
        """
        key = await asyncio.to_thread(file_key, data, media_type)
        try:
            await self._store.put_async(key, data, mode="create")
        except AlreadyExistsError:
            return key
        except BaseError as error:
            raise self._failure(error) from error
        return key

    async def get(self, key: str) -> bytes:
        """Return a file's bytes.

        Raises:
            NotFound: There is no file of this key.
            StoreUnavailable: The store does not answer.
        """
        _check(key)
        try:
            answer = await self._store.get_async(key)
            return bytes(await answer.bytes_async())
        except (NotFoundError, FileNotFoundError) as error:
            raise _missing(key) from error
        except BaseError as error:
            raise self._failure(error) from error

    async def size(self, key: str) -> int:
        """Return how many bytes a file has. Raises as `get`."""
        _check(key)
        try:
            return int((await self._store.head_async(key))["size"])
        except (NotFoundError, FileNotFoundError) as error:
            raise _missing(key) from error
        except BaseError as error:
            raise self._failure(error) from error

    async def stream(self, key: str, first: int, last: int) -> AsyncIterator[bytes]:
        """Yield a file's bytes from ``first`` to ``last``, both included, a little at a time. Raises as `get`."""
        _check(key)
        try:
            for start in range(first, last + 1, _CHUNK):
                end = min(start + _CHUNK, last + 1)
                yield bytes(await self._store.get_range_async(key, start=start, end=end))
        except (NotFoundError, FileNotFoundError) as error:
            raise _missing(key) from error
        except BaseError as error:
            raise self._failure(error) from error

    async def exists(self, key: str) -> bool:
        """Tell whether a file is there.

        Raises:
            StoreUnavailable: The store does not answer.
        """
        if not _KEY.fullmatch(key):
            return False
        try:
            await self._store.head_async(key)
        except (NotFoundError, FileNotFoundError):
            return False
        except BaseError as error:
            raise self._failure(error) from error
        return True

    async def delete(self, key: str) -> None:
        """Delete a file; one that is not there is no error.

        Raises:
            StoreUnavailable: The store does not answer, or may not be written to.
        """
        _check(key)
        try:
            await self._store.delete_async(key)
        except (NotFoundError, FileNotFoundError):
            return
        except BaseError as error:
            raise self._failure(error) from error

    def _failure(self, error: BaseError) -> InfrastructureError:
        if _FULL.search(str(error)):
            return StorageFull(
                f"There is no space left in the file store {self._place}.",
                next_step="Free space there, then resume: what was saved is kept.",
            )
        return StoreUnavailable(
            f"The file store {self._place} cannot be used: {_reason(error)}.",
            next_step="Check that it is there and may be read and written, then resume.",
        )


def file_key(data: bytes, media_type: str) -> str:
    """Return the key under which these bytes are stored; an unknown media type gets ``bin``."""
    digest = hashlib.sha256(data).hexdigest()
    extension = _EXTENSIONS.get(media_type.split(";")[0].strip().lower(), "bin")
    return f"{digest[:2]}/{digest}.{extension}"


def shown_as(key: str) -> str | None:
    """Return the media type of a picture or clip, by its key; None for what browsers must not be shown."""
    return _SHOWN.get(key.rpartition(".")[2])


def _open(url: str) -> ObjectStore:
    parts = urlsplit(url)
    if parts.scheme == "file":
        return LocalStore(make_private(Path(unquote(parts.path))))
    if "://" not in url:
        return LocalStore(make_private(Path(url).expanduser().absolute()))
    if parts.scheme not in _CLOUDS:
        raise InvalidInput(
            f"{_shown(url)!r} is no address of a file store.",
            next_step="Use a folder's path, or an s3://, gs:// or az:// address.",
        )
    return from_url(url)


def _shown(url: str) -> str:
    """Return the address without user, password and query, which may hold keys."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rsplit('@', 1)[-1]}{parts.path}"


def _reason(error: BaseException) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0][:200].rstrip(".")


def _check(key: str) -> None:
    if not _KEY.fullmatch(key):
        raise _missing(key)


def _missing(key: str) -> NotFound:
    return NotFound(f"There is no file {key[:80]!r} in the file store.")
