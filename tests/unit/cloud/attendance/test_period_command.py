from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import update

from cloud.cli import main
from cloud.commands.period import Periods
from cloud.db.tables import closed_days
from models.office import RecordStatus
from tests.unit.cloud.attendance.books import NOVEMBER, OCTOBER, Books
from tests.unit.cloud.attendance.conftest import Office


@pytest.fixture
def books(office: Office) -> Books:
    return Books(office)


@pytest.fixture
def periods(books: Books, monkeypatch: pytest.MonkeyPatch) -> Periods:
    monkeypatch.setenv("LOGNAME", "keeper")
    return Periods(books.office.database, books.office.clock, books.office.zone)


def test_a_month_is_closed_listed_verified_and_reopened(periods: Periods, capsys: pytest.CaptureFixture[str]):
    assert periods.list_all() == 0
    assert periods.close(OCTOBER) == 0
    assert periods.list_all() == 0
    assert periods.verify(OCTOBER) == 0
    assert periods.reopen(OCTOBER, "a wrong form") == 0

    now, before, closed, still, after, verified, reopened = capsys.readouterr().out.splitlines()
    assert (now, still) == ("2026-11  in progress  adjustments 0",) * 2
    assert before == "2026-10  open, can be closed  adjustments 0"
    assert closed.startswith("closed 2026-10: 8 days of 2 people, hash ")
    hash_ = closed.rsplit(" ", 1)[1]
    assert after == f"2026-10  closed 2026-11-02T09:00:00+08:00 by keeper  hash {hash_}  adjustments 0"
    assert verified == f"2026-10 is as it was closed: {hash_}"
    assert reopened == "reopened 2026-10"


def test_a_month_that_stays_open_says_why(periods: Periods, books: Books, capsys: pytest.CaptureFixture[str]):
    books.leave(date(2026, 10, 30), status=RecordStatus.PENDING)

    assert periods.close(OCTOBER) == 1
    assert periods.close(NOVEMBER) == 1

    said = capsys.readouterr().err
    assert "2026-10 stays open:\n  pending_approval: 1 days\n    2026-10-30  p-1\n" in said
    assert "2026-11 stays open:\n  not_over\n" in said
    assert periods.list_all() == 0
    assert "2026-10  open, 1 to do" in capsys.readouterr().out


def test_what_became_known_is_listed(periods: Periods, books: Books, capsys: pytest.CaptureFixture[str]):
    periods.close(OCTOBER)
    books.known("2026-11-03 09:00")
    books.leave(date(2026, 10, 30))
    books.office.judge()
    capsys.readouterr()

    assert periods.adjustments(NOVEMBER) == 0

    changes = "absent_days -1, leave_min.sick +480, leave_days.sick +1"
    assert capsys.readouterr().out == f"2026-10-30  p-1  {changes}\n"


def test_what_was_tampered_with_is_found(periods: Periods, capsys: pytest.CaptureFixture[str]):
    assert periods.verify(OCTOBER) == 1
    periods.close(OCTOBER)
    with periods.database.write() as connection:
        connection.execute(update(closed_days).values(result=b"{}"))

    assert periods.verify(OCTOBER) == 1
    said = capsys.readouterr().err
    assert "2026-10 is not closed" in said
    assert "2026-10 was changed in the database" in said


def test_reopening_says_why_not(periods: Periods, books: Books, capsys: pytest.CaptureFixture[str]):
    assert periods.reopen(OCTOBER, "why") == 1
    periods.close(OCTOBER)
    assert periods.reopen(OCTOBER, "  ") == 1
    books.known("2026-12-02 09:00")
    periods.close(NOVEMBER)
    assert periods.reopen(OCTOBER, "why") == 1

    said = capsys.readouterr().err
    assert "2026-10 was not reopened: it is not closed" in said
    assert "the reason is empty" in said
    assert "2026-10 was not reopened: 2026-11 is closed: reopen it first" in said


def test_the_command_line_knows_them(tmp_path, capsys: pytest.CaptureFixture[str]):
    where = ["--state", str(tmp_path)]

    assert main(["period", "list", *where]) == 0
    assert main(["period", "close", "2001-01", *where]) == 1
    assert main(["period", "reopen", "2001-01", "--reason", "why", *where]) == 1
    assert main(["period", "adjustments", "2001-01", *where]) == 0
    assert main(["period", "verify", "2001-01", *where]) == 1
    with pytest.raises(SystemExit):
        main(["period", "close", "2026-13", *where])
    assert "'2026-13' is no month" in capsys.readouterr().err
