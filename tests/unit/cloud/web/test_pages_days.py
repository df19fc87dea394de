"""What the pages say of each kind of day."""

from __future__ import annotations

import re
from datetime import date

import pytest
from sqlalchemy import delete, event, insert, update

from cloud.attendance.closing import close
from cloud.attendance.periods import PeriodEvent
from cloud.db.engine import Database
from cloud.db.tables import attendance_days, day_changes, people, policies, punches, terminals, users
from cloud.office.imports import FILE_SOURCE
from cloud.reports.dates import Month
from models.clock import to_ms
from models.ids import PersonId
from models.office import DateSpan, Half, OfficeRecord, RecordKind, RecordStatus, SpanUnit
from tests.e2e.pages_seed import (
    KINDS,
    LONG_NAME,
    NOW,
    ZONE,
    StillClock,
    add_department,
    add_person,
    add_punches,
    add_record,
    add_terminal,
    at,
    judge,
    person_id,
)
from tests.unit.cloud.web.conftest import Browsers

# kind: classes of the cell, symbols, sentence in Chinese, sentence in English
SAID = {
    "normal": ("v-normal", "√", "正常", "Normal"),
    "late": ("v-late", "迟", "迟到 6 分钟", "Late 6 min"),
    "serious_late": ("v-serious_late", "严", "严重迟到 45 分钟", "Very late 45 min"),
    "early": ("v-early", "早", "早退 10 分钟", "Left 10 min early"),
    "missing": ("v-missing", "缺", "缺下班卡", "No punch out"),
    "rest": ("v-rest", "○", "休息日", "Rest day"),
    "absent": ("v-absent", "旷", "旷工 1 天", "Absent 1 day"),
    "leave": ("v-leave", "年", "年假 1 天", "Annual leave 1 day"),
    "half_leave": ("split a-normal b-leave", "√病", "病假 0.5 天", "Sick leave 0.5 days"),
    "trip": ("v-trip", "差", "出差 1 天", "Trip 1 day"),
    "outing": ("split a-normal b-outing", "√外", "外出 4 小时", "Outing 4 h"),
    "overtime": ("v-overtime", "加", "休息日 · 加班 6 小时", "Rest day · Overtime 6 h"),
    "late_and_early": (
        "split a-late b-early",
        "迟早",
        "迟到 20 分钟 · 早退 20 分钟",
        "Late 20 min · Left 20 min early",
    ),
    "corrected": ("v-normal corrected", "√", "正常 · 已补卡或裁定", "Normal · Corrected or decided"),
    "undecided": ("v-normal undecided", "√", "正常 · 有单据待审批", "Normal · A form awaits approval"),
    "statutory": ("v-statutory", "节", "法定节假日", "Public holiday"),
}

MARKS = (" · 已补卡或裁定", " · 有单据待审批", " · Corrected or decided", " · A form awaits approval")
"""They stand in a cell's sentence and are drawn beside that of a day."""


def in_english(database: Database, *logins: str) -> None:
    with database.write() as connection:
        connection.execute(update(users).where(users.c.login.in_(logins)).values(language="en"))


def test_a_cell_has_symbol_colour_and_word(browsers: Browsers, li_lei: PersonId):
    browser = browsers.of("hr")
    for kind, (css, symbols, sentence, _) in SAID.items():
        day = KINDS[kind]

        text = browser.get(f"/month/{day:%Y-%m}").text

        found = re.search(
            rf'<a class="v ([^"]+)" href="/person/{li_lei}/day/{day}" aria-label="([^"]+)"[^>]*>(.*?)</a>',
            text,
        )
        assert found is not None, kind
        assert (found[1], found[2], re.sub("<[^>]+>", "", found[3])) == (css, sentence, symbols), kind


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_day_begins_with_one_sentence(
    browsers: Browsers, database: Database, li_lei: PersonId, language: str
):
    if language == "en":
        in_english(database, "hr")
    browser = browsers.of("hr")
    for kind, (css, _, chinese, english) in SAID.items():
        day = KINDS[kind]

        text = browser.get(f"/person/{li_lei}/day/{day}").text

        head = re.search(r"<h1>(.*?)</h1>", text, re.DOTALL)
        assert head is not None, kind
        sentence = chinese if language == "zh" else english
        for mark in MARKS:
            sentence = sentence.removesuffix(mark)
        assert f"{day}</time> {sentence}</span>" in head[1], kind
        assert f'class="v {css}"' in head[1], kind


