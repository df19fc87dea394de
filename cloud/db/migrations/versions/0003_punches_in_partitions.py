"""On PostgreSQL, punches by hash of the terminal: writers meet less, and a part is vacuumed at a time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

PARTS = 8
"""The key of a punch begins with its terminal, so that it stays unique across the parts."""


def upgrade() -> None:
    """SQLite has no partitions and one writer: nothing to do there."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("ALTER TABLE punches RENAME TO punches_whole")
    op.execute("CREATE TABLE punches (LIKE punches_whole INCLUDING DEFAULTS) PARTITION BY HASH (terminal_id)")
    for part in range(PARTS):
        op.execute(
            f"CREATE TABLE punches_part_{part} PARTITION OF punches "
            f"FOR VALUES WITH (MODULUS {PARTS}, REMAINDER {part})"
        )
    op.execute("INSERT INTO punches SELECT * FROM punches_whole")
    op.execute("DROP TABLE punches_whole")
    op.create_primary_key(op.f("pk_punches"), "punches", ["terminal_id", "stream_id", "seq"])
    op.create_index(op.f("ix_punches_person_id_at_ms"), "punches", ["person_id", "at_ms"])
    op.create_index(op.f("ix_punches_at_ms"), "punches", ["at_ms"])
    op.create_index(op.f("ix_punches_received_ms"), "punches", ["received_ms"])
    op.create_index("ix_punches_undated", "punches", ["received_ms"], postgresql_where=sa.text("clock = 0"))
