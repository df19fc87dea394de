"""Forms from files: each kind has numbers of its own, so leave 12 and trip 12 are two forms."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Name the source of what was imported by its kind."""
    op.execute("UPDATE office_records SET source = 'file-' || kind WHERE source = 'file'")
