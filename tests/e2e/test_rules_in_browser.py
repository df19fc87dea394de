"""The pages of the rules in a real browser: what only a browser can show."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import insert, select

from cloud.db.engine import Database
from cloud.db.tables import coverage, roster_entries, shifts
from tests.e2e.browsing import launched, served, sign_in, watch
from tests.e2e.pages_seed import (
    LONG_NAME,
    NOW,
    PASSWORD,
    StillClock,
    add_department,
    add_person,
    add_users,
    application,
    new_database,
    person_id,
    ten_kinds,
)

pytestmark = pytest.mark.e2e

LONG_DEPARTMENT = "Research and development of attendance systems, second floor, north wing"
PAGES = [
    "/rules",
    "/rules/group",
    "/rules/group/default",
    "/rules/group/default/policy/new",
    "/rules/shift/NIGHT",
    "/rules/roster/2026-11",
    "/rules/calendar/2026",
    "/rules/calendar/2027",
    "/rules/calendar/2028",
    "/rules/what-if",
]


@pytest.fixture(scope="module")
def seeded_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("rules")
    database = new_database(directory)
    add_department(database, "质检部")
    add_users(database, "质检部", ten_kinds(database))
    for number in range(7101, 7105):
        add_person(database, str(number), f"同事{number}", "质检部")
    add_department(database, LONG_DEPARTMENT)
    add_person(database, "7105", LONG_NAME, LONG_DEPARTMENT)
    with database.write() as connection:
        span = {"first": date(2026, 10, 1), "last": NOW.date()}
        connection.execute(insert(coverage).values(coverage_id=1, **span))
    database.close()
    return directory / "pages.db"


@pytest.fixture
def database(seeded_file: Path, tmp_path: Path) -> Iterator[Database]:
    shutil.copy(seeded_file, tmp_path / "pages.db")
    database = Database(f"sqlite:///{tmp_path / 'pages.db'}")
    yield database
    database.close()


@pytest.fixture
def url(database: Database) -> Iterator[str]:
    with served(application(database, StillClock())) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture(params=[(1280, 800), (390, 844)], ids=["desk", "phone"])
def page(url: str, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    width, height = request.param
    context = browser.new_context(base_url=url, locale="zh-CN", viewport={"width": width, "height": height})
    watched = watch(context)
    sign_in(watched.page, "hr", PASSWORD)
    yield watched.page
    context.close()
    assert watched.complaints == []


@pytest.fixture
def desk(page: Page) -> Page:
    if page.viewport_size is not None and page.viewport_size["width"] < 1000:
        pytest.skip("a mouse drags on a desk")
    return page


def test_no_page_of_the_rules_is_wider_than_the_screen(page: Page):
    assert page.viewport_size is not None
    for path in PAGES:
        page.goto(path)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= page.viewport_size["width"], path


def test_a_shift_is_drawn_while_one_types(page: Page):
    page.goto("/rules/shift")
    page.get_by_label("名称").fill("EVE")
    page.locator("[name=segment_from_0]").fill("14:00")
    page.locator("[name=segment_to_0]").fill("22:30")
    page.locator("[name=segment_from_1]").fill("")
    page.locator("[name=segment_to_1]").fill("")

    expect(page.locator("#bar")).to_contain_text("14:00–22:30")
    expect(page.locator("#bar")).to_contain_text("510")
    assert page.evaluate("document.activeElement.name") == "segment_to_1"


def test_cells_of_the_roster_are_dragged_over_looked_at_and_set(desk: Page, database: Database):
    desk.goto("/rules/roster/2026-11")
    rows = desk.locator("[data-roster] tbody tr")
    rows.nth(0).locator("td.d").nth(9).hover()
    desk.mouse.down()
    rows.nth(1).locator("td.d").nth(11).hover()
    desk.mouse.up()

    expect(desk.locator("[data-chosen]")).to_have_text("已选 2 人 × 3 天")
    expect(desk.locator("[name=first]")).to_have_value("2026-11-10")
    expect(desk.locator("[name=last]")).to_have_value("2026-11-12")
    assert desk.locator("td.chosen").count() == 6

    desk.locator("[name=shift]").select_option("NIGHT")
    desk.get_by_role("button", name="预览更改").click()
    expect(desk.get_by_role("heading", level=1)).to_have_text("确认更改")
    desk.get_by_role("button", name=re.compile("生效")).click()

    expect(desk.get_by_role("status")).to_contain_text("正在重新判定")
    with database.read() as connection:
        days = connection.execute(select(roster_entries.c.date)).scalars().all()
    assert sorted(days) == sorted([date(2026, 11, day) for day in (10, 11, 12)] * 2)


def test_cells_of_the_roster_are_chosen_by_keyboard(desk: Page):
    desk.goto("/rules/roster/2026-11")
    desk.locator("[data-roster] td.d[tabindex='0']").focus()
    for key in ("ArrowDown", "ArrowRight", "Shift+ArrowRight", "Shift+ArrowDown"):
        desk.keyboard.press(key)

    expect(desk.locator("[data-chosen]")).to_have_text("已选 2 人 × 2 天")
    expect(desk.locator("[name=first]")).to_have_value("2026-11-02")


def test_a_large_trial_goes_on_by_itself(page: Page, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("cloud.rulebook.effect.DAYS_A_PART", 30)
    page.goto("/rules/group/default/policy/ever")
    page.locator("#late_grace_min").fill("6")
    page.get_by_role("button", name="预览更改").click()
    page.locator("#month").select_option("2026-11")

    expect(page.locator("#trial-more")).to_have_count(0, timeout=10_000)
    expect(page.locator("#trial-summary progress")).to_have_count(0)
    expect(page.locator("#trial-summary")).to_contain_text("迟到 → 正常")
    assert page.locator("#trial-days tbody tr").count() == 1


def test_back_keeps_what_was_typed(page: Page):
    page.goto("/rules/group/default/policy/ever")
    page.locator("#late_grace_min").fill("17")
    page.get_by_role("button", name="预览更改").click()
    page.get_by_role("button", name="返回修改").click()

    expect(page.locator("#late_grace_min")).to_have_value("17")


def test_the_browser_s_own_back_keeps_it_too(page: Page):
    for path, field, value in (
        ("/rules/group/default/policy/ever", "#late_grace_min", "17"),
        ("/rules/shift/NIGHT", "[name=segment_to_1]", "31:00"),
        ("/rules/group/default", "[name=name]", "别的名字"),
    ):
        page.goto(path)
        page.locator(field).fill(value)
        page.get_by_role("button", name="预览更改").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("确认更改")
        page.go_back()
        expect(page.locator(field)).to_have_value(value)


def test_two_shifts_of_a_day_stay_in_their_cell(desk: Page, database: Database):
    with database.write() as connection:
        split = [("W1", "08:00-12:00"), ("W2", "12:30-16:30")]
        connection.execute(insert(shifts), [{"name": n, "definition": {"segments": [s]}} for n, s in split])
        connection.execute(
            insert(roster_entries).values(
                person_id=person_id("7101"), date=date(2026, 11, 18), known_ms=0, shifts=["W1", "W2"]
            )
        )
    desk.goto("/rules/roster/2026-11")
    cell = desk.locator("td .c.rostered")
    expect(cell).to_have_text("W+W2")
    widths = cell.evaluate("one => [one.getBoundingClientRect().width, one.parentElement.clientWidth]")
    assert widths[0] <= widths[1]


def test_long_names_leave_room_for_what_a_trial_changes(desk: Page):
    desk.goto("/rules/group/default/policy/ever")
    desk.get_by_text("缺卡与旷工").click()
    desk.locator("#no_punch").select_option("missing")
    desk.get_by_role("button", name="预览更改").click()

    row = desk.locator("#trial-days tbody tr", has_text=LONG_NAME).first
    expect(row).to_be_visible()
    assert desk.evaluate("document.querySelector('#trial-days').scrollWidth") <= desk.evaluate(
        "document.querySelector('#trial-days').parentElement.clientWidth"
    )
