"""What can happen to one person on one date, and what must follow from it.

Each kind of day makes the presses and the forms of its date and states the verdict by plain arithmetic. The
days are such that docs/reference/rules.md leaves no doubt; nothing here asks the engine under test.
Clock times are seconds from local midnight of the date; they pass 24:00 for nights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from random import Random
from typing import TypeVar

from scripts.story.people import Member
from scripts.story.workdays import Shift

MINUTE = 60
HOUR = 3600
HALF = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class Form:
    """One line of an office file. ``start`` and ``end`` are written as in the file of its ``kind``."""

    kind: str
    member: Member
    unit: str
    start: str
    end: str
    leave_type: str = ""
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the month report must count for one date, or the sum of several."""

    late_n: int = 0
    late_min: int = 0
    serious_late_n: int = 0
    serious_late_min: int = 0
    early_n: int = 0
    early_min: int = 0
    missing_in_n: int = 0
    missing_out_n: int = 0
    absent_days: Fraction = Fraction(0)
    leave_days: dict[str, Fraction] = field(default_factory=dict)
    trip_days: Fraction = Fraction(0)
    outing_min: int = 0
    overtime_min: dict[str, int] = field(default_factory=dict)
    corrections_n: int = 0

    def plus(self, other: Verdict) -> Verdict:
        """Both together."""
        return Verdict(
            late_n=self.late_n + other.late_n,
            late_min=self.late_min + other.late_min,
            serious_late_n=self.serious_late_n + other.serious_late_n,
            serious_late_min=self.serious_late_min + other.serious_late_min,
            early_n=self.early_n + other.early_n,
            early_min=self.early_min + other.early_min,
            missing_in_n=self.missing_in_n + other.missing_in_n,
            missing_out_n=self.missing_out_n + other.missing_out_n,
            absent_days=self.absent_days + other.absent_days,
            leave_days=_by_key(self.leave_days, other.leave_days),
            trip_days=self.trip_days + other.trip_days,
            outing_min=self.outing_min + other.outing_min,
            overtime_min=_by_key(self.overtime_min, other.overtime_min),
            corrections_n=self.corrections_n + other.corrections_n,
        )


Amount = TypeVar("Amount", int, Fraction)


def _by_key(one: dict[str, Amount], other: dict[str, Amount]) -> dict[str, Amount]:
    both = dict(one)
    for key, amount in other.items():
        both[key] = both[key] + amount if key in both else amount
    return both


@dataclass(frozen=True, slots=True)
class Scene:
    """One person on one date: seconds at which they pressed, forms they filed, and the verdict due."""

    presses: tuple[int, ...] = ()
    forms: tuple[Form, ...] = ()
    verdict: Verdict = Verdict()


