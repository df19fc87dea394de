"""The pages of the rules: every change is looked at, then confirmed, then in force."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from datetime import date

import httpx
import pytest
from sqlalchemy import insert, select, update

from cloud.attendance.rulesets import RuleTables, read_tables
from cloud.db.engine import Database
from cloud.db.tables import audit, people, sessions, stale_days
from cloud.db.tables import coverage as coverage_table
from cloud.rulebook.draft import SetGroup, SetVersion, changes_text
from tests.e2e.pages_seed import NOW, StillClock, person_id
from tests.unit.cloud.web.conftest import Browser, Browsers

LI_LEI = person_id("7001")


@dataclass
class Desk:
    """HR at a browser."""

    browser: Browser
    database: Database
    csrf: str

    def send(self, path: str, **fields: str) -> httpx.Response:
        return self.browser.post(path, {**fields, "csrf": self.csrf})

    def upload(self, path: str, name: str, content: bytes, **fields: str) -> httpx.Response:
        return self.browser.post(path, {**fields, "csrf": self.csrf}, files={"file": (name, content)})

    def confirm(self, review: httpx.Response) -> httpx.Response:
        assert review.status_code == 200, review.text
        return self.send("/rules/save", **hidden(review.text))

    def tables(self) -> RuleTables:
        with self.database.read() as connection:
            return read_tables(connection)

    def stale(self) -> set[tuple[str, date]]:
        with self.database.read() as connection:
            rows = connection.execute(select(stale_days.c.person_id, stale_days.c.date))
            return {(person, day) for person, day in rows}


def hidden(text: str) -> dict[str, str]:
    """The draft a review carries."""
    found = re.findall(r'<input type="hidden" name="(changes|seen|back|typed)" value="([^"]*)">', text)
    return {name: html.unescape(value) for name, value in found}


def words_of(text: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())


@pytest.fixture
def desk(browsers: Browsers, database: Database) -> Desk:
    with database.write() as connection:
        connection.execute(
            insert(coverage_table).values(coverage_id=1, first=date(2026, 10, 1), last=NOW.date())
        )
    browser = browsers.of("hr")
    with database.read() as connection:
        csrf = connection.execute(select(sessions.c.csrf).where(sessions.c.login == "hr")).scalar_one()
    return Desk(browser, database, csrf)


def shift_form(name: str, *spans: str, **more: str) -> dict[str, str]:
    fields = {"name": name, "kind": "fixed", "in_punch": "on", "out_punch": "on"}
    for place, span in enumerate(spans):
        fields[f"segment_from_{place}"], _, fields[f"segment_to_{place}"] = span.partition("-")
    return fields | more


def policy(version: str, since: str, **parameters: str) -> dict[str, str]:
    return {"group": "default", "version": version, "since": since, **parameters}


def test_the_overview_shows_groups_shifts_and_what_is_wrong(desk: Desk):
    text = words_of(desk.browser.get("/rules").text)

    assert "办公室 Office" in text
    assert "3" in text
    assert "22:00–06:00 · 应出勤 420 分钟" in text
    assert "班次 NIGHT 没有任何组或排班使用" in text


def test_shifts_that_nobody_uses_are_told_of_at_once(desk: Desk):
    for name in ("早班", "晚班"):
        desk.confirm(desk.send("/rules/set-shift", **shift_form(name, "06:00-14:00")))

    text = words_of(desk.browser.get("/rules").text)
    assert text.count("没有任何组或排班使用") == 1
    assert "班次 NIGHT、早班、晚班 没有任何组或排班使用" in text
    assert "规则检查：1 处值得一看" in text


def test_nothing_is_in_force_before_it_is_confirmed(desk: Desk):
    before = desk.tables()
    review = desk.send(
        "/rules/set-policy",
        **policy("v2", "2026-11-01", late_grace_min="10", serious_late_over_min="30", absent_over_min="120"),
    )

    text = words_of(review.text)
    assert "迟到宽限 5 10" in text
    assert "严重迟到" not in text.split("重新判定")[0].replace("超过即严重迟到", "")
    assert desk.tables() == before
    assert desk.stale() == set()

    done = desk.confirm(review)

    assert done.status_code == 303
    assert done.headers["location"].startswith("/rules/group/default?saved=")
    version = desk.tables().groups["default"].versions[-1]
    assert (version.since, version.version) == (date(2026, 11, 1), "v2")
    assert version.parameters == {"late_grace_min": 10, "serious_late_over_min": 30, "absent_over_min": 120}
    marked = desk.stale()
    assert len(marked) == int(done.headers["location"].partition("saved=")[2])
    assert min(day for _, day in marked) == date(2026, 10, 31)
    assert f"{len(marked)} 个人日正在重新判定" in desk.browser.get(done.headers["location"]).text


def test_a_review_says_what_would_become_of_the_month(desk: Desk):
    review = desk.send(
        "/rules/set-policy",
        known="ever",
        **policy("v1", "ever", late_grace_min="6", serious_late_over_min="30", absent_over_min="120"),
    )

    fields = hidden(review.text)
    month = desk.send("/rules/review", **fields, month="2026-11")

    text = words_of(month.text)
    assert re.search(r"规则里原有的提醒 \d 处，与这次更改无关", text)
    assert "提醒 班次 NIGHT 没有任何组或排班使用" in text
    assert "在 2026-11 试算" in text
    # Late by six minutes on the third; the twentieth late of the sixteenth stays.
    assert "2026-11-03" in text
    assert "迟到 → 正常 1 天" in text
    assert "2026-11-16" not in text.split("在 2026-11 试算")[1]


def test_a_version_to_come_is_tried_on_a_month_that_is_over(desk: Desk):
    review = desk.send(
        "/rules/set-policy",
        **policy("v2", "2026-12-01", late_grace_min="6", serious_late_over_min="30", absent_over_min="120"),
    )

    text = words_of(review.text)
    assert "没有已判定的日子受影响" in text
    assert "按它在 2026-10 整月有效来试算" in text
    month = words_of(desk.send("/rules/review", **hidden(review.text), month="2026-11").text)
    assert "迟到 → 正常 1 天" in month
    assert len(desk.tables().groups["default"].versions) == 1


def test_a_month_is_tried_part_by_part(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("cloud.rulebook.effect.DAYS_A_PART", 25)
    review = desk.send(
        "/rules/set-policy",
        known="ever",
        **policy("v1", "ever", late_grace_min="6", serious_late_over_min="30", absent_over_min="120"),
    )
    fields = hidden(review.text)
    found = desk.send("/rules/review", **fields, month="2026-11")
    seen = []
    while 'id="trial-more"' in found.text:
        seen.append(re.findall(r"已试算 (\d) / 3 人", found.text))
        more = dict(re.findall(r'name="(behind|so_far|month)" value="([^"]*)"', found.text))
        found = desk.send(
            "/rules/try", changes=fields["changes"], **{k: html.unescape(v) for k, v in more.items()}
        )

    assert seen == [["1"], ["2"]]
    assert "72 个人日中" in words_of(found.text)
    assert "迟到 → 正常 1 天" in words_of(found.text)
    assert 'hx-swap-oob="true"' in found.text


def test_a_parameter_that_cannot_be_is_told_at_its_field(desk: Desk):
    answer = desk.send(
        "/rules/set-policy",
        **policy("v2", "2026-11-01", late_grace_min="-1", overtime_breaks="18:00"),
    )

    assert answer.status_code == 422
    assert "迟到宽限 不能是 -1；可用：从 0 起的整数" in answer.text
    assert 'name="late_grace_min" value="-1"' in answer.text
    assert "加班中的休息 不能是 18:00；可用：时段列表，如 18:00-18:30" in answer.text
    assert len(desk.tables().groups["default"].versions) == 1


def test_tiers_out_of_order_are_told_of_the_form(desk: Desk):
    answer = desk.send(
        "/rules/set-policy", **policy("v2", "2026-11-01", late_grace_min="30", absent_over_min="20")
    )

    assert answer.status_code == 422
    assert "v2：迟到宽限 30、严重迟到 –、旷工 20 必须依次不减" in answer.text


@pytest.mark.parametrize(
    ("since", "told"), [("2026-02-30", "请写成 2026-10-01 这样的日期"), ("ever", "同日生效")]
)
def test_a_version_needs_a_date_of_its_own(desk: Desk, since: str, told: str):
    answer = desk.send("/rules/set-policy", group="default", since=since, version="v2")

    assert answer.status_code == 422
    assert told in answer.text


def test_only_what_differs_from_the_default_is_stored(desk: Desk):
    review = desk.send(
        "/rules/set-policy",
        **policy("v2", "2026-11-01", before_min="180", late_grace_min="0", day_start="04:00"),
        pairing="alternate",
        shared_punch="on",
        penalty_days="0.5",
        late_off_late_on="180:60，240:120",
        overtime_breaks="18:00-18:30",
    )
    desk.confirm(review)

    assert desk.tables().groups["default"].versions[-1].parameters == {
        "pairing": "alternate",
        "shared_punch": True,
        "late_off_late_on": [{"off_min": 180, "on_min": 60}, {"off_min": 240, "on_min": 120}],
        "overtime_breaks": ["18:00-18:30"],
    }
    shown = desk.browser.get("/rules/group/default/policy/2026-11-01").text
    assert 'value="180:60, 240:120"' in shown


def test_a_version_moves_and_goes(desk: Desk):
    desk.confirm(desk.send("/rules/set-policy", group="default", since="2026-11-01", version="v2"))
    desk.confirm(
        desk.send("/rules/set-policy", group="default", known="2026-11-01", since="2026-11-08", version="v2")
    )
    assert [one.since for one in desk.tables().groups["default"].versions] == [None, date(2026, 11, 8)]

    desk.confirm(desk.send("/rules/set-policy", group="default", known="2026-11-08", act="drop"))

    assert [one.since for one in desk.tables().groups["default"].versions] == [None]


def test_a_shift_is_drawn_while_it_is_typed(desk: Desk):
    drawn = desk.send("/rules/shift-bar", **shift_form("EVE", "14:00-18:00", "18:30-22:00"))
    assert "应出勤 450 分钟" in drawn.text
    assert drawn.text.count('class="work"') == 3  # two pieces and the legend

    wrong = desk.send("/rules/shift-bar", **shift_form("EVE", "18:00-14:00"))
    assert "时段 18:00-14:00 没有在开始之后结束" in wrong.text
    assert "<svg" not in wrong.text
    odd = desk.send("/rules/shift-bar", **shift_form("EVE", "25:99-26:00", before_min="x"))
    assert "“25:99”不是时刻" in odd.text


def test_a_shift_is_saved_as_a_case_file_has_it(desk: Desk):
    form = shift_form("EVE", "14:00-18:00", "18:30-22:00", break_from_0="15:00", break_to_0="15:15")
    form |= {"early_min": "0", "late_min": "20", "before_min": "60", "half_day_below_min": "–"}
    del form["out_punch"]
    done = desk.confirm(desk.send("/rules/set-shift", **form))

    assert done.headers["location"] == "/rules?saved=0"
    definition = {
        "segments": ["14:00-18:00", "18:30-22:00"],
        "breaks": ["15:00-15:15"],
        "flex": {"early_min": 0, "late_min": 20},
        "before_min": 60,
        "half_day_below_min": None,
        "out_punch": "none",
    }
    assert desk.tables().shifts["EVE"] == definition
    # What the form shows of it makes the same shift again.
    page = desk.browser.get("/rules/shift/EVE").text
    fields = dict(re.findall(r'name="([a-z_0-9]+)" value="([^"]*)"', page))
    again = {
        key: html.unescape(value)
        for key, value in fields.items()
        if key not in {"csrf", "act", "language", "next"}
    }
    review = desk.send("/rules/set-shift", **again | {"kind": "fixed", "in_punch": "on"})
    assert "没有要改的" in review.text


def test_a_shift_that_cannot_be_judged_is_refused(desk: Desk):
    refused = desk.send("/rules/set-shift", **shift_form("LONG", "00:00-20:00"))

    text = words_of(refused.text)
    assert "达到 24 小时" in text
    assert "请先修改" in text
    assert "/rules/save" in refused.text
    assert desk.confirm(refused).status_code == 422
    assert "LONG" not in desk.tables().shifts

    assert desk.send("/rules/set-shift", **shift_form("X", "12:00-09:00")).status_code == 422


def test_a_field_of_a_shift_that_cannot_be_read_is_named(desk: Desk):
    form = shift_form("X", "09:00-12:00", "25:99-18:00", break_from_0="10:00", before_min="an hour")
    answer = desk.send("/rules/set-shift", **form)

    assert answer.status_code == 422
    text = words_of(answer.text)
    assert "时段 第 2 行：“25:99”不是时刻。请写成 09:00" in text
    assert "段内休息 第 1 行：两个时刻缺一个" in text
    assert "窗口：班前：“an hour”不是分钟数" in text
    assert 'value="25:99"' in answer.text


def test_times_of_a_chinese_keyboard_are_read(desk: Desk):
    desk.confirm(
        desk.send("/rules/set-shift", **shift_form("早班", "０６：００-１４：００", before_min="６０"))
    )
    assert desk.tables().shifts["早班"] == {"segments": ["06:00-14:00"], "before_min": 60}

    desk.confirm(
        desk.send(
            "/rules/set-policy",
            **policy("v2", "2026-11-01", late_grace_min="６", overtime_breaks="１８：００-１８：３０"),
        )
    )
    parameters = desk.tables().groups["default"].versions[-1].parameters
    assert parameters == {"late_grace_min": 6, "overtime_breaks": ["18:00-18:30"]}


def test_a_new_shift_takes_no_name_that_is_taken(desk: Desk):
    before = desk.tables()
    answer = desk.send("/rules/set-shift", **shift_form("DAY", "10:00-12:00"))

    assert answer.status_code == 422
    assert "已有班次 DAY" in answer.text
    assert 'value="10:00"' in answer.text
    assert desk.tables() == before
    changed = desk.send("/rules/set-shift", **shift_form("DAY", "10:00-12:00", known="DAY"))
    assert changed.status_code == 200


def test_grace_over_the_break_is_told_before_it_is_saved(desk: Desk):
    review = desk.send("/rules/set-policy", **policy("v2", "2026-11-01", late_grace_min="180"))

    text = words_of(review.text)
    assert "班次 DAY：迟到宽限 180 分钟越过 12:00 的休息（v2）" in text
    assert desk.confirm(review).status_code == 303


def test_windows_that_overlap_are_told_before_they_are_saved(desk: Desk):
    desk.confirm(desk.send("/rules/set-shift", **shift_form("EVE", "18:30-22:00")))
    review = desk.send("/rules/set-group", group="default", name="办公室", mon_0="DAY", mon_1="EVE")

    assert "DAY 与 EVE（周一）的打卡窗口在 15:30–00:00 重叠" in words_of(review.text)
    assert desk.confirm(review).status_code == 303


def test_people_without_a_group_are_told_of_when_a_policy_is_saved(desk: Desk):
    with desk.database.write() as connection:
        connection.execute(update(people).where(people.c.person_id == LI_LEI).values(group_id=None))
    review = desk.send("/rules/set-policy", **policy("v2", "2026-11-01", late_grace_min="10"))

    assert "提醒 1 人没有考勤组，按默认组判定" in words_of(review.text)
    assert desk.confirm(review).status_code == 303


def test_a_shift_in_use_cannot_be_deleted(desk: Desk):
    desk.confirm(desk.send("/rules/set-group", name="实验室", mon_0="DAY", tue_0="DAY"))
    text = words_of(desk.send("/rules/set-shift", name="DAY", known="DAY", act="drop").text)
    assert text.count("错误") == 1
    assert "办公室 Office、实验室 · 周班制里有班次 DAY，而班次只有：NIGHT" in text

    desk.confirm(desk.send("/rules/set-shift", name="NIGHT", known="NIGHT", act="drop"))
    assert list(desk.tables().shifts) == ["DAY"]


def test_a_group_is_made_filled_and_emptied(desk: Desk):
    done = desk.confirm(desk.send("/rules/set-group", name="实验室", mon_0="DAY", tue_0="DAY", tue_1="NIGHT"))
    tables = desk.tables()
    lab = next(key for key, group in tables.groups.items() if group.name == "实验室")
    assert tables.groups[lab].week == {"mon": "DAY", "tue": ["DAY", "NIGHT"]}
    assert f"/rules/group/{lab}" in done.headers["location"]

    unknown = desk.send("/rules/set-members", group=lab, numbers="7001, 9999").text
    assert "没有人用工号 9999" in unknown
    assert 'name="numbers" value="7001, 9999"' in unknown
    assert "请选择部门" in desk.send("/rules/set-members", group=lab).text
    review = desk.send("/rules/set-members", group=lab, numbers="7001，8001", act="in")
    assert "办公室 Office 实验室" in words_of(review.text)
    desk.confirm(review)
    again = desk.send("/rules/set-members", group=lab, numbers="7001", act="in")
    assert "没有要改的" in again.text
    with desk.database.read() as connection:
        moved = (
            connection.execute(select(people.c.employee_no).where(people.c.group_id == lab)).scalars().all()
        )
    assert sorted(moved) == ["7001", "8001"]
    assert {person for person, _ in desk.stale()} == {LI_LEI, person_id("8001")}

    assert "2 人仍在考勤组 实验室" in words_of(desk.send("/rules/set-group", group=lab, act="drop").text)
    desk.confirm(desk.send("/rules/set-members", group=lab, numbers="7001 8001", act="out"))
    desk.confirm(desk.send("/rules/set-group", group=lab, act="drop"))
    assert lab not in desk.tables().groups
    overview = words_of(desk.browser.get("/rules").text)
    assert "删除考勤组 实验室" in overview
    assert "人员移到 未分组" in overview
    assert lab not in overview


def test_no_two_groups_have_one_name(desk: Desk):
    desk.confirm(desk.send("/rules/set-group", name="实验室", mon_0="DAY"))
    before = desk.tables()

    answer = desk.send("/rules/set-group", name="实验室", tue_0="NIGHT")

    assert answer.status_code == 422
    assert "已有考勤组叫 实验室" in answer.text
    assert re.search(r'name="tue_0".*?<option value="NIGHT" selected>', answer.text, re.DOTALL)
    assert desk.tables() == before


def test_a_department_moves_as_a_whole(desk: Desk):
    lab = changes_text([SetGroup("lab", "实验室", {"mon": "DAY"}), SetVersion("lab", None, "l1", {})])
    assert desk.send("/rules/save", changes=lab).status_code == 303

    review = desk.send("/rules/set-members", group="lab", department="质检部", act="in")

    assert "李雷" in review.text
    desk.confirm(review)
    assert "李雷" in desk.browser.get("/rules/group/lab").text


def test_the_week_touches_who_follows_it(desk: Desk):
    review = desk.send("/rules/set-group", group="default", name="办公室", sat_0="DAY",
                       **{f"{day}_0": "DAY" for day in ("mon", "tue", "wed", "thu", "fri")})  # fmt: skip

    assert "星期六 休 DAY" in words_of(review.text)
    desk.confirm(review)
    assert desk.tables().groups["default"].is_default
    assert (LI_LEI, date(2026, 11, 7)) in desk.stale()
    assert (LI_LEI, date(2026, 11, 4)) not in desk.stale()


def test_a_roster_is_set_for_people_and_dates(desk: Desk):
    page = desk.browser.get("/rules/roster/2026-11").text
    assert f'value="{LI_LEI}"' in page
    review = desk.send(
        "/rules/set-roster/2026-11", person=LI_LEI, first="2026-11-18", last="2026-11-19", shift="NIGHT"
    )
    assert "李雷" in review.text
    desk.confirm(review)

    assert desk.stale() == {(LI_LEI, date(2026, 11, day)) for day in (17, 18, 19, 20)}
    page = desk.browser.get("/rules/roster/2026-11").text
    assert page.count("NIGHT（排班）") == 2


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"first": "2026-11-18", "shift": "DAY"}, "请至少勾选一人"),
        ({"person": LI_LEI, "shift": "DAY"}, "请填写日期"),
        (
            {"person": LI_LEI, "first": "2026-11-18", "last": "2026-11-17", "shift": "DAY"},
            "结束日期要在开始之后",
        ),
        ({"person": LI_LEI, "first": "2026-11-18"}, "请选择班次"),
    ],
)
def test_a_roster_form_says_what_is_missing(desk: Desk, fields: dict[str, str], told: str):
    answer = desk.send("/rules/set-roster/2026-11", **fields)

    assert answer.status_code == 422
    assert told in answer.text


def test_a_roster_that_overlaps_is_refused(desk: Desk):
    review = desk.send(
        "/rules/set-roster/2026-11", person=LI_LEI, first="2026-11-18", shift="DAY", second="DAY"
    )

    assert "DAY（同日）与 DAY（同日）的计划时间重叠" in words_of(review.text)
    assert desk.confirm(review).status_code == 422


def test_a_day_of_the_calendar_is_set_and_taken_back(desk: Desk):
    review = desk.send(
        "/rules/calendar/day", year="2026", first="2026-11-11", kind="half", half="pm", name="司庆"
    )
    assert "下午放假 司庆" in words_of(review.text)
    desk.confirm(review)

    row = desk.tables().calendar[date(2026, 11, 11)]
    assert (row.kind, row.half, row.name, row.source) == ("half", "pm", "司庆", "hr")
    assert {day for _, day in desk.stale()} == {date(2026, 11, day) for day in (10, 11, 12)}
    assert "司庆" in desk.browser.get("/rules/calendar/2026?day=2026-11-11").text

    desk.confirm(desk.send("/rules/calendar/day", year="2026", first="2026-11-11", kind="none"))
    assert date(2026, 11, 11) not in desk.tables().calendar


def test_a_make_up_day_without_a_shift_names_the_group(desk: Desk):
    desk.confirm(desk.send("/rules/set-group", name="实验室", mon_0="DAY"))
    review = desk.send(
        "/rules/calendar/day", first="2026-12-26", kind="makeup", shift_of="fri", half="pm", year="2026"
    )

    assert "实验室 · 2026-12-26 补班，但按周班制没有班次可上" in words_of(review.text)


@pytest.mark.parametrize("fields", [{"first": "x"}, {"first": "2026-11-11", "last": "2026-11-10"}])
def test_a_day_without_a_date_is_told(desk: Desk, fields: dict[str, str]):
    assert desk.send("/rules/calendar/day", year="2026", kind="rest", **fields).status_code == 422


def test_a_provisional_year_is_marked_and_confirmed(desk: Desk):
    page = desk.browser.get("/rules/calendar/2027").text
    assert "2027 年是暂定的" in page
    assert 'class="year provisional"' in page
    assert desk.send("/rules/calendar/year", year="2027", source="").status_code == 422

    desk.confirm(desk.send("/rules/calendar/year", year="2027", source="国办发明电〔2026〕7 号"))

    row = desk.tables().years[2027]
    assert (row.provisional, row.source) == (False, "国办发明电〔2026〕7 号")
    assert "是暂定的" not in desk.browser.get("/rules/calendar/2027").text


def test_a_year_is_made_from_what_the_packages_know(desk: Desk):
    assert "2028 年还没有日历" in desk.browser.get("/rules/calendar/2028").text

    desk.confirm(desk.send("/rules/calendar/seed", year="2028"))

    tables = desk.tables()
    assert tables.years[2028].provisional
    assert tables.calendar[date(2028, 10, 1)].kind == "statutory"
    assert "没有要改的" in desk.send("/rules/calendar/seed", year="2028").text


def test_seeding_again_leaves_what_hr_has_set(desk: Desk):
    desk.confirm(desk.send("/rules/calendar/day", year="2026", first="2026-10-08", kind="rest", name="加休"))
    desk.confirm(desk.send("/rules/calendar/day", year="2026", first="2026-10-02", kind="none"))

    desk.confirm(desk.send("/rules/calendar/seed", year="2026"))

    calendar = desk.tables().calendar
    assert calendar[date(2026, 10, 8)].name == "加休"
    assert calendar[date(2026, 10, 2)].kind == "statutory"


def test_a_calendar_file_is_looked_at_before_it_counts(desk: Desk):
    before = desk.tables()
    sheet = "date,kind,half,shift_of,name\n2027-05-04,half,pm,,青年节\n2027-10-09,makeup,,fri,\n".encode()
    review = desk.upload("/rules/calendar/file", "days.csv", sheet, year="2027")

    assert desk.tables() == before
    assert "下午放假 青年节" in words_of(review.text)
    assert "补班 按星期五的班" in words_of(review.text)
    desk.confirm(review)

    tables = desk.tables()
    assert tables.calendar[date(2027, 10, 9)].shift_of == "fri"
    assert not tables.years[2027].provisional


@pytest.mark.parametrize(
    ("sheet", "told"),
    [
        (b"date,kind\n2027-05-04,party\n", "第 2 行：kind（类型）可用：法定 statutory"),
        (b"date,kind\n2027-13-04,rest\n", "第 2 行：date（日期）要写成 2026-11-18"),
        (b"date,kind,half\n2027-05-04,half,noon\n", "第 2 行：half（半天）在半天假时写上午"),
        (b"date,kind,shift_of\n2027-05-04,makeup,noon\n", "第 2 行：shift_of（补班）要写星期几"),
        (
            b"colour\nblue\n",
            "这个文件不能作为日历读取：要有一行标题，其中有 日期 与 类型（days.csv: no column date",
        ),
        (b"\0\1", "neither CSV"),
    ],
)
def test_a_calendar_file_with_a_bad_row_takes_no_row(desk: Desk, sheet: bytes, told: str):
    before = desk.tables()

    answer = desk.upload("/rules/calendar/file", "days.csv", sheet, year="2027")

    assert answer.status_code == 422
    assert told in html.unescape(answer.text)
    assert desk.tables() == before


def test_a_rules_file_is_read_by_line_and_shown_before_it_counts(desk: Desk):
    bad = b"policy:\n  late_grace_min: -1\nweek: {mon: NOPE}\n"
    answer = desk.upload("/rules/file", "rules.yaml", bad)
    told = html.unescape(answer.text)
    assert answer.status_code == 422
    assert "第 2 行：policy.0.late_grace_min: late_grace_min 不能是 -1" in told
    assert "第 3 行：week.mon" in told

    good = desk.browser.get("/rules/file/default").content.replace(b"late_grace_min: 5", b"late_grace_min: 3")
    review = desk.upload("/rules/file", "rules.yaml", good)
    assert "迟到宽限 5 3" in words_of(review.text)
    desk.confirm(review)
    assert desk.tables().groups["default"].versions[0].parameters["late_grace_min"] == 3


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b""])
def test_a_file_that_is_none_is_told(desk: Desk, content: bytes):
    assert desk.upload("/rules/file", "rules.yaml", content).status_code == 422
    assert desk.send("/rules/file").status_code == 422


def test_draft_rules_are_tried_as_text(desk: Desk):
    page = desk.browser.get("/rules/what-if").text
    written = html.unescape(re.search(r"<textarea[^>]*>(.*?)</textarea>", page, re.DOTALL)[1])  # type: ignore[index]
    assert "late_grace_min: 5" in written
    assert desk.send("/rules/draft", group="default", rules=written, month="2026-11").status_code == 422

    review = desk.send(
        "/rules/draft",
        group="default",
        rules=written.replace("late_grace_min: 5", "late_grace_min: 6"),
        month="2026-11",
    )

    assert "迟到 → 正常 1 天" in words_of(review.text)
    assert desk.stale() == set()
    wrong = desk.send("/rules/draft", group="default", rules="week: {mon: NOPE}", month="2026-11")
    assert "第 1 行：week.mon" in html.unescape(wrong.text)
    assert "mon: NOPE" in wrong.text


def test_rules_that_changed_meanwhile_are_looked_at_again(desk: Desk):
    mine = desk.send("/rules/set-shift", **shift_form("EVE", "14:00-22:00"))
    desk.confirm(desk.send("/rules/set-shift", **shift_form("DAWN", "05:00-13:00")))

    answer = desk.confirm(mine)

    assert answer.status_code == 409
    assert "刚才有别人改了规则" in answer.text
    assert desk.send("/rules/save", **hidden(answer.text)).status_code == 303
    assert {"EVE", "DAWN"} <= set(desk.tables().shifts)


def test_who_changed_what_is_written_down(desk: Desk):
    desk.confirm(desk.send("/rules/set-shift", **shift_form("EVE", "14:00-22:00")))

    with desk.database.read() as connection:
        row = connection.execute(select(audit).where(audit.c.action == "set_shift")).one()
    assert (row.actor, row.target) == ("hr", "EVE")
    assert "班次 EVE" in words_of(desk.browser.get("/rules").text)


@pytest.mark.parametrize(
    "back", ["//evil.example", "https://evil.example", "/rulesx", "/rules//evil", "/month"]
)
def test_a_save_leads_back_to_the_rules_and_nowhere_else(desk: Desk, back: str):
    changes = changes_text([SetVersion("default", date(2027, 1, 1), "v9", {})])

    answer = desk.send("/rules/save", changes=changes, back=back)

    assert answer.headers["location"] == "/rules?saved=0"


def typed_again(text: str) -> tuple[str, dict[str, str]]:
    """The form a review leads back to."""
    found = re.search(r'<form id="again" method="post" action="([^"]*)">(.*?)</form>', text, re.DOTALL)
    assert found is not None
    fields = re.findall(r'name="([^"]+)" value="([^"]*)"', found[2])
    return found[1], {name: html.unescape(value) for name, value in fields if name != "csrf"}


def test_going_back_fills_the_form_again(desk: Desk):
    review = desk.send("/rules/set-policy", **policy("v2", "2026-11-01", late_grace_min="17"))
    month = desk.send("/rules/review", **hidden(review.text), month="2026-10")
    for shown in (review, month):
        action, fields = typed_again(shown.text)
        assert 'value="17"' in desk.send(action, **fields).text

    shift = desk.send("/rules/set-shift", **shift_form("LONG", "00:00-20:00"))
    action, fields = typed_again(shift.text)
    assert 'value="20:00"' in desk.send(action, **fields).text
    group = desk.send("/rules/set-group", name="实验室", mon_0="DAY")
    action, fields = typed_again(group.text)
    assert 'value="实验室"' in desk.send(action, **fields).text
    roster = {"person": LI_LEI, "first": "2026-11-18", "last": "2026-11-19", "shift": "NIGHT"}
    review = desk.send("/rules/set-roster/2026-11?q=7001", **roster)
    action, fields = typed_again(review.text)
    filled = desk.send(action, **fields)
    assert action == "/rules/set-roster/2026-11?q=7001"
    assert_roster_filled(filled.text, "2026-11-19")
    assert desk.stale() == set()


def assert_roster_filled(text: str, last: str) -> None:
    """What ``test_going_back_fills_the_form_again`` typed stands in the form."""
    assert f'value="{LI_LEI}" checked' in text
    assert 'name="first" value="2026-11-18"' in text
    assert f'name="last" value="{last}"' in text
    assert '<option value="NIGHT" selected>NIGHT</option>' in text


def test_a_roster_that_is_not_saved_keeps_what_was_typed(desk: Desk):
    fields = {"person": LI_LEI, "first": "2026-11-18", "last": "2026-11-17", "shift": "NIGHT"}
    answer = desk.send("/rules/set-roster/2026-11", **fields)

    assert answer.status_code == 422
    assert_roster_filled(answer.text, "2026-11-17")


@pytest.mark.parametrize("typed", ["x", "[]", '["/logout", {}]', '["https://evil.example", {}]'])
def test_a_review_leads_back_to_no_other_form(desk: Desk, typed: str):
    changes = changes_text([SetVersion("default", date(2027, 1, 1), "v9", {})])

    assert '<form id="again"' not in desk.send("/rules/review", changes=changes, typed=typed).text


@pytest.mark.parametrize("changes", ["", "[", '[{"type": "drop_table"}]'])
def test_a_draft_that_is_none_is_not_found(desk: Desk, changes: str):
    for path in ("/rules/save", "/rules/review", "/rules/try"):
        assert desk.send(path, changes=changes, month="2026-11").status_code == 404


@pytest.mark.parametrize("login", ["manager", "staff"])
def test_only_hr_and_admins_change_rules(
    browsers: Browsers, database: Database, login: str, clock: StillClock
):
    browser = browsers.of(login)
    with database.read() as connection:
        csrf = connection.execute(select(sessions.c.csrf).where(sessions.c.login == login)).scalar_one()
    changes = changes_text([SetVersion("default", None, "v9", {})])

    assert browser.post("/rules/save", {"csrf": csrf, "changes": changes}).status_code == 403


def test_names_of_rules_are_text_wherever_they_stand(desk: Desk):
    nasty = "<img src=x>"
    review = desk.send("/rules/set-shift", **shift_form(nasty, "14:00-22:00"))
    desk.confirm(review)

    for text in (review.text, *(desk.browser.get(path).text for path in ("/rules", "/rules/roster/2026-11"))):
        assert "<img" not in text
        assert "&lt;img" in text


def test_no_page_of_the_rules_holds_what_the_policy_would_block(desk: Desk):
    paths = ["/rules", "/rules/group/default", "/rules/group/default/policy/ever", "/rules/shift/DAY",
             "/rules/roster/2026-11", "/rules/calendar/2026", "/rules/what-if"]  # fmt: skip
    for path in paths:
        text = desk.browser.get(path).text
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", text), path


@pytest.mark.parametrize(
    "path", ["/rules", "/rules/group", "/rules/group/default/policy/ever", "/rules/shift", "/rules/what-if"]
)
def test_pages_speak_english_too(desk: Desk, path: str):
    desk.send("/language", language="en", next="/rules")

    text = words_of(desk.browser.get(path).text)

    for name in ("办公室", "中文", "考"):
        text = text.replace(name, "")
    assert not re.search(r"[\u4e00-\u9fff]", text)
