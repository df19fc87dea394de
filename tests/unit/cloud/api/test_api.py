from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from cloud.attendance import coverage, stale
from cloud.people.users import issue_token
from cloud.terminals.claim import CODE_LIFE_MS, issue_code
from cloud.terminals.fleet import revoke
from models.clock import from_ms
from models.ids import PersonId
from models.wire.messages import Claimed, Roster
from tests.terminals import NOW_MS, add_person, committed, read_ack
from tests.unit.cloud.api.conftest import Running

OPEN = {"/terminal/v1/claim"}


def routes(app: FastAPI) -> list[tuple[str, str]]:
    found = []
    for path, methods in app.openapi()["paths"].items():
        if path.startswith(("/api/", "/terminal/")) and path not in OPEN:
            found += [(method.upper(), path) for method in methods]
    return found


def until(true: Callable[[], bool]) -> None:
    for _ in range(200):
        if true():
            return
        time.sleep(0.05)
    pytest.fail("it did not come true")


class TestAccess:
    @pytest.mark.parametrize("token", [None, "wrong", "token of t-9"])
    def test_no_route_answers_without_a_valid_token(self, service: Running, token: str | None):
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        app = service.app
        asked = routes(app)
        assert len(asked) >= 9

        for method, path in asked:
            concrete = re.sub(r"\{day\}", "2026-11-18", re.sub(r"\{(?!day)\w+\}", "x", path))
            answer = service.client.request(method, concrete, headers=headers)
            assert (answer.status_code, answer.headers["content-type"]) == (
                401,
                "application/problem+json",
            ), path
            assert answer.json()["code"] == "unauthorized"

    def test_a_terminal_is_no_api_client_and_the_other_way_round(self, service: Running):
        assert service.client.get("/api/v1/terminals", headers=service.as_door).status_code == 401
        assert service.client.get("/terminal/v1/roster", headers=service.authorized).status_code == 401

    def test_a_new_token_of_the_same_name_ends_the_old_one(self, service: Running):
        with service.database.write() as connection:
            fresh = issue_token(connection, "test", NOW_MS)

        assert service.get("/api/v1/terminals").status_code == 401
        service.token = fresh
        assert service.get("/api/v1/terminals").status_code == 200

    def test_a_revoked_terminal_is_shut_out(self, service: Running):
        with service.database.write() as connection:
            revoke(connection, "t-1", NOW_MS)

        assert service.client.get("/terminal/v1/roster", headers=service.as_door).status_code == 401

    def test_every_api_route_is_in_the_description(self, service: Running):
        app = service.app
        described = set(app.openapi()["paths"])
        served = {
            route.path
            for route in app.routes
            if isinstance(route, APIRoute) and route.path.startswith(("/api/", "/terminal/"))
        }
        assert served <= described


class TestProblems:
    def test_an_unknown_path(self, service: Running):
        answer = service.get("/api/v1/nothing")

        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
        assert answer.json()["title"] == "Not Found"

    @pytest.mark.parametrize(
        ("path", "query", "where"),
        [
            ("/api/v1/punches", {"from": "2026-11-18T00:00:00"}, "query.from"),
            ("/api/v1/days", {"from": "2026-11-18"}, "query.to"),
            ("/api/v1/days", {"from": "x", "to": "2026-11-18"}, "query.from"),
        ],
    )
    def test_a_bad_query_is_named(self, service: Running, path: str, query: dict[str, str], where: str):
        answer = service.get(path, **query)

        assert answer.status_code == 422
        assert answer.json()["errors"][0]["where"] == where

    def test_a_span_that_makes_no_sense(self, service: Running):
        assert service.get("/api/v1/days", **{"from": "2026-11-18", "to": "2026-11-17"}).status_code == 400
        assert service.get("/api/v1/days", **{"from": "2020-11-18", "to": "2026-11-17"}).status_code == 400


