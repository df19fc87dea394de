"""Synthetic features: a finger is a name, its features are a bit string drawn from the name.

Presses of one finger differ in a few bits, the more the lower their quality; two fingers agree in half of
their bits, as coins do. Similarity is 1 - 2 x (share of differing bits): 1 for equal, about 0 for two
fingers, with a standard deviation of 0.016 for 4096 bits, so no two of thousands come near a threshold.
"""

from __future__ import annotations

import hashlib
import random

MESSY_BELOW = 0.3
"""Quality under which a press gives no features."""

FEW_FEATURES_BELOW = 0.15

_NOISE_AT_ZERO_QUALITY = 0.25
_SCORE_AT_FULL_SIMILARITY = 300
_ALTERNATE_BITS = 0x55

# Similarity that counts as a match, by security level 1 to 5: monotone as the manuals say, values our own.
_THRESHOLDS = {1: 0.25, 2: 0.30, 3: 0.35, 4: 0.42, 5: 0.50}


def features(finger: str, press: int, quality: float, size: int) -> bytes:
    """``size`` bytes for image number ``press`` of a finger; the same number repeats the noise."""
    bits = int.from_bytes(hashlib.shake_256(finger.encode()).digest(size), "big")
    noise = random.Random(f"{finger}\0{press}")  # noqa: S311 - synthetic fingers hold no secret
    for at in noise.sample(range(size * 8), round(_NOISE_AT_ZERO_QUALITY * (1 - quality) * size * 8)):
        bits ^= 1 << at
    return bits.to_bytes(size, "big")


def similarity(one: int, other: int, size: int) -> float:
    """How alike two feature strings of ``size`` bytes are; they come as numbers, which compare fastest."""
    return 1 - 2 * (one ^ other).bit_count() / (size * 8)


def matches(likeness: float, security_level: int) -> bool:
    """Whether this similarity passes at this security level."""
    return likeness >= _THRESHOLDS[security_level]


def score(likeness: float) -> int:
    """The 16-bit score the sensor tells for a similarity."""
    return max(0, round(likeness * _SCORE_AT_FULL_SIMILARITY))


def combined(one: bytes, other: bytes) -> bytes:
    """A template of two captures: every other bit of each, so that the noise of neither prevails."""
    return bytes(a & _ALTERNATE_BITS | b & ~_ALTERNATE_BITS & 0xFF for a, b in zip(one, other, strict=True))
