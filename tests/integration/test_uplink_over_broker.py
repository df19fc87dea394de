"""The uplink through real brokers, against a small cloud that speaks the wire."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from edge.health.machine import Machine
from edge.identification import Identified
from edge.punch.ledger import Ledger
from edge.punch.recorder import PunchRecorder, Recorded
from edge.punch.rows import Draft
from edge.sync import links as links_module
from edge.sync import uplink as uplink_module
from edge.sync.link import Login
from edge.sync.outbox import Outbox
from edge.sync.uplink import Report, Uplink
from models import ids
from models.ids import PersonId
from models.punch import ClockQuality, Method
from models.wire.messages import VERSION, DesiredState, Part
from tests.integration.peers import CLOCK, TERMINAL, CloudPeer, Iotcore, Mosquitto, RunningBroker, wait_for

MACHINE = Machine("machine-1", "boot-1")


@pytest.fixture(params=[Iotcore, Mosquitto], ids=["iotcore", "mosquitto"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningBroker]:
    running: RunningBroker = request.param(tmp_path)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def cloud(broker: RunningBroker) -> Iterator[CloudPeer]:
    peer = CloudPeer(broker.port)
    peer.start()
    yield peer
    peer.stop()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "punches.db", TERMINAL, MACHINE) as opened:
        yield opened


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links_module, "RECONNECT_LAST_S", 0.5)


def login(broker: RunningBroker) -> Login:
    return Login(TERMINAL, "a-token", f"mqtt://127.0.0.1:{broker.port}")


def drafts(count: int) -> list[Draft]:
    return [
        Draft(
            punch_id=ids.punch_id(1_790_000_000_000 + number, os.urandom(10)),
            person_id=PersonId(f"p-{number % 150:016d}"),
            wall_ms=1_790_000_000_000 + number * 60_000,
            monotonic_ms=number * 60_000,
            clock=ClockQuality.SYNCED,
            method=Method.FACE,
            score_milli=700,
        )
        for number in range(count)
    ]


def recorder(ledger: Ledger) -> PunchRecorder:
    return PunchRecorder(ledger, CLOCK, lambda: ClockQuality.SYNCED)


def punch(ledger: Ledger, number: int) -> None:
    outcome = recorder(ledger).record(Identified(PersonId(f"p-live-{number}"), Method.PIN))
    assert isinstance(outcome, Recorded)


def test_a_backlog_is_delivered_once_and_the_terminal_says_so(
    broker: RunningBroker, cloud: CloudPeer, ledger: Ledger
):
    punches = ledger.append_many(drafts(1_234))

    drained = Uplink(ledger, login(broker), CLOCK).run_until_drained(30)

    assert drained
    assert set(cloud.stored.values()) == {each.punch_id.bytes for each in punches}
    assert sum(len(batch.punches) for batch in cloud.batches) == 1_234
    wait_for(lambda: bool(cloud.states) and not cloud.states[-1].online)
    assert [state.online for state in cloud.states[-2:]] == [True, False]
    assert cloud.states[-1].highest == 1_234
    assert Outbox(ledger).waiting() == 0


def test_punches_made_while_the_broker_is_away_are_delivered_when_it_is_back(
    broker: RunningBroker, cloud: CloudPeer, ledger: Ledger
):
    link = Uplink(ledger, login(broker), CLOCK)
    link.start()
    wait_for(lambda: link.online)
    punch(ledger, 1)
    wait_for(lambda: len(cloud.stored) == 1)
    cloud.stop()
    broker.stop()
    wait_for(lambda: not link.online)
    punch(ledger, 2)
    punch(ledger, 3)

    broker.start()
    cloud.start()

    wait_for(lambda: len(cloud.stored) == 3)
    wait_for(lambda: Outbox(ledger).waiting() == 0)
    link.stop()
    assert {seq for _, seq in cloud.stored} == {1, 2, 3}


def test_a_live_punch_overtakes_the_backlog_in_a_batch_of_its_own(
    broker: RunningBroker, cloud: CloudPeer, ledger: Ledger
):
    cloud.mute = True
    ledger.append_many(drafts(300))
    link = Uplink(ledger, login(broker), CLOCK)
    link.start()
    wait_for(lambda: len(cloud.batches) == 3)

    punch(ledger, 1)

    wait_for(lambda: len(cloud.batches) == 4)
    link.stop()
    assert [each.seq for each in cloud.batches[-1].punches] == [301]


def test_a_refused_punch_is_kept_and_the_others_go_on(
    broker: RunningBroker, cloud: CloudPeer, ledger: Ledger
):
    cloud.refuse = {2: "malformed"}
    ledger.append_many(drafts(5))

    drained = Uplink(ledger, login(broker), CLOCK).run_until_drained(30)

    assert drained
    assert {seq for _, seq in cloud.stored} == {1, 3, 4, 5}
    (stream,) = Outbox(ledger).streams()
    assert list(stream.refused) == [2]
    assert len(cloud.batches) == 1


def test_a_stream_whose_numbers_are_taken_is_left_and_its_punches_get_new_ones(
    broker: RunningBroker, cloud: CloudPeer, ledger: Ledger
):
    cloud.refuse = {2: "key_conflict"}
    punches = ledger.append_many(drafts(3))
    old = ledger.stream.stream_id
    link = Uplink(ledger, login(broker), CLOCK)
    link.start()

    wait_for(lambda: len(cloud.stored) == 3)
    link.stop()

    assert ledger.stream.stream_id != old
    assert cloud.stored[ledger.stream.stream_id, 1] == punches[1].punch_id.bytes


def test_the_state_says_what_changed_and_the_cloud_s_wish_arrives(
    broker: RunningBroker, cloud: CloudPeer, ledger: Ledger
):
    report = Report(people=3)
    wishes: list[DesiredState] = []
    cloud.want("v7")
    link = Uplink(ledger, login(broker), CLOCK, report=lambda: report, on_want=wishes.append)
    link.start()
    wait_for(lambda: bool(cloud.states))
    assert cloud.states[0].people == 3

    report = Report(people=3, parts=(Part("camera", "away", "unplugged"),))

    wait_for(lambda: any(state.parts for state in cloud.states))
    wait_for(lambda: wishes == [DesiredState(VERSION, "v7")])
    punch(ledger, 1)
    wait_for(lambda: link.offset_ms is not None)
    link.stop()
    assert link.offset_ms is not None
    assert abs(link.offset_ms - 1234) < 2_000


def test_the_broker_says_that_a_terminal_which_vanished_is_offline(
    broker: RunningBroker, cloud: CloudPeer, tmp_path: Path
):
    script = f"""
