"""The kill loops, short; ``scripts/chaos`` runs them long. Each in a process of its own: they fork."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=110
    )


def test_a_terminal_killed_at_its_punch_path_keeps_every_promise(tmp_path: Path):
    report = tmp_path / "report.json"

    done = run("-m", "tests.chaos", "--part", "door", "--kills", "60", "--json", str(report))

    assert done.returncode == 0, done.stderr
    found = json.loads(report.read_text())
    assert found["kills"] >= 40
    assert {"punch_before_insert", "punch_inserted", "punch_committed", "punch_shown"} <= set(
        found["by_point"]
    )


def test_a_migration_killed_half_way_is_whole_at_the_next_start(tmp_path: Path):
    done = run("-m", "tests.chaos", "--part", "migration", "--kills", "100")

    assert done.returncode == 0, done.stderr


PLANTED = {
    "feedback before commit": """
from edge.punch.recorder import PunchRecorder, Recorded
told = PunchRecorder._record
def early(self, db, draft):
    outcome = told(self, db, draft)
    self.made = getattr(self, "made", 0) + 1
    if self.made % 3 == 0:
        db.execute("ROLLBACK"); db.execute("BEGIN")
    return outcome
PunchRecorder._record = early
""",
    "retention takes what nobody acknowledged": """
from edge.punch import rows
rows.prune = lambda db, *_: db.execute("DELETE FROM punches WHERE seq % 2") and 0
""",
    "a terminal that does not start": """
from edge.punch.file import LedgerFile
def broken(self):
    raise RuntimeError
LedgerFile.open = broken
""",
    "a torn roster is used": """
import pathlib
from edge.roster import store
def careless(path, content, mode=0o644):
    path.write_bytes(content.replace(b"v", b"w"))
store.replace_file = careless
""",
}


@pytest.mark.parametrize("bug", PLANTED)
def test_the_oracle_sees_a_planted_bug(bug: str, tmp_path: Path):
    loop = f"""
from pathlib import Path
from tests.chaos import door_kills
{PLANTED[bug]}
print(door_kills.run(Path({str(tmp_path)!r}), 30, 1).verdict.bad)
"""

    done = run("-c", loop)

    assert done.returncode == 0, done.stderr
    assert int(done.stdout.splitlines()[-1]) > 0
