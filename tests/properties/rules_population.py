"""Seeded person-months that crowd the boundaries of the rules: for proofs, not for figures.

Everybody here is synthetic. One seed gives one rule set and a few people judged by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from cloud.rules.facts import (
    CalendarDay,
    CalendarKind,
    Employment,
    LockEvent,
    PersonFacts,
    PolicyVersion,
    PunchClock,
    PunchFact,
    RosterChange,
    RosterEntry,
    RuleSet,
    WorkShift,
)
from cloud.rules.localtime import LocalTime
from cloud.rules.policy import policy_from
from models.ids import PersonId
from models.office import (
    ClockSpan,
    CorrectionBody,
    DateSpan,
    DecisionBody,
    Half,
    OfficeRecord,
    RecordBody,
    RecordKind,
    RecordStatus,
    SpanUnit,
)
from models.punch import Direction, Method

PEOPLE_A_SEED = 12
MONTHS = [(2026, 3), (2026, 4), (2026, 10), (2026, 11), (2027, 2)]
"""With the change of the clock in America, Europe and Australia; a leap of the year's end is near none."""
ZONES = ["Asia/Shanghai"] * 6 + [
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/St_Johns",
]
SHIFTS = (
    WorkShift("DAY", ((540, 720), (780, 1080))),
    WorkShift("WHOLE", ((540, 1080),), breaks=((720, 780), (900, 915))),
    WorkShift("NIGHT", ((1320, 1560), (1620, 1800))),
    WorkShift("LATE", ((840, 1320),), before_min=60, after_min=240),
    WorkShift("EARLY", ((360, 840),), before_min=120, after_min=120, half_day_below_min=300),
    WorkShift("MIDNIGHT", ((0, 480),), before_min=60, after_min=60),
    WorkShift("TOUCH", ((480, 720), (720, 960))),
    WorkShift("LOOSE", ((540, 720), (780, 1080)), in_punch=False, absent_below_min=None),
    WorkShift("FLEX", ((540, 720), (780, 1080)), flex_early_min=60, flex_late_min=60),
    WorkShift("FLOW", ((600, 1140),), breaks=((720, 780),), flex_early_min=30, flex_late_min=90),
    WorkShift("S1", ((480, 720),), before_min=60, after_min=60),
    WorkShift("S2", ((750, 990),), before_min=60, after_min=60),
    WorkShift("FREE", ((540, 720), (780, 1080)), free=True, breaks=((720, 750),)),
)
ENTRIES = (
    ("DAY",), ("DAY",), ("DAY",), ("WHOLE",), ("NIGHT",), ("NIGHT",), ("LATE",), ("EARLY",), ("MIDNIGHT",),
    ("TOUCH",), ("LOOSE",), ("FLEX",), ("FLEX",), ("FLOW",), ("S1", "S2"), ("FREE",), (), (),
)  # fmt: skip
OFTEN = {
    "late_grace_min": (0, 5, 5, 15),
    "early_grace_min": (0, 0, 5),
    "serious_late_over_min": (None, 30, 30),
    "absent_over_min": (None, 120, 120),
    "early_absent_over_min": (None, 60),
    "punch_per_segment": (False, False, True),
    "overtime_minimum_min": (0, 30, 30, 60),
}
SELDOM = {
    "count_from": ("grace_end",),
    "direction": ("trust",),
    "pairing": ("alternate",),
    "out_from": ("start",),
    "shared_punch": (True,),
    "punch_at_leave_edges": (True,),
    "no_punch": ("missing",),
    "auto_out": ("at_end",),
    "half_day_below_min": (240,),
    "absent_below_min": (100,),
    "trip_edge_punch": ("required",),
    "half_day_split": ("half_net", "half_span"),
    "overtime_mode": ("approval", "punch", "min"),
    "overtime_breaks": (["18:00-18:30"], ["12:00-12:45", "23:30-24:30"]),
    "overtime_before_shift": (True,),
    "overtime_on_trip": (True,),
    "hours_system": ("comprehensive",),
    "late_off_late_on": ([{"off_min": 60, "on_min": 30}],),
    "max_shift_min": (539, 540, 541, 600),
    "dup_window_s": (0, 180, 3600),
    "day_start": ("00:00", "06:30"),
    "before_min": (0, 420),
    "after_min": (0, 60),
    "free_lates": (2,),
    "free_late_max_min": (20,),
    "correction_limit": (1,),
    "worked_on_leave_min": (0,),
}
EDGES = (0, 0, -1, 1, 4, 5, 6, 14, 15, 16, 29, 30, 31, 35, 59, 60, 61, 119, 120, 121, 180, 240)
SECONDS_MS = (0, 0, 1, 500, 29_999, 30_000, 59_000, 59_999)
MINUTE_MS = 60_000
SITES = {"d1": "HQ", "d2": "HQ", "d3": "PLANT", "d4": None, "": "HQ"}
DOORS = ("d1",) * 40 + ("d2",) * 20 + ("d3", "d4", "")


