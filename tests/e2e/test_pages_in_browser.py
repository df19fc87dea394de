"""The pages in a real browser, over a real socket, with a seeded firm."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect
from sqlalchemy import update

from cloud.db.engine import Database
from cloud.db.tables import users
from cloud.feed import Feed, PunchStored
from models.clock import to_ms
from models.ids import TerminalId
from models.punch import Method
from tests.e2e.browsing import Watched, launched, served, watch
from tests.e2e.pages_seed import (
    KINDS,
    NOW,
    PASSWORD,
    StillClock,
    add_department,
    add_person,
    add_punches,
    add_terminal,
    add_users,
    application,
    judge,
    new_database,
    person_id,
    ten_kinds,
)

pytestmark = pytest.mark.e2e
LI_LEI = person_id("7001")


@dataclass
class Firm:
    """A running site and what is needed to make things happen in it."""

    url: str
    database: Database
    feed: Feed
    clock: StillClock


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firm]:
    database = new_database(tmp_path_factory.mktemp("browser"))
    add_department(database, "质检部")
    add_users(database, "质检部", ten_kinds(database))
    for number in range(7101, 7140):
        add_person(database, str(number), f"同事{number}", "质检部")
    add_terminal(database, 0, "北门", to_ms(NOW) - 10_000)
    clock, feed = StillClock(), Feed()
    with served(application(database, clock, feed)) as url:
        yield Firm(url, database, feed, clock)
    database.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def state(firm: Firm, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cookies of HR, who signed in by the form."""
    context = browser.new_context(base_url=firm.url, locale="zh-CN")
    page = context.new_page()
    page.goto("/month/2026-11")
    page.get_by_label("用户名").fill("hr")
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    expect(page).to_have_url(f"{firm.url}/month/2026-11")
    path = tmp_path_factory.mktemp("state") / "hr.json"
    context.storage_state(path=path)
    context.close()
    return path


@pytest.fixture(params=[(1280, 800), (390, 844)], ids=["desk", "phone"])
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    width, height = request.param
    return width, height


@pytest.fixture
def desk(firm: Firm, browser: Browser, state: Path) -> Iterator[Watched]:
    context = browser.new_context(
        base_url=firm.url, locale="zh-CN", storage_state=state, viewport={"width": 1280, "height": 800}
    )
    watched = watch(context)
    yield watched
    context.close()
    assert watched.complaints == []


PAGES = [
    "/today",
    "/today/muster",
    "/month/2026-11",
    f"/person/{LI_LEI}/2026-11",
    f"/person/{LI_LEI}/day/{KINDS['late_and_early']}",
    f"/person/{LI_LEI}/day/{KINDS['half_leave']}",
    "/terminals",
]


