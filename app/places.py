"""The place of a package, tried before anything is spent."""

from __future__ import annotations

from pathlib import Path

from exports.package.stage import Stage


def refuse_foreign_out(out: Path) -> None:
    """Try whether a package can be put into a folder, by preparing one and taking it away again.

    Raises:
        InvalidInput: It is a file, holds something that PostHub did not write, or may not be written.
        StorageFull: There is no room for it.
    """
    Stage(out).discard()
