from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from edge.enrol.errors import ConsentMissing, GalleryUnavailable, GalleryUnusable, KeyUnusable, SlotTaken
from edge.enrol.gallery import Erased, Gallery
from edge.face.search import DIMENSIONS, Vector
from models.ids import PersonId
from models.template import Modality, Template

LI, HAN = PersonId("p-li000000000001"), PersonId("p-han00000000002")
NETWORK = "net-1"
CONSENT_MS = 1_795_000_000_000


def vector(seed: int) -> Vector:
    raw = np.random.default_rng(seed).normal(size=DIMENSIONS)
    unit: Vector = (raw / np.linalg.norm(raw)).astype(np.float32)
    return unit


def finger(person: PersonId, position: str = "right-index", data: bytes = b"minutiae" * 64) -> Template:
    return Template(person, Modality.FINGER, "R307", position, data)


@contextmanager
def files_end_at(size: int) -> Iterator[None]:
    """No file can grow beyond ``size`` bytes: what a full disk is to a writer."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)


@pytest.fixture
def place(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "gallery.db", tmp_path / "gallery.key"


@pytest.fixture
def gallery(place: tuple[Path, Path]):
    opened = Gallery(*place, NETWORK)
    yield opened
    opened.close()


def test_what_was_stored_is_searched_after_reopening(place: tuple[Path, Path], gallery: Gallery):
    gallery.store_faces(LI, [vector(1), vector(2)], CONSENT_MS)
    gallery.store_faces(HAN, [vector(3)], CONSENT_MS)
    gallery.close()

    again = Gallery(*place, NETWORK)
    faces = again.faces()
    again.close()

    assert faces.owners == (HAN, LI)
    assert faces.starts.tolist() == [0, 1]
    np.testing.assert_array_equal(faces.matrix, [vector(3), vector(1), vector(2)])


def test_enrolling_again_replaces_the_earlier_faces(gallery: Gallery):
    gallery.store_faces(LI, [vector(1), vector(2), vector(3)], CONSENT_MS)
    gallery.store_faces(LI, [vector(4)], CONSENT_MS)

    np.testing.assert_array_equal(gallery.faces().matrix, [vector(4)])


def test_the_gallery_is_read_once_until_it_changes(gallery: Gallery):
    gallery.store_faces(LI, [vector(1)], CONSENT_MS)
    first = gallery.faces()

    assert gallery.faces() is first
    gallery.erase(LI)
    assert gallery.faces().version > first.version
    assert gallery.faces().owners == ()


def test_a_change_by_another_process_is_noticed(place: tuple[Path, Path], gallery: Gallery):
    assert gallery.faces().owners == ()
    other = Gallery(*place, NETWORK)
    other.store_faces(LI, [vector(1)], CONSENT_MS)
    other.close()

    assert gallery.faces().owners == (LI,)


def test_nothing_is_stored_without_consent(gallery: Gallery):
    with pytest.raises(ConsentMissing):
        gallery.store_faces(LI, [vector(1)], None)
    with pytest.raises(ConsentMissing):
        gallery.store_finger(finger(LI), 0, None)

    assert gallery.holdings() == ()


def test_templates_of_another_network_are_not_searched(place: tuple[Path, Path], gallery: Gallery):
    gallery.store_faces(LI, [vector(1)], CONSENT_MS)
    other = Gallery(*place, "net-2")

    assert other.faces().owners == ()
    other.close()


def test_no_template_stands_in_the_file_in_clear(place: tuple[Path, Path], gallery: Gallery):
    gallery.store_faces(LI, [vector(1)], CONSENT_MS)
    gallery.store_finger(finger(LI), 4, CONSENT_MS)

    raw = place[0].read_bytes()

    assert LI.encode() in raw
    assert vector(1).tobytes()[:16] not in raw
    assert b"minutiae" not in raw


def test_key_and_gallery_are_for_their_owner_only(place: tuple[Path, Path], gallery: Gallery):
    assert [path.stat().st_mode & 0o777 for path in place] == [0o600, 0o600]


def test_another_key_is_refused(place: tuple[Path, Path], gallery: Gallery, tmp_path: Path):
    place[1].write_bytes(bytes(32))

    with pytest.raises(KeyUnusable, match="sealed with another key"):
        Gallery(*place, NETWORK)


def test_a_lost_key_is_not_replaced_by_a_new_one(place: tuple[Path, Path], gallery: Gallery):
    place[1].unlink()

    with pytest.raises(KeyUnusable, match="cannot be read"):
        Gallery(*place, NETWORK)
    assert not place[1].exists()


@pytest.mark.parametrize(
    ("mode", "content", "word"), [(0o644, bytes(32), "chmod"), (0o600, b"short", "5 bytes")]
)
def test_a_key_that_is_not_safe_or_no_key_is_refused(tmp_path: Path, mode: int, content: bytes, word: str):
    key = tmp_path / "key"
    key.write_bytes(content)
    key.chmod(mode)

    with pytest.raises(KeyUnusable, match=word):
        Gallery(tmp_path / "gallery.db", key, NETWORK)


def test_a_file_that_is_no_gallery_is_left_alone(tmp_path: Path, place: tuple[Path, Path], gallery: Gallery):
    letter = tmp_path / "letter.txt"
    letter.write_bytes(b"dear reader " * 100)

    with pytest.raises(GalleryUnusable, match="cannot be used"):
        Gallery(letter, place[1], NETWORK)
    assert letter.read_bytes() == b"dear reader " * 100


def test_a_template_moved_to_another_person_does_not_open(place: tuple[Path, Path], gallery: Gallery):
    gallery.store_faces(LI, [vector(1)], CONSENT_MS)
    gallery.store_faces(HAN, [vector(2)], CONSENT_MS)
    gallery._db.execute(
        "UPDATE templates SET sealed = (SELECT sealed FROM templates WHERE person_id = ?)"
        " WHERE person_id = ?",
        (LI, HAN),
    )
    gallery._changes += 1

    assert gallery.faces().owners == (LI,)


def test_erasure_says_what_went_and_leaves_no_trace(place: tuple[Path, Path], gallery: Gallery):
    for seed in range(40):
        gallery.store_faces(PersonId(f"p-other{seed}"), [vector(seed)], CONSENT_MS)
    gallery.store_faces(LI, [vector(101), vector(102)], CONSENT_MS)
    gallery.store_finger(finger(LI), 7, CONSENT_MS)
    sealed = [
        row[0] for row in gallery._db.execute("SELECT sealed FROM templates WHERE person_id = ?", (LI,))
    ]

    assert gallery.erase(LI) == Erased(faces=2, fingers=1, slots=(7,))

    left = b"".join(path.read_bytes() for path in place[0].parent.glob("gallery.db*"))
    assert LI.encode() not in left
    assert len(sealed) == 3
    assert not any(blob[12:28] in left for blob in sealed)
    assert gallery.erase(LI) == Erased(0, 0, ())


def test_an_erased_finger_is_cleared_in_the_sensor_later(gallery: Gallery):
    gallery.store_finger(finger(LI), 7, CONSENT_MS)
    gallery.erase(LI)

    assert gallery.slots() == {}
    assert gallery.slots_to_clear() == (7,)
    gallery.slot_cleared(7)
    assert gallery.slots_to_clear() == ()


def test_slots_name_their_owners_and_belong_to_one_finger(gallery: Gallery):
    gallery.store_finger(finger(LI), 3, CONSENT_MS)
    gallery.store_finger(finger(HAN), 4, CONSENT_MS)

    assert gallery.slots() == {3: LI, 4: HAN}
    assert gallery.slot_of(LI, "right-index") == 3
    assert gallery.finger(3) == finger(LI)
    with pytest.raises(SlotTaken):
        gallery.store_finger(finger(HAN, "left-index"), 3, CONSENT_MS)
    assert gallery.slots() == {3: LI, 4: HAN}


def test_a_finger_enrolled_again_in_another_slot_frees_the_old_one(gallery: Gallery):
    gallery.store_finger(finger(LI), 3, CONSENT_MS)
    gallery.store_finger(finger(LI, data=b"better!!" * 64), 5, CONSENT_MS)

    assert gallery.slots() == {5: LI}
    assert gallery.slots_to_clear() == (3,)


def test_a_slot_used_again_is_no_longer_to_be_cleared(gallery: Gallery):
    gallery.store_finger(finger(LI), 3, CONSENT_MS)
    gallery.erase(LI)
    gallery.store_finger(finger(HAN), 3, CONSENT_MS)

    assert gallery.slots_to_clear() == ()


def test_a_disk_that_refuses_loses_nothing_and_hinders_nothing_later(
    place: tuple[Path, Path], gallery: Gallery
):
    gallery.store_faces(LI, [vector(1)], CONSENT_MS)

    with files_end_at(place[0].stat().st_size), pytest.raises(GalleryUnavailable):
        gallery.store_faces(LI, [vector(seed) for seed in range(200)], CONSENT_MS)
    np.testing.assert_array_equal(gallery.faces().matrix, [vector(1)])
    gallery.store_faces(LI, [vector(2)], CONSENT_MS)

    np.testing.assert_array_equal(gallery.faces().matrix, [vector(2)])


def test_no_half_key_is_left_by_a_full_disk(place: tuple[Path, Path]):
    with files_end_at(0), pytest.raises(KeyUnusable, match=r"gallery\.key cannot be written: "):
        Gallery(*place, NETWORK)

    assert not place[1].exists()
    Gallery(*place, NETWORK).close()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(KeyUnusable, match=r"nowhere/gallery\.key cannot be written: No such file"):
        Gallery(tmp_path / "nowhere" / "gallery.db", tmp_path / "nowhere" / "gallery.key", NETWORK)