class TestPunchesAndDays:
    def test_punches_by_https_are_stored_and_listed(self, service: Running):
        service.punch(1, 2)

        rows = service.get("/api/v1/punches", person="p-1").json()["punches"]
        assert [(row["seq"], row["at"], row["method"]) for row in rows] == [
            (1, "2026-11-18T19:05:40.001+08:00", "finger"),
            (2, "2026-11-18T19:05:40.002+08:00", "finger"),
        ]
        assert service.get("/api/v1/punches", terminal="t-2").json() == {"punches": []}
        span = {"from": rows[1]["at"], "to": rows[1]["at"]}
        assert service.get("/api/v1/punches", **span).json() == {"punches": []}
        assert len(service.get("/api/v1/punches", **{"from": rows[1]["at"]}).json()["punches"]) == 1

    def test_the_answer_is_the_ack(self, service: Running):
        door = service.door
        answer = service.client.post(
            "/terminal/v1/punches", content=door.payload(door.punch(1)), headers=service.as_door
        )

        assert committed(read_ack(answer.content)) == {1}

    @pytest.mark.parametrize(("body", "status"), [(b"rubbish", 422), (b"x" * 70_000, 413)])
    def test_rubbish_is_refused(self, service: Running, body: bytes, status: int):
        answer = service.client.post("/terminal/v1/punches", content=body, headers=service.as_door)

        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"

    def test_a_state_by_https_is_taken(self, service: Running):
        answer = service.client.post(
            "/terminal/v1/state", content=service.door.state(), headers=service.as_door
        )

        assert answer.status_code == 204
        [terminal] = service.get("/api/v1/terminals").json()["terminals"]
        assert (terminal["online"], terminal["app_version"], terminal["missing"]) == (True, "1.0", 0)

    def test_a_punch_becomes_a_day_that_explains_itself(self, service: Running):
        with service.database.write() as connection:
            coverage.reach(connection, (date(2026, 11, 18), date(2026, 11, 18)), NOW_MS)
        service.punch(1)
        day = "2026-11-18"
        until(
            lambda: (
                service.get(f"/api/v1/days/p-1/{day}").json().get("in_at") is not None
                or bool(service.get(f"/api/v1/days/p-1/{day}").json().get("out_at"))
            )
        )

        explained = service.get(f"/api/v1/days/p-1/{day}").json()
        assert (explained["person_id"], explained["date"], explained["state"]) == ("p-1", day, "in_progress")
        assert explained["explanation"]
        assert len(explained["input_hash"]) == 32
        [listed] = service.get("/api/v1/days", **{"from": day, "to": day}, person="p-1").json()["days"]
        assert "explanation" not in listed
        assert listed["out_at"] == "2026-11-18T19:05:40+08:00"

    def test_a_day_nobody_judged(self, service: Running):
        assert service.get("/api/v1/days/p-1/2020-01-01").json()["code"] == "no_such_day"
        assert service.get("/api/v1/days/p-9/2020-01-01").json()["code"] == "no_such_person"


class TestOfficeRecords:
    LEAVE: ClassVar = {
        "source": "oa",
        "source_id": "7",
        "employee_no": "p-1",
        "kind": "leave",
        "type": "annual",
        "from": "2026-11-18 am",
        "to": "2026-11-18 am",
    }

    TRIP: ClassVar = {"source": "oa", "source_id": "9", "employee_no": "p-1", "kind": "trip"}

    def post(self, service: Running, body: object):
        return service.client.post("/api/v1/office-records", json=body, headers=service.authorized)

    def test_one_record_is_taken_and_the_same_again_changes_nothing(self, service: Running):
        first, again = self.post(service, self.LEAVE), self.post(service, self.LEAVE)

        assert (first.status_code, first.json()) == (200, {"results": [{"outcome": "new"}]})
        assert again.json() == {"results": [{"outcome": "same"}]}

    def test_the_same_version_with_other_words_replaces_it(self, service: Running):
        self.post(service, self.LEAVE)

        assert self.post(service, {**self.LEAVE, "to": "2026-11-18"}).json() == {
            "results": [{"outcome": "changed"}]
        }

    def test_a_list_gets_a_verdict_each(self, service: Running):
        answer = self.post(
            service,
            [
                self.LEAVE,
                {**self.LEAVE, "employee_no": "p-9"},
                {**self.LEAVE, "source_id": "8", "kind": "trip", "from": "2026-11-18T14:00:00", "to": "x"},
                {**self.LEAVE, "colour": "red"},
                {
                    "source": "oa",
                    "source_id": "9",
                    "employee_no": "p-1",
                    "kind": "correction",
                    "date": "2026-11-18",
                },
                "nonsense",
            ],
        )

        assert answer.status_code == 207
        results = answer.json()["results"]
        assert [(one["outcome"], one.get("where")) for one in results] == [
            ("new", None),
            ("refused", "employee_no"),
            ("refused", "from"),
            ("refused", "colour"),
            ("refused", "side"),
            ("refused", ""),
        ]
        assert "no offset" in results[2]["detail"]

    @pytest.mark.parametrize(
        "record",
        [
            {"kind": "trip", "from": "2026-11-18T14:00:00+08:00", "to": "2026-11-18T18:00:00+08:00"},
            {"kind": "correction", "date": "2026-11-18", "side": "in", "at": "2026-11-18T09:00:00+08:00"},
            {"kind": "decision", "date": "2026-11-18", "set": "normal"},
        ],
    )
    def test_every_kind_is_taken(self, service: Running, record: dict[str, str]):
        answer = self.post(service, {"source": "oa", "source_id": "1", "employee_no": "p-1", **record})

        assert answer.json() == {"results": [{"outcome": "new"}]}

    @pytest.mark.parametrize("body", [[], [1] * 1_001])
    def test_too_few_or_too_many(self, service: Running, body: list[int]):
        assert self.post(service, body).status_code == 422

    def test_no_json(self, service: Running):
        answer = service.client.post("/api/v1/office-records", content=b"{", headers=service.authorized)

        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


