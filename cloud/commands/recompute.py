"""``recompute``: judge days again from the facts alone."""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import select

from cloud.attendance import coverage
from cloud.attendance.codec import decode
from cloud.attendance.difference import changes
from cloud.attendance.facts import AsOf
from cloud.attendance.recompute import JudgedDay, changed_days, gather, judge, store_days
from cloud.attendance.rulesets import Standing
from cloud.commands.console import complain, say
from cloud.commands.errors import ProcessLost
from cloud.db.engine import Database
from cloud.db.tables import people
from models.ids import PersonId

_PEOPLE_A_STEP = 250
_PARTS_A_PROCESS = 2
"""One that it judges, and the next."""
_DAYS_ALONE = 50_000
"""So many days are judged sooner by this process than others have started."""
_DAY = timedelta(days=1)
_OLDEST = date(1970, 1, 1)
_OBJECTS_A_COLLECTION = 200_000
"""Days are rows by the thousand, none of which refers to itself: looking through them cost a twentieth."""

Numbers = dict[PersonId, str]
"""Employee numbers, in the order in which people are judged."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which days to judge: from ``first`` to ``last``, both in; of one employee number or of everybody."""

    first: date
    last: date
    employee_no: str | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class _Step:
    """Some people, judged: ``differing`` results are, or would be, others than before; ``first`` had none."""

    judged: int
    differing: int
    first: int
    lines: list[str]
    unjudgeable: dict[PersonId, str]


class _Judging:
    """Judges and stores people, some at a time; each process has its own."""

    def __init__(self, database: Database, days: list[date], view: AsOf, *, dry_run: bool) -> None:
        self._database = database
        self._days = days
        self._view = view
        self._dry_run = dry_run
        self._rules = Standing()

    def step(self, who: Numbers) -> _Step:
        view = self._view
        with self._database.read_mapped() as connection:
            book = self._rules.book(connection, view.zone)
            facts = gather(connection, dict.fromkeys(who, self._days), view, book)
        # Nobody reads meanwhile: only then SQLite begins its log anew, and a long one is slow to look into.
        judgement = judge(facts, view)
        with self._database.read() as connection:
            changed = changed_days(connection, judgement.days)
        differing = [(one, before) for one, before in changed if before and one.encoded != before]
        first = sum(before is None for _, before in changed)
        lines: list[str] = []
        if self._dry_run:
            lines = [_line(who[one.person_id], one, before) for one, before in differing]
        elif changed:
            with self._database.write() as connection:
                store_days(connection, [one for one, _ in changed], {}, view)
        return _Step(len(judgement.days), len(differing), first, lines, judgement.unjudgeable)


def recompute(database: Database, asked: Asked, view: AsOf) -> int:
    """Judge the days asked for; 1 if somebody could not be judged, 2 if there is nothing to judge.

    Raises:
        ProcessLost: a process was killed; what all had judged until then is stored.
    """
    from rich.console import Console  # the other processes import this module too, and show nothing
    from rich.progress import Progress

    if asked.first < _OLDEST:
        complain(f"--from {asked.first}: no punch can be older than {_OLDEST}")
        return 2
    days = [asked.first + _DAY * n for n in range((min(asked.last, view.today) - asked.first).days + 1)]
    who = _who(database, asked)
    if not days or not who:
        complain("there is nobody, or no day, to judge")
        return 2
    with database.read() as connection:
        before = coverage.standing(connection, view)
    judged = differing = first = 0
    unjudgeable: dict[PersonId, str] = {}
    with Progress(console=Console(file=sys.stderr), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("judging", total=len(who))
        for people_n, step in _steps(database, asked, who, days, view):
            judged += step.judged
            differing += step.differing
            first += step.first
            unjudgeable |= step.unjudgeable
            for line in step.lines:
                say(line)
            progress.advance(task, people_n)
    if not asked.dry_run and asked.employee_no is None:
        with database.write() as connection:
            coverage.reach_judged(connection, (days[0], days[-1]), before, unjudgeable, view)
    for reason in sorted(set(unjudgeable.values())):
        complain(f"cannot judge {sum(one == reason for one in unjudgeable.values())} people: {reason}")
    told = f"{judged} days judged, {differing} {'would differ' if asked.dry_run else 'changed'}"
    say(f"{told}, {first} for the first time" if first else told)
    return 1 if unjudgeable else 0


def _steps(
    database: Database, asked: Asked, who: Numbers, days: list[date], view: AsOf
) -> Iterator[tuple[int, _Step]]:
    """What comes of some people after the other, and how many they were; by as many processes as pay."""
    everybody = list(who.items())
    parts = [dict(everybody[n : n + _PEOPLE_A_STEP]) for n in range(0, len(everybody), _PEOPLE_A_STEP)]
    processes = min(os.cpu_count() or 1, len(parts))
    judging = _Judging(database, days, view, dry_run=asked.dry_run)
    if processes == 1 or len(who) * len(days) < _DAYS_ALONE:
        for part in parts:
            yield len(part), judging.step(part)
        return
    url = database.url.render_as_string(hide_password=False)
    with (
        _saying_who_is_lost(),
        _collecting_seldom(),
        ProcessPoolExecutor(
            processes - 1,
            multiprocessing.get_context("spawn"),
            initializer=_open,
            initargs=(url, days, view, asked.dry_run),
        ) as pool,
    ):
        waiting = deque(parts)
        begun: dict[Future[_Step], int] = {}
        # This process judges too, from the end: the others have to start first.
        while waiting or begun:
            while waiting and len(begun) < _PARTS_A_PROCESS * (processes - 1):
                part = waiting.popleft()
                begun[pool.submit(_step, part)] = len(part)
            if waiting:
                part = waiting.pop()
                yield len(part), judging.step(part)
                over = {one for one in begun if one.done()}
            else:
                over = wait(begun, return_when=FIRST_COMPLETED).done
            for one in over:
                yield begun.pop(one), one.result()


@contextmanager
def _saying_who_is_lost() -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool as error:
        raise ProcessLost(
            "a process that judged was killed, perhaps for want of memory; what was judged is stored: "
            "run it again"
        ) from error


@contextmanager
def _collecting_seldom() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(_OBJECTS_A_COLLECTION)
    try:
        yield
    finally:
        gc.set_threshold(*before)


_judging: list[_Judging] = []
"""That of this process, if it is one of several."""


def _open(url: str, days: list[date], view: AsOf, dry_run: bool) -> None:  # noqa: FBT001  an executor gives no names
    gc.set_threshold(_OBJECTS_A_COLLECTION)
    _judging.append(_Judging(Database(url), days, view, dry_run=dry_run))


def _step(who: Numbers) -> _Step:
    return _judging[0].step(who)


def _line(employee_no: str, one: JudgedDay, before: bytes) -> str:
    """What would change: ``1007 2026-03-02: late_min 0 -> 6; findings [] -> ['late']``."""
    found = changes(decode(before), decode(one.encoded))
    told = "; ".join(f"{name} {old} -> {new}" for name, (old, new) in found.items())
    return f"{employee_no} {one.date}: {told or 'only the explanation'}"


def _who(database: Database, asked: Asked) -> Numbers:
    query = select(people.c.person_id, people.c.employee_no).order_by(people.c.person_id)
    if asked.employee_no is not None:
        query = query.where(people.c.employee_no == asked.employee_no)
    with database.read() as connection:
        return {PersonId(person): number for person, number in connection.execute(query)}
