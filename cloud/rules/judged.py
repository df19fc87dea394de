"""The work sheet of a date while it is judged: parts, findings, flags, explanation."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from msgspec import Struct, field

from cloud.rules import minutes
from cloud.rules.claims import Claims
from cloud.rules.clusters import Cluster
from cloud.rules.localtime import LocalTime
from cloud.rules.minutes import MS, NONE, Minutes
from cloud.rules.pairing import Evidence
from cloud.rules.plan import DayPlan
from cloud.rules.roles import DayRoles
from models.attendance import ArgValue, DayState, DayType, FindingCode, Flag, Part, Step
from models.office import OfficeRecord
from models.punch import Method

Args = dict[str, ArgValue]
METHODS = {method: method.name.lower() for method in Method}
"""How steps call the evidence of a punch."""
PART_OF = {
    FindingCode.LATE: Part.LATE,
    FindingCode.SERIOUS_LATE: Part.LATE,
    FindingCode.ABSENT_HALF: Part.ABSENT,
    FindingCode.EARLY: Part.EARLY,
    FindingCode.MISSING_IN: Part.MISSING,
    FindingCode.MISSING_OUT: Part.MISSING,
    FindingCode.ABSENT: Part.ABSENT,
    FindingCode.SHORT_HOURS: Part.ABSENT,
}
"""As what the minutes of a finding are booked."""


class Event(Struct, frozen=True):
    """One finding with its minutes and its sentence."""

    code: FindingCode
    minutes: Minutes
    step: Step

    @property
    def length(self) -> int:
        """How many minutes."""
        return minutes.count(self.minutes)


class Sheet(Struct):
    """Everything written down about a date on the way to its result.

    Attributes:
        plan: that of ``roles``, moved.
        parts: minutes by part, disjoint.
        shown, filled: minutes of free hours booked as ``present``, and those in which they were worked.
        by_shift: findings of L1-L5, P8, D10 by shift name.
        units: how many were judged.
        outside_min: minutes outside schedule that do not fall on a statutory day (O7).
        claims: what leave, trips and outings won; a decision may drop them (C5).
    """

    roles: DayRoles
    plan: DayPlan
    state: DayState
    site_zone: LocalTime
    claims: Claims
    parts: dict[Part, Minutes] = field(default_factory=dict)
    shown: Minutes = NONE
    filled: Minutes = NONE
    events: list[Event] = field(default_factory=list)
    by_shift: dict[str, list[FindingCode]] = field(default_factory=dict)
    flags: set[Flag] = field(default_factory=set)
    steps: list[Step] = field(default_factory=list)
    units: int = 0
    absent_days: Fraction = Fraction(0)
    overtime: dict[DayType, int] = field(default_factory=dict)
    outside_min: int = 0

    @property
    def day(self) -> date:
        """The shift date."""
        return self.plan.day

    @property
    def final(self) -> bool:
        """Whether everything that may be found is found (S2)."""
        return self.state is DayState.FINAL

    @property
    def worked(self) -> Minutes:
        """``present`` minutes where they were worked."""
        present = self.parts.get(Part.PRESENT, NONE)
        return minutes.union(minutes.subtract(present, self.shown), self.filled) if self.shown else present

    def put(self, part: Part, spans: Minutes) -> None:
        """Book minutes as a part."""
        if spans:
            self.parts[part] = minutes.union(self.parts.get(part, NONE), spans)

    def move(self, source: Part, target: Part) -> int:
        """Book all minutes of one part as another; how many."""
        spans = self.parts.pop(source, NONE)
        self.put(target, spans)
        return minutes.count(spans)

    def count_once(self) -> None:
        """Leave each required minute to the first part that has it, and to one finding (section 2).

        Units ask for the same minute where flex moves a shift over its neighbour (D7), or where a change of
        clocks lays one segment over the next (T3).
        """
        if sum(map(minutes.count, self.parts.values())) == self.plan.required_min:
            return
        taken = NONE
        for part in Part:
            spans = self.parts.pop(part, NONE)
            self.put(part, minutes.subtract(spans, taken))
            taken = minutes.union(taken, spans)
        left = dict(self.parts)
        for number, event in enumerate(self.events):
            part = PART_OF[event.code]
            own = minutes.intersect(event.minutes, left.get(part, NONE))
            if part is not Part.MISSING:  # which one unit may find twice, of its IN and of its OUT
                left[part] = minutes.subtract(left.get(part, NONE), own)
            args = {**event.step.args, "minutes": minutes.count(own)}
            self.events[number] = Event(event.code, own, Step(event.step.rule, event.step.code, args))

    def part_min(self, part: Part) -> int:
        """How many minutes of a part."""
        return minutes.count(self.parts.get(part, NONE))

    def find(self, code: FindingCode, shift: str, spans: Minutes, step: Step) -> None:
        """Write down a finding of step 8."""
        self.events.append(Event(code, spans, step))
        self.by_shift.setdefault(shift, []).append(code)

    def say(self, rule: str, code: str, args: Args) -> None:
        """Add to the explanation."""
        self.steps.append(Step(rule, code, args))

    def flag(self, flag: Flag, rule: str, args: Args | None = None) -> None:
        """Set a flag and say why, once."""
        if flag not in self.flags:
            self.flags.add(flag)
            self.steps.append(Step(rule, flag.value, args or {}))

    def clock(self, minute: int) -> str:
        """Local time of a minute as the explanation shows it."""
        return self.plan.zone.clock(minute, self.plan.day)


def record_args(record: OfficeRecord) -> Args:
    """What names a record in a sentence."""
    return {
        "kind": record.kind.value,
        "type": record.leave_type,
        "source": record.source,
        "id": record.source_id,
    }


def evidence_args(sheet: Sheet, side: str, at_ms: int, by: Evidence | None) -> Args:
    """The punch or correction that made an edge: time, terminal or record."""
    found: Args = {side: sheet.clock(at_ms // MS)}
    if isinstance(by, Cluster):
        fact = by.first_fact if side == "in" else by.last_fact
        if fact.device:
            found["device"] = fact.device
        if fact.method is not None:
            found["method"] = METHODS[fact.method]
    elif by is not None:
        found["source"], found["id"] = by.source, by.source_id
    return found
