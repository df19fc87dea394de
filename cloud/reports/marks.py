"""What one cell of a month says of a day: verdicts, at most two of them in sight, in order of time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cloud.attendance.codec import DayBrief
from models.attendance import DayState, DayType, Duty, FindingCode, Flag, Part


class Verdict(StrEnum):
    """Kinds of mark; each has one symbol, one colour and one word everywhere."""

    NORMAL = "normal"
    LATE = "late"
    SERIOUS_LATE = "serious_late"
    EARLY = "early"
    SHORT = "short"
    MISSING = "missing"
    ABSENT = "absent"
    LEAVE = "leave"
    TRIP = "trip"
    OUTING = "outing"
    OVERTIME = "overtime"
    REST = "rest"
    STATUTORY = "statutory"
    EXEMPT = "exempt"
    OPEN = "open"
    PENDING = "pending"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Mark:
    """One verdict. ``leave_type`` only with ``LEAVE``: its symbol is the type's own."""

    verdict: Verdict
    leave_type: str | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """One day in the grid.

    Attributes:
        marks: one, or two where the day has two sides, the earlier first.
        corrected: a correction or decision holds.
        undecided: a form of the day waits for approval.
        more: the day has further verdicts than ``marks``.
    """

    marks: tuple[Mark, ...]
    corrected: bool = False
    undecided: bool = False
    more: bool = False


NOT_JUDGED = Cell((Mark(Verdict.NONE),))
_HOLIDAY = Cell((Mark(Verdict.STATUTORY),))
# Nine days of ten; telling them first makes a month of 10,000 people bearable.
_PLAIN = {Duty.DUE: Cell((Mark(Verdict.NORMAL),)), Duty.OFF: Cell((Mark(Verdict.REST),))}

_OF_FINDING = {
    FindingCode.LATE: (Verdict.LATE, Part.LATE),
    FindingCode.SERIOUS_LATE: (Verdict.SERIOUS_LATE, Part.LATE),
    FindingCode.ABSENT_HALF: (Verdict.ABSENT, Part.ABSENT),
    FindingCode.EARLY: (Verdict.EARLY, Part.EARLY),
    FindingCode.MISSING_IN: (Verdict.MISSING, Part.MISSING),
    FindingCode.MISSING_OUT: (Verdict.MISSING, Part.MISSING),
    FindingCode.ABSENT: (Verdict.ABSENT, Part.ABSENT),
    FindingCode.SHORT_HOURS: (Verdict.SHORT, Part.ABSENT),
}
_WEIGHT = {verdict: place for place, verdict in enumerate(
    (
        Verdict.ABSENT, Verdict.SERIOUS_LATE, Verdict.MISSING, Verdict.PENDING, Verdict.LATE, Verdict.EARLY,
        Verdict.SHORT, Verdict.LEAVE, Verdict.TRIP, Verdict.OUTING, Verdict.OVERTIME,
    )
)}  # fmt: skip
_IN_SIGHT = 2
_END = 1 << 60


def cell_of(day: DayBrief | None) -> Cell:
    """The cell of a stored day; None: nothing is stored (yet)."""
    if day is None or day.duty is Duty.NOT_EMPLOYED:
        return NOT_JUDGED
    if day.state is DayState.FINAL and day.plain and day.duty in _PLAIN:
        return _HOLIDAY if day.day_type is DayType.STATUTORY and day.duty is Duty.OFF else _PLAIN[day.duty]
    found = _verdicts(day)
    in_sight = sorted(found, key=lambda item: _WEIGHT.get(item[1].verdict, 99))[:_IN_SIGHT]
    in_sight.sort(key=lambda item: item[0])
    return Cell(
        marks=tuple(mark for _, mark in in_sight),
        corrected=Flag.CORRECTED in day.flags or Flag.DECIDED in day.flags,
        undecided=Flag.PENDING_APPROVAL in day.flags,
        more=len(found) > _IN_SIGHT,
    )


def verdicts_of(day: DayBrief) -> frozenset[Verdict]:
    """Every verdict of a day, for filters."""
    found = {mark.verdict for _, mark in _verdicts(day)}
    if Flag.PENDING_APPROVAL in day.flags:
        found.add(Verdict.PENDING)
    return frozenset(found)


_Placed = tuple[int, Mark]


def _verdicts(day: DayBrief) -> list[_Placed]:
    """Marks of the day with the minute from which each holds."""
    away = _away(day)
    extra: list[_Placed] = []
    if sum(day.overtime_min.values()):
        extra.append((_END, Mark(Verdict.OVERTIME)))
    if day.state is DayState.PENDING_DATA:
        extra.append((_END, Mark(Verdict.PENDING)))
    if day.duty is Duty.EXEMPT:
        return [(0, Mark(Verdict.EXEMPT)), *extra]
    if day.duty is Duty.OFF:
        return [*_off(day, away, worked=bool(extra)), *extra]
    findings = _findings(day)
    found = [*away, *findings, *extra]
    if day.state is DayState.IN_PROGRESS:
        return found or [(0, Mark(Verdict.OPEN))]
    if not found or _partly_normal(day, findings):
        found.append((_start(day, Part.PRESENT, Part.GRACED), Mark(Verdict.NORMAL)))
    return found


def _off(day: DayBrief, away: list[_Placed], *, worked: bool) -> list[_Placed]:
    if day.day_type is DayType.STATUTORY:
        return [(0, Mark(Verdict.STATUTORY)), *away]
    if Flag.ON_TRIP in day.flags and not away:
        away = [(0, Mark(Verdict.TRIP))]
    return away or ([] if worked else [(0, Mark(Verdict.REST))])


def _away(day: DayBrief) -> list[_Placed]:
    marks = [
        (_start(day, Part.LEAVE), Mark(Verdict.LEAVE, leave))
        for leave in sorted({*day.leave_days, *day.leave_min})
        if day.leave_days.get(leave) or day.leave_min.get(leave)
    ]
    if day.trip_days or day.trip_min:
        marks.append((_start(day, Part.TRIP), Mark(Verdict.TRIP)))
    if day.outing_min:
        marks.append((_start(day, Part.OUTING), Mark(Verdict.OUTING)))
    return marks


def _findings(day: DayBrief) -> list[_Placed]:
    found: dict[Mark, int] = {}
    for code in day.findings:
        verdict, part = _OF_FINDING[code]
        found.setdefault(Mark(verdict), _start(day, part))
    return [(start, mark) for mark, start in found.items()]


def _partly_normal(day: DayBrief, findings: list[_Placed]) -> bool:
    """Whether some of the day is normal and nothing else in the cell says that the person came."""
    if day.state is not DayState.FINAL:
        return False
    if not findings:
        return sum(day.leave_min.values()) + day.trip_min + day.outing_min < day.required_min
    only_absent = {mark.verdict for _, mark in findings} == {Verdict.ABSENT}
    return only_absent and day.absent_days < day.due_days and not _away(day)


def _start(day: DayBrief, *parts: Part) -> int:
    return min((span.start_min for span in day.timeline if span.part in parts), default=_END - 1)
