"""Tables. Facts are only ever added; what is derived from them can be made anew at any time.

Instants are integer ms since 1970 UTC (``*_ms``), dates are local to the firm.
Facts: punches, office_records, roster_entries, people, shifts, groups, policies, calendar_days.
Derived: attendance_days. Work lists: stale_days, late_days, quarantine.
Frozen when a month is closed, and never changed: closed_days, closed_people, closed_adjustments.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# -- people ------------------------------------------------------------------------------------------------

departments = Table(
    "departments",
    metadata,
    Column("department_id", String(40), primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("parent_id", ForeignKey("departments.department_id")),
)

groups = Table(
    "groups",
    metadata,
    Column("group_id", String(40), primary_key=True),
    Column("name", String(200), nullable=False),
    # {"mon": "DAY", ...}; a missing weekday is off (rule D1).
    Column("week", JSON, nullable=False),
    Column("is_default", Boolean, nullable=False, server_default=text("false")),
)

people = Table(
    "people",
    metadata,
    Column("person_id", String(40), primary_key=True),
    Column("employee_no", String(64), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    # Full pinyin and initials, lower case, for search: "lilei ll".
    Column("pinyin", String(400), nullable=False, server_default=""),
    Column("department_id", ForeignKey("departments.department_id"), nullable=False),
    Column("group_id", ForeignKey("groups.group_id")),
    Column("site", String(64)),
    Column("language", String(8), nullable=False, server_default="zh"),
    Column("email", String(200)),
    Column("hire_date", Date),
    Column("last_day", Date),
    Column("pin_hash", String(200)),
    Column("updated_ms", BigInteger, nullable=False),
    Index(None, "department_id"),
)

exemptions = Table(
    "exemptions",
    metadata,
    Column("person_id", ForeignKey("people.person_id"), primary_key=True),
    Column("first", Date, primary_key=True),
    Column("last", Date, nullable=False),
)

# -- rules as data -----------------------------------------------------------------------------------------

shifts = Table(
    "shifts",
    metadata,
    Column("name", String(64), primary_key=True),
    # As in a case file: {"segments": ["09:00-12:00", ...], "breaks": [...], "flex": {...}, ...}.
    Column("definition", JSON, nullable=False),
)

policies = Table(
    "policies",
    metadata,
    Column("group_id", ForeignKey("groups.group_id"), primary_key=True),
    # 0001-01-01 stands for "since ever".
    Column("from_date", Date, primary_key=True),
    Column("version", String(64), nullable=False),
    # Parameters of docs/reference/rules.md section 4; unnamed ones have their defaults.
    Column("parameters", JSON, nullable=False),
)

roster_entries = Table(
    "roster_entries",
    metadata,
    Column("person_id", ForeignKey("people.person_id"), primary_key=True),
    Column("date", Date, primary_key=True),
    # The newest known entry of a date speaks (D1); the first of a date counts as known since ever.
    Column("known_ms", BigInteger, primary_key=True),
    # Names of shifts, [] = off.
    Column("shifts", JSON, nullable=False),
    Column("zone", String(64)),
)

calendar_days = Table(
    "calendar_days",
    metadata,
    Column("date", Date, primary_key=True),
    # statutory, rest, makeup, half
    Column("kind", String(16), nullable=False),
    Column("half", String(2)),
    Column("shift_of", String(3)),
    Column("name", String(200), nullable=False, server_default=""),
    Column("source", String(200), nullable=False),
)

calendar_years = Table(
    "calendar_years",
    metadata,
    Column("year", Integer, primary_key=True),
    Column("provisional", Boolean, nullable=False),
    Column("source", String(200), nullable=False),
)

leave_types = Table(
    "leave_types",
    metadata,
    Column("code", String(40), primary_key=True),
    Column("name_zh", String(64), nullable=False),
    Column("name_en", String(64), nullable=False),
    # One character for the grid: 年, 事, 病 ...
    Column("symbol", String(4), nullable=False),
    # Which days it counts, workdays or all (J7).
    Column("count", String(16), nullable=False, server_default="workday"),
)

# -- terminals and punches ---------------------------------------------------------------------------------

terminals = Table(
    "terminals",
    metadata,
    Column("terminal_id", String(40), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("site", String(64), nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("claimed_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger),
    Column("online", Boolean, nullable=False, server_default=text("false")),
    Column("last_seen_ms", BigInteger),
    # Every punch made before this instant has been received (S3).
    Column("watermark_ms", BigInteger, nullable=False, server_default="0"),
    # The newest TerminalState, as JSON of models.wire.messages.TerminalState.
    Column("state", Text),
    # Ed25519 public key with which it signs its ledger; null of a terminal that never told one.
    Column("ledger_key", LargeBinary(32)),
)

claim_codes = Table(
    "claim_codes",
    metadata,
    Column("code_hash", String(64), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("site", String(64), nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger),
    # The terminal that is revoked when this code is used, because another machine takes its place.
    Column("replaces", String(40)),
)

# Every certificate a terminal ever got; those neither revoked nor expired are good.
certificates = Table(
    "certificates",
    metadata,
    Column("serial", String(40), primary_key=True),
    Column("terminal_id", ForeignKey("terminals.terminal_id"), nullable=False, index=True),
    # SHA-256 of the certificate, and of its public key.
    Column("fingerprint", String(64), nullable=False),
    Column("key_hash", String(64), nullable=False),
    Column("pem", Text, nullable=False),
    Column("issued_ms", BigInteger, nullable=False),
    Column("not_after_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger),
)

streams = Table(
    "streams",
    metadata,
    Column("terminal_id", ForeignKey("terminals.terminal_id"), primary_key=True),
    Column("stream_id", LargeBinary(16), primary_key=True),
    # Highest seq the terminal spoke of, and the highest up to which nothing is missing.
    Column("highest", BigInteger, nullable=False),
    Column("contiguous", BigInteger, nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    # Since when the punch after ``contiguous`` has been missing; null while nothing is.
    Column("hole_since_ms", BigInteger),
    # The newest word of the terminal that waits for a hole to close: all punches made before
    # ``claimed_ms`` have a seq up to ``claimed_highest``.
    Column("claimed_highest", BigInteger),
    Column("claimed_ms", BigInteger),
    Index(None, "stream_id"),
)

gaps = Table(
    "gaps",
    metadata,
    # Punches that were made and can never arrive; both ends inclusive.
    Column("terminal_id", ForeignKey("terminals.terminal_id"), primary_key=True),
    Column("stream_id", LargeBinary(16), primary_key=True),
    Column("first_seq", BigInteger, primary_key=True),
    Column("last_seq", BigInteger, nullable=False),
    # no_longer_kept, lost
    Column("reason", String(40), nullable=False),
    Column("found_ms", BigInteger, nullable=False),
)

boots = Table(
    "boots",
    metadata,
    Column("terminal_id", ForeignKey("terminals.terminal_id"), primary_key=True),
    Column("stream_id", LargeBinary(16), primary_key=True),
    Column("boot", Integer, primary_key=True),
    # What to add to monotonic time of this boot to get UTC; dates punches made before the clock was set.
    Column("offset_ms", BigInteger, nullable=False),
)

punches = Table(
    "punches",
    metadata,
    Column("terminal_id", String(40), primary_key=True),
    Column("stream_id", LargeBinary(16), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("punch_id", LargeBinary(16), nullable=False),
    Column("person_id", String(40), nullable=False),
    # The terminal's own time, never changed ...
    Column("wall_ms", BigInteger, nullable=False),
    Column("monotonic_ms", BigInteger, nullable=False),
    Column("boot", Integer, nullable=False),
    Column("clock", Integer, nullable=False),
    # ... and the instant the cloud takes it for; equal until a clock is repaired.
    Column("at_ms", BigInteger, nullable=False),
    Column("method", Integer, nullable=False),
    Column("direction", Integer, nullable=False),
    Column("score_milli", Integer),
    Column("received_ms", BigInteger, nullable=False),
    Index(None, "person_id", "at_ms"),
    Index(None, "at_ms"),
    # A copied ledger sends a punch under another key, with the same id. Ids begin with the time they were
    # made at, so new ones go to the end of the index; the terminal is in it for the sake of partitions.
    Index(None, "punch_id", "terminal_id", unique=True),
    # Punches of clocks that were not set: few, whatever the size of the table.
    Index(
        "ix_punches_undated",
        "received_ms",
        sqlite_where=text("clock = 0"),
        postgresql_where=text("clock = 0"),
    ),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("quarantine_id", Integer, primary_key=True, autoincrement=True),
    Column("received_ms", BigInteger, nullable=False),
    Column("topic", String(200), nullable=False),
    Column("terminal_id", String(40)),
    # The place the input would have had, where that much could be read.
    Column("stream_id", LargeBinary(16)),
    Column("seq", BigInteger),
    # malformed, foreign_terminal, key_conflict, unknown_person, ...
    Column("code", String(40), nullable=False),
    Column("reason", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("person_id", String(40)),
    Column("resolved_ms", BigInteger),
    # Of what came, so that input sent again and again waits once.
    Column("digest", LargeBinary(16), nullable=False, unique=True),
    Index(None, "person_id"),
    Index(None, "terminal_id", "stream_id", "seq"),
)

# -- office ------------------------------------------------------------------------------------------------

office_records = Table(
    "office_records",
    metadata,
    Column("source", String(40), primary_key=True),
    Column("source_id", String(100), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("person_id", ForeignKey("people.person_id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("unit", String(16), nullable=False),
    Column("leave_type", String(40)),
    # The body of models.office.OfficeRecord as JSON.
    Column("body", JSON, nullable=False),
    # Local dates the record can touch, both inclusive.
    Column("first", Date, nullable=False),
    Column("last", Date, nullable=False),
    Column("approved_ms", BigInteger),
    Column("known_ms", BigInteger, nullable=False),
    Column("remark", Text),
    Index(None, "person_id", "first", "last"),
)

# -- derived -----------------------------------------------------------------------------------------------

attendance_days = Table(
    "attendance_days",
    metadata,
    Column("person_id", String(40), primary_key=True),
    Column("date", Date, primary_key=True),
    Column("state", String(16), nullable=False),
    # The whole models.attendance.AttendanceDay; cloud.attendance.codec says how.
    Column("result", LargeBinary, nullable=False),
    Column("input_hash", LargeBinary(16), nullable=False),
    Column("rule_version", String(64), nullable=False),
    # The facts it was judged on were read at this instant.
    Column("judged_ms", BigInteger, nullable=False),
    # The end of its window (S1): when time, or a terminal's word, can change it. Null when it is final.
    Column("settles_ms", BigInteger),
    Index(None, "date"),
    # Days that time alone can change: few, whatever the size of the table.
    Index(
        "ix_attendance_days_open",
        "settles_ms",
        sqlite_where=text("state != 'final'"),
        postgresql_where=text("state != 'final'"),
    ),
)

day_changes = Table(
    "day_changes",
    metadata,
    Column("change_id", Integer, primary_key=True, autoincrement=True),
    Column("person_id", String(40), nullable=False),
    Column("date", Date, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    # Which fact made the day be judged again: "punch", "leave", "roster", ...
    Column("cause", String(200), nullable=False),
    # {"field": [before, after], ...}
    Column("difference", JSON, nullable=False),
    Index(None, "person_id", "date"),
)

stale_days = Table(
    "stale_days",
    metadata,
    Column("person_id", String(40), primary_key=True),
    Column("date", Date, primary_key=True),
    Column("cause", String(200), nullable=False),
    # When the newest of the facts that mark it came.
    Column("since_ms", BigInteger, nullable=False),
    # Grows with each new fact: the worker takes only the mark it has seen.
    Column("mark", Integer, nullable=False, server_default="1"),
    Index(None, "since_ms"),
)

coverage = Table(
    "coverage",
    metadata,
    # One row: every employed person has been judged, or marked to be, on every date of this span.
    Column("coverage_id", Integer, primary_key=True),
    Column("first", Date, nullable=False),
    Column("last", Date, nullable=False),
)

# -- who may use the service -------------------------------------------------------------------------------

users = Table(
    "users",
    metadata,
    Column("login", String(64), primary_key=True),
    Column("password_hash", String(200), nullable=False),
    # admin, hr, manager, staff
    Column("role", String(16), nullable=False),
    # Whose days a manager or staff member may see.
    Column("department_id", ForeignKey("departments.department_id")),
    Column("person_id", ForeignKey("people.person_id")),
    Column("language", String(8), nullable=False, server_default="zh"),
    Column("disabled", Boolean, nullable=False, server_default=text("false")),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("login", ForeignKey("users.login"), nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("created_ms", BigInteger, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("audit_id", Integer, primary_key=True, autoincrement=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("target", String(200), nullable=False, server_default=""),
    Column("detail", JSON),
)

# -- periods -----------------------------------------------------------------------------------------------

period_events = Table(
    "period_events",
    metadata,
    # Only ever added to; the last event of a month decides (M4).
    Column("event_id", Integer, primary_key=True, autoincrement=True),
    # "2026-11"
    Column("month", String(7), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    # closed, reopened
    Column("kind", String(8), nullable=False),
    Column("actor", String(64), nullable=False),
    # Why it was reopened.
    Column("reason", Text),
    # SHA-256 of what was frozen, and how much that was; null when reopened.
    Column("hash", String(64)),
    Column("people_n", Integer),
    Column("days_n", Integer),
    Index(None, "month"),
)

closed_days = Table(
    "closed_days",
    metadata,
    Column("event_id", ForeignKey("period_events.event_id"), primary_key=True),
    Column("person_id", String(40), primary_key=True),
    Column("date", Date, primary_key=True),
    # As in attendance_days when the month was closed, as JSON: an auditor can count the hash again.
    Column("result", LargeBinary, nullable=False),
    Column("input_hash", LargeBinary(16), nullable=False),
    Column("judged_ms", BigInteger, nullable=False),
)

closed_people = Table(
    "closed_people",
    metadata,
    Column("event_id", ForeignKey("period_events.event_id"), primary_key=True),
    Column("person_id", String(40), primary_key=True),
    # Whether employed on any date of the month.
    Column("employed", Boolean, nullable=False),
    # SHA-256 of the person's days.
    Column("hash", String(64), nullable=False),
)

closed_adjustments = Table(
    "closed_adjustments",
    metadata,
    # The closing of the month that lists the adjustment; ``date`` is of an earlier one (M5).
    Column("event_id", ForeignKey("period_events.event_id"), primary_key=True),
    Column("person_id", String(40), primary_key=True),
    Column("date", Date, primary_key=True),
    # JSON: exact changes by field, {"leave_days.sick": "1/2"}.
    Column("delta", LargeBinary, nullable=False),
)

late_days = Table(
    "late_days",
    metadata,
    # Days whose result was changed after their month had been closed.
    Column("person_id", String(40), primary_key=True),
    Column("date", Date, primary_key=True),
    Index(None, "date"),
)

signoffs = Table(
    "signoffs",
    metadata,
    # Only ever added to; the newest of a person and month speaks, as long as its hash is that of their days.
    Column("signoff_id", Integer, primary_key=True, autoincrement=True),
    Column("month", String(7), nullable=False),
    Column("person_id", String(40), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    # SHA-256 of the days that were signed.
    Column("hash", String(64), nullable=False),
    # confirmed, objected
    Column("verdict", String(10), nullable=False),
    Column("remark", Text),
    Column("actor", String(64), nullable=False),
    Index(None, "month", "person_id"),
)
