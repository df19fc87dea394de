"""What is planned for a date: instances, windows, required minutes, halves, day types (T2, D, A1, J5).

Plans hang on the rules, not on the person: a :class:`PlanBook` keeps them for all judged by one rule set.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import Enum
from functools import cached_property

from cloud.rules import minutes
from cloud.rules.errors import RefusalCode, RefusedInput
from cloud.rules.facts import WEEKDAYS, CalendarDay, CalendarKind, RosterEntry, RuleSet, WorkShift
from cloud.rules.localtime import LocalTime
from cloud.rules.minutes import NONE, Minutes
from cloud.rules.policy import Policy
from cloud.rules.shifts import check_rules
from models.attendance import ArgValue, DayType, Duty, Step
from models.office import Half

OFF = RosterEntry()
SATURDAY = 5
ONE_DAY = timedelta(days=1)


class PlannedBy(Enum):
    """What spoke last of the shifts of a date (D1)."""

    ROSTER = 1
    CALENDAR = 2
    WEEK = 3
    MAKEUP = 4


class InstanceKind(Enum):
    """What an instance is."""

    SHIFT = 1
    FREE = 2
    OVERTIME = 3


@dataclass(frozen=True, slots=True)
class Instance:
    """One shift planned on one date, or the window made by off-shift overtime (A6).

    Attributes:
        shift: None for overtime.
        start, end: first start and last end, UTC minutes.
        opens, closes: the window, UTC minutes, half-open (A1).
        segments: in order; they may touch.
        required: segments less breaks, before a half holiday.
        breaks: the shift's own breaks.
        overtime: approved overtime that belongs here (A6).
    """

    name: str
    kind: InstanceKind
    shift: WorkShift | None
    start: int
    end: int
    opens: int
    closes: int
    segments: tuple[minutes.Span, ...] = ()
    required: Minutes = NONE
    breaks: Minutes = NONE
    overtime: Minutes = NONE

    @property
    def mid2(self) -> int:
        """Twice the middle, so that it is whole."""
        return self.start + self.end

    @property
    def order(self) -> tuple[int, int, str]:
        """Sorts instances (A3)."""
        return (self.start, self.end, self.name)

    def moved(self, delta: int) -> Instance:
        """First start and last end moved by ``delta``; breaks and window stay (D7)."""
        if not delta:
            return self
        segments = list(self.segments)
        segments[0] = (segments[0][0] + delta, segments[0][1])
        segments[-1] = (segments[-1][0], segments[-1][1] + delta)
        return replace(
            self,
            start=self.start + delta,
            end=self.end + delta,
            segments=tuple(segments),
            required=minutes.subtract(minutes.normalise(segments), self.breaks),
        )


@dataclass(frozen=True)
class DayPlan:
    """What a date asks of the person.

    Attributes:
        by: who says which shifts there are.
        opens, closes: the attendance day, UTC minutes (A5).
        half: the half that a half holiday takes, if any (D5).
        zone: for showing times: the roster entry's, else the site's.
    """

    day: date
    policy: Policy
    duty: Duty
    day_type: DayType
    by: PlannedBy
    zone: LocalTime
    instances: tuple[Instance, ...]
    opens: int
    closes: int
    half: Half | None

    @cached_property
    def why(self) -> Step | None:
        """Why nothing is due, or half a day, or a day off is worked. None: none (D1, D3, D5, D6)."""
        return _why(self)

    @cached_property
    def planned(self) -> Minutes:
        """Minutes of all shifts before a half holiday; none unless they are due."""
        if self.duty is not Duty.DUE:
            return NONE
        if len(self.instances) == 1:
            return self.instances[0].required
        return minutes.normalise([span for instance in self.instances for span in instance.required])

    @cached_property
    def full(self) -> int:
        """Minutes of "one day"."""
        return minutes.count(self.planned)

    @cached_property
    def halves(self) -> dict[Half, Minutes]:
        """The two halves of the planned minutes (J5)."""
        shifts = self.shifts
        if not shifts or not self.planned:
            return {Half.AM: NONE, Half.PM: NONE}
        start = min(shift.start for shift in shifts)
        end = max(shift.end for shift in shifts)
        cut = _cut(self.planned, start, end, self.policy.half_day_split)
        return {Half.AM: minutes.before(self.planned, cut), Half.PM: minutes.since(self.planned, cut)}

    @cached_property
    def required(self) -> Minutes:
        """Required minutes."""
        return minutes.subtract(self.planned, self.halves[self.half]) if self.half else self.planned

    @cached_property
    def required_min(self) -> int:
        """How many minutes are required."""
        return minutes.count(self.required)

    @cached_property
    def shifts(self) -> tuple[Instance, ...]:
        """Instances that are shifts, overtime windows left out."""
        return tuple(i for i in self.instances if i.kind is not InstanceKind.OVERTIME)

    @cached_property
    def spans(self) -> Minutes:
        """Planned spans of the shifts with fixed hours; those of free hours are only nominal (D10)."""
        return minutes.normalise(
            [(i.start, i.end) for i in self.instances if i.kind is InstanceKind.SHIFT],
        )

    @cached_property
    def gaps(self) -> Minutes:
        """Breaks and gaps inside the planned spans."""
        spans = self.spans
        for instance in self.instances:
            if instance.kind is InstanceKind.SHIFT:
                spans = minutes.subtract(spans, instance.required)
        return spans

    @cached_property
    def window_end(self) -> int:
        """When the last window of the date closes (S1)."""
        return max((i.closes for i in self.instances), default=self.closes)

    @cached_property
    def flexible(self) -> bool:
        """Whether some shift of the date may move (D7)."""
        return any(
            i.kind is InstanceKind.SHIFT
            and i.shift is not None
            and (i.shift.flex_early_min or i.shift.flex_late_min)
            for i in self.instances
        )

    def with_instances(self, instances: tuple[Instance, ...]) -> DayPlan:
        """The same date with other instances, put in order."""
        return replace(self, instances=tuple(sorted(instances, key=lambda i: i.order)))


def _why(plan: DayPlan) -> Step | None:
    if plan.duty is Duty.NOT_EMPLOYED:
        return Step("D3", "not_employed", {})
    if plan.duty is Duty.EXEMPT:
        return Step("D6", "exempt", {})
    if plan.duty is Duty.OFF:
        return _why_off(plan)
    if plan.by is PlannedBy.MAKEUP:
        return Step("D1", "due_makeup", {"calendar": plan.day.isoformat()})
    if plan.half is None:
        return None
    args: dict[str, ArgValue] = {"calendar": plan.day.isoformat(), "minutes": plan.full - plan.required_min}
    return Step("D5", f"half_holiday_{plan.half}", args)


def _why_off(plan: DayPlan) -> Step:
    match plan.by:
        case PlannedBy.ROSTER:
            return Step("D1", "off_roster", {})
        case PlannedBy.CALENDAR:
            return Step("D1", f"off_{plan.day_type}", {"calendar": plan.day.isoformat()})
        case PlannedBy.WEEK | PlannedBy.MAKEUP:
            return Step("D1", "off_week", {"weekday": WEEKDAYS[plan.day.weekday()], **plan.policy.named})


def _cut(planned: Minutes, start: int, end: int, split: str) -> int:
    """The minute at which the second half begins (J5)."""
    if split == "half_span":
        return (start + end) // 2
    if split == "break" and len(planned) > 1:
        gaps = [(planned[i][1], planned[i + 1][0]) for i in range(len(planned) - 1)]
        # Twice the distance between the middles, to stay whole; of equal ones min() keeps the earlier.
        return min(gaps, key=lambda gap: abs(gap[0] + gap[1] - start - end))[0]
    first_half = minutes.first_n(planned, minutes.count(planned) // 2)
    return first_half[-1][1] if first_half else planned[0][0]


class PlanBook:
    """Plans of one rule set by date; share it among the persons judged by that rule set.

    Raises:
        RefusedInput: a shift or a policy cannot be judged (V1, V2, V4).
    """

    def __init__(self, rules: RuleSet) -> None:
        check_rules(rules)
        self.rules = rules
        self.zone = LocalTime(rules.zone)
        self._zones: dict[str, LocalTime] = {rules.zone: self.zone}
        self._versions = sorted(
            ((v.since.toordinal() if v.since else 0, v.policy) for v in rules.policies),
            key=lambda version: version[0],
        )
        self._policies: dict[date, Policy] = {}
        self._entries: dict[date, RosterEntry] = {}
        self._days: dict[tuple[date, RosterEntry | None, bool, bool], DayPlan] = {}
        self._statutory = any(c.kind is CalendarKind.STATUTORY for c in rules.calendar.values())

    def policy(self, day: date) -> Policy:
        """The policy in force on ``day``; before all versions the oldest (D9)."""
        found = self._policies.get(day)
        if found is None:
            ordinal = day.toordinal()
            found = self._versions[0][1]
            for since, policy in self._versions:
                if since <= ordinal:
                    found = policy
            self._policies[day] = found
        return found

    def opens(self, day: date) -> int:
        """UTC minute at which the attendance day of ``day`` begins (A5)."""
        return self.zone.minute(day, self.policy(day - ONE_DAY).day_start)

    def attendance_day(self, minute: int) -> date:
        """The date to whose attendance day the minute belongs (A5)."""
        day = self.zone.date_of(minute)
        if minute < self.opens(day):
            return day - ONE_DAY
        # A start of day beyond midnight cannot be: day_start is before 24:00.
        return day

    def entry(self, day: date) -> RosterEntry:
        """What calendar and weekly pattern plan, where no roster speaks (D1)."""
        found = self._entries.get(day)
        if found is None:
            found = self._entries[day] = self._entry(day)
        return found

    def _entry(self, day: date) -> RosterEntry:
        week = self.rules.week
        own = week.get(day.weekday(), OFF)
        calendar = self.rules.calendar.get(day)
        if calendar is None or calendar.kind is CalendarKind.HALF:
            return own
        if calendar.kind is not CalendarKind.MAKEUP:
            return OFF
        if calendar.shift_of is not None:
            return week.get(calendar.shift_of, OFF)
        if own.shifts:
            return own
        return next((week[d] for d in range(7) if d in week and week[d].shifts), OFF)

    def day_type(self, day: date, entry: RosterEntry | None) -> DayType:
        """Kind of a date; ``entry`` is the person's roster entry, None if there is none (D2)."""
        calendar = self.rules.calendar.get(day)
        if calendar is not None and calendar.kind is CalendarKind.STATUTORY:
            return DayType.STATUTORY
        if entry is not None:
            return DayType.WORKDAY if entry.shifts else DayType.REST
        if calendar is not None:
            return DayType.REST if calendar.kind is CalendarKind.REST else DayType.WORKDAY
        if self.rules.week:
            own = self.rules.week.get(day.weekday(), OFF)
            return DayType.WORKDAY if own.shifts else DayType.REST
        return DayType.WORKDAY if day.weekday() < SATURDAY else DayType.REST

    def statutory_near(self, day: date) -> bool:
        """Whether a date is statutory that a shift of ``day`` can reach: to 99:59, in a zone 26 h away."""
        if not self._statutory:
            return False
        calendar = self.rules.calendar
        for days in range(-2, 6):
            found = calendar.get(day + timedelta(days=days))
            if found is not None and found.kind is CalendarKind.STATUTORY:
                return True
        return False

    def local(self, zone: str | None) -> LocalTime:
        """The clock of a zone; None: the site's."""
        if zone is None:
            return self.zone
        found = self._zones.get(zone)
        if found is None:
            found = self._zones[zone] = LocalTime(zone)
        return found

    def day(self, day: date, entry: RosterEntry | None, *, exempt: bool, employed: bool) -> DayPlan:
        """The plan of a date for everybody with that roster entry (None: no roster speaks)."""
        key = (day, entry, exempt, employed)
        found = self._days.get(key)
        if found is None:
            found = self._days[key] = self._day(day, entry, exempt=exempt, employed=employed)
        return found

    def _day(self, day: date, entry: RosterEntry | None, *, exempt: bool, employed: bool) -> DayPlan:
        spoken = self.entry(day) if entry is None else entry
        zone = self.local(spoken.zone)
        opens, closes = self.opens(day), self.opens(day + ONE_DAY)
        policy = self.policy(day)
        instances: list[Instance] = []
        if employed:
            instances = [self._instance(day, name, zone, (opens, closes)) for name in spoken.shifts]
        duty = Duty.DUE if instances else Duty.OFF
        if exempt:
            duty = Duty.EXEMPT
        if not employed:
            duty = Duty.NOT_EMPLOYED
        calendar = self.rules.calendar.get(day)
        return DayPlan(
            day=day,
            policy=policy,
            duty=duty,
            day_type=self.day_type(day, entry),
            by=self._by(day, entry, calendar),
            zone=zone,
            instances=tuple(sorted(instances, key=lambda i: i.order)),
            opens=opens,
            closes=closes,
            half=calendar.half if calendar is not None and calendar.kind is CalendarKind.HALF else None,
        )

    def _by(self, day: date, entry: RosterEntry | None, calendar: CalendarDay | None) -> PlannedBy:
        if entry is not None:
            return PlannedBy.ROSTER
        if calendar is None or calendar.kind is CalendarKind.HALF:
            return PlannedBy.WEEK
        if calendar.kind is CalendarKind.MAKEUP:
            own = self.rules.week.get(day.weekday(), OFF)
            return PlannedBy.WEEK if self.entry(day) == own else PlannedBy.MAKEUP
        return PlannedBy.CALENDAR

    def _instance(self, day: date, name: str, zone: LocalTime, attendance: minutes.Span) -> Instance:
        shift = self.rules.shifts.get(name)
        if shift is None:
            raise RefusedInput(RefusalCode.BAD_SHIFT, f"{day}: there is no shift {name!r}")
        segments = tuple((zone.minute(day, s), zone.minute(day, e)) for s, e in shift.segments)
        breaks = minutes.normalise((zone.minute(day, s), zone.minute(day, e)) for s, e in shift.breaks)
        start = segments[0][0] if segments else attendance[0]
        end = segments[-1][1] if segments else attendance[1]
        policy = self.policy(day)
        if shift.free:
            opens, closes = attendance
        else:
            opens = start - (policy.before_min if shift.before_min is None else shift.before_min)
            closes = end + (policy.after_min if shift.after_min is None else shift.after_min)
        return Instance(
            name=name,
            kind=InstanceKind.FREE if shift.free else InstanceKind.SHIFT,
            shift=shift,
            start=start,
            end=end,
            opens=opens,
            closes=closes,
            segments=segments,
            required=minutes.subtract(minutes.normalise(segments), breaks),
            breaks=breaks,
        )
