"""The cloud's database: a real SQLite file, its SQL the product's, with copies to fall back to."""

from __future__ import annotations

import shutil
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select

from cloud.db.engine import Database
from cloud.db.tables import departments, gaps, metadata, people, punches, quarantine, streams, terminals
from models.ids import PersonId, TerminalId
from tests.simulation.history import Content, Key

ZONE = ZoneInfo("Asia/Shanghai")
TERMINALS_MAX, PEOPLE_MAX = 50, 400


def terminal_name(number: int) -> TerminalId:
    """The id of terminal ``number``."""
    return TerminalId(f"t-{number:016d}")


def person_name(number: int) -> PersonId:
    """The id of person ``number``."""
    return PersonId(f"p-{number:016d}")


class Cloud:
    """One database for one process; :meth:`reset` gives each seed a fresh one at little cost."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "cloud.db"
        self._template = folder / "template.db"
        self.database = Database(f"sqlite:///{self._path}")
        metadata.create_all(self.database.write_engine)
        with self.database.write() as connection:
            connection.execute(insert(departments).values(department_id="d", name="研发部"))
            connection.execute(insert(terminals), [_terminal(number) for number in range(TERMINALS_MAX)])
            connection.execute(insert(people), [_person(number) for number in range(PEOPLE_MAX)])
        self.save(self._template)

    def reset(self) -> None:
        """Begin anew: terminals and people, and nothing happened yet."""
        self.restore(self._template)

    def save(self, copy: Path) -> None:
        """Keep a copy of what is committed."""
        with self.database.write_engine.connect() as connection:
            raw = connection.connection.driver_connection
            assert raw is not None
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copyfile(self._path, copy)

    def restore(self, copy: Path) -> None:
        """Go back to a copy; everything since is gone."""
        self.database.disconnect()
        for suffix in ("-wal", "-shm"):
            Path(f"{self._path}{suffix}").unlink(missing_ok=True)
        shutil.copyfile(copy, self._path)

    def close(self) -> None:
        """Let go of the file."""
        self.database.close()

    def rows(self) -> list[tuple[Key, bytes, Content]]:
        """All punches: identity, UUID, content."""
        p = punches.c
        with self.database.read() as connection:
            found = connection.execute(
                select(
                    p.terminal_id,
                    p.stream_id,
                    p.seq,
                    p.punch_id,
                    p.person_id,
                    p.wall_ms,
                    p.monotonic_ms,
                    p.clock,
                    p.method,
                    p.direction,
                    p.score_milli,
                )
            )
            return [(Key(row[0], row[1], row[2]), row[3], Content(*row[4:])) for row in found]

    def holes(self) -> list[tuple[str, bytes, int, int]]:
        """Streams of which something is missing: terminal, stream, complete up to, highest known."""
        s = streams.c
        with self.database.read() as connection:
            rows = connection.execute(
                select(s.terminal_id, s.stream_id, s.contiguous, s.highest).where(s.contiguous < s.highest)
            )
            return [(row[0], row[1], row[2], row[3]) for row in rows]

    def gaps(self) -> set[tuple[str, bytes]]:
        """Streams for which a data gap is on show."""
        with self.database.read() as connection:
            rows = connection.execute(select(gaps.c.terminal_id, gaps.c.stream_id))
            return {(row[0], row[1]) for row in rows}

    def put_aside(self) -> dict[str, int]:
        """How much is in quarantine, by code."""
        counts: dict[str, int] = {}
        with self.database.read() as connection:
            for code in connection.execute(select(quarantine.c.code)).scalars():
                counts[code] = counts.get(code, 0) + 1
        return counts


def _terminal(number: int) -> dict[str, object]:
    name = terminal_name(number)
    return {"terminal_id": name, "name": name, "site": "HQ", "token_hash": name, "claimed_ms": 0}


def _person(number: int) -> dict[str, object]:
    name = person_name(number)
    return {"person_id": name, "employee_no": name, "name": name, "department_id": "d", "updated_ms": 0}
