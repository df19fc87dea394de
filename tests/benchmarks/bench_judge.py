"""Two months of 150 people judged, beside a first-in, last-out grouping that knows no rules at all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random

from cloud.rules.engine import judge
from cloud.rules.facts import PersonFacts, PolicyVersion, PunchFact, RosterEntry, RuleSet, WorkShift
from cloud.rules.plan import PlanBook
from cloud.rules.policy import Policy
from models.ids import PersonId
from tests.benchmarks.figures import Figure, seconds

PEOPLE = 150
FIRST, LAST = date(2026, 9, 1), date(2026, 10, 31)
WORKDAYS = range(5)
OFFSET_MS = 8 * 3_600_000


def measure() -> Iterator[Figure]:
    """Facts are in memory on both sides; ours writes every day's explanation too."""
    rules = RuleSet(
        zone="Asia/Shanghai",
        policies=(PolicyVersion(Policy(late_grace_min=5, serious_late_over_min=30, absent_over_min=120)),),
        shifts={"DAY": WorkShift("DAY", ((540, 720), (780, 1080)))},
        week={weekday: RosterEntry(("DAY",)) for weekday in WORKDAYS},
    )
    people = [_person(number, rules) for number in range(PEOPLE)]
    ours = seconds(lambda: _judged(people, PlanBook(rules)))
    theirs = seconds(lambda: [_first_and_last(one.punches) for one in people])
    days = PEOPLE * ((LAST - FIRST).days + 1)
    yield Figure(f"{days} person-days judged", ours, "first in, last out, no rules", theirs)


def _judged(people: list[PersonFacts], plans: PlanBook) -> int:
    return sum(len(judge(one, FIRST, LAST, plans)) for one in people)


def _person(number: int, rules: RuleSet) -> PersonFacts:
    luck = Random(number)
    punches: list[PunchFact] = []
    day = FIRST
    while day <= LAST:
        if day.weekday() in WORKDAYS:
            midnight = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000 - OFFSET_MS
            for minute in (540 - luck.randint(-8, 20), 1080 + luck.randint(0, 20)):
                at_ms = midnight + minute * 60_000 + luck.randint(0, 59_000)
                punches.append(PunchFact(at_ms, device="north", epoch="e", seq=len(punches) + 1))
        day += timedelta(days=1)
    end_ms = int(datetime(2026, 12, 1, tzinfo=UTC).timestamp()) * 1000
    return PersonFacts(
        PersonId(f"p-{number}"), rules, end_ms, punches=tuple(punches), watermarks={"north": end_ms}
    )


def _first_and_last(punches: tuple[PunchFact, ...]) -> dict[int, tuple[int, int]]:
    found: dict[int, tuple[int, int]] = {}
    for punch in punches:
        day = (punch.at_ms + OFFSET_MS) // 86_400_000
        first, last = found.get(day, (punch.at_ms, punch.at_ms))
        found[day] = min(first, punch.at_ms), max(last, punch.at_ms)
    return found