@dataclass(frozen=True, slots=True)
class Month:
    """A person and the dates to judge."""

    person: PersonFacts
    first: date
    last: date


def months(seed: int) -> Iterator[Month]:
    """The people of one seed, who share one rule set."""
    random = Random(seed)
    year, month = random.choice(MONTHS)
    first = date(year, month, 1)
    last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    rules = _rules(random, first, last)
    maker = _Maker(random, rules, first, last)
    for number in range(PEOPLE_A_SEED):
        yield Month(maker.person(number), first, last)


def _policy(random: Random) -> dict[str, object]:
    found: dict[str, object] = {name: random.choice(values) for name, values in OFTEN.items()}
    rare = random.choice((0.0, 0.02, 0.08))
    for name, values in SELDOM.items():
        if random.random() < rare:
            found[name] = random.choice(values)
    return found


def _rules(random: Random, first: date, last: date) -> RuleSet:
    policies = [PolicyVersion(policy_from(_policy(random)))]
    if random.random() < 0.2:
        middle = first + timedelta(days=random.randrange(31))
        policies.append(PolicyVersion(policy_from(_policy(random) | {"version": "v2"}), middle))
    week = {}
    if random.random() < 0.9:
        entry = RosterEntry(random.choice(ENTRIES))
        week = dict.fromkeys(range(random.choice((5, 5, 6))), entry)
    calendar = {}
    for _ in range(random.choice((0, 0, 1, 3))):
        day = first + timedelta(days=random.randrange(-2, (last - first).days + 3))
        kind = random.choice(list(CalendarKind))
        calendar[day] = CalendarDay(kind, random.choice(list(Half)) if kind is CalendarKind.HALF else None)
    return RuleSet(
        zone=random.choice(ZONES),
        policies=tuple(policies),
        shifts={shift.name: shift for shift in SHIFTS},
        week=week,
        calendar=calendar,
        natural_leave_types=frozenset({"sick"}),
        travel_min={("HQ", "PLANT"): 45} if random.random() < 0.3 else {},
    )


