"""What can happen to an answer on its way. A fault strikes one whole answer, data packets included."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

# Noise that ends in the head of a packet of 256 bytes: the worst kind, for it swallows what follows.
_NOISE = bytes.fromhex("00 55 EF 01 EF 01 FFFFFFFF 02 0102 A5")


class Fault(StrEnum):
    """Faults by the names the command line and the control socket use."""

    SILENT = "silent"
    GARBAGE = "garbage"
    CUT = "cut"
    BADSUM = "badsum"
    LATE = "late"
    UNPLUG = "unplug"


MEANINGS = {
    Fault.SILENT: "the answer never comes",
    Fault.GARBAGE: "noise comes before it, a false packet head included",
    Fault.CUT: "its second half is lost",
    Fault.BADSUM: "its last checksum is wrong",
    Fault.LATE: "it comes just before the answer to the next command",
    Fault.UNPLUG: "the port vanishes instead, and comes back after half a second",
}


class UnknownFault(ValueError):
    """No fault has this name; the message lists those there are."""

    def __init__(self, name: str) -> None:
        super().__init__(f"unknown fault {name!r}: known are {', '.join(Fault)}")


@dataclass
class FaultPlan:
    """Which answers are struck by what.

    Attributes:
        every: faults that come back, each with its period in answers.
    """

    every: dict[Fault, int] = field(default_factory=dict)
    _next: list[Fault] = field(default_factory=list)
    _answers: int = 0

    def strike_next(self, fault: Fault, times: int = 1) -> None:
        """Let ``fault`` strike the next ``times`` answers, after those already planned."""
        self._next += [fault] * times

    def draw(self) -> Fault | None:
        """The fault for the answer that is due now."""
        self._answers += 1
        if self._next:
            return self._next.pop(0)
        return next((fault for fault, period in self.every.items() if self._answers % period == 0), None)


def parse(text: str) -> dict[Fault, int]:
    """``name[@period],...`` as the command line has it; the period is 10 answers when not said.

    Raises:
        UnknownFault: no such name.
        ValueError: a period that is not a whole number above 0.
    """
    plan = {}
    for part in text.split(","):
        name, _, period = part.strip().partition("@")
        if period and not (period.isdecimal() and int(period)):
            raise ValueError(f"the period in {part.strip()!r} is not a whole number above 0")
        plan[known(name)] = int(period or 10)
    return plan


def known(name: str) -> Fault:
    """The fault of that name, or :class:`UnknownFault`."""
    if name not in set(Fault):
        raise UnknownFault(name)
    return Fault(name)


def spoil(fault: Fault | None, answer: bytes) -> bytes:
    """The bytes that reach the wire now. LATE and UNPLUG are the peer's to do: nothing comes now."""
    match fault:
        case None:
            return answer
        case Fault.GARBAGE:
            return _NOISE + answer
        case Fault.CUT:
            return answer[: len(answer) // 2]
        case Fault.BADSUM:
            return answer[:-1] + bytes([answer[-1] ^ 0xFF])
        case Fault.SILENT | Fault.LATE | Fault.UNPLUG:
            return b""
