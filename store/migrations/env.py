"""What Alembic runs for each command; the connection comes from ``store.migrations``."""

from __future__ import annotations

from alembic import context

from store.migrations.scope import is_ours
from store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_name=is_ours,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
