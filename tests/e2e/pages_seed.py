"""A synthetic firm in a database, judged by the product's own rules: what the pages are looked at with.

As a command it serves the pages on 127.0.0.1: ``python -m tests.e2e.pages_seed --people 150 --port 8099``.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import uvicorn
from fastapi import FastAPI
from sqlalchemy import insert

from cloud.attendance.defaults import DEFAULT_GROUP, seed
from cloud.attendance.facts import AsOf
from cloud.attendance.recompute import judge_days, store_days
from cloud.db.engine import Database
from cloud.db.migrate import migrate
from cloud.db.tables import (
    departments,
    office_records,
    people,
    punches,
    roster_entries,
    terminals,
    users,
)
from cloud.feed import Feed
from cloud.office.codec import row_of
from cloud.people.roles import Role
from cloud.people.users import add_user
from cloud.web import problems
from cloud.web.pages import add_pages
from models.clock import Clock, to_ms
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
from models.punch import ClockQuality, Method
from models.wire.messages import Part, TerminalState
from scripts.story.days import Form
from scripts.story.people import Member, Rhythm
from scripts.story.plan import DOORS, Press, Story, tell, this_morning
from scripts.story.workdays import shift_of

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 24, 10, 42, 30, tzinfo=ZONE)
PASSWORD = "correct horse battery"
LONG_NAME = "欧阳上官司马诸葛夏侯皇甫尉迟公孙慕容令狐钟离宇文长孙鲜于闾丘司徒亓官司寇仉督"
STREAM = bytes(16)


class StillClock:
    """A clock that shows what it is told."""

    def __init__(self, now_ms: int | None = None) -> None:
        self.now_ms = to_ms(NOW) if now_ms is None else now_ms
        self.since_boot_ms = 5_000_000

    def wall_ms(self) -> int:
        return self.now_ms

    def monotonic_ms(self) -> int:
        return self.since_boot_ms

    def pass_ms(self, ms: int) -> None:
        self.now_ms += ms
        self.since_boot_ms += ms


def new_database(directory: Path) -> Database:
    """A migrated database with the defaults of a new installation."""
    database = Database(f"sqlite:///{directory / 'pages.db'}")
    migrate(database)
    with database.write() as connection:
        seed(connection, NOW.year)
    return database


def person_id(number: str) -> PersonId:
    """The id under which a synthetic person is stored."""
    return PersonId(f"p-{int(number):016d}")


def add_department(database: Database, name: str, parent: str | None = None) -> str:
    """A department and its id."""
    with database.write() as connection:
        connection.execute(insert(departments).values(department_id=name, name=name, parent_id=parent))
    return name


def add_person(
    database: Database, number: str, name: str, department: str, hire: date | None = None, site: str = "HQ"
) -> PersonId:
    """A person of the default group."""
    row = _person(number, name, "", department, hire, None) | {"site": site}
    with database.write() as connection:
        connection.execute(insert(people).values(row))
    return person_id(number)


def add_terminal(
    database: Database, number: int, name: str, seen_ms: int, state: TerminalState | None = None
) -> str:
    """A terminal that spoke last at ``seen_ms``, and has told everything until then."""
    terminal = f"t-{number:016d}"
    with database.write() as connection:
        connection.execute(
            insert(terminals).values(
                terminal_id=terminal,
                name=name,
                site="HQ",
                token_hash=f"{number:064d}",
                claimed_ms=to_ms(NOW - timedelta(days=90)),
                online=True,
                last_seen_ms=seen_ms,
                watermark_ms=seen_ms,
                state=None if state is None else msgspec.json.encode(state).decode(),
            )
        )
    return terminal


def at(text: str) -> int:
    """``2026-11-18 08:58`` at the firm, in ms."""
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=ZONE))


def add_punches(
    database: Database,
    person: PersonId,
    *times: str,
    terminal: str = "t-" + "0" * 16,
    method: Method = Method.FACE,
) -> None:
    """Punches at local times."""
    rows = [
        _punch(terminal, zlib.crc32(f"{person} {time}".encode()) + 1, person, at(time), method)
        for time in times
    ]
    with database.write() as connection:
        connection.execute(insert(punches), rows)


def add_record(database: Database, record: OfficeRecord) -> None:
    """One version of a form."""
    with database.write() as connection:
        connection.execute(insert(office_records).values(row_of(record, ZONE)))


def judge(database: Database, who: Iterable[PersonId], first: date, last: date, now_ms: int) -> None:
    """Judge every date from ``first`` to ``last`` and keep the results."""
    view = AsOf(now_ms, ZONE)
    dates = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    with database.write() as connection:
        judged = judge_days(connection, dict.fromkeys(who, dates), view, {})
        store_days(connection, judged.days, {}, view)
        assert not judged.unjudgeable


KINDS: dict[str, date] = {
    "normal": date(2026, 11, 2),
    "late": date(2026, 11, 3),
    "serious_late": date(2026, 11, 4),
    "early": date(2026, 11, 5),
    "missing": date(2026, 11, 6),
    "rest": date(2026, 11, 7),
    "absent": date(2026, 11, 9),
    "leave": date(2026, 11, 10),
    "half_leave": date(2026, 11, 11),
    "trip": date(2026, 11, 12),
    "outing": date(2026, 11, 13),
    "overtime": date(2026, 11, 14),
    "late_and_early": date(2026, 11, 16),
    "corrected": date(2026, 11, 17),
    "undecided": date(2026, 11, 18),
    "statutory": date(2026, 10, 1),
}
"""A date of each kind of day in the life of the person of ``ten_kinds``."""

_CLOCKS = {
    "normal": ("08:58:10", "18:02:00"),
    "late": ("09:06:00", "18:02:00"),
    "serious_late": ("09:45:00", "18:02:00"),
    "early": ("08:58:00", "17:50:00"),
    "missing": ("08:58:00",),
    "half_leave": ("08:58:00", "12:03:00"),
    "outing": ("08:58:00",),
    "overtime": ("09:58:00", "16:03:00"),
    "late_and_early": ("09:20:00", "17:40:00"),
    "corrected": ("18:02:00",),
    "undecided": ("08:58:00", "18:02:00"),
}


def ten_kinds(
    database: Database, number: str = "7001", name: str = "李雷", department: str = "质检部"
) -> PersonId:
    """A person whose November has every kind of day; judged at NOW with no terminal to wait for."""
    person = add_person(database, number, name, department, date(2026, 9, 1))
    for kind, clocks in _CLOCKS.items():
        add_punches(database, person, *(f"{KINDS[kind]} {clock}" for clock in clocks))
    whole, pm = (Half.AM, Half.PM), (Half.PM, Half.PM)
    bodies: dict[str, tuple[RecordKind, RecordBody, str | None]] = {
        "leave": (RecordKind.LEAVE, _halves("leave", whole), "annual"),
        "half_leave": (RecordKind.LEAVE, _halves("half_leave", pm), "sick"),
        "trip": (RecordKind.TRIP, _halves("trip", whole), None),
        "outing": (RecordKind.OUTING, _hours("outing", "14:00", "18:00"), None),
        "overtime": (RecordKind.OVERTIME, _hours("overtime", "10:00", "16:00"), None),
        "corrected": (
            RecordKind.CORRECTION,
            CorrectionBody(KINDS["corrected"], "in", at("2026-11-17 09:00")),
            None,
        ),
        "undecided": (RecordKind.LEAVE, _hours("undecided", "16:00", "18:00"), "personal"),
    }
    for kind, (of_kind, body, leave_type) in bodies.items():
        record = OfficeRecord(
            source="oa",
            source_id=f"{number}-{kind}",
            version=1,
            person_id=person,
            kind=of_kind,
            status=RecordStatus.PENDING if kind == "undecided" else RecordStatus.APPROVED,
            unit=SpanUnit.HALF_DAY if isinstance(body, DateSpan) else SpanUnit.HOUR,
            body=body,
            known_ms=at("2026-09-30 10:00"),
            leave_type=leave_type,
            approved_ms=at("2026-09-30 10:00"),
        )
        add_record(database, record)
    judge(database, [person], date(2026, 10, 1), NOW.date(), to_ms(NOW))
    return person


def _halves(kind: str, halves: tuple[Half, Half]) -> DateSpan:
    return DateSpan(KINDS[kind], halves[0], KINDS[kind], halves[1])


def _hours(kind: str, start: str, end: str) -> ClockSpan:
    return ClockSpan(at(f"{KINDS[kind]} {start}"), at(f"{KINDS[kind]} {end}"))


def add_users(database: Database, department: str, person: PersonId) -> None:
    """One user of each role, all with the same password; manager of ``department``, staff ``person``."""
    with database.write() as connection:
        for role in Role:
            add_user(connection, role.value, PASSWORD, role)
        connection.execute(users.update().where(users.c.login == "manager").values(department_id=department))
        connection.execute(users.update().where(users.c.login == "staff").values(person_id=person))


def fill(database: Database, clock: Clock, people_n: int = 150) -> list[Member]:
    """The company of the story up to ``clock``'s now, cut or repeated to ``people_n`` people."""
    story = tell(NOW.date())
    members = list(story.members)[:people_n]
    now_ms = clock.wall_ms()
    presses = [*story.presses, *this_morning(story, now_ms).presses]
    numbers = {member.employee_no for member in members}
    doors = _doors(database, now_ms)
    with database.write() as connection:
        names = sorted({member.department for member in members})
        connection.execute(insert(departments), [{"department_id": name, "name": name} for name in names])
        connection.execute(insert(people), [_member(member) for member in members])
        connection.execute(insert(punches), list(_story_punches(presses, numbers, doors)))
        connection.execute(
            insert(office_records),
            [
                row_of(_record(place, form), ZONE)
                for place, form in enumerate(story.forms)
                if form.member.employee_no in numbers
            ],
        )
        if roster := list(_roster(members, story)):
            connection.execute(insert(roster_entries), roster)
    judge(database, (person_id(m.employee_no) for m in members), story.span.first, NOW.date(), now_ms)
    add_users(database, members[0].department, person_id(members[0].employee_no))
    return members


