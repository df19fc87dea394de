"""The ledger's tables, and the way from older ones.

``streams``: each has a random id minted in the transaction that creates it; punches are added to the one with
the highest ``stream_no``, older ones are only delivered. ``boots`` numbers the boots. ``punches`` are never
changed but for ``acked_ms``, which is the cloud's time; ``link`` chains them. ``heads`` are the signed heads
of each stream's UTC days, ``pruned`` the signed notes of punches deleted; see :mod:`models.chain`.
``refused`` are punches the cloud put aside: kept, counted, not sent again. ``notes`` are what people said of
a punch at the door.
"""

from __future__ import annotations

from apsw import Connection

from edge.punch import chained
from edge.punch.chained import Sign
from models.crashpoint import crashpoint

VERSION = 2

_PUNCHES = """
CREATE TABLE punches (
    stream_no    INTEGER NOT NULL REFERENCES streams,
    seq          INTEGER NOT NULL CHECK (seq >= 1),
    punch_id     BLOB NOT NULL CHECK (length(punch_id) = 16),
    person_id    TEXT NOT NULL,
    wall_ms      INTEGER NOT NULL,
    monotonic_ms INTEGER NOT NULL,
    boot         INTEGER NOT NULL,
    clock        INTEGER NOT NULL,
    method       INTEGER NOT NULL,
    direction    INTEGER NOT NULL,
    score_milli  INTEGER,
    link         BLOB NOT NULL CHECK (length(link) = 32),
    acked_ms     INTEGER,
    PRIMARY KEY (stream_no, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX punches_waiting ON punches (stream_no, seq, acked_ms) WHERE acked_ms IS NULL;
CREATE INDEX punches_person ON punches (person_id, stream_no, seq);
CREATE TABLE heads (
    stream_no INTEGER NOT NULL,
    day       INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq  INTEGER NOT NULL,
    count     INTEGER NOT NULL,
    link      BLOB NOT NULL,
    digest    BLOB NOT NULL,
    signature BLOB NOT NULL,
    PRIMARY KEY (stream_no, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE pruned (
    stream_no INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq  INTEGER NOT NULL,
    link      BLOB NOT NULL,
    signature BLOB NOT NULL,
    PRIMARY KEY (stream_no, first_seq)
) STRICT, WITHOUT ROWID;
"""

_TABLES = (
    """
CREATE TABLE streams (
    stream_no   INTEGER PRIMARY KEY,
    stream_id   BLOB NOT NULL UNIQUE CHECK (length(stream_id) = 16),
    terminal_id TEXT NOT NULL,
    machine_id  TEXT NOT NULL,
    reason      TEXT NOT NULL,
    storage_id  TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE boots (
    boot    INTEGER PRIMARY KEY,
    boot_id TEXT NOT NULL
) STRICT;
CREATE TABLE refused (
    stream_no  INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    code       TEXT NOT NULL,
    refused_ms INTEGER NOT NULL,
    PRIMARY KEY (stream_no, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE notes (
    note_no  INTEGER PRIMARY KEY,
    punch_id BLOB NOT NULL,
    code     TEXT NOT NULL,
    noted_ms INTEGER NOT NULL
) STRICT;
"""
    + _PUNCHES
)

_FROM_1 = (
    """
ALTER TABLE streams ADD COLUMN storage_id TEXT NOT NULL DEFAULT '';
ALTER TABLE punches RENAME TO punches_1;
DROP INDEX punches_waiting;
DROP INDEX punches_person;
"""
    + _PUNCHES
)


def prepare(db: Connection, sign: Sign) -> None:
    """Make the tables, or bring older ones up to date, inside the caller's transaction."""
    version = db.pragma("user_version")
    if version == VERSION:
        return
    if version == 0:
        db.execute(_TABLES)
    else:
        db.execute(_FROM_1)
        chained.adopt(db, "punches_1", sign)
        db.execute("DROP TABLE punches_1")
    db.pragma("user_version", VERSION)
    crashpoint("ledger_migrated")
