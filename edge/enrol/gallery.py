"""Gallery: the templates of this terminal, sealed in one SQLite file.

The running terminal and the enrolment command share it: each sees the other's changes. The file is in
rollback mode, not WAL: it changes a few times a day, its old pages must not linger in a second file after an
erasure, and two processes on SQLite older than 3.51.3 may damage a WAL.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import structlog

from edge.enrol.errors import ConsentMissing, GalleryUnavailable, GalleryUnusable, KeyUnusable, SlotTaken
from edge.enrol.sealing import Seal, make_key, read_key
from edge.face.networks import read_cards
from edge.face.search import FaceSet, Vector, face_set
from models.ids import PersonId
from models.template import Modality, Template

GALLERY_FILE = "gallery.db"
KEY_FILE = "gallery.key"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS templates (
    person_id TEXT NOT NULL, modality TEXT NOT NULL, network TEXT NOT NULL, position TEXT NOT NULL,
    sealed BLOB NOT NULL, slot INTEGER UNIQUE, consent_ms INTEGER NOT NULL,
    PRIMARY KEY (person_id, modality, network, position)
) STRICT;
CREATE TABLE IF NOT EXISTS slots_to_clear (slot INTEGER PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS proof (id INTEGER PRIMARY KEY CHECK (id = 1), sealed BLOB NOT NULL) STRICT;
"""
_BUSY_S = 5.0
_PROOF = Template(PersonId("proof"), Modality.FACE, "", "", b"this is the key")
_FLOAT32 = np.dtype("<f4")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure deleted. ``slots`` are still to be cleared in the sensor; its worker does so."""

    faces: int
    fingers: int
    slots: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Holding:
    """What is stored of one person."""

    person_id: PersonId
    faces: int
    fingers: tuple[str, ...]
    consent_ms: int


class Gallery:
    """One open gallery; every method may be called from any thread.

    The key file is made together with the gallery file. ``network`` is the face network in use: templates of
    another one are kept but not searched.

    Every method raises GalleryUnavailable when the disk refuses; what was stored before is as it was.

    Raises:
        KeyUnusable: see :mod:`edge.enrol.errors`.
        GalleryUnusable: ``path`` is no gallery, or cannot be opened.
    """

    def __init__(self, path: Path, key_path: Path, network: str) -> None:
        self._lock = threading.RLock()
        self._network = network
        self._changes = 0
        self._cached: tuple[tuple[int, int], FaceSet] | None = None
        self._seal = Seal(_key_for(path, key_path))
        try:
            self._db = sqlite3.connect(path, timeout=_BUSY_S, check_same_thread=False, isolation_level=None)
            path.chmod(0o600)
            self._db.execute("PRAGMA secure_delete = ON")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.executescript(_SCHEMA)
            self._prove_key(path)
        except (sqlite3.Error, OSError) as error:
            raise GalleryUnusable(f"{path} cannot be used as a gallery: {error}") from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def faces(self) -> FaceSet:
        """The face templates as they are searched; cheap while nobody, here or elsewhere, changes them."""
        with self._reading():
            version = (self._changes, self._data_version())
            if self._cached is None or self._cached[0] != version:
                number = 0 if self._cached is None else self._cached[1].version + 1
                self._cached = (version, face_set(self._vectors(), number))
            return self._cached[1]

    def store_faces(self, person_id: PersonId, vectors: Iterable[Vector], consent_ms: int | None) -> None:
        """Make ``vectors`` the face templates of this person, in place of all earlier ones.

        Raises:
            ConsentMissing: without the time of consent nothing is stored.
        """
        consent = _given(consent_ms)
        rows = [
            self._row(
                Template(
                    person_id,
                    Modality.FACE,
                    self._network,
                    str(number),
                    vector.astype(_FLOAT32).tobytes(),
                ),
                None,
                consent,
            )
            for number, vector in enumerate(vectors, 1)
        ]
        with self._writing() as db:
            db.execute(
                "DELETE FROM templates WHERE person_id = ? AND modality = ?", (person_id, Modality.FACE)
            )
            db.executemany("INSERT INTO templates VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def store_finger(self, template: Template, slot: int, consent_ms: int | None) -> None:
        """Keep a finger that the sensor holds in ``slot``; an earlier template of the same finger goes.

        Raises:
            ConsentMissing: without the time of consent nothing is stored.
            SlotTaken: the slot holds another finger.
        """
        row = self._row(template, slot, _given(consent_ms))
        with self._writing() as db:
            label = row[:4]
            holder = db.execute(
                "SELECT person_id, modality, network, position FROM templates WHERE slot = ?", (slot,)
            ).fetchone()
            if holder is not None and holder != label:
                raise SlotTaken(f"slot {slot} holds another finger already")
            db.execute(
                "INSERT OR REPLACE INTO slots_to_clear SELECT slot FROM templates WHERE slot <> ? AND"
                " (person_id, modality, network, position) = (?, ?, ?, ?)",
                (slot, *label),
            )
            db.execute("DELETE FROM slots_to_clear WHERE slot = ?", (slot,))
            db.execute("INSERT OR REPLACE INTO templates VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def slots(self) -> dict[int, PersonId]:
        """Whose finger is in which slot of the sensor."""
        with self._reading() as db:
            rows = db.execute("SELECT slot, person_id FROM templates WHERE slot IS NOT NULL")
            return {slot: PersonId(person) for slot, person in rows}

    def finger(self, slot: int) -> Template | None:
        """The template that was stored with ``slot``."""
        with self._reading() as db:
            row = db.execute(
                "SELECT person_id, modality, network, position, sealed FROM templates WHERE slot = ?", (slot,)
            ).fetchone()
        return None if row is None else self._opened(row)

    def slot_of(self, person_id: PersonId, position: str) -> int | None:
        """The slot of this person's finger, if it is enrolled."""
        with self._reading() as db:
            row = db.execute(
                "SELECT slot FROM templates WHERE person_id = ? AND modality = ? AND position = ?",
                (person_id, Modality.FINGER, position),
            ).fetchone()
        return None if row is None else row[0]

    def slots_to_clear(self) -> tuple[int, ...]:
        """Slots whose owner was erased and which the sensor may still hold."""
        with self._reading() as db:
            return tuple(slot for (slot,) in db.execute("SELECT slot FROM slots_to_clear ORDER BY slot"))

    def slot_cleared(self, slot: int) -> None:
        """The sensor has proven ``slot`` empty."""
        with self._writing() as db:
            db.execute("DELETE FROM slots_to_clear WHERE slot = ?", (slot,))

    def erase(self, person_id: PersonId) -> Erased:
        """Delete all that is stored of this person; the bytes are overwritten in the file."""
        with self._writing() as db:
            rows = db.execute(
                "SELECT modality, slot FROM templates WHERE person_id = ?", (person_id,)
            ).fetchall()
            slots = tuple(sorted(slot for _, slot in rows if slot is not None))
            db.execute("DELETE FROM templates WHERE person_id = ?", (person_id,))
            db.executemany("INSERT OR REPLACE INTO slots_to_clear VALUES (?)", [(slot,) for slot in slots])
        faces = sum(modality == Modality.FACE for modality, _ in rows)
        return Erased(faces, len(rows) - faces, slots)

    def holdings(self) -> tuple[Holding, ...]:
        """What is stored of whom, by person id."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT person_id, modality, position, consent_ms FROM templates ORDER BY person_id, position"
            ).fetchall()
        people: dict[str, list[tuple[str, str, int]]] = {}
        for person, *rest in rows:
            people.setdefault(person, []).append((rest[0], rest[1], rest[2]))
        return tuple(
            Holding(
                PersonId(person),
                sum(modality == Modality.FACE for modality, _, _ in held),
                tuple(position for modality, position, _ in held if modality == Modality.FINGER),
                max(consent for _, _, consent in held),
            )
            for person, held in people.items()
        )

    def _data_version(self) -> int:
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def _vectors(self) -> dict[PersonId, list[Vector]]:
        rows = self._db.execute(
            "SELECT person_id, modality, network, position, sealed FROM templates"
            " WHERE modality = ? AND network = ? ORDER BY person_id, position",
            (Modality.FACE, self._network),
        )
        people: dict[PersonId, list[Vector]] = {}
        for row in rows:
            if (template := self._opened(row)) is not None:
                vector: Vector = np.frombuffer(template.data, _FLOAT32).astype(np.float32)
                people.setdefault(template.person_id, []).append(vector)
        return people

    def _opened(self, row: tuple[str, str, str, str, bytes]) -> Template | None:
        person, modality, network, position, sealed = row
        label = Template(PersonId(person), Modality(modality), network, position, b"")
        if (template := self._seal.open(sealed, label)) is None:
            log.error("template_seal_broken", modality=modality)
        return template

    def _row(
        self, template: Template, slot: int | None, consent_ms: int
    ) -> tuple[str, str, str, str, bytes, int | None, int]:
        return (
            template.person_id,
            template.modality.value,
            template.network,
            template.position,
            self._seal.close(template),
            slot,
            consent_ms,
        )

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as db:
            try:
                db.execute("BEGIN IMMEDIATE")
                yield db
                db.execute("COMMIT")
            except BaseException:
                # SQLite may have rolled back by itself; a transaction left open would refuse all later ones.
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
            self._changes += 1

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._db
            except sqlite3.Error as error:
                raise GalleryUnavailable(f"the gallery does not work: {error}") from error

    def _prove_key(self, path: Path) -> None:
        self._db.execute("INSERT OR IGNORE INTO proof VALUES (1, ?)", (self._seal.close(_PROOF),))
        (sealed,) = self._db.execute("SELECT sealed FROM proof").fetchone()
        if self._seal.open(sealed, _PROOF) is None:
            self._db.close()
            raise KeyUnusable(f"{path} was sealed with another key: bring that key back, or enrol anew")


def open_gallery(state: Path) -> Gallery:
    """The gallery of the terminal whose state folder is ``state``, for the face network in use.

    Raises:
        GalleryUnusable: see :class:`Gallery`.
    """
    return Gallery(state / GALLERY_FILE, state / KEY_FILE, read_cards().embedder.network)


def _key_for(path: Path, key_path: Path) -> bytes:
    """The key of the gallery in ``path``, made now if there is neither."""
    if path.exists() or key_path.exists():
        return read_key(key_path)
    try:
        return make_key(key_path)
    except OSError as error:
        raise KeyUnusable(f"the gallery's key {key_path} cannot be written: {error.strerror}") from error


def _given(consent_ms: int | None) -> int:
    if consent_ms is None:
        raise ConsentMissing("a template is stored only with the time its owner consented")
    return consent_ms
