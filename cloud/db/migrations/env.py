"""What Alembic runs: the steps, on the connection (and in the transaction) that the caller opened."""

from __future__ import annotations

from alembic import context

from cloud.db.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_type=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