class _Maker:
    """Makes people for one rule set."""

    def __init__(self, random: Random, rules: RuleSet, first: date, last: date) -> None:
        self.random = random
        self.rules = rules
        self.first, self.last = first, last
        self.days = [first + timedelta(days=n) for n in range(-3, (last - first).days + 4)]
        self.zone = LocalTime(rules.zone)

    def at_ms(self, day: date, minute: int) -> int:
        return self.zone.minute(day, minute) * MINUTE_MS

    def person(self, number: int) -> PersonFacts:
        random = self.random
        roster: dict[date, RosterEntry] = {}
        style = random.random()
        if style < 0.4:
            entries = [RosterEntry(entry) for entry in random.sample(ENTRIES, 3)]
            if random.random() < 0.1:
                entries.append(RosterEntry(("DAY",), "Asia/Dubai"))
            roster = {day: random.choice(entries) for day in self.days if random.random() < 0.9}
        changes = []
        if random.random() < 0.1:
            day = random.choice(self.days)
            changes.append(RosterChange(day, RosterEntry(random.choice(ENTRIES)), self.at_ms(day, 600)))
        punches = list(self.punches(roster))
        end = self.at_ms(self.last + timedelta(days=8), 0)
        as_of = end if random.random() < 0.8 else self.at_ms(random.choice(self.days), random.randrange(1440))
        watermark = end
        if random.random() < 0.15:
            watermark = self.at_ms(random.choice(self.days), random.choice((0, 1439, 1440, 720)))
        random.shuffle(punches)
        return PersonFacts(
            person_id=PersonId(f"p-{number}"),
            rules=self.rules,
            as_of_ms=as_of,
            site=random.choice((None, "HQ", "HQ", "HQ")),
            employment=self.employment(),
            roster=roster,
            roster_changes=tuple(changes),
            punches=tuple(punches),
            records=tuple(self.records()),
            locks=(LockEvent(self.first.year, self.first.month, end - 86_400_000 * 3),)
            if random.random() < 0.05
            else (),
            watermarks={"d1": watermark, "d2": end},
        )

    def employment(self) -> Employment:
        random = self.random
        hire = random.choice(self.days) if random.random() < 0.05 else None
        last_day = random.choice(self.days) if random.random() < 0.05 else None
        exempt: tuple[tuple[date, date], ...] = ()
        if random.random() < 0.05:
            day = random.choice(self.days)
            exempt = ((day, day + timedelta(days=random.randrange(5))),)
        return Employment(hire, last_day, exempt)

    def punches(self, roster: dict[date, RosterEntry]) -> Iterator[PunchFact]:
        random = self.random
        wild = random.random() < 0.15
        clumsy = random.random() < 0.05
        seq = 0
        for day in self.days:
            entry = roster.get(day) or self.rules.week.get(day.weekday(), RosterEntry())
            for at_ms in self.instants(day, entry, wild=wild):
                seq += 1
                fact = self.fact(at_ms, seq, wild=wild, clumsy=clumsy)
                yield fact
                if clumsy and random.random() < 0.05:
                    yield fact

    def instants(self, day: date, entry: RosterEntry, *, wild: bool) -> Iterator[int]:
        random = self.random
        if not entry.shifts:
            if random.random() < 0.1:
                yield self.at_ms(day, random.randrange(1440)) + random.randrange(60_000)
            if random.random() < 0.1:
                yield self.at_ms(day, 600)
                yield self.at_ms(day, 900)
            return
        shifts = [self.rules.shifts[name] for name in entry.shifts]
        edges = [edge for shift in shifts for segment in shift.segments for edge in segment]
        wanted = [edges[0], edges[-1]] if random.random() < 0.7 else edges
        yield from self.at_the_window(day, shifts)
        habit = random.random()
        for place, edge in enumerate(wanted):
            if random.random() < 0.06:
                continue
            away = random.choice(EDGES) * random.choice((1, -1))
            if habit < 0.6 and random.random() < 0.8:
                away = random.randrange(0, 40) * (1 if place % 2 else -1)
            at_ms = self.at_ms(day, edge + away) + random.choice(SECONDS_MS)
            yield at_ms
            while random.random() < 0.06:
                at_ms += random.choice((1, 30_000, 59_999, 60_000, 60_001, 180_000))
                yield at_ms
        if wild and random.random() < 0.5:
            yield self.at_ms(day, random.randrange(-200, 1700)) + random.choice(SECONDS_MS)

    def at_the_window(self, day: date, shifts: list[WorkShift]) -> Iterator[int]:
        random = self.random
        if random.random() > 0.05:
            return
        policy = self.rules.policies[0].policy
        before = policy.before_min if shifts[0].before_min is None else shifts[0].before_min
        after = policy.after_min if shifts[-1].after_min is None else shifts[-1].after_min
        edge = random.choice((shifts[0].segments[0][0] - before, shifts[-1].segments[-1][1] + after))
        at_ms = self.at_ms(day, edge) + random.choice((-60_000, -1, 0, -30_000))
        yield at_ms
        if random.random() < 0.5:
            yield at_ms + random.choice((1, 30_000, 59_999))

    def fact(self, at_ms: int, seq: int, *, wild: bool, clumsy: bool) -> PunchFact:
        random = self.random
        clock = PunchClock.OK
        skew = 0.0
        if clumsy:
            clock = random.choice((PunchClock.OK,) * 12 + (PunchClock.REPAIRED, PunchClock.UNTRUSTED))
            skew = random.choice((0.0,) * 20 + (45.0, -400.0))
        delay = random.choice((0, 0, 0, 0, 86_400_000 * 9)) if wild else 0
        door = random.choice(DOORS)
        return PunchFact(
            at_ms,
            random.choice(tuple(Direction)) if wild else Direction.NONE,
            door,
            "e1",
            None if clumsy and random.random() < 0.1 else seq,
            SITES[door],
            skew,
            clock,
            None if random.random() < 0.2 else at_ms + delay,
            random.choice((None, *Method)),
        )

    def records(self) -> Iterator[OfficeRecord]:
        random = self.random
        for number in range(random.choice((0, 0, 1, 2, 4))):
            known = random.choice(self.days)
            day = random.choice(self.days)
            kind = random.choice([RecordKind.LEAVE] * 3 + list(RecordKind))
            unit, body = self.body(kind, day)
            yield OfficeRecord(
                source=random.choice(("oa", "wecom")),
                source_id=str(number),
                version=1,
                person_id=PersonId("p"),
                kind=kind,
                status=random.choice([RecordStatus.APPROVED] * 6 + list(RecordStatus)),
                unit=unit,
                body=body,
                known_ms=self.at_ms(known, 500),
                leave_type=random.choice(("annual", "sick")) if kind is RecordKind.LEAVE else None,
                approved_ms=random.choice((None, self.at_ms(known, 500))),
            )

    def body(self, kind: RecordKind, day: date) -> tuple[SpanUnit, RecordBody]:
        random = self.random
        if kind is RecordKind.CORRECTION:
            minute = random.choice((540, 541, 1080, 1320, 1800, 480))
            side = random.choice(("in", "out"))
            return SpanUnit.HOUR, CorrectionBody(day, side, self.at_ms(day, minute), day)
        if kind is RecordKind.DECISION:
            return SpanUnit.HOUR, DecisionBody(day, random.choice(("normal", "waive", "absent")))
        if kind is RecordKind.OVERTIME or random.random() < 0.3:
            start = random.choice((1080, 1110, 1140, 540, 240, 1800, random.randrange(1440)))
            length = random.choice((30, 60, 120, 240))
            return SpanUnit.HOUR, ClockSpan(self.at_ms(day, start), self.at_ms(day, start + length))
        until = day + timedelta(days=random.choice((0, 0, 0, 1, 4)))
        halves = random.choice(((Half.AM, Half.PM),) * 4 + ((Half.AM, Half.AM), (Half.PM, Half.PM)))
        return SpanUnit.HALF_DAY, DateSpan(day, halves[0], until, halves[1])
