"""The whole history: every press, every form and every verdict of the company, from a seed and a run date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from functools import reduce
from random import Random
from zoneinfo import ZoneInfo

from models.clock import from_ms, to_ms
from models.punch import Method
from scripts.story.days import Due, Form, Scene, Verdict, any_day, rest_day_overtime, rest_day_visit
from scripts.story.people import FACES_OF, FINGERS_OF, Member, Rhythm, company
from scripts.story.workdays import Kind, Span, kind_of, shift_of, span_before

ZONE = ZoneInfo("Asia/Shanghai")
DOORS = ("北门 North gate", "南门 South gate", "仓库 Warehouse")
SEED = 2026
_OFTEN_LATE = 12  # one person in so many


@dataclass(frozen=True, slots=True, order=True)
class Press:
    """One time somebody was identified at a door: what becomes a punch. ``door`` is a place in DOORS."""

    wall_ms: int
    employee_no: str
    door: int
    method: Method
    score_milli: int | None


@dataclass(frozen=True, slots=True)
class Story:
    """All that happened up to yesterday, and what must be judged of it.

    Attributes:
        presses: in order of time, each later to be walked through the terminal of its door.
        forms: what the office filed.
        verdicts: by employee number and date; dates without an entry must count nothing.
    """

    seed: int
    span: Span
    members: tuple[Member, ...]
    presses: tuple[Press, ...]
    forms: tuple[Form, ...]
    verdicts: Mapping[tuple[str, date], Verdict]

    def month(self, employee_no: str, month: str) -> Verdict:
        """What the report of ``yyyy-mm`` must show of one person."""
        return total(
            verdict
            for (who, day), verdict in self.verdicts.items()
            if who == employee_no and f"{day:%Y-%m}" == month
        )


@dataclass(frozen=True, slots=True)
class Morning:
    """What happened on the run date itself; no verdict is known yet."""

    presses: tuple[Press, ...] = ()
    forms: tuple[Form, ...] = ()


def local_date(wall_ms: int) -> date:
    """The date at the firm at an instant."""
    return from_ms(wall_ms).astimezone(ZONE).date()


def total(verdicts: Iterable[Verdict]) -> Verdict:
    """The sum, field by field and key by key."""
    return reduce(Verdict.plus, verdicts, Verdict())


def tell(today: date, seed: int = SEED) -> Story:
    """The story up to the day before ``today``."""
    span = span_before(today)
    members = company(seed, span.first, span.last)
    presses: list[Press] = []
    forms: list[Form] = []
    verdicts: dict[tuple[str, date], Verdict] = {}
    for member in members:
        luck = Random(f"life {seed} {member.employee_no}")
        for day, scene in _life(member, span, luck):
            presses += [_press(member, day, second, luck) for second in scene.presses]
            forms += scene.forms
            if scene.verdict != Verdict():
                verdicts[member.employee_no, day] = scene.verdict
    return Story(seed, span, members, tuple(sorted(presses)), tuple(forms), verdicts)


def this_morning(story: Story, now_ms: int) -> Morning:
    """The run date until ``now_ms``: most people have come, a few late, some are away with a form.

    Those who are enrolled at the first door come when the demo lets them.
    """
    day = story.span.today
    presses: list[Press] = []
    forms: list[Form] = []
    for member in story.members:
        luck = Random(f"today {story.seed} {member.employee_no} {day}")
        shift = shift_of(member, day, day) if member.employed_on(day) else None
        if shift is None or member.is_one_of(FINGERS_OF) or member.is_one_of(FACES_OF):
            continue
        chance = luck.random()
        if chance < 0.94:  # noqa: PLR2004  of those who are due
            scene = any_day(Due(member, day, shift, luck), often_late=False)
            presses += [_press(member, day, second, luck) for second in scene.presses if not scene.forms]
        elif chance < 0.96:  # noqa: PLR2004  likewise
            forms.append(Form("leave", member, "day", str(day), str(day), luck.choice(("annual", "sick"))))
        elif chance < 0.985:  # noqa: PLR2004  likewise
            forms.append(Form("trip", member, "day", str(day), str(day + timedelta(days=2))))
    return Morning(tuple(sorted(press for press in presses if press.wall_ms < now_ms)), tuple(forms))


def _life(member: Member, span: Span, luck: Random) -> Iterable[tuple[date, Scene]]:
    often_late = luck.randrange(_OFTEN_LATE) == 0
    away_until = span.first - timedelta(days=1)
    for day in span.dates():
        if not member.employed_on(day) or day <= away_until:
            continue
        shift = shift_of(member, day, span.today)
        if shift is None:
            scene = _day_off(member, day, luck)
        elif absence := _absence(member, day, span, luck):
            away_until, spent = absence
            yield from spent
            continue
        else:
            scene = any_day(Due(member, day, shift, luck), often_late=often_late)
        yield day, scene


def _day_off(member: Member, day: date, luck: Random) -> Scene:
    chance = luck.random()
    # A night worker's day off may follow a night, and a public holiday has a pay class of its own.
    if member.rhythm is Rhythm.ROTA or kind_of(day) is Kind.STATUTORY:
        return Scene()
    if chance < 0.012:  # noqa: PLR2004  of the days off
        return rest_day_overtime(member, day, luck)
    return rest_day_visit(luck) if chance < 0.022 else Scene()  # noqa: PLR2004  likewise


def _absence(
    member: Member, day: date, span: Span, luck: Random
) -> tuple[date, list[tuple[date, Scene]]] | None:
    """Whole days away from ``day`` on, or None: the last date of it and the scenes of its due dates."""
    chance = luck.random()
    if chance < (0.03 if member.department == "销售部" else 0.004):
        kind, leave_type, due_days = "trip", "", luck.randint(1, 4)
    elif chance < 0.02:  # noqa: PLR2004  of the due days
        kind, leave_type, due_days = (
            "leave",
            *luck.choice((("annual", 2), ("annual", 4), ("sick", 1), ("personal", 1))),
        )
    else:
        return None
    away = _next_due(member, day, span, due_days)
    form = Form(kind, member, "day", str(away[0]), str(away[-1]), leave_type)
    one = Verdict(trip_days=Fraction(1)) if kind == "trip" else Verdict(leave_days={leave_type: Fraction(1)})
    return away[-1], [(date_, Scene(forms=(form,) * (date_ == day), verdict=one)) for date_ in away]


def _next_due(member: Member, day: date, span: Span, count: int) -> list[date]:
    due = [
        later
        for later in span.dates()
        if later >= day and member.employed_on(later) and shift_of(member, later, span.today) is not None
    ]
    return due[:count]


def _press(member: Member, day: date, second: int, luck: Random) -> Press:
    midnight = datetime.combine(day, time(), ZONE)
    yard = member.department in {"生产部", "仓储物流部"}
    (door,) = luck.choices(range(len(DOORS)), (15, 15, 70) if yard else (66, 30, 4))
    (method,) = luck.choices((Method.FACE, Method.FINGER, Method.PIN), (55, 39, 6))
    scores = {Method.FACE: (520, 860), Method.FINGER: (60_000, 220_000)}
    return Press(
        wall_ms=to_ms(midnight) + second * 1000 + luck.randrange(1000),
        employee_no=member.employee_no,
        door=door,
        method=method,
        score_milli=luck.randint(*scores[method]) if method in scores else None,
    )
