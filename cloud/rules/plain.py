"""Results as plain data with the field names of rules section 2, days rounded half up to 4 decimals (M7)."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from cloud.rules.month import PeriodTotals
from cloud.rules.rounding import number
from models.attendance import AttendanceDay, DayType

if TYPE_CHECKING:
    from enum import StrEnum

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]
"""What JSON and YAML can say."""


def _numbers(values: Mapping[str, Fraction]) -> dict[str, Plain]:
    return {name: number(value) for name, value in sorted(values.items())}


def _counts(values: Mapping[str, int]) -> dict[str, Plain]:
    return dict(sorted(values.items()))


def _classes(values: Mapping[DayType, int]) -> dict[str, Plain]:
    return {kind.value: values.get(kind, 0) for kind in DayType}


def _texts(values: tuple[StrEnum, ...]) -> list[Plain]:
    return [value.value for value in values]


def day_plain(day: AttendanceDay) -> dict[str, Plain]:
    """Every field of a result."""
    return {
        "state": day.state.value,
        "duty": day.duty.value,
        "day_type": day.day_type.value,
        "due_days": number(day.due_days),
        "required_min": day.required_min,
        "shift": list(day.shift),
        "shifts": {
            name: {"findings": _texts(one.findings), "in_at": one.in_at, "out_at": one.out_at}
            for name, one in day.shifts.items()
        },
        "rule_version": day.rule_version,
        "findings": _texts(day.findings),
        "flags": _texts(day.flags),
        "late_min": day.late_min,
        "serious_late_min": day.serious_late_min,
        "early_min": day.early_min,
        "absent_days": number(day.absent_days),
        "leave_min": _counts(day.leave_min),
        "leave_days": _numbers(day.leave_days),
        "trip_min": day.trip_min,
        "trip_days": number(day.trip_days),
        "outing_min": day.outing_min,
        "worked_min": day.worked_min,
        "presence_min": day.presence_min,
        "overtime_min": _classes(day.overtime_min),
        "statutory_min": day.statutory_min,
        "corrections_n": day.corrections_n,
        "in_at": day.in_at,
        "out_at": day.out_at,
        "minute_partition": {part.value: length for part, length in day.partition.items()},
        "explanation": [
            {"rule": step.rule, "code": step.code, "args": dict(step.args)} for step in day.explanation
        ],
    }


def totals_plain(totals: PeriodTotals) -> dict[str, Plain]:
    """Every field of the totals of a month or period."""
    standard = totals.period_standard_min
    return {
        "due_days": number(totals.due_days),
        "due_min": totals.due_min,
        "present_days": number(totals.present_days),
        "worked_min": totals.worked_min,
        "presence_min": totals.presence_min,
        "late_min": totals.late_min,
        "serious_late_min": totals.serious_late_min,
        "early_min": totals.early_min,
        "absent_days": number(totals.absent_days),
        "leave_min": _counts(totals.leave_min),
        "leave_days": _numbers(totals.leave_days),
        "trip_min": totals.trip_min,
        "trip_days": number(totals.trip_days),
        "outing_min": totals.outing_min,
        "overtime_min": _classes(totals.overtime_min),
        "statutory_min": totals.statutory_min,
        "corrections_n": totals.corrections_n,
        "late_n": totals.late_n,
        "serious_late_n": totals.serious_late_n,
        "absent_half_n": totals.absent_half_n,
        "early_n": totals.early_n,
        "missing_in_n": totals.missing_in_n,
        "missing_out_n": totals.missing_out_n,
        "waived_late_n": totals.waived_late_n,
        "penalty_days": number(totals.penalty_days),
        "blockers": list(totals.blockers),
        "period_counted_min": totals.period_counted_min,
        "period_standard_min": None if standard is None else number(standard),
        "period_overtime_min": totals.period_overtime_min,
        "adjustments": [
            {"date": one.date.isoformat(), "delta": {name: number(v) for name, v in one.delta.items()}}
            for one in totals.adjustments
        ],
    }
