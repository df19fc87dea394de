"""Which machine, and which boot of it.

A ledger copied to another machine must not go on in the same stream, and monotonic time means something only
beside the boot it counts from.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# What a cloned card does not share with its original comes first: the board's serial, then the card's own
# registers, then the installation.
_MACHINE = (
    Path("/sys/firmware/devicetree/base/serial-number"),
    Path("/sys/block/mmcblk0/device/cid"),
    Path("/etc/machine-id"),
)


@dataclass(frozen=True, slots=True)
class Machine:
    """``machine_id`` survives a reboot and not a copy; ``boot_id`` is new with each boot.

    ``storage_id`` is the file system's of the terminal's state: a copy of the files has another.
    """

    machine_id: str
    boot_id: str
    storage_id: str = ""


def this_machine() -> Machine:
    """The machine this process runs on; parts that cannot be read are left out of ``machine_id``."""
    parts = [text for path in _MACHINE if (text := _read(path))]
    return Machine("/".join(parts), _read(_BOOT_ID))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip("\x00 \n")
    except OSError:
        return ""
