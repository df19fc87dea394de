"""Punches that can never arrive, as ranges; and streams by their id alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the table and the index."""
    op.create_table(
        "gaps",
        sa.Column("terminal_id", sa.String(length=40), nullable=False),
        sa.Column("stream_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("found_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["terminal_id"], ["terminals.terminal_id"], name=op.f("fk_gaps_terminal_id")),
        sa.PrimaryKeyConstraint("terminal_id", "stream_id", "first_seq", name=op.f("pk_gaps")),
    )
    op.create_index(op.f("ix_streams_stream_id"), "streams", ["stream_id"], unique=False)
