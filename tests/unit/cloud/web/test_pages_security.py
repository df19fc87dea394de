"""Sign-in, sessions, cookies, forms and headers."""

from __future__ import annotations

import re

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from sqlalchemy import func, select, update

from cloud.db.engine import Database
from cloud.db.tables import audit, sessions, users
from cloud.people.users import issue_token
from cloud.web import assets
from cloud.web.pages.login import FORM_COOKIE, WINDOW_MS
from cloud.web.sessions import ABSOLUTE_MS, IDLE_MS
from models.ids import PersonId
from tests.e2e.pages_seed import PASSWORD, StillClock, person_id
from tests.unit.cloud.web.conftest import Browser, Browsers

HTTPS = "https://testserver"


def form_token(browser: Browser) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', browser.get("/login").text)
    assert found is not None
    return found[1]


def sign_in(browser: Browser, login: str, password: str, **extra: str):
    return browser.post(
        "/login", {"csrf": form_token(browser), "login": login, "password": password, **extra}
    )


def session_form(browsers: Browsers, database: Database, login: str) -> tuple[Browser, str]:
    browser = browsers.of(login)
    with database.read() as connection:
        csrf = connection.execute(select(sessions.c.csrf).where(sessions.c.login == login)).scalar_one()
    return browser, csrf


def test_signing_in_opens_a_session_and_goes_where_one_wanted(browsers: Browsers, database: Database):
    browser = browsers.of(None)

    answer = sign_in(browser, "hr", PASSWORD, next="/month/2026-11?q=li")

    assert answer.status_code == 303
    assert answer.headers["location"] == "/month/2026-11?q=li"
    assert browser.get("/month/2026-11").status_code == 200
    with database.read() as connection:
        stored = connection.execute(select(sessions.c.token_hash)).scalar_one()
    assert stored not in answer.headers["set-cookie"]
    assert len(browser.cookies["kaoqin"]) >= 43


@pytest.mark.parametrize(
    "target",
    ["//evil.example/", "https://evil.example/", "/\\evil.example", "evil", "/a\r\nX: y", "\t//evil.example"],
)
def test_signing_in_leads_nowhere_else(browsers: Browsers, target: str):
    answer = sign_in(browsers.of(None), "hr", PASSWORD, next=target)

    assert answer.headers["location"] == "/"


def test_no_answer_tells_whether_a_user_exists(browsers: Browsers):
    answers = [sign_in(browsers.of(None), login, "wrong wrong wrong") for login in ("hr", "nobody")]

    texts = [re.sub(r'value="[^"]*"', "", answer.text) for answer in answers]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert texts[0] == texts[1]
    assert "用户名或密码不对" in texts[0]


def test_the_password_of_a_user_who_does_not_exist_is_checked_too(
    browsers: Browsers, monkeypatch: pytest.MonkeyPatch
):
    checked: list[str] = []
    from cloud.web import sessions as module

    class Counting:
        def verify(self, hashed: str, password: str) -> bool:
            checked.append(hashed[:9])
            return False

    monkeypatch.setattr(module, "_hasher", Counting())
    for login in ("hr", "nobody"):
        sign_in(browsers.of(None), login, PASSWORD)

    assert checked == ["$argon2id", "$argon2id"]


def test_guessing_is_slowed_down_and_forgiven_later(browsers: Browsers, clock: StillClock):
    browser = browsers.of(None)
    for _ in range(10):
        assert sign_in(browser, "hr", "wrong wrong wrong").status_code == 401

    assert sign_in(browser, "hr", PASSWORD).status_code == 429
    assert sign_in(browser, "manager", PASSWORD).status_code == 303
    clock.pass_ms(WINDOW_MS + 1)
    assert sign_in(browsers.of(None), "hr", PASSWORD).status_code == 303


def test_failures_are_written_down_without_what_was_typed(browsers: Browsers, database: Database):
    sign_in(browsers.of(None), "hr", "wrong wrong wrong")

    with database.read() as connection:
        row = connection.execute(select(audit).where(audit.c.action == "sign_in_failed")).one()
    assert "wrong" not in str(row)


@pytest.mark.parametrize("wait", [IDLE_MS + 1, ABSOLUTE_MS + 1])
def test_a_session_ends_when_it_is_not_used(browsers: Browsers, clock: StillClock, wait: int):
    browser = browsers.of("hr")
    assert browser.get("/month/2026-11").status_code == 200

    clock.pass_ms(wait)

    assert browser.get("/month/2026-11").status_code == 303


