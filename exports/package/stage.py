"""A folder that appears whole or not at all: written beside its place, then swapped in.

A killed export leaves a hidden ``.<name>.posthub-…`` sibling; the next export into the same place puts back
what was set aside and removes the rest. A living export holds a file lock on its own sibling.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

from domain.errors import InvalidInput, StorageFull

FORMAT = "posthub-month-package"
MANIFEST = "manifest.json"

_OF_THE_SYSTEM = frozenset({".DS_Store", "Thumbs.db", "desktop.ini", ".directory"})
_REFUSED = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EEXIST, errno.ENOENT}
)
_BUILDING, _ASIDE = "new", "old"


class Stage:
    """One export under way. Blocking: call it in a thread.

    Raises:
        InvalidInput: The place is a file, or a folder with something that PostHub did not write.
        StorageFull: A file could not be written; what stood there before still stands.
    """

    def __init__(self, out: Path) -> None:
        self.out = Path(os.path.realpath(out))
        with explained(self.out):
            _check(self.out)
            self.out.parent.mkdir(parents=True, exist_ok=True)
            with _locked(self.out.parent):
                _clean_up(self.out)
                self._folder = _sibling(self.out, _BUILDING)
                self._folder.mkdir()
                self._lock = _lock(self._folder)
        self.written: dict[str, tuple[str, int]] = {}
        # a cancelled export discards while its last thread may still be writing
        self._one_at_a_time = threading.Lock()

    def write(self, path: str, data: bytes) -> None:
        """Write one file; ``path`` is relative, with forward slashes."""
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts:
            raise ValueError(f"{path!r} leaves the package")
        target = self._folder.joinpath(*pure.parts)
        with explained(self.out), self._one_at_a_time:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        self.written[path] = (hashlib.sha256(data).hexdigest(), len(data))

    def publish(self) -> None:
        """Put the written folder in its place; an earlier package is removed only after that."""
        with explained(self.out), self._one_at_a_time, _locked(self.out.parent):
            _check(self.out)
            aside = _sibling(self.out, _ASIDE)
            if self.out.exists():
                self.out.rename(aside)
            self._folder.rename(self.out)
        shutil.rmtree(aside, ignore_errors=True)

    def discard(self) -> None:
        """Let go of the sibling; does nothing to a published folder."""
        with self._one_at_a_time:
            shutil.rmtree(self._folder, ignore_errors=True)
            os.close(self._lock)


@contextlib.contextmanager
def explained(out: Path) -> Iterator[None]:
    """Turn the operating system's refusals into our errors."""
    try:
        yield
    except OSError as failure:
        _explain(failure, out)


def _explain(failure: OSError, out: Path) -> NoReturn:
    why = os.strerror(failure.errno) if failure.errno else type(failure).__name__
    if failure.errno in _REFUSED:
        raise InvalidInput(
            f"The package cannot be written to {out.name}: {why}.",
            next_step="Choose a folder that you may write to with --out.",
        ) from failure
    raise StorageFull(
        f"The package could not be written to {out.name}: {why}.",
        next_step="Free some space, or choose another place with --out, and export again; nothing is lost.",
    ) from failure


def _check(out: Path) -> None:
    if not out.exists():
        return
    if not out.is_dir():
        _refuse(out, "is a file")
    if any(entry.name not in _OF_THE_SYSTEM for entry in out.iterdir()):
        manifest = _manifest(out)
        if manifest is None:
            _refuse(out, "holds files and is no package of PostHub")
        stranger = _stranger(out, manifest)
        if stranger:
            _refuse(out, f"holds {stranger}, which PostHub did not write or which was changed since")


def _refuse(out: Path, why: str) -> NoReturn:
    raise InvalidInput(
        f"{out.name} {why}; nothing was overwritten.",
        next_step="Choose another folder with --out, or move what is there.",
    )


def _manifest(out: Path) -> Mapping[str, Any] | None:
    try:
        manifest = json.loads((out / MANIFEST).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return manifest if isinstance(manifest, dict) and manifest.get("format") == FORMAT else None


def _stranger(out: Path, manifest: Mapping[str, Any]) -> str | None:
    """Return the first file that is not as we wrote it: a person's work is never thrown away."""
    listed = manifest.get("files")
    known = listed if isinstance(listed, dict) else {}
    for folder, _folders, names in os.walk(out):
        for name in sorted(names):
            path = Path(folder, name)
            relative = path.relative_to(out).as_posix()
            if (
                name not in _OF_THE_SYSTEM
                and relative != MANIFEST
                and not _unchanged(path, known.get(relative))
            ):
                return relative
    return None


def _unchanged(path: Path, entry: Any) -> bool:
    if not isinstance(entry, dict) or path.is_symlink() or path.stat().st_size != entry.get("bytes"):
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == entry.get("sha256")


def _sibling(out: Path, role: str) -> Path:
    return out.with_name(f".{out.name}.posthub-{role}-{secrets.token_hex(6)}")


def _clean_up(out: Path) -> None:
    for sibling in sorted(out.parent.glob(f".{_literal(out.name)}.posthub-{_ASIDE}-*")):
        if out.exists():
            shutil.rmtree(sibling, ignore_errors=True)
        else:
            sibling.rename(out)
    for sibling in out.parent.glob(f".{_literal(out.name)}.posthub-{_BUILDING}-*"):
        if _abandoned(sibling):
            shutil.rmtree(sibling, ignore_errors=True)


def _literal(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _lock(folder: Path) -> int:
    descriptor = os.open(folder, os.O_RDONLY)
    with contextlib.suppress(OSError):  # some network file systems know no locks
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def _abandoned(folder: Path) -> bool:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # as in _lock
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
