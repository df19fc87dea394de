"""Days answered from what the engine has said before are those it would say itself: a small proof."""

from __future__ import annotations

from tests.properties.quick_proof import prove

ANSWERED = {
    "worked, due", "quiet, due", "quiet, off", "late", "serious_late", "early", "absent", "missing_in",
    "missing_out", "leave", "duplicate_collapsed", "unapproved_overtime", "short_hours", "pending_data",
}  # fmt: skip
"""Kinds of days that must be among those answered, or the proof would say little."""


def test_answered_days_are_those_of_the_engine():
    proof = prove(range(700, 760), 5_000)

    assert proof.different == []
    assert proof.answered > proof.days // 4
    assert set(proof.seen) >= ANSWERED