def test_a_day_says_why_with_fact_rule_and_version(browsers: Browsers, li_lei: PersonId):
    text = browsers.of("hr").get(f"/person/{li_lei}/day/{KINDS['late']}").text

    assert re.search(
        r"<li><span>迟到 6 分钟：09:06[^<]*应 09:00，宽限 5 分钟（办公室 Office v1）</span> "
        r"<small[^>]*>规则 L1</small>",
        text,
    )
    assert "制度版本 v1" in text


@pytest.mark.parametrize(
    ("source", "said"), [("file-leave", "文件 12"), ("wecom", "企业微信 12"), ("ours", "ours 12")]
)
def test_a_day_names_where_a_form_came_from(
    browsers: Browsers, database: Database, li_lei: PersonId, source: str, said: str
):
    day = KINDS["absent"]
    form = OfficeRecord(
        source=source,
        source_id="12",
        version=1,
        person_id=li_lei,
        kind=RecordKind.LEAVE,
        status=RecordStatus.APPROVED,
        unit=SpanUnit.DAY,
        body=DateSpan(day, Half.AM, day, Half.PM),
        known_ms=0,
        leave_type="annual",
        approved_ms=0,
    )
    add_record(database, form)
    judge(database, [li_lei], day, day, to_ms(NOW))

    text = browsers.of("hr").get(f"/person/{li_lei}/day/{day}").text

    assert f"请假（年假）480 分钟，1 天：{said}</span>" in text


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("rest", r"周[六日]按周班制休息（办公室 Office v1）</span> <small[^>]*>规则 D1"),
        ("statutory", r"法定节假日：国庆节 · 国务院通知</span> <small[^>]*>规则 D1"),
    ],
)
def test_a_day_off_says_why_nothing_is_due(browsers: Browsers, li_lei: PersonId, kind: str, why: str):
    text = browsers.of("hr").get(f"/person/{li_lei}/day/{KINDS[kind]}").text

    assert re.search(why, text)


def test_a_day_draws_four_tracks(browsers: Browsers, li_lei: PersonId):
    text = browsers.of("hr").get(f"/person/{li_lei}/day/{KINDS['half_leave']}").text

    assert re.findall(r'<text class="track"[^>]*>([^<]+)</text>', text) == ["计划", "打卡", "单据", "判定"]
    assert text.count('class="planned"') == 2
    assert "<title>休息 12:00–13:00 · 60 分钟</title>" in text
    assert re.findall(r"</i>([^<]+)</li>", text) == ["在岗 180 分钟", "请假 300 分钟"]
    assert re.search(
        r'class="r-leave"[^>]*><title>病假 13:00–18:00|class="r-leave"[^>]*><title>病假 12:30–18:00', text
    )
    assert re.search(r'class="p-leave"[^>]*><title>请假 13:00–18:00', text)
    assert re.search(r'class="tick m-face[^"]*"><title>08:58 · 人脸', text)


def test_a_night_shift_shows_the_punches_of_both_dates(browsers: Browsers, database: Database):
    from cloud.db.tables import roster_entries

    person = add_person(database, "7100", "夜班", "质检部")
    with database.write() as connection:
        connection.execute(
            insert(roster_entries).values(
                person_id=person, date=KINDS["normal"], known_ms=0, shifts=["NIGHT"]
            )
        )
    add_punches(database, person, "2026-11-02 21:55", "2026-11-03 06:03")
    judge(database, [person], KINDS["normal"], KINDS["normal"], to_ms(NOW))

    text = browsers.of("hr").get(f"/person/{person}/day/2026-11-02").text

    assert "21:55:00" in text
    assert "06:03:00" in text
    assert "2026-11-02</time> 正常" in text


