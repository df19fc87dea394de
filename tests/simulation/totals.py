"""What many seeds came to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.simulation.options import ALL
from tests.simulation.world import Result

SOMETIMES = (
    "duplicate delivered",
    "double tap",
    "walked away",
    "the door was dark",
    "full disk refused",
    "told: not recorded",
    "durable, and the screen never lit",
    "process died with its database open",
    "torn tail recovered",
    "commit outcome unknown",
    "rollback that lost punches",
    "stored again after a rollback",
    "hole asked for",
    "held message came after the heal",
    "over HTTPS",
    "another roster was taken",
    "put aside: already_stored",
    "put aside: key_conflict",
    "put aside: malformed",
    "put aside: unknown_terminal",
)
"""Rare paths that a run of many seeds must have taken; one that was not is a hole in the simulation."""


@dataclass(slots=True)
class Totals:
    """Sums over seeds."""

    seeds: int = 0
    punches: int = 0
    events: int = 0
    virtual_ms: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)
    died_at: Counter[str] = field(default_factory=Counter)
    failed: list[Result] = field(default_factory=list)

    def add(self, result: Result) -> None:
        """One more seed."""
        self.seeds += 1
        self.punches += result.punches
        self.events += result.events
        self.virtual_ms += result.virtual_ms
        self.faults += result.faults
        self.reached += result.reached
        self.died_at += result.died_at
        if result.violation is not None:
            self.failed.append(result)

    def never(self) -> list[str]:
        """Rare paths that were not taken."""
        return [name for name in SOMETIMES if not self.reached[name]]

    def text(self) -> str:
        """For people."""
        hours = self.virtual_ms / 3_600_000
        kinds = ", ".join(f"{name} {self.faults[name]}" for name in ALL if self.faults[name])
        paths = ", ".join(f"{name} {count}" for name, count in sorted(self.reached.items()) if count)
        steps = ", ".join(f"{name} {count}" for name, count in sorted(self.died_at.items()))
        return (
            f"{self.seeds} seeds, {hours:.0f} virtual hours, {self.events} events: {self.punches} punches, "
            f"{sum(self.faults.values())} faults, {len(self.failed)} seeds failed\n"
            f"faults: {kinds}\nreached: {paths}\ndied at: {steps}"
        )

    def as_json(self) -> dict[str, object]:
        """For programs."""
        return {
            "seeds": self.seeds,
            "punches": self.punches,
            "events": self.events,
            "virtual_hours": round(self.virtual_ms / 3_600_000),
            "faults": sum(self.faults.values()),
            "faults_by_kind": dict(self.faults),
            "reached": dict(self.reached),
            "died_at": dict(self.died_at),
            "never_reached": self.never(),
            "failed": [
                {"seed": each.options.seed, "violation": each.violation, "options": each.options.describe()}
                for each in self.failed
            ],
        }
