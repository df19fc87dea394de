from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.identification import Identified
from edge.punch.file import LedgerFile
from edge.punch.recorder import NotRecorded, PunchRecorder, Repeated
from edge.punch.signing import ledger_key
from models.clock import SystemClock
from models.ids import PersonId
from models.punch import ClockQuality, Method
from tests.chaos import nth_call
from tests.chaos.doorstep import MACHINE, TERMINAL
from tests.chaos.nth_call import FailingDisk, Fault

ALICE = Identified(PersonId("p-alice"), Method.FACE)


@pytest.fixture
def disk() -> Iterator[FailingDisk]:
    made = FailingDisk()
    yield made
    made.unregister()


def test_every_call_to_the_disk_may_fail_once_or_for_good(tmp_path: Path):
    loop = nth_call.run(tmp_path, every=8)

    assert loop.verdict.bad == 0, loop.verdict
    assert (
        min(loop.faults[f"{kind} {how}"] for kind in ("write", "sync") for how in ("once", "for good")) >= 2
    )


def test_what_never_reached_the_disk_is_not_called_recorded_already(tmp_path: Path, disk: FailingDisk):
    ledger = LedgerFile(
        tmp_path / "punches.db", TERMINAL, MACHINE, ledger_key(tmp_path).sign, vfs=nth_call.NAME
    )
    recorder = PunchRecorder(ledger, SystemClock(), lambda: ClockQuality.SYNCED)
    ledger.open()
    disk.fault = Fault("sync", 1, lasting=True)

    first, again = recorder.record(ALICE), recorder.record(ALICE)
    disk.fault = Fault()
    at_last = recorder.record(ALICE)

    assert isinstance(first, NotRecorded)
    assert isinstance(again, NotRecorded)
    assert isinstance(at_last, Repeated)
    ledger.close()
