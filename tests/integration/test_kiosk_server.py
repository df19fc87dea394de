"""The kiosk's server over real HTTP, and its page in a real browser."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest
import requests
from argon2 import PasswordHasher
from playwright.sync_api import Browser, Page, expect, sync_playwright

from edge.errors import LedgerUnavailable
from edge.face.presence import Presence
from edge.identification import Identification, Identified
from edge.kiosk.errors import PortTaken
from edge.kiosk.names import NameStyle
from edge.kiosk.screen import Conditions, NotRecorded, Recorded, Screen
from edge.kiosk.server import Kiosk, Wiring
from edge.pin import check
from edge.pin.check import PinDesk
from models.clock import SystemClock
from models.ids import PersonId
from models.person import Language, Person
from models.punch import Direction

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
LI = Person(PersonId("p-li"), "1001", "李雷", pin_hash=QUICK.hash("2468"))
RIGHT_PIN = b'{"number": "1001", "pin": "2468"}'
PUNCHED_MS = 1_795_395_480_000  # 2026-11-23 08:58 in Shanghai
UNWRITABLE = "punch-on-a-full-disk"
JPEG = bytes.fromhex("ffd8ffe0")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)


class Roster:
    def by_employee_no(self, number: str, /) -> Person | None:
        return LI if number == LI.employee_no else None


class Terminal:
    """A kiosk and the rest of a terminal, as far as the page can reach it."""

    def __init__(self) -> None:
        self.results: list[Identification] = []
        self.disputes: list[str] = []
        self.conditions = Conditions(
            "东门", "Asia/Shanghai", is_online=True, waiting=0, camera="ok", sensor="ok"
        )
        self.kiosk = Kiosk(
            0,
            Screen(NameStyle.FULL),
            Wiring(
                pin_desk=PinDesk(Roster, SystemClock()),
                on_result=self.punch,
                on_not_me=self.dispute,
                latest_frame=lambda: JPEG,
                conditions=lambda: self.conditions,
            ),
            SystemClock(),
        )

    def dispute(self, reference: str) -> None:
        if reference == UNWRITABLE:
            raise LedgerUnavailable("the disk is full")
        self.disputes.append(reference)

    def punch(self, identification: Identification) -> None:
        self.results.append(identification)
        self.kiosk.show(Recorded(LI.name, PUNCHED_MS, LI.language, Direction.IN, "punch-1"))


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setattr(check, "_hasher", QUICK)
    check._nobodys_hash.cache_clear()
    running = Terminal()
    running.kiosk.start()
    yield running
    running.kiosk.stop()
    check._nobodys_hash.cache_clear()


def post(terminal: Terminal, path: str, body: object, **headers: str) -> requests.Response:
    own = {"Origin": terminal.kiosk.address.rstrip("/"), "Content-Type": "application/json"}
    raw = body if isinstance(body, bytes) else json.dumps(body)
    return requests.post(terminal.kiosk.address + path, data=raw, headers=own | headers, timeout=20)


def views(terminal: Terminal) -> Iterator[dict[str, object]]:
    with requests.get(terminal.kiosk.address + "events", stream=True, timeout=20) as answer:
        for line in answer.iter_lines():
            if line.startswith(b"data: "):
                view: dict[str, object] = json.loads(line[6:])["view"]
                yield view


def test_a_notice_reaches_the_page_at_once_and_leaves_it(terminal: Terminal):
    told = views(terminal)
    assert next(told)["notice"] is None

    terminal.kiosk.show(NotRecorded())
    notice = next(told)["notice"]
    assert isinstance(notice, dict)
    assert notice["kind"] == "not_recorded"
    assert next(told)["notice"] is None


def test_number_and_pin_take_the_path_of_every_punch(terminal: Terminal):
    answer = post(terminal, "api/pin", {"number": "1001", "pin": "2468"})

    assert answer.json()["outcome"] == "identified"
    assert [result.person_id for result in terminal.results if isinstance(result, Identified)] == [
        LI.person_id
    ]


def test_a_wrong_pin_punches_nobody_and_slows_down(terminal: Terminal):
    outcomes = [post(terminal, "api/pin", {"number": "1001", "pin": "0000"}).json() for _ in range(6)]

    assert [outcome["outcome"] for outcome in outcomes] == ["unknown"] * 5 + ["wait"]
    assert 0 < outcomes[5]["wait_s"] <= 30
    assert terminal.results == []


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"number": 1, "pin": 2}', b"\xff" * 9, RIGHT_PIN.ljust(5000)]
)
def test_what_is_no_pin_is_refused(terminal: Terminal, body: bytes):
    assert post(terminal, "api/pin", body).status_code == 400


def test_another_sites_page_is_refused(terminal: Terminal):
    right = {"number": "1001", "pin": "2468"}

    assert post(terminal, "api/pin", right, Origin="http://elsewhere.example").status_code == 403
    assert post(terminal, "api/pin", right, Host="elsewhere.example").status_code == 403
    assert (
        requests.get(terminal.kiosk.address, headers={"Host": "elsewhere.example"}, timeout=20).status_code
        == 403
    )
    assert terminal.results == []


def test_not_me_is_kept_once_and_only_for_the_punch_on_the_screen(terminal: Terminal):
    assert post(terminal, "api/not-me", {"reference": "punch-1"}).status_code == 410
    terminal.kiosk.show(Recorded("李雷", PUNCHED_MS, Language.ZH, reference="punch-1"))

    assert post(terminal, "api/not-me", {"reference": "punch-0"}).status_code == 410
    assert post(terminal, "api/not-me", {"reference": "punch-1"}).status_code == 204
    assert post(terminal, "api/not-me", {"reference": "punch-1"}).status_code == 410
    assert terminal.disputes == ["punch-1"]


def test_a_not_me_that_cannot_be_kept_is_not_called_noted(terminal: Terminal):
    terminal.kiosk.show(Recorded("李雷", PUNCHED_MS, Language.ZH, reference=UNWRITABLE))

    assert post(terminal, "api/not-me", {"reference": UNWRITABLE}).status_code == 503
    notice = next(views(terminal))["notice"]
    assert isinstance(notice, dict)
    assert notice["kind"] == "not_recorded"


def test_the_page_may_load_its_own_files_only(terminal: Terminal):
    page = requests.get(terminal.kiosk.address, timeout=20)

    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert page.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert not any(scheme in page.text for scheme in ("http://", "https://", "style=", "onclick="))


def test_a_port_that_is_taken_is_one_clear_error(terminal: Terminal):
    other = Terminal()
    with socket.create_server(("127.0.0.1", 0)) as holder:
        other.kiosk._wanted_port = holder.getsockname()[1]
        with pytest.raises(PortTaken, match=str(holder.getsockname()[1])):
            other.kiosk.start()


def test_the_server_listens_on_this_machine_only(terminal: Terminal):
    assert terminal.kiosk._socket is not None
    assert terminal.kiosk._socket.getsockname()[0] == "127.0.0.1"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = os.environ.get("KAOQIN_CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser, terminal: Terminal) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 800, "height": 480}, timezone_id="America/New_York")
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda line: errors.append(line.text) if "Content Security" in line.text else None)
    opened.goto(terminal.kiosk.address)
    expect(opened.locator("#site")).to_have_text("东门")
    yield opened
    context.close()
    assert errors == []


def test_a_punch_fills_the_screen_in_the_persons_language_and_the_sites_time(terminal: Terminal, page: Page):
    page.click("#language")
    expect(page.locator("#ask")).to_have_text("Look here, or place a finger")

    terminal.kiosk.show(Recorded("李雷", PUNCHED_MS, Language.ZH, Direction.IN, "punch-1"))

    expect(page.locator("#who")).to_have_text("李雷 08:58")
    expect(page.locator("#word")).to_have_text("已记录 · 上班")
    expect(page.locator("#band")).to_have_attribute("data-kind", "recorded")
    page.click("#not-me")
    expect(page.locator("#band")).to_have_attribute("data-kind", "noted")
    assert terminal.disputes == ["punch-1"]


def test_by_keyboard_alone_a_pin_becomes_a_punch(terminal: Terminal, page: Page):
    page.keyboard.type("1001")
    page.keyboard.press("Enter")
    page.keyboard.type("0000")
    page.keyboard.press("Enter")
    expect(page.locator("#pad-says")).to_have_text("工号或密码不对\uff0c请再试一次")
    page.keyboard.type("2468")
    page.keyboard.press("Enter")

    expect(page.locator("#who")).to_have_text("李雷 08:58")
    expect(page.locator("#pad")).to_be_hidden()
    assert len(terminal.results) == 1


def test_by_touch_alone_a_pin_becomes_a_punch(terminal: Terminal, page: Page):
    page.click("#open-pad")
    for key in ["1", "0", "0", "2", "delete", "1", "next", "2", "4", "6", "8", "confirm"]:
        page.click(f'#keys [data-key="{key}"]')

    expect(page.locator("#who")).to_have_text("李雷 08:58")
    assert page.input_value("#pin") == ""


def test_the_mirror_is_there_only_while_somebody_is_near(terminal: Terminal, page: Page):
    expect(page.locator("#mirror")).to_be_hidden()
    terminal.kiosk.presence(Presence.NEAR)
    expect(page.locator("#mirror")).to_be_visible()
    terminal.kiosk.presence(Presence.GONE)
    expect(page.locator("#mirror")).to_be_hidden()


def test_what_is_wrong_stands_at_the_foot(terminal: Terminal, page: Page):
    terminal.conditions = replace(terminal.conditions, is_online=False, waiting=12, sensor="away")

    expect(page.locator("#foot li")).to_have_text(
        ["网络断开\uff0c已保存 12 条", "指纹暂不可用\uff0c请刷脸或用密码"]
    )


@pytest.mark.parametrize(("width", "height"), [(800, 480), (1280, 800), (390, 844)])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_nothing_is_cut_off(terminal: Terminal, page: Page, width: int, height: int, language: str):
    page.set_viewport_size({"width": width, "height": height})
    if language == "en":
        page.click("#language")
    terminal.conditions = Conditions(
        "A" * 60,
        "Asia/Shanghai",
        is_online=False,
        waiting=12345,
        camera="ok",
        sensor="away",
        is_clock_set=False,
    )
    expect(page.locator("#foot li")).to_have_count(3)
    terminal.kiosk.show(
        Recorded("Maximiliana Alexandrovna Konstantinopol", PUNCHED_MS, Language.EN, reference="x")
    )
    expect(page.locator("#band")).to_be_visible()
    page.click("#not-me", trial=True)

    for selector in ("#clock", "#ask", "#foot", "#open-pad", "#language", "#who", "#word", "#not-me"):
        box = page.locator(selector).bounding_box()
        assert box is not None, selector
        assert box["x"] >= 0, selector
        assert box["y"] >= 0, selector
        assert box["x"] + box["width"] <= width, selector
        assert box["y"] + box["height"] <= height, selector
