"""What can go wrong with the gallery, split by what the caller does.

::

    CannotStart
    +-- GalleryUnusable     the file is no gallery, or cannot be opened: ask an admin
    |   +-- KeyUnusable       the key is missing, readable by others, or not this gallery's
    TryAgain
    +-- GalleryUnavailable  the disk refused; what was stored before is as it was
    EdgeError
    +-- EnrolmentRefused    nothing was stored: say why and ask for what is missing
        +-- ConsentMissing    without the time of consent
        +-- SlotTaken         the sensor's slot holds somebody else's finger
"""

from __future__ import annotations

from edge.errors import CannotStart, EdgeError, TryAgain


class GalleryUnusable(CannotStart):
    """The gallery cannot be used as it is. The message says what was found and what to do."""


class KeyUnusable(GalleryUnusable):
    """The key file is missing, readable by others, or not the key this gallery was sealed with."""


class GalleryUnavailable(TryAgain):
    """The gallery could not do the job; nothing of it was kept."""


class EnrolmentRefused(EdgeError):
    """Nothing was stored."""


class ConsentMissing(EnrolmentRefused):
    """A template came without the time of consent."""


class SlotTaken(EnrolmentRefused):
    """The sensor's slot belongs to another finger."""
