"""The cloud's answers held against the story: punches, days, month reports. Nothing is read but the API."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from fractions import Fraction

from python_calamine import CalamineWorkbook

from models.clock import to_ms
from models.ids import PersonId
from scripts.story import compare
from scripts.story.cloud import Cloud
from scripts.story.compare import Json
from scripts.story.days import Verdict
from scripts.story.people import Member
from scripts.story.plan import ZONE, Story, local_date, total
from scripts.story.workdays import Shift, days, month_end, shift_of

SHOWN = 10
_ONE_DAY = timedelta(days=1)
_OFF_DAY_ENDS = time(4)
_NIGHT_ENDS = time(12)
Stored = Counter[tuple[str, str, str]]
"""How often each ``(person, terminal, instant)`` is stored."""


@dataclass(frozen=True, slots=True)
class Audit:
    """A part of the printed object, and sentences about what is not right in it."""

    section: dict[str, Json]
    wrong: tuple[str, ...] = ()


def stored_punches(cloud: Cloud, story: Story) -> Stored:
    """Every punch the API knows of, asked for day by day."""
    found: Stored = Counter()
    for day in days(story.span.first - _ONE_DAY, story.span.today + _ONE_DAY):
        begin = datetime.combine(day, time(), ZONE)
        query = {"from": begin.isoformat(), "to": (begin + _ONE_DAY).isoformat()}
        for row in cloud.rows("/api/v1/punches", "punches", **query):
            found[str(row["person_id"]), str(row["terminal_id"]), str(row["at"])] += 1
    return found


def punches(story: Story, people: Mapping[str, PersonId], stored: Stored, made: int) -> Audit:
    """Every punch made is stored, and stored once; those of the past at their very instant."""
    past = Counter((str(people[press.employee_no]), press.wall_ms) for press in story.presses)
    got = Counter((person, to_ms(datetime.fromisoformat(at))) for person, _, at in stored)
    lost = max((past - got).total(), made - len(stored))
    doubled = stored.total() - len(stored)
    section: dict[str, Json] = {"made": made, "stored": stored.total(), "doubled": doubled, "lost": lost}
    right = stored.total() == made and not doubled and not lost
    return Audit({"punches": section}, () if right else (f"punches: {section}",))


def judged_days(cloud: Cloud, story: Story, people: Mapping[str, PersonId], now_ms: int) -> Audit:
    """Every day that is over is final and judged as the story says."""
    members = {people[member.employee_no]: member for member in story.members}
    expected = sum(1 for _ in _days_over(story, now_ms))
    final, wrong = 0, []
    for day in story.span.dates():
        for result in cloud.rows("/api/v1/days", "days", **{"from": str(day), "to": str(day)}):
            member = members[PersonId(str(result["person_id"]))]
            if not _is_over(story, member, day, now_ms):
                continue
            final += result["state"] == "final"
            wanted = compare.expected(story.verdicts.get((member.employee_no, day), Verdict()))
            texts = compare.differences(wanted, compare.of_day(result))
            wrong += [f"{member.employee_no} {day} {text}" for text in texts]
    section: dict[str, Json] = {"judged": final, "expected": expected, "differing": len(wrong)}
    if final != expected:
        wrong.insert(0, f"days judged: expected {expected}, got {final}")
    return Audit({"days": section}, tuple(wrong[:SHOWN]))


def days_kept(cloud: Cloud, story: Story) -> int:
    """How many results of the span the cloud keeps."""
    return sum(
        len(cloud.rows("/api/v1/days", "days", **{"from": str(day), "to": str(day)}))
        for day in story.span.dates()
    )


def is_final(cloud: Cloud, story: Story, day: date, now_ms: int) -> bool:
    """Whether everybody whose ``day`` is over has a final result of it."""
    over = sum(_is_over(story, member, day, now_ms) for member in story.members)
    told = cloud.rows("/api/v1/days", "days", **{"from": str(day), "to": str(day)})
    return sum(result["state"] == "final" for result in told) >= over


def month_reports(cloud: Cloud, story: Story) -> Audit:
    """The month reports: as JSON number by number, as files by their rows, and all months together."""
    files: list[Json] = []
    wrong: list[str] = []
    sums = {"leave_days": Fraction(0), "trip_days": Fraction(0)}
    for month in story.span.months():
        numbers = {member.employee_no for member in story.members if _employed_in(member, month)}
        rows = cloud.rows(f"/api/v1/reports/month/{month}.json", "people")
        for row in rows:
            got = compare.of_month(row)
            wanted = compare.expected(story.month(str(row["employee_no"]), month))
            wrong += [f"{month} {row['employee_no']} {text}" for text in compare.differences(wanted, got)]
            for name, amount in got.items():
                kind = name.partition(".")[0]
                if kind in sums:
                    sums[kind] += amount
        for kind, count in _counts(cloud, month, numbers, len(rows)):
            files.append({"file": f"{month}.{kind}", "rows": count, "expected_rows": len(numbers)})
            if count != len(numbers):
                wrong.append(f"{month}.{kind}: expected {len(numbers)} rows, got {count}")
    whole = total(story.verdicts.values())
    wanted_sums = {
        "leave_days": sum(whole.leave_days.values(), Fraction(0)),
        "trip_days": whole.trip_days,
    }
    section: dict[str, Json] = {"reports": files}
    for kind, wanted_sum in wanted_sums.items():
        section[kind] = {"expected": float(wanted_sum), "got": float(sums[kind])}
        if wanted_sum != sums[kind]:
            wrong.append(f"{kind}: expected {wanted_sum}, got {sums[kind]}")
    return Audit(section, tuple(wrong[:SHOWN]))


def _counts(cloud: Cloud, month: str, numbers: Collection[str], rows: int) -> Iterator[tuple[str, int]]:
    path = f"/api/v1/reports/month/{month}"
    yield "json", rows
    yield "csv", csv_rows(cloud.file(f"{path}.csv"), numbers)
    yield "xlsx", xlsx_rows(cloud.file(f"{path}.xlsx"), numbers)


def csv_rows(content: bytes, numbers: Collection[str]) -> int:
    """How many lines of a CSV file are about somebody of these employee numbers."""
    lines = csv.reader(io.StringIO(content.decode("utf-8-sig")))
    return sum(any(cell in numbers for cell in line) for line in lines)


def xlsx_rows(content: bytes, numbers: Collection[str]) -> int:
    """How many rows of the first sheet are about somebody of these employee numbers."""
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
    return sum(any(str(cell) in numbers for cell in row) for row in sheet.to_python())


def _employed_in(member: Member, month: str) -> bool:
    first = date.fromisoformat(f"{month}-01")
    return member.hire <= month_end(first) and (member.last_day is None or member.last_day >= first)


def _days_over(story: Story, now_ms: int) -> Iterator[tuple[Member, date]]:
    for member in story.members:
        for day in story.span.dates():
            if _is_over(story, member, day, now_ms):
                yield member, day


def _is_over(story: Story, member: Member, day: date, now_ms: int) -> bool:
    """Whether nothing can be added to an employed person's day any more (docs/reference/rules.md S1).

    What was before the first punch of all is not judged: nobody is absent before the system is there.
    """
    if not member.employed_on(day) or day < local_date(story.presses[0].wall_ms):
        return False
    shift = shift_of(member, day, story.span.today)
    ends = {Shift.DAY: time(), Shift.NIGHT: _NIGHT_ENDS, None: _OFF_DAY_ENDS}[shift]
    return now_ms >= to_ms(datetime.combine(day + _ONE_DAY, ends, ZONE))
