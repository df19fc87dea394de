"""HR asks the terminals page where a punch is."""

from __future__ import annotations

from sqlalchemy import insert, select

from cloud.db.engine import Database
from cloud.db.tables import gaps, people, punches, terminals
from cloud.ingest.quarantine import Code, PutAside, put_aside
from models.clock import from_ms
from tests.e2e.pages_seed import ZONE, add_terminal
from tests.unit.cloud.web.conftest import Browsers


def test_a_punch_is_found_and_leads_to_its_day(browsers: Browsers, database: Database):
    add_terminal(database, 5, "前门", 1)
    with database.read() as connection:
        number, person, at_ms = connection.execute(
            select(people.c.employee_no, punches.c.person_id, punches.c.at_ms)
            .join(people, people.c.person_id == punches.c.person_id)
            .order_by(punches.c.at_ms)
        ).first() or ("", "", 0)
    at = from_ms(at_ms).astimezone(ZONE).replace(tzinfo=None).isoformat(timespec="minutes")

    text = browsers.of("hr").get(f"/terminals?person={number}&at={at}").text

    assert "已计入考勤" in text
    assert f'href="/person/{person}/day/' in text


def test_what_makes_no_sense_is_no_question(browsers: Browsers, database: Database):
    add_terminal(database, 5, "前门", 1)
    hr = browsers.of("hr")

    for query in ("person=7001&at=yesterday", "person=&at=2026-11-18T09:00", "at=2026-11-18T09:00"):
        answer = hr.get(f"/terminals?{query}")
        assert answer.status_code == 200
        assert "已收到" not in answer.text
        assert "云端没有" not in answer.text


def test_gaps_are_listed_and_counted(browsers: Browsers, database: Database):
    add_terminal(database, 5, "前门", 1)
    with database.write() as connection:
        terminal = connection.execute(select(terminals.c.terminal_id)).scalar_one()
        connection.execute(
            insert(gaps).values(
                terminal_id=terminal,
                stream_id=b"s" * 16,
                first_seq=3,
                last_seq=9,
                reason="lost",
                found_ms=1_795_000_000_000,
            )
        )

    text = browsers.of("hr").get("/terminals").text

    assert "第 3 至 9 号打卡：未能到达" in text
    assert "punches 3 to 9 never arrived: lost" in text
    assert '<strong class="bad">1</strong>' in text


def test_what_was_put_aside_is_told_in_the_reader_s_language(browsers: Browsers, database: Database):
    aside = PutAside(Code.OLDER_COPY, "its ledger ends at 3, 9 is known", b"", "t", None, b"s" * 16, 3)
    with database.write() as connection:
        put_aside(connection, [aside], 1_795_000_000_000)

    text = browsers.of("hr").get("/terminals").text

    assert "第 3 号打卡：终端被换回了较旧的存储卡" in text
    assert "older_copy" not in text
