"""The people a question is about: found within a scope, in the order in which lists show them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from cloud.db.tables import departments, people
from cloud.reports.dates import Month
from cloud.reports.scope import Scope, within
from models.ids import PersonId


@dataclass(frozen=True, slots=True)
class PersonBrief:
    """Who somebody is, as a row of a table shows it."""

    person_id: PersonId
    employee_no: str
    name: str
    department_id: str
    department: str
    site: str | None
    hire: date | None
    last_day: date | None


@dataclass(frozen=True, slots=True)
class DepartmentBrief:
    """A department and how many people in the viewer's scope it has."""

    department_id: str
    name: str
    people_n: int


@dataclass(frozen=True, slots=True)
class Filter:
    """Which people of the scope. ``text`` matches name, pinyin or employee number."""

    department_id: str | None = None
    text: str = ""


_COLUMNS = (
    people.c.person_id,
    people.c.employee_no,
    people.c.name,
    people.c.department_id,
    departments.c.name.label("department"),
    people.c.site,
    people.c.hire_date,
    people.c.last_day,
)
_JOINED = people.join(departments, departments.c.department_id == people.c.department_id)


def employed_in(month: Month) -> ColumnElement[bool]:
    """Whether a person's contract touches ``month``."""
    return employed_between(month.first, month.last)


def employed_between(first: date, last: date) -> ColumnElement[bool]:
    """Whether a person's contract touches any date from ``first`` to ``last``."""
    return and_(
        or_(people.c.hire_date.is_(None), people.c.hire_date <= last),
        or_(people.c.last_day.is_(None), people.c.last_day >= first),
    )


def matching(scope: Scope, wanted: Filter) -> ColumnElement[bool]:
    """The condition on ``people`` for a filter within a scope."""
    condition = within(scope)
    if wanted.department_id:
        condition = and_(condition, people.c.department_id == wanted.department_id)
    if text := wanted.text.strip().lower():
        found = [
            func.lower(column).contains(text, autoescape=True)
            for column in (people.c.name, people.c.pinyin, people.c.employee_no)
        ]
        condition = and_(condition, or_(*found))
    return condition


def list_people(
    connection: Connection, condition: ColumnElement[bool], offset: int = 0, limit: int | None = None
) -> list[PersonBrief]:
    """People by department and employee number."""
    rows = connection.execute(
        select(*_COLUMNS)
        .select_from(_JOINED)
        .where(condition)
        .order_by(departments.c.name, people.c.employee_no)
        .offset(offset)
        .limit(limit)
    )
    return [PersonBrief(PersonId(person_id), *rest) for person_id, *rest in rows]


def count_people(connection: Connection, condition: ColumnElement[bool]) -> int:
    """How many people the condition finds."""
    return connection.execute(select(func.count()).select_from(people).where(condition)).scalar_one()


def find_person(connection: Connection, scope: Scope, person_id: str) -> PersonBrief | None:
    """The person, or None if there is none in the scope: the two cases look the same."""
    found = list_people(connection, and_(within(scope), people.c.person_id == person_id), limit=1)
    return found[0] if found else None


def list_departments(connection: Connection, scope: Scope) -> list[DepartmentBrief]:
    """Departments with people in the scope, by name."""
    rows = connection.execute(
        select(departments.c.department_id, departments.c.name, func.count())
        .select_from(_JOINED)
        .where(within(scope))
        .group_by(departments.c.department_id, departments.c.name)
        .order_by(departments.c.name)
    )
    return [DepartmentBrief(*row) for row in rows]


def ids(found: Iterable[PersonBrief]) -> list[str]:
    """Their ids."""
    return [person.person_id for person in found]
