"""People and departments as they are stored."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, product

from argon2 import PasswordHasher
from sqlalchemy import Connection, select, update

from cloud.attendance import coverage, stale
from cloud.attendance.facts import AsOf
from cloud.db.tables import departments, people, punches, quarantine
from cloud.db.upsert import insert
from models.ids import PersonId, person_id

PATH_SEPARATOR = "/"
_ID_BYTES = 10
_PINYIN_MAX = 400
_READINGS_MAX = 3
_WAYS_MAX = 12

# A PIN has four to eight digits: no hash can protect it from who holds the roster file, and the terminal
# locks out after a few tries. So the cost is set for the terminal, which checks it on a small board while
# somebody waits, and for the import of a whole company.
_pin_hasher = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1)

_ENDS = frozenset({"hire_date", "last_day"})
_JUDGED_BY = _ENDS | {"group_id", "site"}


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a person."""

    person_id: PersonId
    new: bool
    changed: bool


def hash_pin(pin: str) -> str:
    """The argon2id hash of a PIN, for the terminal's roster."""
    return _pin_hasher.hash(pin)


def pin_matches(pin_hash: str, pin: str) -> bool:
    """Whether ``pin`` is the one that was hashed."""
    from argon2.exceptions import VerifyMismatchError

    try:
        return _pin_hasher.verify(pin_hash, pin)
    except VerifyMismatchError:
        return False


def spell(name: str) -> str:
    """Full pinyin and initials of ``name``, lower case, for search: "lilei ll"."""
    from pypinyin import Style, lazy_pinyin, pinyin

    # Characters of several readings are found by any of them; the likeliest reading comes first.
    readings = [options[:_READINGS_MAX] for options in pinyin(name, style=Style.NORMAL, heteronym=True)]
    ways = [lazy_pinyin(name), *islice(product(*readings), _WAYS_MAX)]
    full = ["".join(way) for way in ways]
    initials = ["".join(part[:1] for part in way) for way in ways]
    words = dict.fromkeys(text.lower().replace(" ", "") for text in (*full, *initials))
    return " ".join(words)[:_PINYIN_MAX]


def department(connection: Connection, path: str) -> str:
    """The id of the department at ``path`` ("研发部/平台组"), made with those above it if it is new."""
    names = [part.strip() for part in path.split(PATH_SEPARATOR) if part.strip()]
    parent: str | None = None
    for depth in range(1, len(names) + 1):
        name = PATH_SEPARATOR.join(names[:depth])
        found = connection.execute(
            select(departments.c.department_id).where(departments.c.name == name)
        ).scalar_one_or_none()
        if found is None:
            found = f"d-{secrets.token_hex(_ID_BYTES)}"
            connection.execute(
                insert(connection, departments).values(department_id=found, name=name, parent_id=parent)
            )
        parent = found
    if parent is None:
        raise ValueError(f"{path!r} names no department")
    return parent


def write_person(
    connection: Connection,
    employee_no: str,
    fields: dict[str, object],
    view: AsOf,
    wanted_id: str | None = None,
) -> Written:
    """Add the person of ``employee_no`` or change the ``fields`` given; days this can change are marked.

    ``wanted_id`` gives a new person the id that punches in quarantine already carry.
    """
    row = connection.execute(select(people).where(people.c.employee_no == employee_no)).first()
    if row is None:
        new_id = PersonId(wanted_id or person_id(secrets.token_bytes(_ID_BYTES)))
        connection.execute(
            insert(connection, people).values(
                person_id=new_id, employee_no=employee_no, updated_ms=view.now_ms, **fields
            )
        )
        coverage.mark_person(connection, new_id, "people", view.now_ms)
        _release(connection, new_id, view)
        return Written(new_id, new=True, changed=True)
    kept = row._mapping  # noqa: SLF001  the public name of a row's columns
    changes = {name: value for name, value in fields.items() if kept[name] != value}
    who = PersonId(row.person_id)
    if not changes:
        return Written(who, new=False, changed=False)
    connection.execute(
        update(people).where(people.c.person_id == who).values(updated_ms=view.now_ms, **changes)
    )
    judged_by = _JUDGED_BY & changes.keys()
    if judged_by - _ENDS:
        coverage.mark_person(connection, who, "people", view.now_ms)
        return Written(who, new=False, changed=True)
    for name in judged_by:
        moved = coverage.moved_end(connection, kept[name], fields[name], hire=name == "hire_date")
        if moved is not None:
            coverage.mark_span(connection, who, moved, "people", view.now_ms)
    return Written(who, new=False, changed=True)


def _release(connection: Connection, who: PersonId, view: AsOf) -> None:
    """Punches that waited for this person are judged now."""
    waiting = (quarantine.c.person_id == who, quarantine.c.code == "unknown_person")
    released = connection.execute(
        update(quarantine).where(*waiting, quarantine.c.resolved_ms.is_(None)).values(resolved_ms=view.now_ms)
    )
    if released.rowcount:
        instants = connection.execute(select(punches.c.at_ms).where(punches.c.person_id == who)).scalars()
        stale.mark(connection, _near(who, instants, view), "people", view.now_ms)


def _near(who: PersonId, instants: Iterable[int], view: AsOf) -> Sequence[stale.PersonDay]:
    return [
        (who, day) for at_ms in instants if 0 <= at_ms <= view.now_ms for day in stale.near(at_ms, view.zone)
    ]
