"""Publishing exact fractions (M7)."""

from __future__ import annotations

from fractions import Fraction

DECIMALS = 10_000


def number(value: Fraction) -> int | float:
    """A fraction rounded half up (away from zero) to 4 decimals; whole ones as int."""
    scaled = int(abs(value) * DECIMALS + Fraction(1, 2))
    rounded = Fraction(scaled if value >= 0 else -scaled, DECIMALS)
    return int(rounded) if rounded.denominator == 1 else float(rounded)
