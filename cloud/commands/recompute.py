"""``recompute``: judge days again from the facts alone."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import date, timedelta

from rich.console import Console
from rich.progress import Progress
from sqlalchemy import select

from cloud.attendance import coverage
from cloud.attendance.facts import AsOf
from cloud.attendance.recompute import changed_days, judge_days, store_days
from cloud.attendance.rulesets import Cache
from cloud.commands.console import complain, say
from cloud.db.engine import Database
from cloud.db.tables import people
from models.ids import PersonId

_PEOPLE_A_STEP = 50
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which days to judge: from ``first`` to ``last``, both in; of one employee number or of everybody."""

    first: date
    last: date
    employee_no: str | None = None
    dry_run: bool = False


def recompute(database: Database, asked: Asked, view: AsOf) -> int:
    """Judge the days asked for; 1 if somebody could not be judged, 2 if there is nothing to judge."""
    days = [asked.first + _DAY * n for n in range((min(asked.last, view.today) - asked.first).days + 1)]
    who = _who(database, asked)
    if not days or not who:
        complain("there is nobody, or no day, to judge")
        return 2
    if not asked.dry_run and asked.employee_no is None:
        with database.write() as connection:
            coverage.reach(connection, (days[0], days[-1]), view.now_ms)
    cache: Cache = {}
    judged = differing = 0
    unjudgeable: dict[PersonId, str] = {}
    with Progress(console=Console(file=sys.stderr), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("judging", total=len(who))
        for start in range(0, len(who), _PEOPLE_A_STEP):
            part = who[start : start + _PEOPLE_A_STEP]
            with database.read() as connection:
                judgement = judge_days(connection, dict.fromkeys(part, days), view, cache)
                changed = changed_days(connection, judgement.days)
            if not asked.dry_run:
                with database.write() as connection:
                    store_days(connection, changed, {}, view)
            judged += len(judgement.days)
            differing += sum(one.encoded != before for one, before in changed)
            unjudgeable |= judgement.unjudgeable
            progress.advance(task, len(part))
    for reason in sorted(set(unjudgeable.values())):
        complain(f"cannot judge {sum(one == reason for one in unjudgeable.values())} people: {reason}")
    say(f"{judged} days judged, {differing} {'would differ' if asked.dry_run else 'changed'}")
    return 1 if unjudgeable else 0


def _who(database: Database, asked: Asked) -> list[PersonId]:
    query = select(people.c.person_id).order_by(people.c.person_id)
    if asked.employee_no is not None:
        query = query.where(people.c.employee_no == asked.employee_no)
    with database.read() as connection:
        return [PersonId(person) for person in connection.execute(query).scalars()]
