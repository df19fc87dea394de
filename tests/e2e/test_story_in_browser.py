"""The whole site of the demo in a real browser: a press at the door moves the page that is open.

Pictures of the pages and of the kiosk, at desk and phone width, are left in .state/screenshots.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from models.clock import SystemClock
from scripts.story import hands, pictures
from scripts.story.plan import local_date, tell, this_morning
from scripts.story.processes import free_port
from scripts.story.site import Site
from scripts.story.stage import Stage, new_site

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]
SCREENSHOTS = Path(__file__).parents[2] / ".state" / "screenshots"
WIDTHS = {"desk": 1280, "phone": 390}
PATIENCE_MS = 10_000


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    if not (pictures.KEPT_IN / "astronaut.png").exists():
        pytest.skip("the pictures were not fetched: scripts/test fetches them")
    now_ms = SystemClock().wall_ms()
    story = tell(local_date(now_ms))
    folder = tmp_path_factory.mktemp("s")
    with Site(folder, folder, free_port()) as place:
        scene = new_site(
            place,
            story,
            pictures.fetch(),
            lambda _: None,
            this_morning(story, now_ms),
        )
        yield scene
        scene.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def hr(stage: Stage, browser: Browser) -> Iterator[BrowserContext]:
    """HR, who signed in by the form with the password the demo prints."""
    context = browser.new_context(base_url=stage.site.url, locale="zh-CN", timezone_id="Asia/Shanghai")
    page = context.new_page()
    page.goto("/")
    page.fill("input[name=login]", "hr")
    page.fill("input[name=password]", stage.secrets.passwords["hr"])
    page.click("form[action='/login'] button[type=submit]")
    expect(page).to_have_url(re.compile(r"/(today|month)"))
    page.close()
    yield context
    context.close()


@pytest.fixture
def page(hr: BrowserContext) -> Iterator[Page]:
    opened = hr.new_page()
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def nobody_at_the_door(stage: Stage) -> Iterator[None]:
    """Whoever came leaves: a finger that takes the place of another was never lifted."""
    yield
    hands.ask(stage.site.sensor_control, lift=True)
    hands.ask(stage.site.camera_control, clear=True)
    time.sleep(1)


def picture(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for width_name, width in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": 844})
        page.screenshot(path=SCREENSHOTS / f"story-{name}-{width_name}.png")


@pytest.mark.parametrize("place", [0, 1])
def test_a_finger_moves_the_open_page(stage: Stage, page: Page, place: int):
    number = stage.fingers[place]
    page.goto("/today")
    row = page.locator(f"#row-{stage.people[number]}", has_text="指纹")
    expect(page.locator("[data-live]")).to_have_text("实时")
    expect(row).to_have_count(0)

    hands.press(stage.site.sensor_control, number)

    expect(row).to_have_count(1, timeout=PATIENCE_MS)
    picture(page, "today")


def test_a_face_moves_the_open_page_and_greets_at_the_kiosk(stage: Stage, page: Page, browser: Browser):
    number, portraits = stage.faces[0], stage.pictures.staff[0]
    name = next(m.name for m in stage.story.members if m.employee_no == number)
    kiosk = browser.new_page(locale="zh-CN")
    kiosk.goto(stage.site.kiosk_url)
    page.goto("/today")
    expect(page.locator("[data-live]")).to_have_text("实时")

    hands.show(stage.site.camera_control, portraits.door[0])

    expect(kiosk.locator("body")).to_contain_text("已记录", timeout=PATIENCE_MS)
    expect(kiosk.locator("body")).to_contain_text(name[0])
    picture(kiosk, "kiosk")
    kiosk.close()
    expect(page.locator(f"#row-{stage.people[number]}")).to_contain_text("人脸", timeout=PATIENCE_MS)


def test_a_stranger_is_told_so_and_is_on_no_page(stage: Stage, browser: Browser):
    kiosk = browser.new_page(locale="zh-CN")
    kiosk.goto(stage.site.kiosk_url)

    hands.press(stage.site.sensor_control, "nobody")

    expect(kiosk.locator("body")).to_contain_text("未能识别", timeout=PATIENCE_MS)
    expect(kiosk.locator("body")).not_to_contain_text("已记录")
    kiosk.close()


def test_the_month_has_everybody_and_the_day_says_why(stage: Stage, page: Page):
    who, day = _a_late_day(stage)
    member = next(m for m in stage.story.members if m.employee_no == who)

    page.goto(f"/month?month={day:%Y-%m}")
    expect(page.locator("body")).to_contain_text(stage.story.members[0].name)
    picture(page, "month")
    page.goto(f"/person/{stage.people[who]}/day/{day}")

    expect(page.locator("body")).to_contain_text(member.name)
    expect(page.locator("body")).to_contain_text(f"{stage.story.verdicts[who, day].late_min}")
    expect(page.locator("body")).to_contain_text("迟到")
    picture(page, "day")


def _a_late_day(stage: Stage) -> tuple[str, date]:
    return next((who, day) for (who, day), verdict in stage.story.verdicts.items() if verdict.late_n)