import os
from pathlib import Path
from edge.health.machine import Machine
from edge.punch.ledger import Ledger
from edge.sync.link import Login
from edge.sync.uplink import Uplink
from models.clock import SystemClock
ledger = Ledger(Path({str(tmp_path / "other.db")!r}), "{TERMINAL}", Machine("m", "b"))
link = Uplink(ledger, Login("{TERMINAL}", "", "mqtt://127.0.0.1:{broker.port}"), SystemClock())
link.start()
while not link.online:
    pass
import time
time.sleep(0.5)
os._exit(9)
"""
    subprocess.run([sys.executable, "-c", script], check=False)

    wait_for(lambda: bool(cloud.states) and not cloud.states[-1].online)
    assert cloud.states[0].online


def test_a_ledger_that_fails_for_a_while_holds_delivery_up_and_is_complained_of_once(
    broker: RunningBroker, cloud: CloudPeer, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(uplink_module, "_REBUILD_MS", 50)
    ledger.append_many(drafts(250))
    ledger.write(
        lambda db: db.execute(
            "CREATE TRIGGER broken BEFORE UPDATE ON punches BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END"
        )
    )
    link = Uplink(ledger, login(broker), CLOCK)
    with capture_logs() as logs:
        link.start()
        wait_for(lambda: len(cloud.batches) > 9)
        ledger.write(lambda db: db.execute("DROP TRIGGER broken"))
        wait_for(lambda: link.waiting() == 0)
    link.stop()

    assert len(cloud.stored) == 250
    complaints = [log for log in logs if log["event"] == "uplink_started_over"]
    assert len(complaints) == 1
