from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.door import Door
from edge.errors import LedgerUnavailable
from edge.health.machine import Machine
from edge.identification import Identified, Unknown, Unsure
from edge.kiosk import screen
from edge.punch.history import read_history
from edge.punch.ledger import Ledger
from edge.punch.recorder import PunchRecorder
from edge.roster.store import RosterStore
from models.clock import SystemClock
from models.ids import PersonId, TerminalId
from models.person import Language
from models.punch import ClockQuality, Method
from models.wire.messages import Roster, RosterPerson


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "punches.db", TerminalId("t-1"), Machine("machine-1", "boot-1")) as opened:
        yield opened


@pytest.fixture
def door(ledger: Ledger, tmp_path: Path) -> Door:
    roster = RosterStore(tmp_path)
    roster.replace(Roster("v1", "hq", "UTC", (RosterPerson("p-1", "1001", "Li Lei", "en"),)))
    return Door(PunchRecorder(ledger, SystemClock(), lambda: ClockQuality.RTC), roster)


def test_recorded_is_said_of_a_durable_punch_only(door: Door, ledger: Ledger):
    notice = door.answer(Identified(PersonId("p-1"), Method.FACE, 700))

    _, (line,) = read_history(ledger.path, 10)
    assert isinstance(notice, screen.Recorded)
    assert (notice.name, notice.language) == ("Li Lei", Language.EN)
    assert (line.person_id, line.method) == ("p-1", "face")
    again = door.answer(Identified(PersonId("p-1"), Method.FINGER, 90_000))
    assert again == screen.Repeated("Li Lei", notice.wall_ms, Language.EN)


def test_a_ledger_that_fails_is_said_aloud(door: Door, ledger: Ledger):
    ledger.close()

    assert door.answer(Identified(PersonId("p-1"), Method.PIN)) == screen.NotRecorded()


def test_nobody_makes_no_punch(door: Door, ledger: Ledger):
    assert door.answer(Unsure(Method.FACE)) == screen.NotSure()
    assert door.answer(Unknown(Method.FINGER)) == screen.NotRecognised()
    assert read_history(ledger.path, 10)[0].punches == 0


def test_somebody_who_left_the_roster_is_recorded_without_a_name(door: Door):
    notice = door.answer(Identified(PersonId("p-gone"), Method.FINGER))

    assert isinstance(notice, screen.Recorded)
    assert notice.name == ""


def test_not_me_is_kept_beside_the_punch(door: Door, ledger: Ledger):
    notice = door.answer(Identified(PersonId("p-1"), Method.FACE))
    assert isinstance(notice, screen.Recorded)

    door.disown(notice.reference)

    counts, (line,) = read_history(ledger.path, 10)
    assert (counts.punches, line.notes, line.delivery) == (1, "not_me", "waiting")


def test_not_me_that_cannot_be_kept_is_an_error(door: Door, ledger: Ledger):
    ledger.close()

    with pytest.raises(LedgerUnavailable):
        door.disown(str(uuid.uuid4()))
