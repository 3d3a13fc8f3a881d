"""Write a new migration after a change in ``store/schema``: ``python -m store.migrations "what changed"``.

It upgrades an empty database on a PostgreSQL of its own, compares, and writes the difference to
``store/migrations/versions``. Read the file before you commit it: renames and data are not found this way.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from store.database import parse_uri
from store.embedded import EmbeddedServers
from store.migrations import new_revision
from store.reading import upgrade


def main(message: str) -> None:
    """Write the migration and say where it is."""
    with tempfile.TemporaryDirectory(prefix="ph-") as folder:
        servers = EmbeddedServers(Path(folder) / "home", need_database=True, need_redis=False)
        try:
            uri = servers.start().database_uri
            asyncio.run(upgrade(uri))
            new_revision(parse_uri(uri), message)
        finally:
            servers.stop()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit('Say what changed: python -m store.migrations "what changed"')
    main(sys.argv[1])
