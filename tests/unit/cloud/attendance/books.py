"""An office whose months are closed."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select

from cloud.attendance.adjustments import DayAdjustment, adjustments
from cloud.attendance.blockers import BlockerKind
from cloud.attendance.closing import NotReopened, Refused, close, reopen
from cloud.attendance.codec import decode
from cloud.attendance.facts import AsOf
from cloud.attendance.periods import PeriodEvent, closings
from cloud.attendance.published import published_days
from cloud.office.records import write_record
from cloud.reports.dates import Month
from models.attendance import AttendanceDay
from models.ids import PersonId
from models.office import DateSpan, Half, OfficeRecord, RecordKind, RecordStatus, SpanUnit
from tests.unit.cloud.attendance.conftest import Office

OCTOBER, NOVEMBER, DECEMBER = Month(2026, 10), Month(2026, 11), Month(2026, 12)


class Books:
    """An office that worked in the last days of October; it is November, and the door has told everything."""

    def __init__(self, office: Office) -> None:
        self.office = office
        office.at("2026-10-30 19:00")
        for text in ("2026-10-28 08:58", "2026-10-28 18:02", "2026-10-29 09:12", "2026-10-29 18:05"):
            office.press(text)
        self.known("2026-11-02 09:00")

    def known(self, text: str) -> None:
        """It is ``text``, the door has just told everything, and everything is judged."""
        self.office.at(text)
        self.office.report()
        self.office.judge()

    def close(self, month: Month = OCTOBER) -> PeriodEvent:
        event = close(self.office.database, month, "hr", self.office.clock, self.office.zone)
        assert isinstance(event, PeriodEvent), event
        return event

    def try_close(self, month: Month = OCTOBER) -> list[BlockerKind]:
        outcome = close(self.office.database, month, "hr", self.office.clock, self.office.zone)
        assert isinstance(outcome, Refused)
        return sorted({one.kind for one in outcome.blockers})

    def reopen(self, month: Month = OCTOBER) -> PeriodEvent | NotReopened:
        return reopen(self.office.database, month, "hr", "a wrong form", self.office.clock)

    def published(self, person: str = "p-1", month: Month = OCTOBER) -> dict[int, AttendanceDay]:
        with self.office.database.read() as connection:
            table = published_days(closings(connection), month.first, month.last).c
            rows = connection.execute(select(table.date, table.result).where(table.person_id == person)).all()
        return {row.date.day: decode(row.result) for row in rows}

    def adjustments(self, month: Month = NOVEMBER) -> list[DayAdjustment]:
        with self.office.database.read() as connection:
            return adjustments(connection, closings(connection), month)

    def leave(self, day: date, *, status: RecordStatus = RecordStatus.APPROVED, source_id: str = "1") -> None:
        record = OfficeRecord(
            source="oa",
            source_id=source_id,
            version=1,
            person_id=PersonId("p-1"),
            kind=RecordKind.LEAVE,
            status=status,
            unit=SpanUnit.HALF_DAY,
            body=DateSpan(day, Half.AM, day, Half.PM),
            known_ms=self.office.clock.now_ms,
            leave_type="sick",
            approved_ms=self.office.clock.now_ms,
        )
        with self.office.database.write() as connection:
            write_record(connection, record, AsOf(self.office.clock.now_ms, self.office.zone))
