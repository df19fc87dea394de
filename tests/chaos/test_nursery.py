"""Who does not end when told to is made to, and its log says where it was."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from tests.chaos.nursery import Birth, Nursery

DEAF = "trap '' TERM; echo deaf; while :; do sleep 0.1; done"


def test_a_process_that_does_not_end_is_aborted(tmp_path: Path):
    log = tmp_path / "log"
    with Nursery() as nursery:
        pid = nursery.start(Birth(["sh", "-c", DEAF], log))
        while "deaf" not in (log.read_text() if log.exists() else ""):
            time.sleep(0.01)

        assert nursery.end(pid, within_s=0.3) == -signal.SIGABRT


def test_one_of_ours_says_where_its_threads_are_when_aborted(tmp_path: Path):
    log = tmp_path / "log"
    env = {"KAOQIN_CLOUD_STATE": str(tmp_path), "KAOQIN_CLOUD_BROKER_URL": "mqtt://127.0.0.1:1"}
    with Nursery() as nursery:
        pid = nursery.start(Birth(["kaoqin-cloud", "ingest"], log, env))
        while not log.exists() or not log.read_text():
            time.sleep(0.01)

        assert nursery.end(pid, signal.SIGABRT) == -signal.SIGABRT

    assert "most recent call first" in log.read_text()
