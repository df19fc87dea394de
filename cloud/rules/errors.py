"""Refusals of the rules engine (rules V1-V4)."""

from __future__ import annotations

from enum import StrEnum


class RefusalCode(StrEnum):
    """Why facts cannot be judged; each needs a person to change the shift, the policy or the roster."""

    BAD_SHIFT = "bad_shift"
    WINDOW_TOO_LONG = "window_too_long"
    OVERLAPPING_SHIFTS = "overlapping_shifts"
    BAD_POLICY = "bad_policy"


class RefusedInput(Exception):
    """Facts that no rule can judge; nothing was judged. Ask the person who keeps them.

    Attributes:
        code: the rule that was broken.
        detail: what was found, in English, with the offending names and values.
    """

    def __init__(self, code: RefusalCode, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
