"""Closed months, on stories of facts, closings and reopenings: the rules engine is the oracle."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from cloud.attendance import coverage, stale
from cloud.attendance.adjustments import adjustments
from cloud.attendance.closing import close, reopen
from cloud.attendance.codec import decode, encode, frozen_json
from cloud.attendance.content import recount
from cloud.attendance.defaults import seed
from cloud.attendance.facts import AsOf, load
from cloud.attendance.periods import EventKind, PeriodEvent, closings, history
from cloud.attendance.published import published_days
from cloud.attendance.rulesets import load_rules
from cloud.attendance.worker import RecomputeWorker
from cloud.db.engine import Database
from cloud.db.migrate import migrate
from cloud.db.tables import punches
from cloud.feed import Feed
from cloud.office.records import write_record
from cloud.reports.dates import Month
from cloud.rules.engine import Judge
from cloud.rules.facts import LockEvent
from cloud.rules.month import adjustments as lawful_adjustments
from models.attendance import AttendanceDay
from models.ids import PersonId
from models.office import (
    ClockSpan,
    CorrectionBody,
    DateSpan,
    DecisionBody,
    Half,
    OfficeRecord,
    RecordBody,
    RecordKind,
    RecordStatus,
    SpanUnit,
)
from tests.terminals import add_person

ZONE = ZoneInfo("Asia/Shanghai")
MONTHS = [Month(2026, 9), Month(2026, 10), Month(2026, 11)]
FIRST, BEGIN = date(2026, 9, 21), datetime(2026, 12, 2, 9, tzinfo=ZONE)
PEOPLE = [PersonId("p-1"), PersonId("p-2")]
DATES = [date(2026, 9, 24), date(2026, 9, 30), date(2026, 10, 1), date(2026, 10, 14), date(2026, 10, 31)]
DATES += [date(2026, 11, 2), date(2026, 11, 18)]
MINUTES = [535, 540, 546, 600, 720, 785, 1050, 1080, 1085, 1260, 1500]


def ms(day: date, minute: int) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=ZONE).timestamp() * 1000) + minute * 60_000


@dataclass
class HandClock:
    now_ms: int

    def wall_ms(self) -> int:
        return self.now_ms

    def monotonic_ms(self) -> int:
        return self.now_ms


class Firm:
    """Two people and no terminal to wait for, judged and closed by the product's own path; an hour a step."""

    def __init__(self, path: Path) -> None:
        self.database = Database(f"sqlite:///{path}")
        self.clock = HandClock(int(BEGIN.timestamp() * 1000))
        self.worker = RecomputeWorker(self.database, Feed(), self.clock, ZONE)
        # Every fact has a number of its own, those that came before the story too.
        self.facts_n = 1_000 if path.name == "story.db" else 0

    def step(self) -> None:
        """Judge what has become known, and let an hour pass."""
        while self.worker.round():
            pass
        self.clock.now_ms += 3_600_000

    def punch(self, person: PersonId, at_ms: int) -> None:
        self.facts_n += 1
        row = {
            "terminal_id": "t-1", "stream_id": bytes(16), "seq": self.facts_n,
            "punch_id": self.facts_n.to_bytes(16), "person_id": person,
            "wall_ms": at_ms, "monotonic_ms": 0, "boot": 1, "clock": 2, "at_ms": at_ms,
            "method": 1, "direction": 0, "received_ms": self.clock.now_ms,
        }  # fmt: skip
        with self.database.write() as connection:
            connection.execute(insert(punches), [row])
            days = [(person, day) for day in stale.near(at_ms, ZONE)]
            stale.mark(connection, days, "punch", self.clock.now_ms)

    def record(self, record: OfficeRecord) -> None:
        self.facts_n += 1
        now_ms = self.clock.now_ms
        known = replace(record, version=self.facts_n, known_ms=now_ms, approved_ms=now_ms)
        with self.database.write() as connection:
            write_record(connection, known, AsOf(self.clock.now_ms, ZONE))

    def close(self, month: Month) -> None:
        event(type(close(self.database, month, "hr", self.clock, ZONE)).__name__)

    def reopen(self, month: Month) -> None:
        event(type(reopen(self.database, month, "hr", "why", self.clock)).__name__)

    def closed(self) -> dict[Month, PeriodEvent]:
        with self.database.read() as connection:
            return dict(closings(connection))

    def published(self, month: Month) -> dict[tuple[str, date], bytes]:
        with self.database.read() as connection:
            table = published_days(closings(connection), month.first, month.last).c
            rows = connection.execute(select(table.person_id, table.date, table.result))
            return {(person, day): result for person, day, result in rows}

    def listed(self, month: Month) -> list[tuple[str, date, object]]:
        with self.database.read() as connection:
            found = adjustments(connection, closings(connection), month)
        return [(one.person_id, one.date, one.delta) for one in found]

    def recounted(self, closing: PeriodEvent) -> str:
        with self.database.read() as connection:
            return recount(connection, closing)

    def lawful(self) -> dict[PersonId, Judge]:
        """The engine, told of every lock, as of now."""
        view = AsOf(self.clock.now_ms, ZONE)
        with self.database.read() as connection:
            locks = tuple(
                LockEvent(month.year, month.month, one.at_ms, one.kind is EventKind.REOPENED)
                for month in MONTHS
                for one in reversed(history(connection, month))
            )
            book = load_rules(connection, ZONE, {})
            found = load(connection, PEOPLE, (FIRST.replace(day=1), date(2026, 12, 31)), view, book)
        return {
            person: Judge(replace(one.facts, locks=locks), one.rules.plans)
            for person, one in found.people.items()
        }


Act = Callable[[Firm], None]

