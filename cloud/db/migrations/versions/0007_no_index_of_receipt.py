"""Nobody looks for punches by the time they were received, but for those of clocks that were not set.

An index of them all cost an eighth of what it takes to store a punch.
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Drop it; the small one of undated punches stays."""
    op.drop_index(op.f("ix_punches_received_ms"), table_name="punches")
