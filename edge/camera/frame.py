"""What a camera gives when it is asked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""Height x width x 3, BGR, 0 to 255."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture. The camera keeps no reference to it, and nobody writes into it."""

    picture: Picture


@dataclass(frozen=True, slots=True)
class NoFrame:
    """The camera is away for now: ask again later. ``reason`` is one clause for people."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotFitted:
    """This terminal has no camera and never will in this run."""


Reading = Frame | NoFrame | NotFitted
