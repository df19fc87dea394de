"""Kill loop on the steps of the cloud's schema: what is killed half way is whole at the next start."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

from sqlalchemy import inspect

from cloud.attendance import defaults
from cloud.db.engine import Database
from cloud.db.migrate import migrate, require_newest
from cloud.db.tables import metadata
from tests.chaos import points
from tests.chaos.doom import Doom, arm, read_notes
from tests.chaos.door_kills import Tally

_A_YEAR = 2026


def run(folder: Path, kills: int, seed: int) -> Tally:
    """Kill ``kills`` migrations of new databases in ``folder``, then let each finish and look at it."""
    luck = Random(f"migration {seed}")
    tally = Tally()
    _migrate(f"sqlite:///{folder / 'first.db'}")  # so that children find everything loaded
    for number in range(kills):
        doom = Doom(luck.choice(points.POINTS["migration"]))
        url = f"sqlite:///{folder / f'cloud-{number}.db'}"
        note = folder / "died-migrating"
        pid = os.fork()
        if pid == 0:
            try:
                arm(doom, note)
                _migrate(url)
            finally:
                os._exit(1)
        os.waitpid(pid, 0)
        died = read_notes(note).get(pid)
        if died is None:
            tally.verdict.lost.append(f"migration {number}: it never came to {doom.name}")
        else:
            tally.kills[died] += 1
        wrong = _finish(url)
        if wrong:
            tally.verdict.lost.append(f"migration {number}: {wrong}")
    return tally


def _migrate(url: str) -> None:
    database = Database(url)
    migrate(database)
    with database.write() as connection:
        defaults.seed(connection, _A_YEAR)


def _finish(url: str) -> str:
    """Start once more, undisturbed; what is wrong then, or nothing."""
    _migrate(url)
    database = Database(url)
    try:
        require_newest(database)
        with database.read() as connection:
            missing = set(metadata.tables) - set(inspect(connection).get_table_names())
    finally:
        database.close()
    return f"tables missing: {sorted(missing)}" if missing else ""