def test_a_repaired_clock_shows_both_times(browsers: Browsers, database: Database, li_lei: PersonId):
    with database.write() as connection:
        connection.execute(
            update(punches)
            .where(punches.c.at_ms == at("2026-11-02 08:58:10"))
            .values(wall_ms=at("2026-01-01 00:03"), clock=0)
        )

    text = browsers.of("hr").get(f"/person/{li_lei}/day/2026-11-02").text

    assert "08:58:10" in text
    assert "原为 2026-01-01 00:03" in text
    assert "不可信" in text


def test_history_says_what_changed_and_why(browsers: Browsers, database: Database, li_lei: PersonId):
    with database.write() as connection:
        connection.execute(
            insert(day_changes).values(
                person_id=li_lei,
                date=KINDS["leave"],
                changed_ms=to_ms(NOW),
                cause="leave",
                difference={
                    "findings": [["absent"], []],
                    "leave_days": [{}, {"annual": 1}],
                    "in_at": [None, "2026-11-10T08:58:00+08:00"],
                },
            )
        )

    text = browsers.of("hr").get(f"/person/{li_lei}/day/{KINDS['leave']}").text

    assert "2026-11-24 10:42 · 请假单" in text
    for line in ("判定：旷工 → 无", "请假天数：无 → 年假 1", "上班时间：无 → 2026-11-10 08:58"):
        assert line in text


def test_a_day_that_is_not_judged_says_what_would_be_here(browsers: Browsers, li_lei: PersonId):
    text = browsers.of("hr").get(f"/person/{li_lei}/day/2026-12-24").text

    assert "还没有结果" in text
    assert "打卡到达后会列在这里" in text


def test_the_panel_gets_the_body_alone(browsers: Browsers, li_lei: PersonId):
    path = f"/person/{li_lei}/day/{KINDS['late']}"

    part = browsers.of("hr").get(path, {"HX-Request": "true", "HX-Target": "panel"}).text

    assert "<html" not in part
    assert "迟到 6 分钟" in part
    assert "data-close" in part


def test_the_grid_alone_is_sent_when_filters_change(browsers: Browsers):
    part = browsers.of("hr").get("/month/2026-11?q=lei", {"HX-Request": "true", "HX-Target": "month"}).text

    assert "<html" not in part
    assert part.startswith('<section id="month"')


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=李", ["李雷"]),
        ("q=7003", ["韩梅梅"]),
        ("q=HANMEI", ["韩梅梅"]),
        ("q=%25", []),
        ("department=销售部", ["=1+1"]),
        ("verdict=absent", ["李雷"]),
        ("verdict=nonsense&q=李雷", ["李雷"]),
        ("verdict=pending", ["李雷"]),
        ("department=nowhere", []),
        ("page=99&q=李", ["李雷"]),
        ("page=x&q=李", ["李雷"]),
    ],
)
def test_filters_find_people(browsers: Browsers, database: Database, query: str, found: list[str]):
    with database.write() as connection:
        connection.execute(update(people).where(people.c.name == "韩梅梅").values(pinyin="hanmeimei hmm"))

    text = browsers.of("hr").get(f"/month/2026-11?{query}").text

    assert re.findall(r'<th scope="row" class="name"><a [^>]*>([^<]+)</a>', text) == found
    if not found:
        assert "没有人符合当前筛选" in text


@pytest.mark.parametrize("cols", ["overview", "days", "lateness", "leave", "overtime"])
def test_totals_come_in_sets(browsers: Browsers, cols: str):
    text = browsers.of("hr").get(f"/month/2026-11?q=李雷&cols={cols}").text
    sums = re.findall(r'<td class="sum">([^<]*)</td>', text)

    expected = {
        "overview": ["10.5", "3", "1", "4", "1.5"],
        "days": ["17", "10.5", "4", "1.5", "1"],
        "lateness": ["2", "26", "1", "45", "2", "30", "1", "1"],
        "leave": ["1", "0.5", "1", "4.0"],
    }
    if cols in expected:
        assert sums == expected[cols]
    assert len(sums) >= 4


