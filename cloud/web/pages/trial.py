"""A draft tried on a month, as the page shows it: how many days go from what to what, and which."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select
from starlette.datastructures import FormData

from cloud.attendance.codec import brief_of
from cloud.attendance.facts import AsOf
from cloud.attendance.whatif import Differing
from cloud.db.tables import departments, people
from cloud.reports.calendar import leave_names
from cloud.reports.dates import Month
from cloud.reports.marks import Cell, Mark, Verdict, cell_of
from cloud.rulebook.effect import Trial
from cloud.web.chips import Chip, Chips
from models.ids import PersonId
from models.person import Language

_ROWS_A_PART = 200
_SO_FAR_MAX = 20_000

Marks = tuple[tuple[str, str], ...]
Kind = tuple[Marks, Marks]


@dataclass(frozen=True, slots=True)
class KindRow:
    """How many days go from one verdict to another."""

    before: Chip
    after: Chip
    days_n: int
    same: bool


@dataclass(frozen=True, slots=True)
class DayRow:
    """One day that would be judged otherwise."""

    person_id: PersonId
    name: str
    department: str
    day: date
    before: Chip
    after: Chip


@dataclass(frozen=True, slots=True)
class Shown:
    """What has been found so far.

    Attributes:
        so_far: all counts as a text, for the next part.
        after: the person to go on behind; empty: all are done.
        hidden_n: days of this part that are counted but not listed.
    """

    judged_n: int
    differing_n: int
    kinds: list[KindRow]
    rows: list[DayRow]
    hidden_n: int
    unjudgeable: list[str]
    people_n: int
    people_all: int
    after: str
    so_far: str


def shown_part(
    connection: Connection,
    trial: Trial,
    month: Month,
    view: AsOf,
    language: Language,
    form: FormData | None = None,
) -> Shown:
    """The first part of the month, or the one after those that ``form`` tells of."""
    behind, counts, judged_n = _told(form)
    part = trial.judge(connection, (month.first, month.last), view, behind)
    chips = Chips(language, leave_names(connection))
    for one in part.found.differing:
        counts[_kind(one)] += 1
    judged_n += part.found.judged_n
    listed = part.found.differing[:_ROWS_A_PART]
    names = _names(connection, {one.person_id for one in listed})
    return Shown(
        judged_n=judged_n,
        differing_n=sum(counts.values()),
        kinds=[_kind_row(kind, n, chips) for kind, n in counts.most_common()],
        rows=[_row(one, names, chips) for one in listed],
        hidden_n=len(part.found.differing) - len(listed),
        unjudgeable=sorted(set(part.found.unjudgeable.values())),
        people_n=part.people_n,
        people_all=part.people_all,
        after=part.after or "",
        so_far=json.dumps([judged_n, [[*kind, n] for kind, n in counts.items()]]),
    )


def _told(form: FormData | None) -> tuple[PersonId | None, Counter[Kind], int]:
    """What the parts before have found; a text that makes no sense counts as nothing."""
    counts: Counter[Kind] = Counter()
    behind = "" if form is None else str(form.get("behind") or "")
    if form is None or not behind:
        return None, counts, 0
    try:
        judged_n, listed = json.loads(str(form.get("so_far"))[:_SO_FAR_MAX])
        for before, after, n in listed:
            counts[_marks(before), _marks(after)] = int(n)
        return PersonId(behind), counts, int(judged_n)
    except (ValueError, TypeError):
        return PersonId(behind), Counter(), 0


def _marks(said: Sequence[Sequence[str]]) -> Marks:
    return tuple((Verdict(verdict).value, str(leave)) for verdict, leave in said)


def _kind(one: Differing) -> Kind:
    before, after = (
        tuple((mark.verdict.value, mark.leave_type or "") for mark in cell_of(brief_of(day)).marks)
        for day in (one.before, one.after)
    )
    return before, after


def _kind_row(kind: Kind, n: int, chips: Chips) -> KindRow:
    before, after = (_chip(marks, chips) for marks in kind)
    return KindRow(before, after, n, kind[0] == kind[1])


def _chip(marks: Marks, chips: Chips) -> Chip:
    found = tuple(Mark(Verdict(verdict), leave or None) for verdict, leave in marks)
    said = [
        chips.phrases.leave(mark.leave_type)
        if mark.leave_type
        else chips.phrases.texts(f"verdict.{mark.verdict}")
        for mark in found
    ]
    return chips.of_cell(Cell(found), chips.phrases.texts("say.joined").join(said))


def _row(one: Differing, names: Mapping[str, tuple[str, str]], chips: Chips) -> DayRow:
    name, department = names.get(one.person_id, (one.person_id, ""))
    before, after = (chips.of_day(brief_of(day)) for day in (one.before, one.after))
    return DayRow(one.person_id, name, department, one.before.date, before, after)


def _names(connection: Connection, who: set[PersonId]) -> dict[str, tuple[str, str]]:
    joined = people.join(departments, departments.c.department_id == people.c.department_id)
    rows = connection.execute(
        select(people.c.person_id, people.c.name, departments.c.name)
        .select_from(joined)
        .where(people.c.person_id.in_(sorted(who)))
    )
    return {person: (name, department) for person, name, department in rows}