def application(database: Database, clock: Clock, feed: Feed | None = None) -> FastAPI:
    """The pages alone."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    problems.install(app)
    add_pages(app, database, feed or Feed(), clock, ZONE)
    return app


def _member(member: Member) -> dict[str, object]:
    name = LONG_NAME if member.employee_no == "1003" else member.name
    return _person(
        member.employee_no, name, member.employee_no, member.department, member.hire, member.last_day
    )


def _person(
    number: str, name: str, pinyin: str, department: str, hire: date | None, last_day: date | None
) -> dict[str, object]:
    return {
        "person_id": person_id(number),
        "employee_no": number,
        "name": name,
        "pinyin": pinyin,
        "department_id": department,
        "group_id": DEFAULT_GROUP,
        "site": "HQ",
        "hire_date": hire,
        "last_day": last_day,
        "updated_ms": 0,
    }


def _doors(database: Database, now_ms: int) -> list[str]:
    state = TerminalState(
        1, "t", online=True, at_ms=now_ms, clock=2, clock_offset_ms=120, people=150, faces=148, fingers=286,
        parts=(Part("camera", "ok"), Part("sensor", "ok")), app_version="0.1.0", roster_version="r-58",
    )  # fmt: skip
    ailing = msgspec.structs.replace(
        state, parts=(Part("camera", "ok"), Part("sensor", "away", "no answer on the line")), waiting=3,
        oldest_waiting_ms=now_ms - 40_000, clock_offset_ms=-2_400,
    )  # fmt: skip
    silent = msgspec.structs.replace(state, waiting=12, oldest_waiting_ms=now_ms - 4_900_000)
    seen = (now_ms - 20_000, now_ms - 35_000, now_ms - 4_820_000)
    return [
        add_terminal(database, place, DOORS[place], seen[place], one)
        for place, one in enumerate((state, ailing, silent))
    ]


def _story_punches(
    presses: Sequence[Press], numbers: set[str], doors: list[str]
) -> Iterable[dict[str, object]]:
    for seq, press in enumerate(presses, 1):
        if press.employee_no in numbers:
            yield _punch(doors[press.door], seq, person_id(press.employee_no), press.wall_ms, press.method)


def _punch(terminal: str, seq: int, person: PersonId, at_ms: int, method: Method) -> dict[str, object]:
    return {
        "terminal_id": terminal,
        "stream_id": STREAM,
        "seq": seq,
        "punch_id": seq.to_bytes(16, "big"),
        "person_id": person,
        "wall_ms": at_ms,
        "monotonic_ms": 0,
        "boot": 1,
        "clock": ClockQuality.SYNCED.value,
        "at_ms": at_ms,
        "method": method.value,
        "direction": 0,
        "received_ms": at_ms + 1_200,
    }


def _roster(members: Iterable[Member], story: Story) -> Iterable[dict[str, object]]:
    for member in members:
        if member.rhythm is Rhythm.OFFICE:
            continue
        for day in (*story.span.dates(), story.span.today):
            shift = shift_of(member, day, story.span.today)
            names = [] if shift is None else [shift.value]
            yield {"person_id": person_id(member.employee_no), "date": day, "known_ms": 0, "shifts": names}


def _record(place: int, form: Form) -> OfficeRecord:
    kind = RecordKind(form.kind)
    unit = SpanUnit.HOUR if kind is RecordKind.CORRECTION else SpanUnit(form.unit)
    # The last form is left undecided.
    return OfficeRecord(
        source="oa",
        source_id=f"F{place:05d}",
        version=1,
        person_id=person_id(form.member.employee_no),
        kind=kind,
        status=RecordStatus.PENDING if place % 97 == 96 else RecordStatus.APPROVED,
        unit=unit,
        body=_body(kind, unit, form),
        known_ms=at(form.start[:10]),
        leave_type=form.leave_type or None,
        approved_ms=at(form.start[:10]),
    )


def _body(kind: RecordKind, unit: SpanUnit, form: Form) -> RecordBody:
    if kind is RecordKind.CORRECTION:
        return CorrectionBody(date.fromisoformat(form.start[:10]), form.unit, at(form.start))
    if unit is SpanUnit.HOUR:
        return ClockSpan(at(form.start), at(form.end))
    first, last = date.fromisoformat(form.start[:10]), date.fromisoformat(form.end[:10])
    halves = (Half.AM, Half.PM)
    if unit is SpanUnit.HALF_DAY:
        halves = Half(form.start[11:]), Half(form.end[11:])
    return DateSpan(first, halves[0], last, halves[1])


def main() -> None:
    """Serve the firm until interrupted."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=150)
    parser.add_argument("--port", type=int, default=8099)
    parser.add_argument("--directory", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.directory.mkdir(parents=True, exist_ok=True)
    clock = StillClock()
    existed = (arguments.directory / "pages.db").exists()
    database = new_database(arguments.directory)
    if arguments.people and not existed:
        fill(database, clock, arguments.people)
    elif not existed:
        with database.write() as connection:
            for role in Role:
                add_user(connection, role.value, PASSWORD, role)
    uvicorn.run(application(database, clock), host="127.0.0.1", port=arguments.port, log_level="warning")


if __name__ == "__main__":
    main()
