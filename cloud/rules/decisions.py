"""Step 12: what HR decided about a date (C5)."""

from __future__ import annotations

from fractions import Fraction

from cloud.rules.absence import due_days
from cloud.rules.claims import Claims
from cloud.rules.judged import Event, Sheet, record_args
from cloud.rules.minutes import NONE
from models.attendance import Duty, FindingCode, Flag, Part, Step
from models.office import DecisionBody, OfficeRecord

FORGIVEN = (Part.LATE, Part.EARLY, Part.ABSENT, Part.MISSING, Part.PENDING)


def decide(sheet: Sheet, decisions: tuple[OfficeRecord, ...]) -> None:
    """Apply the last decision in the order of J9; only a date that is due can be decided."""
    if not decisions or sheet.plan.duty is not Duty.DUE:
        return
    record = decisions[-1]
    body = record.body
    if not isinstance(body, DecisionBody):
        return
    sheet.events = []
    sheet.absent_days = Fraction(0)
    sheet.flag(Flag.DECIDED, "C5", record_args(record))
    if body.set == "waive":
        forgiven = sum(sheet.move(part, Part.GRACED) for part in FORGIVEN)
        sheet.say("C5", "decided_waive", {"minutes": forgiven})
        return
    _drop_claims(sheet)
    sheet.parts = {}
    sheet.shown = sheet.filled = NONE
    if body.set == "normal":
        sheet.put(Part.PRESENT, sheet.plan.required)
        sheet.say("C5", "decided_normal", {"minutes": sheet.plan.required_min})
        return
    sheet.put(Part.ABSENT, sheet.plan.required)
    sheet.absent_days = due_days(sheet)
    step = Step("C5", "decided_absent", {"minutes": sheet.plan.required_min})
    sheet.events = [Event(FindingCode.ABSENT, sheet.plan.required, step)]


def _drop_claims(sheet: Sheet) -> None:
    """The day counts as if there were no leave, trip or outing."""
    if sheet.claims.claims:
        sheet.flags.add(Flag.CONFLICT)
        sheet.say("C5", "conflict_decision", {})
    sheet.claims = Claims()
