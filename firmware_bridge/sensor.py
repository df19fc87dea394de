"""A fingerprint sensor, as a program uses it.

Calls block, from one owner thread. Each runs a fixed list of instructions, so it lasts at most the sum of
their deadlines in the instruction table, plus ``driver.HANDSHAKE_MS`` when the call before it failed; no
fault on the wire makes it longer. Nothing is repeated behind the caller's back.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from firmware_bridge.confirmation import Confirmation
from firmware_bridge.deadline import Clock
from firmware_bridge.driver import Driver, Parameters
from firmware_bridge.errors import LinkLost, ProtocolViolation, SensorRefused
from firmware_bridge.instructions import SLOTS_PER_INDEX_PAGE
from firmware_bridge.link import SerialLink
from firmware_bridge.outcomes import (
    Capture,
    Captured,
    Identification,
    Matched,
    NoFinger,
    NotMatched,
    PoorImage,
    PoorReason,
)
from firmware_bridge.packets import DEFAULT_ADDRESS
from firmware_bridge.profiles import R307, Profile

_BAUD_STEP = 9600
_PROBE_BUFFER = 1
_READ_BACK_BUFFER = 2
_POOR_CODES = {int(reason.value): reason for reason in PoorReason}


@dataclass(frozen=True, slots=True)
class Probe:
    """What a sensor is and holds. ``count`` is its own; trust ``occupied`` where they differ."""

    parameters: Parameters
    count: int
    occupied: frozenset[int]


def open_sensor(
    port: Path | str,
    clock: Clock,
    *,
    profile: Profile = R307,
    password: int = 0,
    address: int = DEFAULT_ADDRESS,
) -> Sensor:
    """Open the port for this process alone, verify the password and read the parameters.

    Raises:
        PortUnavailable: absent, forbidden or in use.
        LinkLost: nothing on the port answers as a sensor does.
        SensorRefused: the password is wrong.
    """
    driver = Driver(SerialLink(port, profile.baud_n * _BAUD_STEP), clock, password=password, address=address)
    try:
        return Sensor(driver, profile)
    except BaseException:
        driver.close()
        raise


class Sensor:
    """One opened sensor; a context manager that closes it. Make it with :func:`open_sensor`.

    Every call may raise :class:`LinkLost` (call again, then reopen), :class:`SensorRefused` and
    :class:`ProtocolViolation`; a slot outside the library is a ``ValueError`` before anything is sent.
    """

    def __init__(self, driver: Driver, profile: Profile) -> None:
        self._driver = driver
        self.profile = profile
        self.parameters: Parameters = driver.parameters

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the port back; closing twice is fine."""
        self._driver.close()

    def probe(self) -> Probe:
        """Parameters, template count and index."""
        return Probe(self._driver.parameters, self.count(), self.occupied())

    def count(self) -> int:
        """Stored templates by the sensor's own count."""
        return int(self._driver.getTemplateCount())

    def occupied(self) -> frozenset[int]:
        """Slots that hold a template, by the index table."""
        slots = []
        for page in range(-(-self.parameters.capacity // SLOTS_PER_INDEX_PAGE)):
            used = self._driver.getTemplateIndex(page)
            slots += [page * SLOTS_PER_INDEX_PAGE + at for at, is_used in enumerate(used) if is_used]
        return frozenset(slot for slot in slots if slot < self.parameters.capacity)

    def finger_present(self) -> bool:
        """Whether a finger lies on the sensor; the image taken to find out replaces the one before."""
        return not isinstance(self._take_image(), NoFinger)

    def identify(self) -> Identification:
        """Capture the finger that lies on the sensor now and search the whole library for it."""
        capture = self.capture(_PROBE_BUFFER)
        return capture if not isinstance(capture, Captured) else self.search()

    def capture(self, buffer: int) -> Capture:
        """Features of the finger that lies on the sensor now, into ``buffer``."""
        if (missed := self._take_image()) is not None:
            return missed
        try:
            self._driver.convertImage(buffer)
        except SensorRefused as refused:
            return _poor(refused)
        return Captured()

    def search(self) -> Matched | NotMatched:
        """Search the library for the features in buffer 1."""
        slot, score = self._driver.searchTemplate()
        return Matched(int(slot), int(score)) if slot >= 0 else NotMatched()

    def combine(self) -> bool:
        """Make a template of buffers 1 and 2, into both; False when they are not of one finger."""
        return bool(self._driver.createTemplate())

    def store(self, slot: int) -> None:
        """Store the template in buffer 1, over whatever the slot held.

        After :class:`LinkLost` the slot may or may not be written: see :meth:`occupied`.
        """
        self.check_slot(slot)
        self._driver.storeTemplate(slot, _PROBE_BUFFER)

    def delete(self, slot: int) -> None:
        """Delete one slot; an empty one stays empty."""
        self.check_slot(slot)
        self._driver.deleteTemplate(slot, 1)

    def clear(self) -> None:
        """Delete the whole library."""
        self._driver.clearDatabase()

    def read_template(self, slot: int) -> bytes | None:
        """The template in ``slot``, ``profile.template_bytes`` long; None when the slot is empty."""
        self.check_slot(slot)
        try:
            self._driver.loadTemplate(slot, _READ_BACK_BUFFER)
        except SensorRefused as refused:
            if refused.code == Confirmation.TEMPLATE_INVALID:
                return None
            raise
        template = bytes(self._driver.downloadCharacteristics(_READ_BACK_BUFFER))
        if len(template) != self.profile.template_bytes:
            raise LinkLost(f"{len(template)} of {self.profile.template_bytes} template bytes arrived")
        return template

    def install_template(self, slot: int, template: bytes) -> None:
        """Write a template that came from a sensor of the same profile, and prove it by reading it back.

        May be repeated as a whole after :class:`LinkLost`. Byte equality proves the transport, not that the
        finger matches on this sensor.

        Raises:
            ValueError: the size is not this profile's.
            ProtocolViolation: the slot reads back differently.
        """
        if len(template) != self.profile.template_bytes:
            raise ValueError(
                f"a {self.profile.name} template has {self.profile.template_bytes} bytes, not {len(template)}"
            )
        self.check_slot(slot)
        if not self._driver.uploadCharacteristics(_PROBE_BUFFER, list(template)):
            raise LinkLost("the template did not arrive as it was sent")
        self.store(slot)
        if self.read_template(slot) != template:
            raise ProtocolViolation(f"slot {slot} reads back differently from what was stored")

    def check_slot(self, slot: int) -> None:
        """Raise ``ValueError`` unless the library has this slot."""
        if not 0 <= slot < self.parameters.capacity:
            raise ValueError(f"slot {slot} is not one of 0 to {self.parameters.capacity - 1}")

    def _take_image(self) -> NoFinger | PoorImage | None:
        try:
            return None if self._driver.readImage() else NoFinger()
        except SensorRefused as refused:
            return _poor(refused)


def _poor(refused: SensorRefused) -> PoorImage:
    reason = _POOR_CODES.get(refused.code)
    if reason is None:
        raise refused
    return PoorImage(reason)