punch_acts: st.SearchStrategy[Act] = st.builds(
    lambda person, day, minute: lambda firm: firm.punch(person, ms(day, minute)),
    st.sampled_from(PEOPLE),
    st.sampled_from(DATES),
    st.sampled_from(MINUTES),
)


@st.composite
def record_acts(draw: st.DrawFn) -> Act:
    kind = draw(st.sampled_from(list(RecordKind)))
    day = draw(st.sampled_from(DATES))
    unit = SpanUnit.HOUR
    body: RecordBody
    if kind is RecordKind.CORRECTION:
        body = CorrectionBody(
            day, draw(st.sampled_from(["in", "out"])), ms(day, draw(st.sampled_from(MINUTES)))
        )
    elif kind is RecordKind.DECISION:
        body = DecisionBody(day, draw(st.sampled_from(["normal", "waive", "absent"])))
    elif kind is RecordKind.OVERTIME:
        body = ClockSpan(ms(day, 1080), ms(day, 1320))
    else:
        unit = SpanUnit.HALF_DAY
        body = DateSpan(day, draw(st.sampled_from(Half)), day + timedelta(days=1), Half.PM)
    number = draw(st.integers(1, 6))
    record = OfficeRecord(
        source="oa",
        source_id=f"{kind}-{number}",
        version=1,
        person_id=PEOPLE[number % 2],
        kind=kind,
        status=draw(st.sampled_from([RecordStatus.APPROVED] * 3 + [RecordStatus.REVOKED])),
        unit=unit,
        body=body,
        known_ms=0,
        leave_type=draw(st.sampled_from(["annual", "sick"])) if kind is RecordKind.LEAVE else None,
    )
    return lambda firm: firm.record(record)


close_acts: st.SearchStrategy[Act] = st.sampled_from(MONTHS).map(lambda month: lambda firm: firm.close(month))
reopen_acts: st.SearchStrategy[Act] = st.sampled_from(MONTHS).map(
    lambda month: lambda firm: firm.reopen(month)
)
stories = st.lists(
    st.one_of(punch_acts, punch_acts, record_acts(), record_acts(), close_acts, close_acts, reopen_acts),
    min_size=4,
    max_size=24,
)


@pytest.fixture(scope="module")
def judged_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A firm whose autumn is over: one person came every day, the other never."""
    path = tmp_path_factory.mktemp("firm") / "kaoqin.db"
    database = Database(f"sqlite:///{path}")
    migrate(database)
    begin_ms = int(BEGIN.timestamp() * 1000)
    with database.write() as connection:
        seed(connection, 2026)
        for person in PEOPLE:
            add_person(connection, person)
        coverage.reach(connection, (FIRST, BEGIN.date()), begin_ms)
    database.close()
    firm = Firm(path)
    for n in range(70):
        for minute in (538, 1082):
            firm.punch(PEOPLE[0], ms(FIRST + timedelta(days=n), minute))
    firm.step()
    firm.database.close()
    return path


def retell(
    judged_file: Path,
    story: list[Act],
    check: Callable[[Firm], None],
    each: Callable[[Firm], None] | None = None,
) -> None:
    """Let the story happen; ``each`` looks after every act, ``check`` at the end."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "story.db"
        shutil.copy(judged_file, path)
        firm = Firm(path)
        firm.clock.now_ms += 7_200_000
        try:
            for act in story:
                act(firm)
                firm.step()
                if each is not None:
                    each(firm)
            check(firm)
        finally:
            firm.database.close()


# A story that fails is short enough to read; making it shorter would take minutes.
several = settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@given(stories)
@several
def test_what_is_closed_keeps_its_bytes_its_hash_and_its_adjustments(judged_file, story):
    kept: dict[int, tuple[object, object]] = {}

    def check(firm: Firm) -> None:
        for month, closing in firm.closed().items():
            shown = firm.published(month), firm.listed(month)
            assert kept.setdefault(closing.event_id, shown) == shown
            assert firm.recounted(closing) == closing.hash

    retell(judged_file, story, check, each=check)


@given(stories)
@several
def test_stored_periods_are_those_of_the_rules(judged_file, story):
    def check(firm: Firm) -> None:
        judges = firm.lawful()
        for month in MONTHS:
            for (person, day), stored in firm.published(month).items():
                lawful_day = encode(judges[PersonId(person)].published(day))
                assert frozen_json(lawful_day) == frozen_json(stored), (person, day)
        for month in [*MONTHS, MONTHS[-1].next]:
            lawful = [
                (person, one.date, one.delta)
                for person, judge in judges.items()
                for one in lawful_adjustments(judge, month.year, month.month)
                if one.date >= FIRST
            ]
            event(f"{bool(lawful)} adjustments")
            lawful.sort(key=lambda one: (one[1], one[0]))
            assert firm.listed(month) == lawful

    retell(judged_file, story, check)


@given(stories)
@several
def test_frozen_and_listed_add_up_to_what_is_known(judged_file, story):
    def check(firm: Firm) -> None:
        closed = firm.closed()
        now = firm.lawful()
        for month in closed:
            following, changes = month.next, [*firm.listed(month.next)]
            while following in closed:
                following = following.next
                changes += firm.listed(following)
            for (person, day), stored in firm.published(month).items():
                known = now[PersonId(person)].result(day, firm.clock.now_ms)
                assert _late(decode(stored)) + sum(
                    delta.get("late_min", 0) + delta.get("serious_late_min", 0)
                    for who, of, delta in changes
                    if (who, of) == (person, day) and isinstance(delta, dict)
                ) == _late(known)

    retell(judged_file, story, check)


def _late(day: AttendanceDay) -> int:
    return day.late_min + day.serious_late_min
