"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table."""
    _people()
    _rules()
    _calendar()
    _terminals()
    _punches()
    _office()
    _derived()
    _users()


def _people() -> None:
    op.create_table(
        "departments",
        sa.Column("department_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("parent_id", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["departments.department_id"], name=op.f("fk_departments_parent_id")
        ),
        sa.PrimaryKeyConstraint("department_id", name=op.f("pk_departments")),
        sa.UniqueConstraint("name", name=op.f("uq_departments_name")),
    )
    op.create_table(
        "groups",
        sa.Column("group_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("week", sa.JSON(), nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("group_id", name=op.f("pk_groups")),
    )
    op.create_table(
        "people",
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("employee_no", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("pinyin", sa.String(length=400), server_default="", nullable=False),
        sa.Column("department_id", sa.String(length=40), nullable=False),
        sa.Column("group_id", sa.String(length=40), nullable=True),
        sa.Column("site", sa.String(length=64), nullable=True),
        sa.Column("language", sa.String(length=8), server_default="zh", nullable=False),
        sa.Column("email", sa.String(length=200), nullable=True),
        sa.Column("hire_date", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("pin_hash", sa.String(length=200), nullable=True),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["department_id"], ["departments.department_id"], name=op.f("fk_people_department_id")
        ),
        sa.ForeignKeyConstraint(["group_id"], ["groups.group_id"], name=op.f("fk_people_group_id")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_people")),
        sa.UniqueConstraint("employee_no", name=op.f("uq_people_employee_no")),
    )
    op.create_index(op.f("ix_people_department_id"), "people", ["department_id"], unique=False)
    op.create_table(
        "exemptions",
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("last", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.person_id"], name=op.f("fk_exemptions_person_id")),
        sa.PrimaryKeyConstraint("person_id", "first", name=op.f("pk_exemptions")),
    )


def _rules() -> None:
    op.create_table(
        "shifts",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_shifts")),
    )
    op.create_table(
        "policies",
        sa.Column("group_id", sa.String(length=40), nullable=False),
        sa.Column("from_date", sa.Date(), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["groups.group_id"], name=op.f("fk_policies_group_id")),
        sa.PrimaryKeyConstraint("group_id", "from_date", name=op.f("pk_policies")),
    )
    op.create_table(
        "roster_entries",
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("known_ms", sa.BigInteger(), nullable=False),
        sa.Column("shifts", sa.JSON(), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.person_id"], name=op.f("fk_roster_entries_person_id")
        ),
        sa.PrimaryKeyConstraint("person_id", "date", "known_ms", name=op.f("pk_roster_entries")),
    )
    op.create_table(
        "locks",
        sa.Column("lock_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("reopen", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("lock_id", name=op.f("pk_locks")),
    )
    op.create_index(op.f("ix_locks_month"), "locks", ["month"], unique=False)


def _calendar() -> None:
    op.create_table(
        "calendar_days",
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("half", sa.String(length=2), nullable=True),
        sa.Column("shift_of", sa.String(length=3), nullable=True),
        sa.Column("name", sa.String(length=200), server_default="", nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("date", name=op.f("pk_calendar_days")),
    )
    op.create_table(
        "calendar_years",
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("year", name=op.f("pk_calendar_years")),
    )
    op.create_table(
        "leave_types",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name_zh", sa.String(length=64), nullable=False),
        sa.Column("name_en", sa.String(length=64), nullable=False),
        sa.Column("symbol", sa.String(length=4), nullable=False),
        sa.Column("count", sa.String(length=16), server_default="workday", nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_leave_types")),
    )


def _terminals() -> None:
    op.create_table(
        "terminals",
        sa.Column("terminal_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("claimed_ms", sa.BigInteger(), nullable=False),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=True),
        sa.Column("online", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("last_seen_ms", sa.BigInteger(), nullable=True),
        sa.Column("watermark_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("state", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("terminal_id", name=op.f("pk_terminals")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_terminals_token_hash")),
    )
    op.create_table(
        "claim_codes",
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("used_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_claim_codes")),
    )
    op.create_table(
        "streams",
        sa.Column("terminal_id", sa.String(length=40), nullable=False),
        sa.Column("stream_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("highest", sa.BigInteger(), nullable=False),
        sa.Column("contiguous", sa.BigInteger(), nullable=False),
        sa.Column("first_ms", sa.BigInteger(), nullable=False),
        sa.Column("hole_since_ms", sa.BigInteger(), nullable=True),
        sa.Column("claimed_highest", sa.BigInteger(), nullable=True),
        sa.Column("claimed_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["terminal_id"], ["terminals.terminal_id"], name=op.f("fk_streams_terminal_id")
        ),
        sa.PrimaryKeyConstraint("terminal_id", "stream_id", name=op.f("pk_streams")),
    )
    op.create_table(
        "boots",
        sa.Column("terminal_id", sa.String(length=40), nullable=False),
        sa.Column("stream_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("boot", sa.Integer(), nullable=False),
        sa.Column("offset_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["terminal_id"], ["terminals.terminal_id"], name=op.f("fk_boots_terminal_id")
        ),
        sa.PrimaryKeyConstraint("terminal_id", "stream_id", "boot", name=op.f("pk_boots")),
    )


def _punches() -> None:
    op.create_table(
        "punches",
        sa.Column("terminal_id", sa.String(length=40), nullable=False),
        sa.Column("stream_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("punch_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("wall_ms", sa.BigInteger(), nullable=False),
        sa.Column("monotonic_ms", sa.BigInteger(), nullable=False),
        sa.Column("boot", sa.Integer(), nullable=False),
        sa.Column("clock", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("method", sa.Integer(), nullable=False),
        sa.Column("direction", sa.Integer(), nullable=False),
        sa.Column("score_milli", sa.Integer(), nullable=True),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("terminal_id", "stream_id", "seq", name=op.f("pk_punches")),
    )
    op.create_index(op.f("ix_punches_at_ms"), "punches", ["at_ms"], unique=False)
    op.create_index(op.f("ix_punches_person_id_at_ms"), "punches", ["person_id", "at_ms"], unique=False)
    op.create_index(op.f("ix_punches_received_ms"), "punches", ["received_ms"], unique=False)
    op.create_table(
        "quarantine",
        sa.Column("quarantine_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("topic", sa.String(length=200), nullable=False),
        sa.Column("terminal_id", sa.String(length=40), nullable=True),
        sa.Column("stream_id", sa.LargeBinary(length=16), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=True),
        sa.Column("resolved_ms", sa.BigInteger(), nullable=True),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.PrimaryKeyConstraint("quarantine_id", name=op.f("pk_quarantine")),
        sa.UniqueConstraint("digest", name=op.f("uq_quarantine_digest")),
    )
    op.create_index(op.f("ix_quarantine_person_id"), "quarantine", ["person_id"], unique=False)
    op.create_index(
        op.f("ix_quarantine_terminal_id_stream_id_seq"),
        "quarantine",
        ["terminal_id", "stream_id", "seq"],
        unique=False,
    )


def _office() -> None:
    op.create_table(
        "office_records",
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("source_id", sa.String(length=100), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("unit", sa.String(length=16), nullable=False),
        sa.Column("leave_type", sa.String(length=40), nullable=True),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("last", sa.Date(), nullable=False),
        sa.Column("approved_ms", sa.BigInteger(), nullable=True),
        sa.Column("known_ms", sa.BigInteger(), nullable=False),
        sa.Column("remark", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.person_id"], name=op.f("fk_office_records_person_id")
        ),
        sa.PrimaryKeyConstraint("source", "source_id", "version", name=op.f("pk_office_records")),
    )
    op.create_index(
        op.f("ix_office_records_person_id_first_last"),
        "office_records",
        ["person_id", "first", "last"],
        unique=False,
    )


def _derived() -> None:
    op.create_table(
        "attendance_days",
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("result", sa.LargeBinary(), nullable=False),
        sa.Column("input_hash", sa.LargeBinary(length=16), nullable=False),
        sa.Column("rule_version", sa.String(length=64), nullable=False),
        sa.Column("judged_ms", sa.BigInteger(), nullable=False),
        sa.Column("settles_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("person_id", "date", name=op.f("pk_attendance_days")),
    )
    op.create_index(op.f("ix_attendance_days_date"), "attendance_days", ["date"], unique=False)
    op.create_index(
        "ix_attendance_days_open",
        "attendance_days",
        ["settles_ms"],
        unique=False,
        sqlite_where=sa.text("state != 'final'"),
        postgresql_where=sa.text("state != 'final'"),
    )
    op.create_table(
        "day_changes",
        sa.Column("change_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.String(length=200), nullable=False),
        sa.Column("difference", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("change_id", name=op.f("pk_day_changes")),
    )
    op.create_index(op.f("ix_day_changes_person_id_date"), "day_changes", ["person_id", "date"], unique=False)
    op.create_table(
        "stale_days",
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("cause", sa.String(length=200), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("mark", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("person_id", "date", name=op.f("pk_stale_days")),
    )
    op.create_index(op.f("ix_stale_days_since_ms"), "stale_days", ["since_ms"], unique=False)
    op.create_table(
        "coverage",
        sa.Column("coverage_id", sa.Integer(), nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("last", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("coverage_id", name=op.f("pk_coverage")),
    )


def _users() -> None:
    op.create_table(
        "users",
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("department_id", sa.String(length=40), nullable=True),
        sa.Column("person_id", sa.String(length=40), nullable=True),
        sa.Column("language", sa.String(length=8), server_default="zh", nullable=False),
        sa.Column("disabled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(
            ["department_id"], ["departments.department_id"], name=op.f("fk_users_department_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.person_id"], name=op.f("fk_users_person_id")),
        sa.PrimaryKeyConstraint("login", name=op.f("pk_users")),
    )
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("csrf", sa.String(length=64), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["login"], ["users.login"], name=op.f("fk_sessions_login")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sessions")),
    )
    op.create_table(
        "api_tokens",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("name", name=op.f("uq_api_tokens_name")),
    )
    op.create_table(
        "audit",
        sa.Column("audit_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("target", sa.String(length=200), server_default="", nullable=False),
        sa.Column("detail", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("audit_id", name=op.f("pk_audit")),
    )
