"""The page of a day in a real browser: the sentence, the minutes of the bar, every reason."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date

import pytest
from playwright.sync_api import Browser
from sqlalchemy import update

from cloud.db.tables import groups, policies, users
from tests.e2e.browsing import Watched, launched, served, sign_in, watch
from tests.e2e.days_seed import DECIDED, NIGHT, PENDING, other_days
from tests.e2e.pages_seed import (
    KINDS,
    PASSWORD,
    StillClock,
    add_department,
    add_users,
    application,
    new_database,
    ten_kinds,
)

pytestmark = pytest.mark.e2e

OFFICE = ("09:00–12:00 required 180", "12:00–13:00 break 60", "13:00–18:00 required 300")
CAME = ("上班打卡 08:58 于 北门，应 09:00", "In 08:58 at 北门, due 09:00")
WENT = ("下班打卡 18:02 于 北门，应 18:00", "Out 18:02 at 北门, due 18:00")
WORDS = {
    "required": ("应出勤", "Required"),
    "break": ("休息", "Break"),
    "present": ("在岗", "Present"),
    "graced": ("宽限", "Grace"),
    "late": ("迟到", "Late"),
    "early": ("早退", "Early"),
    "absent": ("缺勤", "Absent"),
    "missing": ("缺卡未证实", "Not proven"),
    "leave": ("请假", "Leave"),
    "trip": ("出差", "Trip"),
    "outing": ("外出", "Outing"),
    "pending": ("待定", "Open"),
}
Told = tuple[str, str]
"""The same thing in Chinese and in English."""


@dataclass(frozen=True)
class Expected:
    """What the page of a day must show. Pieces of tracks are ``from–to part minutes``."""

    day: date
    sentence: Told
    judged: tuple[str, ...]
    why: tuple[Told, ...]
    planned: tuple[str, ...] = OFFICE
    other: bool = False


DAYS = {
    "normal": Expected(
        KINDS["normal"],
        ("正常", "Normal"),
        ("09:00–12:00 present 180", "13:00–18:00 present 300"),
        (CAME, WENT),
    ),
    "late": Expected(
        KINDS["late"],
        ("迟到 6 分钟", "Late 6 min"),
        ("09:00–09:06 late 6", "09:06–12:00 present 174", "13:00–18:00 present 300"),
        (
            ("上班打卡 09:06 于 北门，应 09:00", "In 09:06 at 北门, due 09:00"),
            WENT,
            (
                "迟到 6 分钟：09:06 于 北门 上班打卡，应 09:00，宽限 5 分钟（办公室 v3）",
                "Late 6 min: in 09:06 at 北门, due 09:00, grace 5 (办公室 v3)",
            ),
        ),
    ),
    "serious_late": Expected(
        KINDS["serious_late"],
        ("严重迟到 45 分钟", "Very late 45 min"),
        ("09:00–09:45 late 45", "09:45–12:00 present 135", "13:00–18:00 present 300"),
        (
            ("上班打卡 09:45 于 北门，应 09:00", "In 09:45 at 北门, due 09:00"),
            WENT,
            (
                "严重迟到 45 分钟：09:45 于 北门 上班打卡，应 09:00，超过 30 分钟（办公室 v3）",
                "Very late 45 min: in 09:45 at 北门, due 09:00, over 30 (办公室 v3)",
            ),
        ),
    ),
    "early": Expected(
        KINDS["early"],
        ("早退 10 分钟", "Left 10 min early"),
        ("09:00–12:00 present 180", "13:00–17:50 present 290", "17:50–18:00 early 10"),
        (
            CAME,
            ("下班打卡 17:50 于 北门，应 18:00", "Out 17:50 at 北门, due 18:00"),
            (
                "早退 10 分钟：17:50 于 北门 下班打卡，应 18:00，宽限 0 分钟（办公室 v3）",
                "Early 10 min: out 17:50 at 北门, due 18:00, grace 0 (办公室 v3)",
            ),
        ),
    ),
    "missing": Expected(
        KINDS["missing"],
        ("缺下班卡", "No punch out"),
        ("09:00–12:00 missing 180", "13:00–18:00 missing 300"),
        (CAME, ("缺下班卡：应 18:00，480 分钟无法证明", "OUT is missing: due 18:00, 480 min not proven")),
    ),
    "absent": Expected(
        KINDS["absent"],
        ("旷工 1 天", "Absent 1 day"),
        ("09:00–12:00 absent 180", "13:00–18:00 absent 300"),
        (
            (
                "旷工：09:00 至 18:00 没有打卡，480 分钟",
                "Absent: no punch from 09:00 to 18:00, 480 min",
            ),
        ),
    ),
    "night over midnight": Expected(
        NIGHT,
        ("迟到 9 分钟", "Late 9 min"),
        ("22:00–22:09 late 9", "22:09–02:00 present 231", "03:00–06:00 present 180"),
        (
            ("上班打卡 22:09 于 北门，应 22:00", "In 22:09 at 北门, due 22:00"),
            ("下班打卡 11-11 06:03 于 北门，应 11-11 06:00", "Out 11-11 06:03 at 北门, due 11-11 06:00"),
            (
                "迟到 9 分钟：22:09 于 北门 上班打卡，应 22:00，宽限 5 分钟（办公室 v3）",
                "Late 9 min: in 22:09 at 北门, due 22:00, grace 5 (办公室 v3)",
            ),
        ),
        planned=("22:00–02:00 required 240", "02:00–03:00 break 60", "03:00–06:00 required 180"),
        other=True,
    ),
    "half-day leave with punches": Expected(
        KINDS["half_leave"],
        ("病假 0.5 天", "Sick leave 0.5 days"),
        ("09:00–12:00 present 180", "13:00–18:00 leave 300"),
        (
            (
                "请假（病假）300 分钟，0.5 天：OA 7001-half_leave",
                "Leave (Sick leave) 300 min, 0.5 d: OA 7001-half_leave",
            ),
            CAME,
            ("下班打卡 12:03 于 北门，应 12:00", "Out 12:03 at 北门, due 12:00"),
        ),
    ),
    "trip": Expected(
        KINDS["trip"],
        ("出差 1 天", "Trip 1 day"),
        ("09:00–12:00 trip 180", "13:00–18:00 trip 300"),
        (
            ("出差 480 分钟，1 天：OA 7001-trip", "Trip 480 min, 1 d: OA 7001-trip"),
            ("当日有出差：OA 7001-trip", "On a trip that day: OA 7001-trip"),
        ),
    ),
    "outing": Expected(
        KINDS["outing"],
        ("外出 4 小时", "Outing 4 h"),
        ("09:00–12:00 present 180", "13:00–14:00 present 60", "14:00–18:00 outing 240"),
        (
            ("外出 240 分钟：OA 7001-outing", "Outing 240 min: OA 7001-outing"),
            CAME,
            (
                "09:00 至 14:00：因公外出相接或班次规定，该端无需打卡",
                "09:00 to 14:00: beside a trip or outing, or by the shift, an end needs no punch",
            ),
        ),
    ),
    "overtime on a rest day": Expected(
        KINDS["overtime"],
        ("休息日 · 加班 6 小时", "Rest day · Overtime 6 h"),
        (),
        (
            ("周六按周班制休息（办公室 v3）", "Day off: Saturday by the week of 办公室 v3"),
            ("上班打卡 09:58 于 北门", "In 09:58 at 北门"),
            ("下班打卡 16:03 于 北门", "Out 16:03 at 北门"),
            ("休息日加班 360 分钟", "Overtime on a rest day 360 min"),
        ),
        planned=(),
    ),
    "corrected": Expected(
        KINDS["corrected"],
        ("正常", "Normal"),
        ("09:00–12:00 present 180", "13:00–18:00 present 300"),
        (
            (
                "上班打卡 09:00（补卡 OA 7001-corrected），应 09:00",
                "In 09:00 (correction OA 7001-corrected), due 09:00",
            ),
            WENT,
            ("补卡：上班 09:00，OA 7001-corrected", "Correction: IN 09:00, OA 7001-corrected"),
        ),
    ),
    "decided": Expected(
        DECIDED,
        ("正常", "Normal"),
        ("09:00–09:50 graced 50", "09:50–12:00 present 130", "13:00–18:00 present 300"),
        (
            ("上班打卡 09:50 于 北门，应 09:00", "In 09:50 at 北门, due 09:00"),
            ("下班打卡 18:01 于 北门，应 18:00", "Out 18:01 at 北门, due 18:00"),
            ("人事裁定：kaoqin 7002-decided", "Decided by HR: kaoqin 7002-decided"),
            ("人事裁定免除：50 分钟不计", "Waived by HR: 50 min"),
        ),
        other=True,
    ),
    "a form awaits approval": Expected(
        KINDS["undecided"],
        ("正常", "Normal"),
        ("09:00–12:00 present 180", "13:00–18:00 present 300"),
        (
            CAME,
            WENT,
            ("有待审批的请假：OA 7001-undecided", "Waiting for approval: leave OA 7001-undecided"),
        ),
    ),
    "pending data": Expected(
        PENDING,
        ("待数据：有终端尚未上报", "Awaiting data: a terminal has not reported yet"),
        ("09:00–12:00 pending 180", "13:00–18:00 pending 300"),
        (
            ("上班打卡 08:55 于 北门，应 09:00", "In 08:55 at 北门, due 09:00"),
            ("考勤机数据未到齐，480 分钟待定", "A terminal has not reported yet, 480 min open"),
        ),
        other=True,
    ),
}

SHOWN = """() => {
    const text = (one) => one.textContent.trim();
    const figure = document.querySelector(".timeline");
    const bar = (css) => [...figure.querySelectorAll(css)].map((one) => one.getBoundingClientRect().width);
    return {
        sentence: text(document.querySelector("h1 span:last-child")),
        rows: [...figure.querySelectorAll("tbody tr")].map((row) => [...row.cells].map(text)),
        planned: bar("rect.planned, rect.break"),
        judged: bar("rect[class^='p-']"),
        sums: [...figure.querySelectorAll(".sums li")].map(text),
        why: [...document.querySelectorAll(".why li span")].map(text),
        rules: [...document.querySelectorAll(".why li small")].map(text),
        width: document.documentElement.scrollWidth,
    };
}"""


@dataclass
class Readers:
    """Pages signed in, by language and width, and the two people whose days are read."""

    people: tuple[str, str]
    pages: dict[tuple[str, int], Watched] = field(default_factory=dict)


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Readers]:
    database = new_database(tmp_path_factory.mktemp("days"))
    add_department(database, "质检部")
    with database.write() as connection:
        connection.execute(update(groups).values(name="办公室"))
        connection.execute(update(policies).values(version="v3"))
    people = ten_kinds(database), other_days(database)
    add_users(database, "质检部", people[0])
    with database.write() as connection:
        connection.execute(update(users).where(users.c.login == "admin").values(language="en"))
    with served(application(database, StillClock())) as url, launched() as browser, ExitStack() as stack:
        readers = Readers(people)
        for language, login in (("zh", "hr"), ("en", "admin")):
            for width in (1280, 390):
                readers.pages[language, width] = _signed_in(browser, url, login, width, stack)
        yield readers
    database.close()


def _signed_in(browser: Browser, url: str, login: str, width: int, stack: ExitStack) -> Watched:
    context = browser.new_context(base_url=url, locale="zh-CN", viewport={"width": width, "height": 844})
    stack.callback(context.close)
    watched = watch(context)
    sign_in(watched.page, login, PASSWORD)
    return watched


@pytest.mark.parametrize("width", [1280, 390], ids=["desk", "phone"])
@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("kind", DAYS)
def test_a_day_explains_itself(readers: Readers, kind: str, language: str, width: int):
    expected, tongue = DAYS[kind], ("zh", "en").index(language)
    watched = readers.pages[language, width]
    shown = watched.open(f"/person/{readers.people[expected.other]}/day/{expected.day}").evaluate(SHOWN)

    assert shown["sentence"] == f"{expected.day} {expected.sentence[tongue]}"
    assert shown["why"] == [reason[tongue] for reason in expected.why]
    assert all(rule.startswith(("规则 ", "rule ")) for rule in shown["rules"])
    assert len(shown["rules"]) == len(expected.why)
    track = {"zh": ("计划", "判定"), "en": ("Planned", "Judgement")}[language]
    for name, pieces, drawn in zip(
        track, (expected.planned, expected.judged), (shown["planned"], shown["judged"]), strict=True
    ):
        rows = [row[1:] for row in shown["rows"] if row[0] == name]
        assert rows == [_cells(piece, tongue) for piece in pieces]
        _drawn_to_scale(drawn, [int(row[2]) for row in rows])
    _adds_up(shown["sums"], expected)
    assert shown["width"] <= width
    assert watched.complaints == []


def _cells(piece: str, tongue: int) -> list[str]:
    span, part, minutes = piece.split()
    return [*span.split("–"), minutes, WORDS[part][tongue]]


def _drawn_to_scale(drawn: list[float], minutes: list[int]) -> None:
    """Pieces are as wide as they are long, to a pixel."""
    assert len(drawn) == len(minutes)
    scale = sum(drawn) / sum(minutes) if minutes else 0
    # The bounding box of a piece may have half a border at either end.
    assert all(abs(width - length * scale) <= 2 for width, length in zip(drawn, minutes, strict=True))


def _adds_up(sums: list[str], expected: Expected) -> None:
    """The minutes below the bar are those required."""
    shown = [int(word) for line in sums for word in line.split() if word.isdigit()]
    required = [int(piece.split()[2]) for piece in expected.planned if " required " in piece]
    assert sum(shown) == sum(required)