class TestClaimAndRoster:
    def code(self, service: Running) -> str:
        with service.database.write() as connection:
            return issue_code(connection, "side door", "HQ", service.clock.now_ms)

    def claim(self, service: Running, code: str):
        return service.client.post("/terminal/v1/claim", json={"code": code})

    def test_a_code_works_once(self, service: Running):
        code = self.code(service)
        answer = self.claim(service, f" {code.lower().replace('-', ' ')} ")

        assert answer.status_code == 201
        claimed = msgspec.json.decode(answer.content, type=Claimed)
        assert (claimed.name, claimed.site, claimed.zone) == ("side door", "HQ", "Asia/Shanghai")
        assert claimed.broker_url.startswith("mqtt://127.0.0.1:")
        known = service.client.get(
            "/terminal/v1/roster", headers={"Authorization": f"Bearer {claimed.token}"}
        )
        assert known.status_code == 200
        assert self.claim(service, code).status_code == 403

    def test_a_code_dies_after_ten_minutes(self, service: Running):
        code = self.code(service)
        service.clock.pass_ms(CODE_LIFE_MS)

        assert self.claim(service, code).status_code == 403

    def test_guessing_ends_after_five_tries(self, service: Running):
        code = self.code(service)
        assert [self.claim(service, f"WRONG{n}").status_code for n in range(6)] == [403] * 5 + [429]
        assert self.claim(service, code).status_code == 429
        service.clock.pass_ms(CODE_LIFE_MS)
        assert self.claim(service, self.code(service)).status_code == 201

    def test_the_secret_is_stored_nowhere(self, service: Running):
        claimed = msgspec.json.decode(self.claim(service, self.code(service)).content, type=Claimed)

        database = Path(str(service.database.url.database))
        files = [path.read_bytes() for path in database.parent.glob(f"{database.name}*")]
        assert any(claimed.terminal_id.encode() in each for each in files)
        assert not any(claimed.token.encode() in each for each in files)

    def test_the_roster_is_sent_only_when_it_is_another(self, service: Running):
        first = service.client.get("/terminal/v1/roster", headers=service.as_door)
        known = msgspec.json.decode(first.content, type=Roster)
        assert [one.employee_no for one in known.people] == ["p-1", "p-2"]
        assert first.headers["etag"] == f'"{known.version}"'

        headers = {**service.as_door, "If-None-Match": first.headers["etag"]}
        assert service.client.get("/terminal/v1/roster", headers=headers).status_code == 304

        with service.database.write() as connection:
            add_person(connection, "p-3")
        again = service.client.get("/terminal/v1/roster", headers=headers)
        assert again.status_code == 200
        assert len(msgspec.json.decode(again.content, type=Roster).people) == 3

    def test_who_has_left_is_not_on_it(self, service: Running):
        with service.database.write() as connection:
            connection.exec_driver_sql("UPDATE people SET last_day = '2026-11-17' WHERE person_id = 'p-2'")

        known = service.client.get("/terminal/v1/roster", headers=service.as_door)
        assert [one.employee_no for one in msgspec.json.decode(known.content, type=Roster).people] == ["p-1"]


class TestHealth:
    def test_alive_and_ready(self, service: Running):
        assert service.client.get("/livez").text == "ok"
        until(lambda: service.client.get("/readyz").status_code == 200)

    def test_counts_without_names(self, service: Running):
        service.punch(1)
        text = service.client.get("/metrics").text

        assert "kaoqin_ingest_punches_total 1\n" in text
        assert "p-1" not in text
        assert "t-1" not in text

    def test_a_day_that_waits_for_its_date_is_not_to_be_judged_yet(self, service: Running):
        def stale_days() -> str:
            metrics = service.client.get("/metrics").text
            return next(line for line in metrics.splitlines() if line.startswith("kaoqin_stale_days "))

        today = from_ms(NOW_MS).date()
        with service.database.write() as connection:
            coverage.reach(connection, (today, today), NOW_MS)
            stale.mark(connection, [(PersonId("p-1"), today + timedelta(days=1))], "punch", 0)

        until(
            lambda: service.get("/api/v1/days", **{"from": str(today), "to": str(today)}).json()["days"] != []
        )
        until(lambda: stale_days() == "kaoqin_stale_days 0")
