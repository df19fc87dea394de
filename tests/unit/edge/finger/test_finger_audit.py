from __future__ import annotations

from edge.finger.audit import Audit, audit

KEPT = {slot: bytes([slot]) * 4 for slot in range(20)}


def test_a_library_as_it_should_be_has_no_remark():
    found = audit(range(20), range(20), KEPT.get, KEPT.get)

    assert found == Audit(strange=0, missing=0, is_foreign=False)
    assert found.remark() == ""


def test_strange_and_missing_slots_are_counted():
    found = audit({1, 2, 8, 9}, {1, 2, 3}, KEPT.get, KEPT.get)

    assert found == Audit(strange=2, missing=1, is_foreign=False)
    assert found.remark() == "2 slots of unknown owner, 1 enrolled fingers missing in the sensor"


def test_the_same_slots_with_other_fingers_are_another_sensor():
    found = audit(range(20), range(20), lambda slot: bytes([slot + 1]) * 4, KEPT.get)

    assert found.is_foreign
    assert "not the sensor" in found.remark()


def test_one_differing_template_is_not_another_sensor():
    assert not audit(range(20), range(20), (KEPT | {0: b"else"}).get, KEPT.get).is_foreign
    assert audit({0}, {0}, (KEPT | {0: b"else"}).get, KEPT.get).is_foreign


def test_only_a_few_templates_are_read():
    read: list[int] = []

    def in_sensor(slot: int) -> bytes | None:
        read.append(slot)
        return KEPT[slot]

    audit(range(20), range(20), in_sensor, KEPT.get)

    assert read == [0, 9, 19]


def test_nothing_enrolled_is_nothing_to_compare():
    assert audit({4}, (), lambda _: None, lambda _: None) == Audit(strange=1, missing=0, is_foreign=False)
