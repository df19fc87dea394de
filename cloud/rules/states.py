"""States of a date (S1-S3) and what is hidden until it is final (S4)."""

from __future__ import annotations

from fractions import Fraction

from cloud.rules.judged import Sheet
from cloud.rules.minutes import MS
from cloud.rules.plan import DayPlan
from cloud.rules.view import View
from models.attendance import DayState, Duty, FindingCode, Part

SHOWN_AT_ONCE = frozenset({FindingCode.LATE, FindingCode.SERIOUS_LATE})


def state_of(view: View, plan: DayPlan) -> DayState:
    """How far the date can be judged (S1-S3)."""
    if plan.duty is Duty.NOT_EMPLOYED:
        return DayState.FINAL
    end_ms = plan.window_end * MS
    if view.as_of_ms < end_ms:
        return DayState.IN_PROGRESS
    for watermark in view.person.watermarks.values():
        if watermark < end_ms:
            return DayState.PENDING_DATA
    return DayState.FINAL


def mask(sheet: Sheet) -> None:
    """Until final only lateness shows, and early leaving once the window is over (S4)."""
    if sheet.final:
        return
    shown = SHOWN_AT_ONCE
    if sheet.state is DayState.PENDING_DATA:
        shown = shown | {FindingCode.EARLY}
    sheet.events = [event for event in sheet.events if event.code in shown]
    pending = sheet.move(Part.ABSENT, Part.PENDING) + sheet.move(Part.MISSING, Part.PENDING)
    if sheet.state is DayState.IN_PROGRESS:
        pending += sheet.move(Part.EARLY, Part.PENDING)
    sheet.absent_days = Fraction(0)
    if pending:
        sheet.say("S4", f"pending_{sheet.state.value}", {"minutes": pending})
    else:
        sheet.say("S4", f"open_{sheet.state.value}", {})