def test_a_month_of_many_people_has_pages(browsers: Browsers, database: Database):
    add_department(database, "生产部")
    with database.write() as connection:
        connection.execute(
            insert(people),
            [
                {
                    "person_id": f"p-x{n}",
                    "employee_no": f"9{n:05d}",
                    "name": f"工人{n}",
                    "department_id": "生产部",
                    "updated_ms": 0,
                }
                for n in range(230)
            ],
        )
    browser = browsers.of("hr")

    pages = [browser.get(f"/month/2026-11?page={page}").text for page in (1, 2, 3)]

    counts = [len(re.findall(r'<th scope="row" class="name">', page)) for page in pages]
    assert counts == [100, 100, 33]
    assert "第 2 / 3 页" in pages[1]


@pytest.mark.parametrize("path", ["/month/2026-11", "/today", "/api/v1/reports/month/2026-11.json"])
def test_more_people_ask_no_more_questions(browsers: Browsers, database: Database, path: str):
    asked: list[str] = []
    event.listen(database.read_engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    browser = browsers.of("hr")
    browser.get(path)
    few = len(asked)
    with database.write() as connection:
        connection.execute(
            insert(people),
            [
                {
                    "person_id": f"p-x{n}",
                    "employee_no": f"9{n:05d}",
                    "name": f"工人{n}",
                    "department_id": "销售部",
                    "updated_ms": 0,
                }
                for n in range(90)
            ],
        )
    asked.clear()
    browser.get(path)

    assert len(asked) == few <= 20


def test_a_long_name_and_nothing_else_still_fit(browsers: Browsers, database: Database):
    person = add_person(database, "7200", LONG_NAME, "质检部")

    text = browsers.of("hr").get("/month/2026-11").text

    assert f'title="{LONG_NAME}"' in text
    assert browsers.of("hr").get(f"/person/{person}/2026-11").status_code == 200


def test_a_month_says_how_complete_it_is(browsers: Browsers, database: Database):
    calm = browsers.of("hr").get("/month/2026-11").text
    assert "1 张单据待审批" in calm
    add_terminal(database, 5, "后门", at("2026-11-20 17:10"))
    with database.write() as connection:
        connection.execute(
            update(attendance_days)
            .where(attendance_days.c.date == KINDS["normal"])
            .values(state="pending_data")
        )

    text = browsers.of("hr").get("/month/2026-11").text

    assert "1 台终端未上报" in text
    assert "后门（自 2026-11-20 17:10）" in text
    assert "1 天待数据" in text
    assert 'href="/month/2026-11?verdict=pending"' in text


def test_a_month_without_results_does_not_call_itself_complete(browsers: Browsers):
    text = browsers.of("hr").get("/month/2026-08").text

    assert "这个月没有任何考勤结果" in text
    assert "数据齐全" not in text


def test_a_month_says_when_its_results_begin(browsers: Browsers, database: Database):
    with database.write() as connection:
        connection.execute(delete(attendance_days).where(attendance_days.c.date < date(2026, 10, 5)))

    for path in ("/month/2026-10", "/period/2026-10"):
        assert "2026-10-05 才有第一次打卡，此前没有结果。" in browsers.of("hr").get(path).text
        assert "才有第一次打卡" not in browsers.of("hr").get(path.replace("10", "11")).text


def test_a_day_that_awaits_data_names_the_terminals(browsers: Browsers, database: Database):
    person = add_person(database, "7909", "韩梅梅", "质检部")
    add_terminal(database, 5, "后门", at("2026-11-20 17:10"))
    add_terminal(database, 6, "前门", to_ms(NOW))
    judge(database, [person], date(2026, 11, 19), date(2026, 11, 20), to_ms(NOW))

    text = browsers.of("hr").get(f"/person/{person}/day/2026-11-20").text
    assert "还在等终端上报" in text
    assert "后门（已完整报告至 2026-11-20 17:10）" in text
    assert "前门" not in text
    assert "还在等终端上报" not in browsers.of("hr").get(f"/person/{person}/day/2026-11-19").text


def test_a_form_from_a_file_is_said_to_be(browsers: Browsers, database: Database):
    person = add_person(database, "7911", "韩梅梅", "质检部")
    day = date(2026, 11, 19)
    form = OfficeRecord(
        source=FILE_SOURCE.format(kind=RecordKind.LEAVE),
        source_id="12",
        version=1,
        person_id=person,
        kind=RecordKind.LEAVE,
        status=RecordStatus.APPROVED,
        unit=SpanUnit.DAY,
        body=DateSpan(day, Half.AM, day, Half.PM),
        known_ms=at("2026-11-18 10:00"),
        leave_type="annual",
    )
    add_record(database, form)
    judge(database, [person], day, day, to_ms(NOW))

    text = browsers.of("hr").get(f"/person/{person}/day/{day}").text
    assert "请假（年假）480 分钟，1 天：文件 12" in text
    assert "<td>文件 12</td>" in text


def test_who_was_away_between_two_pairs_is_not_just_normal(browsers: Browsers, database: Database):
    with database.write() as connection:
        connection.execute(update(policies).values(parameters={"pairing": "alternate"}))
    person = add_person(database, "7910", "韩梅梅", "质检部")
    add_punches(
        database, person, *(f"2026-11-19 {clock}:00" for clock in ("09:00", "11:00", "15:00", "18:00"))
    )
    judge(database, [person], date(2026, 11, 19), date(2026, 11, 19), to_ms(NOW))

    text = browsers.of("hr").get(f"/person/{person}/day/2026-11-19").text

    assert "2026-11-19</time> 中途离岗 3 小时" in text
    rows = re.findall(r"打卡</t[dh]><td>([^<]*)</td><td>([^<]*)</td><td[^>]*>([^<]*)</td><td>在岗", text)
    assert rows == [("09:00", "11:00", "120"), ("15:00", "18:00", "180")]


def test_a_day_off_shows_how_long_somebody_was_there(browsers: Browsers):
    text = browsers.of("hr").get(f"/person/{person_id('7001')}/day/{KINDS['overtime']}").text

    assert "<dt>班内工时</dt><dd>0 分钟</dd>" in text
    assert "<dt>在场</dt><dd>6 小时 5 分</dd>" in text


def test_terminals_stand_worst_first(browsers: Browsers, database: Database):
    add_terminal(database, 5, "前门", to_ms(NOW) - 10_000)
    add_terminal(database, 6, "后门", at("2026-11-20 17:10"))

    text = browsers.of("hr").get("/terminals").text

    assert text.index("后门") < text.index("前门")
    assert "离线，自 2026-11-20 17:10" in text


def test_today_counts_and_says_what_is_unknown(browsers: Browsers, database: Database):
    person = add_person(database, "7300", "王五", "质检部")
    came = add_person(database, "7301", "赵六", "质检部")
    add_punches(database, came, "2026-11-24 09:20")
    judge(database, [person, came], NOW.date(), NOW.date(), to_ms(NOW))

    def counts() -> dict[str, str]:
        text = browsers.of("hr").get("/today").text
        return dict(re.findall(r'class="count c-(\w+)"[^>]*><b>(\d+)</b>', text))

    before = counts()
    assert (before["in"], before["late"], before["not_yet"], before["unknown"]) == ("1", "1", "2", "0")
    with database.write() as connection:
        connection.execute(terminals.delete())
    add_terminal(database, 6, "后门", to_ms(NOW) - 600_000)
    after = counts()
    assert (after["in"], after["not_yet"], after["unknown"]) == ("1", "0", "2")


def test_the_muster_list_has_everybody_who_may_be_inside(browsers: Browsers, database: Database):
    person = add_person(database, "7300", "王五", "质检部")
    add_terminal(database, 7, "东门", to_ms(NOW) - 1000)
    add_punches(database, person, "2026-11-24 08:20", terminal="t-" + f"{7:016d}")
    judge(database, [person], NOW.date(), NOW.date(), to_ms(NOW))

    text = browsers.of("hr").get("/today/muster").text

    row = re.search(r"<tr>(?:(?!</tr>).)*王五.*?</tr>", text, re.DOTALL)
    assert row is not None
    assert "东门" in row[0]
    assert "08:20" in row[0]


def test_pages_without_anything_say_how_to_begin(browsers: Browsers, database: Database):
    from cloud.db.tables import departments, office_records

    with database.write() as connection:
        for table in (attendance_days, punches, office_records):
            connection.execute(table.delete())
        connection.execute(users.update().values(person_id=None, department_id=None))
        connection.execute(people.delete())
        connection.execute(departments.update().values(parent_id=None))
        connection.execute(departments.delete())
    browser = browsers.of("hr")

    for path, command in (
        ("/today", "kaoqin-cloud import people"),
        ("/month/2026-11", "kaoqin-cloud import people"),
        ("/terminals", "kaoqin-cloud terminal add"),
    ):
        assert command in browser.get(path).text


def test_who_works_the_night_is_in_until_they_punch_out(
    browsers: Browsers, database: Database, clock: StillClock
):
    from cloud.db.tables import roster_entries

    person = add_person(database, "7500", "夜班", "质检部")
    with database.write() as connection:
        connection.execute(
            insert(roster_entries),
            [
                {"person_id": person, "date": day, "known_ms": 0, "shifts": shifts}
                for day, shifts in ((date(2026, 11, 23), ["NIGHT"]), (date(2026, 11, 24), []))
            ],
        )
    add_punches(database, person, "2026-11-23 21:55")
    clock.now_ms = at("2026-11-24 02:00")
    judge(database, [person], date(2026, 11, 23), date(2026, 11, 24), clock.now_ms)

    def state() -> str:
        text = browsers.of("hr").get("/today?department=质检部").text
        found = re.search(rf'id="row-{person}".*?is-(\w+)', text, re.DOTALL)
        assert found is not None
        return found[1]

    assert state() == "in"
    assert "夜班" in browsers.of("hr").get("/today/muster").text
    add_punches(database, person, "2026-11-24 06:02:07")
    clock.now_ms = at("2026-11-24 07:00")
    judge(database, [person], date(2026, 11, 23), date(2026, 11, 24), clock.now_ms)
    assert state() == "left"


def test_a_closed_month_says_so_and_lists_what_came_later(
    browsers: Browsers, database: Database, clock: StillClock, li_lei: PersonId
):
    closing = close(database, Month(2026, 10), "hr", clock, ZONE)
    assert isinstance(closing, PeriodEvent)
    assert closing.hash is not None
    clock.pass_ms(60_000)
    late = date(2026, 10, 20)
    add_record(
        database,
        OfficeRecord(
            source="oa",
            source_id="late",
            version=1,
            person_id=li_lei,
            kind=RecordKind.LEAVE,
            status=RecordStatus.APPROVED,
            unit=SpanUnit.DAY,
            body=DateSpan(late, Half.AM, late, Half.PM),
            known_ms=clock.now_ms,
            leave_type="sick",
            approved_ms=clock.now_ms,
        ),
    )
    clock.pass_ms(60_000)
    judge(database, [li_lei], late, late, clock.now_ms)
    browser = browsers.of("hr")
    banner = f"2026-10 已关账：2026-11-24 10:42，由 hr，校验码 {closing.hash[:12]}"

    for path in ("/month/2026-10", f"/person/{li_lei}/2026-10", f"/person/{li_lei}/day/{late}"):
        assert banner in browser.get(path).text, path
    day = browser.get(f"/person/{li_lei}/day/{late}").text
    assert "2026-10-20</time> 旷工 1 天" in day
    changes = "旷工天数 -1 · 请假分钟 病假 +480 · 请假天数 病假 +1"
    assert f"关账后获知，列入 2026-11：{changes}" in day
    assert changes in browser.get(f"/person/{li_lei}/2026-11").text
    assert "已关账" not in browser.get("/month/2026-11").text


def test_yesterdays_last_punch_is_not_todays(browsers: Browsers, database: Database, clock: StillClock):
    person = add_person(database, "7600", "昨天", "质检部")
    add_punches(database, person, "2026-11-23 08:55", "2026-11-23 18:02")
    clock.now_ms = at("2026-11-24 06:45")
    judge(database, [person], date(2026, 11, 23), date(2026, 11, 24), clock.now_ms)

    text = browsers.of("hr").get("/today").text

    row = re.search(rf'id="row-{person}".*?</tr>', text, re.DOTALL)
    assert row is not None
    assert "is-not_yet" in row[0]
    assert "18:02" not in row[0]
    assert "昨天" not in browsers.of("hr").get("/today/muster").text
