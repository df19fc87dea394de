"""Closed months, their adjustments, and signatures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Replace ``locks``, which nothing wrote, by events with what they froze."""
    op.drop_index(op.f("ix_locks_month"), table_name="locks")
    op.drop_table("locks")
    _events()
    _frozen()
    _late()
    op.create_index(
        "ix_punches_undated",
        "punches",
        ["received_ms"],
        unique=False,
        sqlite_where=sa.text("clock = 0"),
        postgresql_where=sa.text("clock = 0"),
    )


def _events() -> None:
    op.create_table(
        "period_events",
        sa.Column("event_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("hash", sa.String(length=64), nullable=True),
        sa.Column("people_n", sa.Integer(), nullable=True),
        sa.Column("days_n", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_period_events")),
    )
    op.create_index(op.f("ix_period_events_month"), "period_events", ["month"], unique=False)
    op.create_table(
        "signoffs",
        sa.Column("signoff_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("verdict", sa.String(length=10), nullable=False),
        sa.Column("remark", sa.Text(), nullable=True),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("signoff_id", name=op.f("pk_signoffs")),
    )
    op.create_index(op.f("ix_signoffs_month_person_id"), "signoffs", ["month", "person_id"], unique=False)


def _frozen() -> None:
    op.create_table(
        "closed_days",
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("result", sa.LargeBinary(), nullable=False),
        sa.Column("input_hash", sa.LargeBinary(length=16), nullable=False),
        sa.Column("judged_ms", sa.BigInteger(), nullable=False),
        _of_event("closed_days"),
        sa.PrimaryKeyConstraint("event_id", "person_id", "date", name=op.f("pk_closed_days")),
    )
    op.create_table(
        "closed_people",
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("employed", sa.Boolean(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        _of_event("closed_people"),
        sa.PrimaryKeyConstraint("event_id", "person_id", name=op.f("pk_closed_people")),
    )
    op.create_table(
        "closed_adjustments",
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("delta", sa.LargeBinary(), nullable=False),
        _of_event("closed_adjustments"),
        sa.PrimaryKeyConstraint("event_id", "person_id", "date", name=op.f("pk_closed_adjustments")),
    )


def _of_event(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["event_id"], ["period_events.event_id"], name=op.f(f"fk_{table}_event_id")
    )


def _late() -> None:
    op.create_table(
        "late_days",
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "date", name=op.f("pk_late_days")),
    )
    op.create_index(op.f("ix_late_days_date"), "late_days", ["date"], unique=False)
