"""Closing a month in the browser, and the employee's word on it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

import httpx
import pytest
from sqlalchemy import func, select, update

from cloud.attendance.periods import closings
from cloud.db.engine import Database
from cloud.db.tables import (
    attendance_days,
    audit,
    calendar_years,
    people,
    period_events,
    sessions,
    signoffs,
    users,
)
from cloud.reports.dates import Month
from models.ids import PersonId
from models.office import DateSpan, Half, OfficeRecord, RecordKind, RecordStatus, SpanUnit
from tests.e2e.pages_seed import StillClock, add_punches, add_record, at, judge
from tests.unit.cloud.web.conftest import Browser, Browsers

OCTOBER = Month(2026, 10)


@dataclass
class Signed:
    """Somebody signed in, who sends forms as their page does."""

    browser: Browser
    csrf: str

    def get(self, path: str) -> str:
        answer = self.browser.get(path)
        assert answer.status_code == 200, path
        return answer.text

    def send(self, path: str, **values: str) -> httpx.Response:
        return self.browser.post(path, {"csrf": self.csrf, **values})

    def close(self) -> httpx.Response:
        return self.send("/period/2026-10/close")


def signed_in(browsers: Browsers, database: Database, login: str) -> Signed:
    browser = browsers.of(login)
    with database.read() as connection:
        csrf = connection.execute(select(sessions.c.csrf).where(sessions.c.login == login)).scalar_one()
    return Signed(browser, csrf)


@pytest.fixture
def hr(browsers: Browsers, database: Database) -> Signed:
    return signed_in(browsers, database, "hr")


@pytest.fixture
def staff(browsers: Browsers, database: Database) -> Signed:
    return signed_in(browsers, database, "staff")


def undecided(database: Database, person: PersonId, day: date) -> None:
    """A leave form nobody has decided, and the day judged with it."""
    record = OfficeRecord(
        source="oa",
        source_id="undecided",
        version=1,
        person_id=person,
        kind=RecordKind.LEAVE,
        status=RecordStatus.PENDING,
        unit=SpanUnit.DAY,
        body=DateSpan(day, Half.AM, day, Half.PM),
        known_ms=at("2026-10-28 10:00"),
        leave_type="annual",
    )
    add_record(database, record)
    judge(database, [person], day, day, StillClock().wall_ms())


def count(database: Database, table) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def seen(page: str) -> str:
    found = re.search(r'name="seen" value="([0-9a-f]{64})"', page)
    assert found is not None
    return found[1]


def test_a_month_with_nothing_left_is_closed_by_one_button(hr: Signed, database: Database):
    page = hr.get("/period/2026-10")
    assert '<button class="button first" type="submit" aria-describedby="close-says">关账 2026-10' in page

    answer = hr.close()

    assert (answer.status_code, answer.headers["location"]) == (303, "/period/2026-10")
    with database.read() as connection:
        closing = closings(connection)[OCTOBER]
    assert closing.actor == "hr"
    page = hr.get("/period/2026-10")
    assert closing.hash is not None
    assert closing.hash in page
    assert "重开 2026-10" in page


def test_every_page_of_a_closed_month_says_so(hr: Signed, staff: Signed, li_lei: PersonId):
    hr.close()

    for path in ("/month/2026-10", f"/person/{li_lei}/2026-10", f"/person/{li_lei}/day/2026-10-01"):
        assert "2026-10 已关账：2026-11-24 10:42，由 hr" in hr.get(path)
    assert "已关账" in staff.get(f"/person/{li_lei}/2026-10")
    assert "已关账" not in hr.get("/month/2026-11")
    assert "已关账" in hr.get("/period")


def test_what_keeps_a_month_open_stands_in_the_list_with_its_days(
    hr: Signed, database: Database, li_lei: PersonId
):
    undecided(database, li_lei, date(2026, 10, 28))

    page = hr.get("/period/2026-10")

    assert "1 天有单据待审批（1 人）" in page
    assert f'href="/person/{li_lei}/day/2026-10-28"' in page
    assert 'aria-describedby="close-says" disabled>' in page
    assert "1 项待办" in hr.get("/period")
    assert "李雷" in hr.get("/period/2026-10/pending_approval")


def test_days_that_go_on_await_no_data(hr: Signed, database: Database, li_lei: PersonId):
    running = hr.get("/period/2026-11")
    assert "待数据（" not in running
    assert "尚未结束（" not in running

    with database.write() as connection:
        connection.execute(
            update(attendance_days)
            .where(attendance_days.c.date == date(2026, 10, 30))
            .values(state="in_progress")
        )
    over = hr.get("/period/2026-10")

    assert "1 天尚未结束（1 人）" in over
    assert "待数据（" not in over
    assert 'aria-describedby="close-says" disabled>' in over
    assert f'href="/person/{li_lei}/day/2026-10-30"' in hr.get("/period/2026-10/in_progress")


def test_a_month_that_cannot_be_closed_stays_open_and_says_why(
    hr: Signed, database: Database, li_lei: PersonId
):
    undecided(database, li_lei, date(2026, 10, 28))

    answer = hr.close()

    assert answer.status_code == 409
    assert "还不能关账" in answer.text
    assert "1 天有单据待审批" in answer.text
    assert count(database, period_events) == 0


def test_a_month_that_goes_on_cannot_be_closed(hr: Signed):
    assert "2026-11-30 过后才能关账" in hr.get("/period/2026-11")
    assert hr.send("/period/2026-11/close").status_code == 409


def test_reopening_needs_a_reason_and_keeps_it(hr: Signed, database: Database):
    hr.close()

    assert hr.send("/period/2026-10/reopen", reason="  ").status_code == 409
    assert count(database, period_events) == 1
    assert hr.send("/period/2026-10/reopen", reason="<b>漏了一张请假单").status_code == 303

    page = hr.get("/period/2026-10")
    assert "&lt;b&gt;漏了一张请假单" in page
    assert "由 hr 重开" in page
    assert hr.send("/period/2026-10/reopen", reason="again").status_code == 409
    with database.read() as connection:
        actions = (
            connection.execute(select(audit.c.action).where(audit.c.target == "2026-10")).scalars().all()
        )
    assert actions == ["period_closed", "period_reopened"]


def test_late_facts_stand_in_the_next_month_and_on_the_day(hr: Signed, database: Database, li_lei: PersonId):
    hr.close()
    add_punches(database, li_lei, "2026-10-30 08:50:00", "2026-10-30 18:10:00")
    judge(database, [li_lei], date(2026, 10, 30), date(2026, 10, 30), StillClock().wall_ms())

    changes = "旷工天数 -1 · 出勤分钟 +480"
    november = hr.get("/period/2026-11")
    assert "1 条，关账时列入 2026-11" in november
    day = hr.get(f"/person/{li_lei}/day/2026-10-30")
    for page in (november, day, hr.get(f"/person/{li_lei}/2026-11")):
        assert changes.split(" · ", maxsplit=1)[0] in page
    assert "旷工 1 天" in day
    assert "列入 2026-11" in hr.get("/period/2026-10")


def test_a_computed_calendar_is_confirmed_by_hand(hr: Signed, database: Database):
    with database.write() as connection:
        connection.execute(
            update(calendar_years).where(calendar_years.c.year == 2026).values(provisional=True)
        )
    assert "2026 年日历为推算" in hr.get("/period/2026-10")
    assert hr.close().status_code == 409

    assert hr.send("/period/2026-10/calendar").status_code == 303

    assert "2026 年日历为推算" not in hr.get("/period/2026-10")
    assert hr.close().status_code == 303
    with database.read() as connection:
        said = connection.execute(
            select(audit.c.target).where(audit.c.action == "calendar_confirmed")
        ).scalars()
        assert list(said) == ["2026"]


def test_staff_confirm_their_month_and_hr_sees_it(
    hr: Signed, staff: Signed, database: Database, li_lei: PersonId
):
    page = f"/person/{li_lei}/2026-10"
    assert "0 人已确认，3 人未签" in hr.get("/period/2026-10")

    answer = staff.send(f"{page}/sign", verdict="confirmed", seen=seen(staff.get(page)))

    assert (answer.status_code, answer.headers["location"]) == (303, f"{page}#sign")
    assert "√ 已于 2026-11-24 10:42 确认无误" in staff.get(page)
    assert "1 人已确认，2 人未签" in hr.get("/period/2026-10")
    assert "√ 已于" in hr.get(page)
    assert "李雷" not in hr.get("/period/2026-10/unsigned")


def test_an_objection_needs_words_and_stands_first(
    hr: Signed, staff: Signed, database: Database, li_lei: PersonId
):
    page = f"/person/{li_lei}/2026-10"
    hash_ = seen(staff.get(page))

    answer = staff.send(f"{page}/sign", verdict="objected", seen=hash_)
    assert answer.headers["location"] == f"{page}?sign=remark#sign"
    assert "有异议时请写明说明" in staff.get(f"{page}?sign=remark")
    assert count(database, signoffs) == 0

    staff.send(f"{page}/sign", verdict="objected", seen=hash_, remark="30 日我在出差 <i>")

    checklist = hr.get("/period/2026-10")
    assert "1 人有异议" in checklist
    assert "30 日我在出差 &lt;i&gt;" in checklist
    assert hr.close().status_code == 303


@pytest.mark.parametrize("slow_ms", [0, 60_000], ids=["at once", "by a recompute begun before"])
def test_a_signature_is_void_when_the_days_change(
    hr: Signed, staff: Signed, database: Database, li_lei: PersonId, slow_ms: int
):
    page, day = f"/person/{li_lei}/2026-10", date(2026, 10, 30)
    add_punches(database, li_lei, "2026-10-30 08:50:00")
    staff.send(f"{page}/sign", verdict="confirmed", seen=seen(staff.get(page)))
    with database.write() as connection:
        connection.execute(update(attendance_days).values(judged_ms=0))
    judge(database, [li_lei], day, day, StillClock().wall_ms() - slow_ms)

    assert "签字已失效" in staff.get(page)
    assert "0 人已确认" in hr.get("/period/2026-10")


def test_what_changed_while_it_was_looked_at_is_not_signed(
    staff: Signed, database: Database, li_lei: PersonId
):
    page = f"/person/{li_lei}/2026-10"
    before = seen(staff.get(page))
    add_punches(database, li_lei, "2026-10-30 08:50:00")
    judge(database, [li_lei], date(2026, 10, 30), date(2026, 10, 30), StillClock().wall_ms())

    answer = staff.send(f"{page}/sign", verdict="confirmed", seen=before)

    assert answer.headers["location"] == f"{page}?sign=changed#sign"
    assert "您查看期间结果有变化" in staff.get(f"{page}?sign=changed")
    assert count(database, signoffs) == 0


def test_a_signature_outlives_the_closing_and_a_reopening_that_changes_nothing(
    hr: Signed, staff: Signed, database: Database, li_lei: PersonId
):
    page = f"/person/{li_lei}/2026-10"
    staff.send(f"{page}/sign", verdict="confirmed", seen=seen(staff.get(page)))
    hr.close()
    add_punches(database, li_lei, "2026-10-30 08:50:00")
    judge(database, [li_lei], date(2026, 10, 30), date(2026, 10, 30), StillClock().wall_ms())
    assert "确认无误" in staff.get(page)
    assert "签字已失效" not in staff.get(page)

    hr.send("/period/2026-10/reopen", reason="why")

    assert "签字已失效" in staff.get(page)


def test_what_was_signed_frozen_is_void_when_the_reopened_month_has_moved_on(
    hr: Signed, staff: Signed, database: Database, clock: StillClock, li_lei: PersonId
):
    page = f"/person/{li_lei}/2026-10"
    hr.close()
    add_punches(database, li_lei, "2026-10-30 08:50:00")
    judge(database, [li_lei], date(2026, 10, 30), date(2026, 10, 30), clock.wall_ms())
    clock.pass_ms(60_000)
    staff.send(f"{page}/sign", verdict="confirmed", seen=seen(staff.get(page)))
    assert "√ 已于 2026-11-24 10:43 确认无误" in staff.get(page)

    hr.send("/period/2026-10/reopen", reason="why")

    assert "签字已失效" in staff.get(page)


def test_nobody_signs_for_another(hr: Signed, browsers: Browsers, database: Database, li_lei: PersonId):
    manager = signed_in(browsers, database, "manager")
    page = f"/person/{li_lei}/2026-10"

    assert 'name="seen"' not in hr.get(page)
    for somebody in (hr, manager):
        assert somebody.send(f"{page}/sign", verdict="confirmed", seen="0" * 64).status_code == 403
    assert count(database, signoffs) == 0


def test_a_month_that_goes_on_is_not_signed(staff: Signed, database: Database, li_lei: PersonId):
    page = f"/person/{li_lei}/2026-11"

    assert 'id="sign"' not in staff.get(page)
    answer = staff.send(f"{page}/sign", verdict="confirmed", seen="0" * 64)
    assert answer.headers["location"] == f"{page}?sign=not_whole#sign"
    assert count(database, signoffs) == 0


def test_who_leaves_the_papers_later_stays_in_the_closed_month(
    hr: Signed, database: Database, li_lei: PersonId
):
    hr.close()
    with database.write() as connection:
        connection.execute(
            update(people).where(people.c.person_id == li_lei).values(hire_date=date(2026, 11, 1))
        )

    assert "李雷" in hr.get("/month/2026-10")


def test_without_any_result_the_list_says_how_to_begin(hr: Signed, database: Database):
    with database.write() as connection:
        connection.execute(attendance_days.delete())

    assert "还没有可以关账的月份" in hr.get("/period")
    assert "这个月没有任何考勤结果" in hr.get("/period/2026-10")


def test_the_pages_speak_english(browsers: Browsers, database: Database, li_lei: PersonId):
    with database.write() as connection:
        connection.execute(update(users).values(language="en"))
    hr = signed_in(browsers, database, "hr")
    staff = signed_in(browsers, database, "staff")
    undecided(database, li_lei, date(2026, 10, 28))

    assert "1 day has a form that awaits approval (1 person)" in hr.get("/period/2026-10")
    assert "1 to do" in hr.get("/period")
    assert "It is right" in staff.get(f"/person/{li_lei}/2026-10")


def test_the_checklist_alone_is_answered_when_it_empties_itself(hr: Signed):
    answer = hr.browser.get("/period/2026-10", {"HX-Target": "checklist"})

    assert answer.text.lstrip().startswith('<section id="checklist"')
