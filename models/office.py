"""OfficeRecord: one version of a leave, trip, outing, overtime, correction or decision.

Words and meaning: docs/reference/rules.md, rules J1-J12, O1, C1-C5.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from models.ids import PersonId


class RecordKind(StrEnum):
    """What the form is about."""

    LEAVE = "leave"
    TRIP = "trip"
    OUTING = "outing"
    OVERTIME = "overtime"
    CORRECTION = "correction"
    DECISION = "decision"


class RecordStatus(StrEnum):
    """Where the form stands; only ``approved`` is in force (J2)."""

    APPROVED = "approved"
    PENDING = "pending"
    REJECTED = "rejected"
    REVOKED = "revoked"


class SpanUnit(StrEnum):
    """How the span of a record is counted (J5, J6)."""

    HOUR = "hour"
    HALF_DAY = "half_day"
    DAY = "day"


class Half(StrEnum):
    """A half of a day: of its required minutes, not of the clock (J5)."""

    AM = "am"
    PM = "pm"


@dataclass(frozen=True, slots=True)
class ClockSpan:
    """``hour`` records: instants in ms since 1970 UTC, half-open."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class DateSpan:
    """``day`` and ``half_day`` records: local dates and halves, both ends inclusive."""

    first: date
    first_half: Half
    last: date
    last_half: Half


@dataclass(frozen=True, slots=True)
class CorrectionBody:
    """A forgotten punch put right (补卡): one edge of one shift. Rules C1-C4."""

    day: date
    side: str  # "in" or "out"
    at_ms: int
    submitted: date | None = None
    shift: str | None = None


@dataclass(frozen=True, slots=True)
class DecisionBody:
    """What HR decided about one date. Rule C5."""

    day: date
    set: str  # "normal", "waive" or "absent"


RecordBody = ClockSpan | DateSpan | CorrectionBody | DecisionBody


@dataclass(frozen=True, slots=True)
class OfficeRecord:
    """One version of one form; (source, source_id) names the form, ``version`` orders its versions (J1).

    Attributes:
        leave_type: type of a leave ("annual", "sick", ...); None for all other kinds.
        unit: how ``body`` is written; corrections and decisions have ``hour`` and it means nothing.
        approved_ms: when it was approved, orders competing records (J9); None means since ever.
        known_ms: when we learnt of this version; it does not exist for any view before (T6).
    """

    source: str
    source_id: str
    version: int
    person_id: PersonId
    kind: RecordKind
    status: RecordStatus
    unit: SpanUnit
    body: RecordBody
    known_ms: int
    leave_type: str | None = None
    approved_ms: int | None = None