def test_a_session_in_use_lives_on_but_not_for_ever(browsers: Browsers, clock: StillClock):
    browser = browsers.of("hr")
    for _ in range(ABSOLUTE_MS // IDLE_MS * 2 - 1):
        clock.pass_ms(IDLE_MS // 2)
        assert browser.get("/terminals").status_code == 200

    clock.pass_ms(IDLE_MS // 2 + 1)

    assert browser.get("/terminals").status_code == 303


def test_who_is_disabled_is_out_at_once(browsers: Browsers, database: Database):
    browser = browsers.of("hr")
    with database.write() as connection:
        connection.execute(update(users).where(users.c.login == "hr").values(disabled=True))

    assert browser.get("/month/2026-11").status_code == 303
    assert sign_in(browsers.of(None), "hr", PASSWORD).status_code == 401


def test_signing_out_ends_the_session_everywhere(browsers: Browsers, database: Database):
    browser, csrf = session_form(browsers, database, "hr")
    token = dict(browser.cookies)

    assert browser.post("/logout", {"csrf": csrf}).status_code == 303

    browser.cookies = token
    assert browser.get("/month/2026-11").status_code == 303


def test_the_language_is_the_users(browsers: Browsers, database: Database):
    browser, csrf = session_form(browsers, database, "hr")
    assert "月度考勤" in browser.get("/month/2026-11").text

    answer = browser.post("/language", {"csrf": csrf, "language": "en", "next": "/month/2026-11"})

    assert answer.headers["location"] == "/month/2026-11"
    assert "Month 2026-11" in browser.get("/month/2026-11").text


FORMS = {
    "/login": {"login": "hr", "password": PASSWORD},
    "/logout": {},
    "/language": {"language": "en"},
    "/rules/file": {},
    "/rules/set-group": {"name": "x"},
    "/rules/set-members": {"group": "default", "numbers": "7001"},
    "/rules/set-policy": {"group": "default", "version": "x"},
    "/rules/set-shift": {"name": "x"},
    "/rules/shift-bar": {"name": "x"},
    "/rules/set-roster/2026-11": {},
    "/rules/draft": {"rules": "week: {}"},
    "/rules/calendar/day": {"first": "2026-11-11", "kind": "rest"},
    "/rules/calendar/year": {"year": "2027", "source": "x"},
    "/rules/calendar/seed": {"year": "2028"},
    "/rules/calendar/file": {"year": "2026"},
    "/rules/review": {"changes": "[]"},
    "/rules/try": {"changes": "[]", "month": "2026-10"},
    "/rules/save": {"changes": '[{"type": "set_day", "date": "2026-11-11", "kind": "rest"}]'},
    "/period/2026-10/close": {},
    "/period/2026-10/reopen": {"reason": "a wrong form"},
    "/period/2026-10/calendar": {},
    f"/person/{person_id('7001')}/2026-10/sign": {"verdict": "confirmed"},
}


def test_every_form_is_in_the_list(page_routes: list[APIRoute]):
    changing = {route.path: route.path_regex for route in page_routes if "GET" not in (route.methods or ())}

    assert not [path for path, regex in changing.items() if not any(regex.match(one) for one in FORMS)]


@pytest.mark.parametrize(
    ("token", "headers"),
    [
        ("", {}),
        ("wrong", {}),
        ("right", {"Origin": "https://evil.example"}),
        ("right", {"Origin": "null"}),
        ("right", {"Sec-Fetch-Site": "cross-site"}),
        ("right", {"Sec-Fetch-Site": "same-site"}),
    ],
)
def test_a_form_that_is_not_ours_changes_nothing(
    browsers: Browsers, database: Database, token: str, headers: dict[str, str]
):
    member, of_member = session_form(browsers, database, "hr")
    stranger = browsers.of(None)
    of_stranger = form_token(stranger)
    with database.read() as connection:
        before = connection.execute(select(func.count()).select_from(sessions)).scalar_one()
        written = connection.execute(select(func.count()).select_from(audit)).scalar_one()

    for path, form in FORMS.items():
        browser, right = (stranger, of_stranger) if path == "/login" else (member, of_member)
        answer = browser.post(path, {**form, "csrf": right if token == "right" else token}, headers)

        assert answer.status_code == 403, path
        with database.read() as connection:
            assert connection.execute(select(func.count()).select_from(sessions)).scalar_one() == before, path
            assert connection.execute(select(func.count()).select_from(audit)).scalar_one() == written, path
            language = connection.execute(select(users.c.language).where(users.c.login == "hr")).scalar_one()
            assert language == "zh", path


def test_nothing_changes_by_looking(browsers: Browsers):
    browser = browsers.of("hr")

    answers = {path: browser.get(path).status_code for path in FORMS if path != "/login"}

    assert set(answers.values()) <= {404, 405}, answers


def test_over_tls_cookies_are_bound_to_the_host(browsers: Browsers):
    browser = browsers.of(None, HTTPS)
    answer = sign_in(browser, "hr", PASSWORD)

    cookies = answer.headers.get_list("set-cookie")
    session = next(cookie for cookie in cookies if cookie.startswith("__Host-kaoqin="))
    for attribute in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert attribute in session
    assert "Domain" not in session
    assert f"__Host-{FORM_COOKIE}" in " ".join(cookies)
    assert answer.headers["strict-transport-security"].startswith("max-age=31536000")


def test_without_tls_cookies_are_still_hidden_from_scripts(browsers: Browsers):
    answer = sign_in(browsers.of(None), "hr", PASSWORD)

    assert all(
        "HttpOnly" in cookie and "SameSite=lax" in cookie for cookie in answer.headers.get_list("set-cookie")
    )


@pytest.mark.parametrize("login", [None, "hr", "staff"])
def test_every_answer_has_the_security_headers(browsers: Browsers, li_lei: PersonId, login: str | None):
    browser = browsers.of(login)
    paths = ["/", "/login", "/today", "/month/2026-11", "/terminals", f"/person/{li_lei}/2026-11", "/nowhere"]
    paths += [f"/person/{li_lei}/day/2026-11-03", "/api/v1/reports/month/2026-11.csv" if login else "/login"]
    paths += [assets.address(name) for name in ("htmx.js", "grid.js", "tokens.css")]
    for path in paths:
        headers = browser.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy, path
        assert "unsafe" not in policy
        for directive in ("object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
            assert directive in policy, path
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] == "same-origin", path
        assert ("no-store" in headers["cache-control"]) != path.startswith("/static/"), path


def test_pages_hold_nothing_the_policy_would_block(browsers: Browsers, li_lei: PersonId):
    browser = browsers.of("hr")
    for path in (
        "/today",
        "/month/2026-11",
        "/terminals",
        f"/person/{li_lei}/day/2026-11-03",
        "/today/muster",
    ):
        text = browser.get(path).text
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), path
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text), path


def test_names_are_text_wherever_they_stand(browsers: Browsers, database: Database):
    from cloud.db.tables import people

    with database.write() as connection:
        connection.execute(update(people).values(name="<img src=x onerror=alert(1)>"))
    browser = browsers.of("hr")

    for path in ("/today", "/month/2026-11", "/month/2026-11?q=<img"):
        text = browser.get(path).text
        assert "<img" not in text, path
        assert "&lt;img" in text, path


def test_an_error_is_a_page_with_a_number_and_no_details(browsers: Browsers, monkeypatch: pytest.MonkeyPatch):
    from cloud.web.pages import terminals

    def explode(*_args: object) -> None:
        raise RuntimeError("select secret from people")

    monkeypatch.setattr(terminals, "list_doors", explode)
    answer = browsers.of("hr").get("/terminals")

    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert re.search(r"编号 [0-9a-f]{8}", answer.text)
    assert "打卡照常接收" in answer.text


def test_an_unknown_address_is_a_page_for_people_and_a_problem_for_programs(app: FastAPI, browsers: Browsers):
    assert "没有这个页面" in browsers.of("hr").get("/nowhere").text
    assert browsers.of(None).get("/api/v1/nowhere").headers["content-type"] == "application/problem+json"


def test_a_token_opens_the_files(browsers: Browsers, database: Database):
    with database.write() as connection:
        token = issue_token(connection, "payroll", 0)

    answer = browsers.of(None).get(
        "/api/v1/reports/month/2026-11.json", {"Authorization": f"Bearer {token}", "Accept-Language": "en"}
    )

    assert answer.status_code == 200
    assert len(answer.json()["people"]) == 3
    assert "attendance-2026-11.json" in answer.headers["content-disposition"]