@dataclass(frozen=True, slots=True)
class Due:
    """A person, a date and a shift; and the luck of that day."""

    member: Member
    day: date
    shift: Shift
    luck: Random

    @property
    def start(self) -> int:
        """Planned start, seconds from midnight."""
        return (9 if self.shift is Shift.DAY else 22) * HOUR

    @property
    def end(self) -> int:
        """Planned end, seconds from midnight."""
        return (18 if self.shift is Shift.DAY else 30) * HOUR

    def in_time(self) -> int:
        """An arrival before the start."""
        return self.start - self.luck.randint(1, 28 * MINUTE)

    def out_time(self) -> int:
        """A departure after the end, too soon to look like overtime."""
        return self.end + self.luck.randint(0, 24 * MINUTE)

    def within_minute(self, second: int) -> int:
        """Some second of the minute that begins at ``second``."""
        return second + self.luck.randint(0, 59)

    def clock(self, second: int) -> str:
        """``second`` as the office files write a local time."""
        day = self.day + timedelta(days=second // (24 * HOUR))
        second %= 24 * HOUR
        return f"{day} {second // HOUR:02d}:{second % HOUR // MINUTE:02d}"

    def hours(self, kind: str, start: int, end: int, leave_type: str = "") -> Form:
        """A form over some hours of the date."""
        return Form(kind, self.member, "hour", self.clock(start), self.clock(end), leave_type)


Kind = Callable[[Due], Scene]


def normal(due: Due) -> Scene:
    """On time at both ends."""
    return Scene((due.in_time(), due.out_time()))


def lunch(due: Due) -> Scene:
    """On time, and the door also saw them go to lunch and come back."""
    out, back = 12 * HOUR + due.luck.randint(0, 900), 12 * HOUR + 2400 + due.luck.randint(0, 900)
    return Scene((due.in_time(), out, back, due.out_time()))


def double_tap(due: Due) -> Scene:
    """On time, but the finger went down twice."""
    into, out = due.in_time(), due.out_time()
    return Scene((into - 60, into - 60 + due.luck.randint(3, 40), out, out + due.luck.randint(3, 40)))


def graced(due: Due) -> Scene:
    """A few minutes late, within the grace."""
    return Scene((due.within_minute(due.start + due.luck.randint(1, 5) * MINUTE), due.out_time()))


def late(due: Due) -> Scene:
    """6 to 30 minutes late."""
    minutes = due.luck.choice((6, 7, 8, 9, 10, 12, 15, 19, 24, 30))
    came = due.within_minute(due.start + minutes * MINUTE)
    return Scene((came, due.out_time()), verdict=Verdict(late_n=1, late_min=minutes))


def serious_late(due: Due) -> Scene:
    """31 to 90 minutes late."""
    minutes = due.luck.randint(31, 90)
    came = due.within_minute(due.start + minutes * MINUTE)
    return Scene((came, due.out_time()), verdict=Verdict(serious_late_n=1, serious_late_min=minutes))


def early(due: Due) -> Scene:
    """Left 1 to 60 minutes before the end."""
    minutes = due.luck.randint(1, 60)
    left = due.within_minute(due.end - minutes * MINUTE)
    return Scene((due.in_time(), left), verdict=Verdict(early_n=1, early_min=minutes))


def late_and_early(due: Due) -> Scene:
    """Late, and left early."""
    came = due.within_minute(due.start + 20 * MINUTE)
    left = due.within_minute(due.end - 20 * MINUTE)
    return Scene((came, left), verdict=Verdict(late_n=1, late_min=20, early_n=1, early_min=20))


def missing_in(due: Due) -> Scene:
    """Pressed only when leaving."""
    return Scene((due.out_time(),), verdict=Verdict(missing_in_n=1))


def missing_out(due: Due) -> Scene:
    """Pressed only when arriving."""
    return Scene((due.in_time(),), verdict=Verdict(missing_out_n=1))


def corrected_in(due: Due) -> Scene:
    """Forgot the morning press and filed for it."""
    form = Form("correction", due.member, "in", due.clock(due.start), "", remark="忘记打卡")
    return Scene((due.out_time(),), (form,), Verdict(corrections_n=1))


def corrected_out(due: Due) -> Scene:
    """Forgot the evening press and filed for it."""
    form = Form("correction", due.member, "out", due.clock(due.end), "", remark="忘记打卡")
    return Scene((due.in_time(),), (form,), Verdict(corrections_n=1))


def absent(_due: Due) -> Scene:
    """No press, no form."""
    return Scene(verdict=Verdict(absent_days=Fraction(1)))


def morning_leave(due: Due) -> Scene:
    """Leave before noon: expected from 13:00."""
    kind = due.luck.choice(("annual", "personal", "sick"))
    form = Form("leave", due.member, "half_day", f"{due.day} am", f"{due.day} am", kind)
    came = 13 * HOUR - due.luck.randint(60, 20 * MINUTE)
    return Scene((came, due.out_time()), (form,), Verdict(leave_days={kind: HALF}))


def afternoon_leave(due: Due) -> Scene:
    """Leave after noon: free to go at 12:00."""
    kind = due.luck.choice(("annual", "personal", "sick"))
    form = Form("leave", due.member, "half_day", f"{due.day} pm", f"{due.day} pm", kind)
    left = 12 * HOUR + due.luck.randint(0, 20 * MINUTE)
    return Scene((due.in_time(), left), (form,), Verdict(leave_days={kind: HALF}))


def midday_leave(due: Due) -> Scene:
    """Two hours to see a doctor, and back: 120 of 480 minutes."""
    form = due.hours("leave", 14 * HOUR, 16 * HOUR, "sick")
    return Scene((due.in_time(), due.out_time()), (form,), Verdict(leave_days={"sick": Fraction(1, 4)}))


def last_hours_leave(due: Due) -> Scene:
    """Left at 16:00 with leave for the rest: 120 of 480 minutes."""
    form = due.hours("leave", 16 * HOUR, 18 * HOUR, "personal")
    left = 16 * HOUR + due.luck.randint(0, 10 * MINUTE)
    return Scene((due.in_time(), left), (form,), Verdict(leave_days={"personal": Fraction(1, 4)}))


def outing(due: Due) -> Scene:
    """With a customer from 14:00 to the end of the day; no press is asked for there."""
    form = due.hours("outing", 14 * HOUR, 18 * HOUR)
    return Scene((due.in_time(),), (form,), Verdict(outing_min=240))


def afternoon_trip(due: Due) -> Scene:
    """To the train after lunch."""
    form = Form("trip", due.member, "half_day", f"{due.day} pm", f"{due.day} pm", remark="高铁")
    return Scene((due.in_time(),), (form,), Verdict(trip_days=HALF))


def overtime(due: Due) -> Scene:
    """Stayed as long as the form says."""
    form = due.hours("overtime", 18 * HOUR + 1800, 21 * HOUR)
    left = 21 * HOUR + due.luck.randint(0, 20 * MINUTE)
    return Scene((due.in_time(), left), (form,), Verdict(overtime_min={"workday": 150}))


def overtime_cut_short(due: Due) -> Scene:
    """Left at 20:40 with a form until 21:00: 130 minutes count as 120, in steps of 30."""
    form = due.hours("overtime", 18 * HOUR + 1800, 21 * HOUR)
    left = due.within_minute(20 * HOUR + 40 * MINUTE)
    return Scene((due.in_time(), left), (form,), Verdict(overtime_min={"workday": 120}))


def rest_day_overtime(member: Member, day: date, luck: Random) -> Scene:
    """A day off worked with a form, 10:00 to 16:00."""
    due = Due(member, day, Shift.DAY, luck)
    form = due.hours("overtime", 10 * HOUR, 16 * HOUR)
    presses = (10 * HOUR - luck.randint(1, 600), 16 * HOUR + luck.randint(0, 600))
    return Scene(presses, (form,), Verdict(overtime_min={"rest": 360}))


def rest_day_visit(luck: Random) -> Scene:
    """Came in on a day off without a form: seen, but not overtime."""
    return Scene((10 * HOUR + luck.randint(0, 1800), 14 * HOUR + luck.randint(0, 3600)))


ON_ANY_SHIFT: tuple[tuple[Kind, float], ...] = (
    (normal, 76.0),
    (double_tap, 4.0),
    (graced, 3.0),
    (late, 4.0),
    (serious_late, 0.7),
    (early, 1.6),
    (late_and_early, 0.3),
    (missing_in, 0.5),
    (missing_out, 0.8),
    (corrected_in, 0.5),
    (corrected_out, 0.6),
    (absent, 0.4),
)
ON_DAY_SHIFT: tuple[tuple[Kind, float], ...] = (
    *ON_ANY_SHIFT,
    (lunch, 8.0),
    (morning_leave, 0.8),
    (afternoon_leave, 1.2),
    (midday_leave, 0.7),
    (last_hours_leave, 0.5),
    (outing, 1.2),
    (afternoon_trip, 0.5),
    (overtime, 2.2),
    (overtime_cut_short, 0.6),
)
"""Kinds of days and their weights: about what a firm of this size sees."""


def any_day(due: Due, *, often_late: bool) -> Scene:
    """A day by the weights; ``often_late`` people are late eight times as often."""
    kinds = ON_DAY_SHIFT if due.shift is Shift.DAY else ON_ANY_SHIFT
    weights = [weight * (8 if often_late and kind is late else 1) for kind, weight in kinds]
    (kind,) = due.luck.choices([kind for kind, _ in kinds], weights)
    return kind(due)
