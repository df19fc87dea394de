"""Who may open what: every page in every role."""

from __future__ import annotations

import re

import pytest
from fastapi.routing import APIRoute

from tests.e2e.pages_seed import person_id
from tests.unit.cloud.web.conftest import Browsers

OWN, BELOW, OTHER, NOBODY = "7001", "7003", "8001", "9999"
ALL = ("admin", "hr", "manager", "staff")

# path, and the answer to admin, HR, the manager of 质检部, and 李雷 (7001) of 质检部
MATRIX = {
    "/": (303, 303, 303, 303),
    "/login": (303, 303, 303, 303),
    "/today": (200, 200, 200, 403),
    "/today/muster": (200, 200, 200, 403),
    "/month": (303, 303, 303, 403),
    "/month/2026-11": (200, 200, 200, 403),
    "/month/2026-13": (404, 404, 404, 403),
    "/terminals": (200, 200, 403, 403),
    "/rules": (200, 200, 403, 403),
    "/rules/file/default": (200, 200, 403, 403),
    "/rules/group": (200, 200, 403, 403),
    "/rules/group/default": (200, 200, 403, 403),
    "/rules/group/nothing": (404, 404, 403, 403),
    "/rules/group/default/policy/ever": (200, 200, 403, 403),
    "/rules/group/default/policy/new": (200, 200, 403, 403),
    "/rules/shift": (200, 200, 403, 403),
    "/rules/shift/DAY": (200, 200, 403, 403),
    "/rules/shift/NOTHING": (404, 404, 403, 403),
    "/rules/roster": (303, 303, 403, 403),
    "/rules/roster/2026-11": (200, 200, 403, 403),
    "/rules/calendar": (303, 303, 403, 403),
    "/rules/calendar/2027": (200, 200, 403, 403),
    "/rules/calendar/1": (404, 404, 403, 403),
    "/rules/what-if": (200, 200, 403, 403),
    "/period": (200, 200, 403, 403),
    "/period/2026-10": (200, 200, 403, 403),
    "/period/2026-13": (404, 404, 403, 403),
    "/period/2026-10/pending_data": (200, 200, 403, 403),
    "/period/2026-10/unsigned": (200, 200, 403, 403),
    "/period/2026-10/nothing": (404, 404, 403, 403),
    f"/person/{person_id(OWN)}": (303, 303, 303, 303),
    f"/person/{person_id(OWN)}/2026-11": (200, 200, 200, 200),
    f"/person/{person_id(OWN)}/day/2026-11-18": (200, 200, 200, 200),
    f"/person/{person_id(OWN)}/day/20261118": (404, 404, 404, 404),
    f"/person/{person_id(BELOW)}": (303, 303, 303, 404),
    f"/person/{person_id(BELOW)}/2026-11": (200, 200, 200, 404),
    f"/person/{person_id(BELOW)}/day/2026-11-18": (200, 200, 200, 404),
    f"/person/{person_id(OTHER)}": (303, 303, 404, 404),
    f"/person/{person_id(OTHER)}/2026-11": (200, 200, 404, 404),
    f"/person/{person_id(OTHER)}/day/2026-11-18": (200, 200, 404, 404),
    f"/person/{person_id(NOBODY)}/2026-11": (404, 404, 404, 404),
    f"/person/{person_id(NOBODY)}/day/2026-11-18": (404, 404, 404, 404),
}
STREAMS = {"/live"}


def test_each_role_gets_what_it_may_see(browsers: Browsers):
    signed_in = [browsers.of(role) for role in ALL]

    got = {path: tuple(browser.get(path).status_code for browser in signed_in) for path in MATRIX}

    assert got == MATRIX


def test_strangers_are_sent_to_sign_in_and_back(browsers: Browsers):
    stranger = browsers.of(None)
    for path in MATRIX.keys() - {"/login"}:
        answer = stranger.get(path)

        assert answer.status_code == 303, path
        assert answer.headers["location"] == f"/login?next={path}"


def test_strangers_hear_nothing_live(browsers: Browsers):
    assert browsers.of(None).get("/live").status_code == 303
    assert browsers.of("staff").get("/live").status_code == 403


def test_the_matrix_leaves_no_page_out(page_routes: list[APIRoute]):
    paths = {
        route.path: route.path_regex
        for route in page_routes
        if "GET" in (route.methods or ()) and route.path not in STREAMS
    }

    assert len(paths) >= 9
    assert not [path for path, regex in paths.items() if not any(regex.match(one) for one in MATRIX)]


def test_a_page_that_is_not_for_one_looks_like_one_that_is_not_there(browsers: Browsers):
    manager = browsers.of("manager")
    hidden = manager.get(f"/person/{person_id(OTHER)}/2026-11")
    missing = manager.get(f"/person/{person_id(NOBODY)}/2026-11")

    def without_token(text: str) -> str:
        return re.sub(r'name="csrf" value="[^"]+"', "", text)

    assert without_token(hidden.text) == without_token(missing.text)


def test_lists_hold_only_people_in_scope(browsers: Browsers):
    for path in (
        "/today",
        "/today/muster",
        "/month/2026-11",
        "/month/2026-11?department=销售部",
        "/month/2026-11?q=1",
    ):
        assert "=1+1" not in browsers.of("manager").get(path).text
    assert "=1+1" in browsers.of("hr").get("/month/2026-11").text


@pytest.mark.parametrize("kind", ["json", "csv", "xlsx"])
def test_files_hold_only_people_in_scope(browsers: Browsers, kind: str):
    path = f"/api/v1/reports/month/2026-11.{kind}"
    sizes = {role: len(browsers.of(role).get(path).content) for role in ALL}
    asked = {role: browsers.of(role).get("/api/v1/reports/month/2026-11.json").json() for role in ALL}
    numbers = {role: [one["employee_no"] for one in asked[role]["people"]] for role in ALL}

    assert sorted(numbers["hr"]) == sorted(numbers["admin"]) == ["7001", "7003", "8001"]
    assert sorted(numbers["manager"]) == ["7001", "7003"]
    assert numbers["staff"] == ["7001"]
    assert sizes["staff"] < sizes["manager"] < sizes["hr"]


def test_files_need_a_token_or_a_session(browsers: Browsers):
    client = browsers.of(None)

    answer = client.get("/api/v1/reports/month/2026-11.json")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    wrong = client.get("/api/v1/reports/month/2026-11.json", headers={"Authorization": "Bearer nonsense"})
    assert wrong.status_code == 401
