"""Days judged as facts come in, marked by whoever stores them, against all of them judged from nothing.

Facts come by the product's own doors, in any order; time passes; the worker judges what is marked.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
from msgspec import structs
from sqlalchemy import insert, select, update

from cloud.attendance import coverage
from cloud.attendance.codec import decode
from cloud.attendance.defaults import seed
from cloud.attendance.facts import AsOf
from cloud.attendance.recompute import judge_days
from cloud.attendance.worker import RecomputeWorker
from cloud.db.engine import Database
from cloud.db.migrate import migrate
from cloud.db.tables import attendance_days, groups, people, policies, shifts, terminals
from cloud.feed import Feed
from cloud.ingest.opening import Message
from cloud.ingest.receive import receive_all
from cloud.office.plans import import_calendar, import_roster
from cloud.office.records import write_record
from cloud.people.directory import write_person
from cloud.rulebook.draft import Change, MovePeople, SetDay, SetGroup, SetRoster, SetShift, SetVersion
from cloud.rulebook.save import put_in_force
from models.ids import PersonId
from models.office import (
    ClockSpan,
    CorrectionBody,
    DateSpan,
    Half,
    OfficeRecord,
    RecordBody,
    RecordKind,
    RecordStatus,
    SpanUnit,
)
from tests.terminals import Door, add_person, add_terminal

DAY = timedelta(days=1)
HOUR_MS = 3_600_000
FIRSTS = [date(2026, 3, 1), date(2026, 3, 26), date(2026, 10, 22), date(2026, 11, 1), date(2026, 12, 28)]
ZONES = ["Asia/Shanghai", "America/New_York", "Europe/Berlin"]
STAFF = [PersonId(f"p-{n}") for n in range(4)]
HOURS: dict[str, dict[str, object]] = {
    "DAY": {"segments": ["09:00-12:00", "13:00-18:00"]},
    "NIGHT": {"segments": ["22:00-26:00", "27:00-30:00"]},
    "EARLY": {"segments": ["06:00-14:00"]},
    "EVE": {"segments": ["14:00-22:00"]},
    "FLEX": {"segments": ["09:00-12:00", "13:00-18:00"], "flex": {"early_min": 60, "late_min": 60}},
    "FREE": {"kind": "free", "segments": ["09:00-12:00", "13:00-18:00"]},
}
ENTRIES = [["DAY"], ["NIGHT"], ["EARLY"], ["EVE"], ["FLEX"], ["FREE"], []]
PARAMETERS: dict[str, list[object]] = {
    "late_grace_min": [5],
    "pairing": ["alternate"],
    "auto_out": ["at_end"],
    "free_lates": [1, 2],
    "correction_limit": [1],
    "overtime_mode": ["approval", "punch", "min"],
    "day_start": ["06:00"],
    "after_min": [120],
    "half_day_below_min": [240],
    "hours_system": ["comprehensive"],
}
MINUTES = [360, 535, 541, 546, 720, 780, 840, 1080, 1085, 1320, 1335, 1560, 1800, 1810]


class HandClock:
    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def wall_ms(self) -> int:
        return self.now_ms

    def monotonic_ms(self) -> int:
        return self.now_ms


class Firm:
    """Four people, two doors, two groups; what happens is decided by one seed."""

    def __init__(self, number: int, path: Path) -> None:
        self.random = Random(number)
        self.zone = ZoneInfo(self.random.choice(ZONES))
        self.first = self.random.choice(FIRSTS)
        self.clock = HandClock(self.ms(self.first, 600))
        self.database = Database(f"sqlite:///{path}")
        self.file = path.with_suffix(".csv")
        self.worker = RecomputeWorker(self.database, Feed(), self.clock, self.zone)
        self.doors = [Door(f"t-{n}", f"stream-{n}........".encode()) for n in range(2)]
        self.forms: list[OfficeRecord] = []
        with self.database.write() as connection:
            seed(connection, self.first.year)
            connection.execute(shifts.delete())
            rows = [{"name": name, "definition": hours} for name, hours in HOURS.items()]
            connection.execute(insert(shifts), rows)
            connection.execute(update(policies).values(parameters=self.parameters()))
            week = dict.fromkeys(("mon", "tue", "thu"), "NIGHT")
            connection.execute(insert(groups).values(group_id="lab", name="lab", week=week))
            connection.execute(
                insert(policies).values(
                    group_id="lab", from_date=date(1, 1, 1), version="l1", parameters=self.parameters()
                )
            )
            for person in STAFF:
                add_person(connection, person)
            connection.execute(update(people).where(people.c.person_id == STAFF[0]).values(group_id="lab"))
            for door in self.doors:
                add_terminal(connection, door.terminal_id)
            connection.execute(update(terminals).values(claimed_ms=self.clock.now_ms))
        for door in self.doors:
            self.tell(door)

    @property
    def view(self) -> AsOf:
        return AsOf(self.clock.now_ms, self.zone)

    def ms(self, day: date, minute: int) -> int:
        midnight = datetime(day.year, day.month, day.day, tzinfo=self.zone)
        return int(midnight.timestamp() * 1000) + minute * 60_000

    def someday(self) -> date:
        return self.first + DAY * self.random.randrange(-1, (self.view.today - self.first).days + 4)

    def parameters(self) -> dict[str, object]:
        return {
            name: self.random.choice(values)
            for name, values in PARAMETERS.items()
            if self.random.random() < 0.2
        }

    def receive(self, topic: str, payload: bytes) -> None:
        with self.database.write() as connection:
            receive_all(connection, [Message(topic, payload)], self.clock.now_ms, self.zone)

    def tell(self, door: Door) -> None:
        self.receive(door.state_topic, door.state(at_ms=self.clock.now_ms, highest=max(door.made, default=0)))

    # -- what happens ----------------------------------------------------------------------------------------

    def punch(self) -> None:
        """Somebody's punch of these days arrives; now and then that of a clock that was not set."""
        pick = self.random.choice
        door = pick(self.doors)
        day = self.view.today - DAY * pick([0, 0, 1, 2, 3])
        at_ms = min(self.ms(day, pick(MINUTES) + pick([-31, 0, 0, 1, 40])), self.clock.now_ms)
        boot, unset = pick([1, 2, 3]), self.random.random() < 0.1
        punch = door.punch(
            max(door.made, default=0) + 1,
            pick(STAFF),
            at_ms=946_684_800_000 + at_ms % 10**9 if unset else at_ms,
            clock=0 if unset else 2,
            boot=boot,
            monotonic_ms=at_ms - 1_000_000 * boot,
        )
        punch = structs.replace(punch, direction=pick([0, 0, 1, 2]))
        # Only sometimes is the time of the boot that sends it known from it.
        door.boot, door.sent_ms = pick([1, 2, 3]), self.clock.now_ms - pick([0, 500_000])
        door.sent_monotonic_ms = door.sent_ms - 1_000_000 * door.boot
        self.receive(door.topic, door.payload(punch))

    def report(self) -> None:
        self.tell(self.random.choice(self.doors))

    def form(self) -> None:
        """A form, or a newer version of one: decided, moved to other dates, of somebody else."""
        pick = self.random.choice
        kind = pick([kind for kind in RecordKind if kind is not RecordKind.DECISION])
        day, unit = self.someday(), SpanUnit.HOUR
        body: RecordBody = ClockSpan(self.ms(day, 1080), self.ms(day, pick([1140, 1260, 1560])))
        if kind is RecordKind.CORRECTION:
            body = CorrectionBody(day, pick(["in", "out"]), self.ms(day, pick(MINUTES)))
        elif kind is not RecordKind.OVERTIME and self.random.random() < 0.7:
            unit, body = SpanUnit.HALF_DAY, DateSpan(day, pick(list(Half)), day + DAY, Half.PM)
        record = OfficeRecord(
            source="oa",
            source_id=str(len(self.forms)),
            version=1,
            person_id=pick(STAFF),
            kind=kind,
            status=RecordStatus.APPROVED,
            unit=unit,
            body=body,
            known_ms=self.clock.now_ms,
            leave_type=pick(["annual", "maternity"]) if kind is RecordKind.LEAVE else None,
        )
        if self.forms and self.random.random() < 0.4:
            old = pick(self.forms)
            body, unit = (body, unit) if old.kind is kind else (old.body, old.unit)
            who = pick([old.person_id, old.person_id, record.person_id])
            record = replace(old, version=old.version + 1, person_id=who, body=body, unit=unit)
            record = replace(record, status=pick(list(RecordStatus)), known_ms=self.clock.now_ms)
        self.forms.append(record)
        with self.database.write() as connection:
            write_record(connection, record, self.view)

    def calendar(self) -> None:
        kind = self.random.choice(["statutory", "rest", "makeup", "none"])
        self.file.write_text(f"date,kind\n{self.someday()},{kind}\n")
        with self.database.write() as connection:
            import_calendar(connection, self.file, self.view)

    def roster(self) -> None:
        names = "+".join(self.random.choice(ENTRIES)) or "off"
        self.file.write_text(
            f"employee_no,date,shift\n{self.random.choice(STAFF)},{self.someday()},{names}\n"
        )
        with self.database.write() as connection:
            import_roster(connection, self.file, self.view)

    def person(self) -> None:
        fields: list[dict[str, object]] = [
            {"hire_date": self.random.choice([None, self.someday()])},
            {"last_day": self.random.choice([None, self.someday()])},
            {"group_id": self.random.choice([None, "lab"])},
            {"site": self.random.choice([None, "HQ", "PLANT"])},
        ]
        with self.database.write() as connection:
            write_person(connection, self.random.choice(STAFF), self.random.choice(fields), self.view)

    def rules(self) -> None:
        pick, day = self.random.choice, self.someday()
        week: dict[str, object] = dict.fromkeys(
            self.random.sample(["mon", "tue", "wed", "thu", "fri", "sat"], 5), "FLEX"
        )
        changes: list[Change] = [
            SetVersion(pick(["default", "lab"]), pick([None, day]), "v2", self.parameters()),
            SetDay(day, pick(["statutory", "rest", "makeup", None]), source="hr"),
            SetGroup("default", "default", week),
            SetShift("DAY", HOURS["DAY"] | {"before_min": pick([60, 120])}),
            SetRoster([pick(STAFF)], day, day + DAY * 2, pick(ENTRIES)),
            MovePeople([pick(STAFF)], pick([None, "lab"])),
        ]
        with self.database.write() as connection:
            put_in_force(connection, [pick(changes)], None, "hr", self.view)

    def wait(self) -> None:
        self.clock.now_ms += int(self.random.choice([0.01, 1, 3, 6, 12, 24]) * HOUR_MS)

    # -- what became of it -----------------------------------------------------------------------------------

    def judge(self) -> None:
        # Who could not be judged is left alone for half a minute.
        self.clock.now_ms += 31_000
        self.worker.tick()
        while self.worker.round():
            pass

    def wrong(self) -> list[str]:
        """Days that are stored otherwise than they would be judged now."""
        with self.database.read() as connection:
            covered = coverage.span(connection)
            if covered is None:
                return []
            dates = [covered[0] + DAY * n for n in range((self.view.today - covered[0]).days + 1)]
            whole = judge_days(connection, dict.fromkeys(STAFF, dates), self.view, {})
            table = attendance_days.c
            kept = {
                (person, day.isoformat()): result
                for person, day, result in connection.execute(
                    select(table.person_id, table.date, table.result)
                )
            }
        return [
            f"{one.person_id} {one.date}"
            for one in whole.days
            if kept.get((one.person_id, one.date)) != one.encoded
            # Nobody asks for dates outside a contract; those that are stored have to be right.
            and ((one.person_id, one.date) in kept or decode(one.encoded).duty != "not_employed")
        ]


ACTS: dict[Callable[[Firm], None], int] = {
    Firm.punch: 10,
    Firm.report: 4,
    Firm.form: 5,
    Firm.calendar: 5,
    Firm.roster: 3,
    Firm.person: 2,
    Firm.rules: 5,
    Firm.wait: 6,
}


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("firms") / "empty.db"
    database = Database(f"sqlite:///{path}")
    migrate(database)
    database.close()
    return path


# Each of them has told a mark that was left out on purpose.
@pytest.mark.parametrize("number", [2, 6, 8, 10, 12, 19])
def test_every_day_a_fact_can_change_is_judged_again(empty: Path, tmp_path: Path, number: int):
    path = tmp_path / "kaoqin.db"
    shutil.copy(empty, path)
    firm = Firm(number, path)
    told: list[str] = []
    try:
        for _ in range(60):
            act = firm.random.choices(list(ACTS), list(ACTS.values()))[0]
            act(firm)
            told.append(act.__name__)
            firm.judge()
            if len(told) % 6 == 0:
                assert firm.wrong() == [], told[-6:]
    finally:
        firm.database.close()
