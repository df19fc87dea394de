"""The clocks of one terminal: a monotonic one that counts from its boot, and a wall clock that is wrong."""

from __future__ import annotations

from tests.simulation.loop import BEGIN_MS, Loop

FACTORY_MS = 1_767_225_600_000 - 86_400_000 * 365
"""What a board without battery shows at power-on: a year before this program was written."""


class DeviceClock:
    """A :class:`models.clock.Clock`. Drifts, and can be set; the monotonic part never jumps."""

    def __init__(self, loop: Loop, drift_ppm: int, *, battery: bool) -> None:
        self._loop = loop
        self._drift_ppm = drift_ppm
        self._battery = battery
        self._booted = loop.now
        self._base_wall = loop.wall_ms
        self._base_now = loop.now
        self.synchronised = True

    def wall_ms(self) -> int:
        """Milliseconds since 1970 as the terminal believes."""
        passed = self._loop.now - self._base_now
        return self._base_wall + passed + passed * self._drift_ppm // 1_000_000

    def monotonic_ms(self) -> int:
        """Milliseconds since the boot, and a little: a machine is never that young."""
        return self._loop.now - self._booted + 1

    def true_ms(self) -> int:
        """What a right clock shows."""
        return BEGIN_MS + self._loop.now

    def boot(self, *, network: bool) -> None:
        """Power came back; with ``network`` time is asked for at once."""
        self._booted = self._loop.now
        if not self._battery:
            self._set(FACTORY_MS)
        self.synchronised = False
        if network:
            self.synchronise()

    def synchronise(self) -> None:
        """NTP answered."""
        self._set(self.true_ms())
        self.synchronised = True

    def jump(self, by_ms: int) -> None:
        """Somebody or something set the wall clock; nobody vouches for it now."""
        self._set(max(0, self.wall_ms() + by_ms))
        self.synchronised = False

    def _set(self, wall_ms: int) -> None:
        self._base_wall = wall_ms
        self._base_now = self._loop.now
