"""One ZIP of everything that is kept about a company, which GDPR calls a copy of the data."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from domain.errors import InvalidInput, StorageFull


@contextmanager
def new_archive(out: Path) -> Iterator[ZipFile]:
    """Open a ZIP that appears whole or not at all, for its owner alone.

    Raises:
        InvalidInput: There is something of that name.
        StorageFull: It cannot be written.
    """
    if out.exists():
        raise InvalidInput(f"{out} is there already.", next_step="Choose another file with --out.")
    part = out.with_name(f".{out.name}.posthub-{secrets.token_hex(4)}")
    try:
        with (
            os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file,
            ZipFile(file, "w", ZIP_DEFLATED) as archive,
        ):
            yield archive
        part.rename(out)
    except OSError as error:
        raise StorageFull(
            f"{out} cannot be written: {error.strerror or error}.",
            next_step="Choose another place with --out.",
        ) from error
    finally:
        part.unlink(missing_ok=True)
