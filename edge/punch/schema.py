"""The ledger's tables.

``streams``: each has a random id minted in the transaction that creates it; punches are added to the one with
the highest ``stream_no``, older ones are only delivered. ``boots`` numbers the boots. ``punches`` are never
changed but for ``acked_ms``. ``refused`` are punches the cloud put aside: kept, counted, not sent again.
``notes`` are what people said of a punch at the door.
"""

from __future__ import annotations

VERSION = 1

TABLES = """
CREATE TABLE streams (
    stream_no   INTEGER PRIMARY KEY,
    stream_id   BLOB NOT NULL UNIQUE CHECK (length(stream_id) = 16),
    terminal_id TEXT NOT NULL,
    machine_id  TEXT NOT NULL,
    reason      TEXT NOT NULL
) STRICT;
CREATE TABLE boots (
    boot    INTEGER PRIMARY KEY,
    boot_id TEXT NOT NULL
) STRICT;
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
    acked_ms     INTEGER,
    PRIMARY KEY (stream_no, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX punches_waiting ON punches (stream_no, seq, acked_ms) WHERE acked_ms IS NULL;
CREATE INDEX punches_person ON punches (person_id, stream_no, seq);
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