@pytest.mark.parametrize(("scheme", "language"), [("light", "zh"), ("dark", "en")])
def test_no_page_is_wider_than_the_screen_or_breaks_its_own_policy(
    firm: Firm, browser: Browser, state: Path, size: tuple[int, int], scheme: str, language: str
):
    context = browser.new_context(
        base_url=firm.url,
        storage_state=state,
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    watched = watch(context)
    with firm.database.write() as connection:
        connection.execute(update(users).where(users.c.login == "hr").values(language=language))
    for path in PAGES:
        page = watched.open(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0], path
    context.close()
    with firm.database.write() as connection:
        connection.execute(update(users).where(users.c.login == "hr").values(language="zh"))
    assert watched.complaints == []


def test_what_is_pressed_on_a_phone_is_large_enough(firm: Firm, browser: Browser, state: Path):
    context = browser.new_context(
        base_url=firm.url, storage_state=state, viewport={"width": 390, "height": 844}
    )
    page = context.new_page()
    for path in ("/today", "/month/2026-11"):
        page.goto(path)
        small = page.evaluate(
            """() => [...document.querySelectorAll("nav a, .button, select, input[type=search], button")]
                .filter((one) => one.offsetParent && one.getBoundingClientRect().height < 43.5)
                .map((one) => one.outerHTML.slice(0, 80))"""
        )
        assert small == [], path
    context.close()


def test_the_grid_is_walked_by_keyboard_and_keeps_its_place(desk: Watched):
    page = desk.open("/month/2026-11?q=李雷")
    page.locator("td.d a[tabindex='0']").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")

    expect(page.locator("#panel h1")).to_contain_text("2026-11-03 迟到 6 分钟")
    assert page.evaluate("document.activeElement.getAttribute('href')").endswith("2026-11-03")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#panel h1")).to_contain_text("2026-11-04 严重迟到 45 分钟")
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_be_hidden()
    assert page.evaluate("document.activeElement.getAttribute('href')").endswith("2026-11-04")
    assert page.url.endswith("/month/2026-11?q=李雷") or "q=%E6%9D%8E" in page.url


def test_arrows_reach_every_edge_and_stop_there(desk: Watched):
    page = desk.open("/month/2026-11")
    page.locator("td.d a[tabindex='0']").focus()
    for key in ("End", "PageDown", "PageDown", "PageDown", "PageDown", "PageDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    assert page.evaluate(
        """() => { const rows = document.querySelectorAll("[data-grid] tbody tr");
                   const cells = rows[rows.length - 1].querySelectorAll("td.d > a");
                   return document.activeElement === cells[cells.length - 1]; }"""
    )
    assert page.locator("td.d a[tabindex='0']").count() == 1


def test_filters_live_in_the_address(desk: Watched):
    page = desk.open("/month/2026-11")
    assert page.locator("[data-grid] tbody tr").count() >= 40
    page.locator("#q").fill("李雷")
    expect(page.locator("[data-grid] tbody tr")).to_have_count(1)
    page.get_by_label("假别", exact=True).check()
    expect(page.locator("[data-grid] thead .sum").first).to_have_text("年假")
    address = page.url
    assert "cols=leave" in address
    expect(page.get_by_role("link", name="导出 CSV")).to_have_attribute("href", re.compile("q=%E6%9D%8E"))

    page.goto("/today")
    page.goto(address)

    expect(page.locator("[data-grid] tbody tr")).to_have_count(1)
    expect(page.locator("#q")).to_have_value("李雷")


def test_the_head_and_the_names_stay(desk: Watched):
    page = desk.open("/month/2026-11")
    page.locator(".scroll").evaluate("box => box.scrollTo(300, 400)")
    places = page.evaluate(
        """() => { const box = document.querySelector(".scroll").getBoundingClientRect();
                   const head = document.querySelector("thead .name").getBoundingClientRect();
                   const name = document.querySelectorAll("tbody .name")[20].getBoundingClientRect();
                   return [Math.round(head.top - box.top), Math.round(name.left - box.left)]; }"""
    )
    assert max(places) <= 1


def test_a_punch_slides_in_while_one_looks(desk: Watched, firm: Firm):
    person = add_person(firm.database, "7900", "周小新", "质检部")
    page = desk.open("/today")
    expect(page.locator("[data-live]")).to_have_text("实时")
    assert page.locator("#rows tr").first.locator("th").inner_text() != "周小新"
    late_n = int(page.locator(".c-late b").inner_text())

    add_punches(firm.database, person, "2026-11-24 10:42:05", method=Method.FINGER)
    judge(firm.database, [person], NOW.date(), NOW.date(), to_ms(NOW))
    firm.feed.publish(PunchStored(TerminalId("t-" + "0" * 16), person, to_ms(NOW) - 25_000, Method.FINGER))

    first = page.locator("#rows tr").first
    expect(first).to_contain_text("周小新", timeout=2_000)
    expect(first).to_contain_text("10:42:05 指纹 · 北门")
    expect(page.locator(".c-late b")).to_have_text(str(late_n + 1), timeout=4_000)


def test_a_punch_before_the_page_listens_is_read_again(desk: Watched, firm: Firm):
    person = add_person(firm.database, "7901", "吴前", "质检部")

    def punch_then_listen(route: Route) -> None:
        """The page is drawn, and its stream is not open yet."""
        add_punches(firm.database, person, "2026-11-24 10:42:10", method=Method.FINGER)
        judge(firm.database, [person], NOW.date(), NOW.date(), to_ms(NOW))
        firm.feed.publish(
            PunchStored(TerminalId("t-" + "0" * 16), person, to_ms(NOW) - 20_000, Method.FINGER)
        )
        route.continue_()

    desk.page.route("**/live", punch_then_listen, times=1)
    page = desk.open("/today")

    first = page.locator("#rows tr").first
    expect(first).to_contain_text("吴前")
    expect(first).to_contain_text("10:42:10 指纹 · 北门")
    assert page.locator(f"#row-{person}").count() == 1


def test_pages_work_without_scripts(firm: Firm, browser: Browser, state: Path):
    context = browser.new_context(base_url=firm.url, storage_state=state, java_script_enabled=False)
    page = context.new_page()
    page.goto("/month/2026-11")
    page.locator("#q").fill("李雷")
    page.get_by_role("button", name="筛选").click()
    page.locator(f"a[href='/person/{LI_LEI}/day/{KINDS['late']}']").click()
    expect(page.locator("h1")).to_contain_text("迟到 6 分钟")
    context.close()


def test_the_language_is_switched_in_the_header_and_stays(firm: Firm, browser: Browser):
    context = browser.new_context(base_url=firm.url, locale="zh-CN")
    watched = watch(context)
    page = watched.open("/login")
    page.get_by_label("用户名").fill("manager")
    page.get_by_label("密码").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="切换到英文").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Today")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{firm.url}/login")
    context.close()
    assert watched.complaints == []


def test_the_month_prints_on_landscape_sheets(desk: Watched, tmp_path: Path):
    page = desk.open("/month/2026-11")
    page.emulate_media(media="print")

    assert page.locator(".legend").is_visible()
    assert not page.locator(".filters").is_visible()
    width = page.evaluate("document.querySelector('.grid').getBoundingClientRect().width")
    assert width <= 281 / 25.4 * 96 + 1
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_a_file_is_downloaded_by_its_button(desk: Watched):
    page = desk.open("/month/2026-11")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="导出 Excel").click()

    assert waiting.value.suggested_filename == "考勤-2026-11.xlsx"
    assert waiting.value.path().stat().st_size > 5_000
