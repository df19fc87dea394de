"""Whom a viewer may see. Every query of the read side is asked within a scope."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, select, true

from cloud.db.tables import departments, people
from models.ids import PersonId


@dataclass(frozen=True, slots=True)
class Everyone:
    """Admins, HR and API tokens."""


@dataclass(frozen=True, slots=True)
class Departments:
    """Managers: their department and those below it."""

    department_ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class OnePerson:
    """Staff: themselves. ``person_id`` None sees nobody."""

    person_id: PersonId | None


Scope = Everyone | Departments | OnePerson


def within(scope: Scope) -> ColumnElement[bool]:
    """The condition on ``people`` that keeps a query inside ``scope``."""
    match scope:
        case Everyone():
            return true()
        case Departments(department_ids):
            return people.c.department_id.in_(sorted(department_ids))
        case OnePerson(person_id):
            return people.c.person_id == (person_id or "")


def department_and_below(connection: Connection, department_id: str | None) -> Departments:
    """The scope of a manager of ``department_id``; of nobody, if it is None."""
    rows = connection.execute(select(departments.c.department_id, departments.c.parent_id)).all()
    children: dict[str | None, list[str]] = {}
    for child, parent in rows:
        children.setdefault(parent, []).append(child)
    found: set[str] = set()
    waiting = [] if department_id is None else [department_id]
    while waiting:
        department = waiting.pop()
        if department not in found:
            found.add(department)
            waiting += children.get(department, [])
    return Departments(frozenset(found))
