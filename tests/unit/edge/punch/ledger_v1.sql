-- A ledger of version 1, frozen: what terminals of the first release keep. Seq 1-3 and 6 of stream 1 were deleted.
PRAGMA user_version = 1;
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
INSERT INTO streams VALUES (1, X'00112233445566778899aabbccddeeff', 't-0000000000000001', 'machine-0', 'first');
INSERT INTO streams VALUES (2, X'ffeeddccbbaa99887766554433221100', 't-0000000000000001', 'machine-1', 'moved');
INSERT INTO boots VALUES (1, 'boot-0'), (2, 'boot-1');
INSERT INTO punches VALUES (1, 4, X'0000000003ec700080000000000003ec', 'p-1', 1789948800004, 4000, 1, 2, 1, 0, 812, 5);
INSERT INTO punches VALUES (1, 5, X'0000000003ed700080000000000003ed', 'p-2', 1789948800005, 5000, 1, 2, 1, 0, 812, 5);
INSERT INTO punches VALUES (1, 7, X'0000000003ef700080000000000003ef', 'p-1', 1789948800007, 7000, 1, 2, 1, 0, 812, NULL);
INSERT INTO punches VALUES (1, 8, X'0000000003f0700080000000000003f0', 'p-2', 1790035200008, 8000, 1, 2, 1, 0, 812, 5);
INSERT INTO punches VALUES (1, 9, X'0000000003f1700080000000000003f1', 'p-0', 1789948800009, 9000, 1, 2, 1, 0, 812, 5);
INSERT INTO punches VALUES (1, 10, X'0000000003f2700080000000000003f2', 'p-1', 1790035200010, 10000, 1, 2, 1, 0, 812, NULL);
INSERT INTO punches VALUES (2, 1, X'0000000007d1700080000000000007d1', 'p-1', 1790121600001, 1000, 2, 0, 3, 0, NULL, NULL);
INSERT INTO punches VALUES (2, 2, X'0000000007d2700080000000000007d2', 'p-2', 1790121600002, 2000, 2, 0, 3, 0, NULL, NULL);
INSERT INTO punches VALUES (2, 3, X'0000000007d3700080000000000007d3', 'p-0', 1790121600003, 3000, 2, 2, 3, 0, NULL, NULL);
INSERT INTO punches VALUES (2, 4, X'0000000007d4700080000000000007d4', 'p-1', 1790121600004, 4000, 2, 2, 3, 0, NULL, NULL);
INSERT INTO punches VALUES (2, 5, X'0000000007d5700080000000000007d5', 'p-2', 1790121600005, 5000, 2, 2, 3, 0, NULL, NULL);
INSERT INTO refused VALUES (1, 7, 'malformed', 6);
INSERT INTO notes VALUES (1, X'0000000007d1700080000000000007d1', 'not_me', 7);
